//! Signing the commits of `main` and `releases`, with the key and the programs that Git itself would use.
//!
//! - `settings`: which key, from Git's settings and the environment.
//! - `program`: `ssh-keygen`, `gpg` or `gpgsm`, called as Git calls them.
//! - `header`: the signature's place in the bytes of a commit.
//!
//! The bytes are signed before anything is written, so a key that cannot be used leaves the repository as it was.
//! Releases are never signed: two publishers must make the same commit.

pub(crate) mod header;
mod program;
mod settings;

use std::cell::OnceCell;
use std::path::Path;

use crate::Repo;
use crate::error::Result;
use settings::Settings;

/// Who signs the commits of `main` and `releases`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signing {
    /// Nobody, whatever anybody's settings say.
    #[default]
    Nobody,
    /// The key that `ORZ_SIGNING_KEY` names, else `user.signingKey` of Git's settings; nobody when neither is set.
    AsUser,
}

/// The key of a repository's writers, looked for when the first commit is made.
#[derive(Debug, Default)]
pub(crate) struct Signer {
    signing: Signing,
    found: OnceCell<Option<Settings>>,
}

impl Signer {
    pub(crate) fn new(signing: Signing) -> Self {
        Self {
            signing,
            found: OnceCell::new(),
        }
    }

    /// The commit with a signature, if there is a key; as it is, if there is none.
    pub(crate) fn sign(&self, git_dir: &Path, commit: Vec<u8>) -> Result<Vec<u8>> {
        match self.settings(git_dir)? {
            Some(settings) => {
                let signature = program::sign(settings, &commit)?;
                Ok(header::with_signature(&commit, &signature))
            }
            None => Ok(commit),
        }
    }

    /// Whether there is a key, for the repository at `git_dir`, which may be yet to be made.
    pub(crate) fn is_there(&self, git_dir: &Path) -> Result<bool> {
        Ok(self.settings(git_dir)?.is_some())
    }

    fn settings(&self, git_dir: &Path) -> Result<Option<&Settings>> {
        if self.signing == Signing::Nobody {
            return Ok(None);
        }
        if let Some(found) = self.found.get() {
            return Ok(found.as_ref());
        }
        let found = Settings::of_user(git_dir)?;
        Ok(self.found.get_or_init(|| found).as_ref())
    }
}

impl Repo {
    /// Says who signs what is written from now on. What a repository is opened with is [`Signing::Nobody`], so that
    /// no program signs with somebody's key unasked.
    #[must_use]
    pub fn signing(mut self, signing: Signing) -> Self {
        self.signer = Signer::new(signing);
        self
    }

    /// Whether commits get a signature. An error if a key is named that cannot be used as it is named.
    pub fn signs(&self) -> Result<bool> {
        self.signer.is_there(self.common_dir())
    }

    /// A commit of `main` or `releases`, signed if there is a key.
    pub(crate) fn signed(&self, commit: Vec<u8>) -> Result<Vec<u8>> {
        self.signer.sign(self.common_dir(), commit)
    }
}
