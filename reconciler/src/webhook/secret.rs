//! The secret that a Git host and we share.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ring::hmac::{self, HMAC_SHA256, Key};
use ring::rand::SystemRandom;

/// The shortest secret, in bytes: what is shorter can be tried out.
const SHORTEST: usize = 16;
/// How much of a file is read, in bytes.
const FILE_MAX: u64 = 64 * 1024;

/// Why there is no secret. None of them shows any of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read the webhook's secret from `{path}`: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// There is nothing in it, or something that can be guessed.
    #[error(
        "`{path}` has a line of fewer than {SHORTEST} characters, or none at all; `openssl rand -hex 32` makes a secret"
    )]
    Short {
        /// The file.
        path: PathBuf,
    },
    /// The system has no random numbers.
    #[error("the system has no random numbers")]
    Random,
}

/// A file with one secret a line. Several let a secret be exchanged while requests with the old one still come; the
/// file is read again for every request, so that nobody has to be restarted for it.
pub struct SecretFile {
    path: PathBuf,
    /// What is in use while the file cannot be read.
    last: Mutex<Vec<Vec<u8>>>,
    /// For comparing in a time that says nothing of what is compared.
    blind: Key,
}

impl SecretFile {
    /// Reads the file, which must be usable to begin with.
    pub fn open(path: &Path) -> Result<Self, SecretError> {
        let random = SystemRandom::new();
        let blind = Key::generate(HMAC_SHA256, &random).map_err(|_| SecretError::Random)?;
        Ok(Self {
            last: Mutex::new(lines(path)?),
            path: path.to_owned(),
            blind,
        })
    }

    /// What holds now.
    pub(super) fn read(&self) -> Secrets<'_> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(lines) = lines(&self.path) {
            *last = lines;
        }
        Secrets {
            lines: last.clone(),
            blind: &self.blind,
        }
    }
}

impl fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecretFile").field(&self.path).finish()
    }
}

/// The secrets of one request.
pub(super) struct Secrets<'a> {
    lines: Vec<Vec<u8>>,
    blind: &'a Key,
}

impl Secrets<'_> {
    /// Whether one of them is `given`.
    pub(super) fn contain(&self, given: &[u8]) -> bool {
        // Every one is looked at, so that the time does not tell which.
        self.lines
            .iter()
            .fold(false, |found, line| found | same(self.blind, line, given))
    }
}

/// The digest of a body under each secret, as the body comes.
pub(super) struct Hashing<'a> {
    contexts: Vec<hmac::Context>,
    blind: &'a Key,
}

impl<'a> Hashing<'a> {
    pub(super) fn new(secrets: &Secrets<'a>) -> Self {
        let key = |line: &Vec<u8>| hmac::Context::with_key(&Key::new(HMAC_SHA256, line));
        Self {
            contexts: secrets.lines.iter().map(key).collect(),
            blind: secrets.blind,
        }
    }

    pub(super) fn update(&mut self, data: &[u8]) {
        for context in &mut self.contexts {
            context.update(data);
        }
    }

    /// Whether `signature` is the digest under one of the secrets.
    pub(super) fn is(self, signature: &[u8; 32]) -> bool {
        let blind = self.blind;
        self.contexts.into_iter().fold(false, |found, context| {
            found | same(blind, context.sign().as_ref(), signature)
        })
    }
}

/// Compares under a key that nobody knows: the comparison takes the same time whatever differs, the lengths included.
fn same(blind: &Key, one: &[u8], other: &[u8]) -> bool {
    let tag = hmac::sign(blind, one);
    hmac::verify(blind, other, tag.as_ref()).is_ok()
}

fn lines(path: &Path) -> Result<Vec<Vec<u8>>, SecretError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_MAX).read_to_end(&mut bytes))
        .map_err(|error| SecretError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
    let lines: Vec<Vec<u8>> = bytes
        .split(|byte| *byte == b'\n')
        .map(|line| line.trim_ascii().to_vec())
        .filter(|line| !line.is_empty())
        .collect();
    if lines.is_empty() || lines.iter().any(|line| line.len() < SHORTEST) {
        return Err(SecretError::Short {
            path: path.to_owned(),
        });
    }
    Ok(lines)
}
