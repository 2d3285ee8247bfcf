//! The cache folder and the making of one entry by one process at a time.

use std::env;
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::ToolError;

/// The folder that holds everything the tests build; made when absent.
pub fn cache_dir() -> Result<PathBuf, ToolError> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let folder = cache_dir_from(set("ORZ_TEST_CACHE"), set("XDG_CACHE_HOME"), set("HOME"))
        .ok_or(ToolError::NoCacheFolder)?;
    fs::create_dir_all(&folder).map_err(ToolError::io(&folder))?;
    Ok(folder)
}

/// The cache entry `name` (a relative path of one or two segments): its path, after `make` has
/// filled it if it was absent.
///
/// `make` gets a path beside the entry that does not exist and creates a file or folder there;
/// the entry then appears whole by a rename. A lock makes parallel test processes wait for the
/// first instead of doing the same work.
pub fn made_once<E: From<ToolError>>(
    name: &str,
    make: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<PathBuf, E> {
    let entry = cache_dir()?.join(name);
    if entry.exists() {
        return Ok(entry);
    }
    let folder = entry.parent().unwrap_or(&entry);
    fs::create_dir_all(folder).map_err(ToolError::io(folder))?;
    let lock_path = sibling(&entry, ".lock");
    let lock = File::create(&lock_path).map_err(ToolError::io(&lock_path))?;
    lock.lock().map_err(ToolError::io(&lock_path))?;
    if entry.exists() {
        return Ok(entry);
    }
    let partial = sibling(&entry, ".partial");
    remove(&partial)?;
    make(&partial)?;
    fs::rename(&partial, &entry).map_err(ToolError::io(&partial))?;
    Ok(entry)
}

/// One progress line on standard error, past the capture of the test runner: work of minutes
/// must be seen while it goes on.
pub fn say(line: &str) {
    // Nobody to tell when standard error is closed.
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// A hash over named pieces, for the names of cache entries.
#[derive(Clone, Default)]
pub struct Digest(Sha256);

impl Digest {
    /// Adds one piece. Its length goes in too, so that no two lists of pieces run together.
    #[must_use]
    pub fn with(mut self, piece: impl AsRef<[u8]>) -> Self {
        let piece = piece.as_ref();
        self.0.update((piece.len() as u64).to_be_bytes());
        self.0.update(piece);
        self
    }
}

/// The first 16 hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hex = String::new();
        for byte in self.0.clone().finalize().iter().take(8) {
            write!(hex, "{byte:02x}")?;
        }
        f.write_str(&hex)
    }
}

fn cache_dir_from(
    own: Option<OsString>,
    xdg: Option<OsString>,
    home: Option<OsString>,
) -> Option<PathBuf> {
    own.map(PathBuf::from)
        .or_else(|| xdg.map(|folder| PathBuf::from(folder).join("orz-tests")))
        .or_else(|| home.map(|folder| PathBuf::from(folder).join(".cache").join("orz-tests")))
}

/// What a killed process left behind.
fn remove(path: &Path) -> Result<(), ToolError> {
    if path.is_dir() {
        fs::remove_dir_all(path).map_err(ToolError::io(path))
    } else if path.exists() {
        fs::remove_file(path).map_err(ToolError::io(path))
    } else {
        Ok(())
    }
}

fn sibling(entry: &Path, suffix: &str) -> PathBuf {
    let mut name = entry.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_names_the_folder() {
        let some = |text: &str| Some(OsString::from(text));
        let cases = [
            (some("/a"), some("/b"), some("/c"), Some("/a")),
            (None, some("/b"), some("/c"), Some("/b/orz-tests")),
            (None, None, some("/c"), Some("/c/.cache/orz-tests")),
            (None, None, None, None),
        ];
        for (own, xdg, home, expected) in cases {
            assert_eq!(cache_dir_from(own, xdg, home), expected.map(PathBuf::from));
        }
    }

    #[test]
    fn pieces_do_not_run_together() {
        let one = Digest::default().with("ab").with("c").to_string();
        let other = Digest::default().with("a").with("bc").to_string();
        assert_ne!(one, other);
        assert_eq!(one.len(), 16);
    }
}
