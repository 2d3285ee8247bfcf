//! The temporary folder of one control plane.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use orz_test_tools::say;
use tempfile::TempDir;

use crate::ClusterError;

/// A folder that is deleted with its control plane, unless `ORZ_TEST_KEEP` is set.
pub(crate) struct Folder {
    // Always there; taken when the folder shall stay.
    temporary: Option<TempDir>,
    path: PathBuf,
    // Held for as long as the folder is in use.
    _lock: File,
}

const PREFIX: &str = "orz-control-plane-";
const LOCK: &str = "in-use";

impl Folder {
    /// A new folder; those that killed test processes left behind are deleted.
    pub(crate) fn create() -> Result<Self, ClusterError> {
        sweep(&env::temp_dir());
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir()
            .map_err(ClusterError::io(&env::temp_dir()))?;
        let path = folder.path().to_path_buf();
        let lock_path = path.join(LOCK);
        let lock = File::create(&lock_path).map_err(ClusterError::io(&lock_path))?;
        lock.lock().map_err(ClusterError::io(&lock_path))?;
        Ok(Self {
            temporary: Some(folder),
            path,
            _lock: lock,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if env::var_os("ORZ_TEST_KEEP").is_some()
            && let Some(folder) = self.temporary.take()
        {
            // Without its lock it is no folder of ours to delete later.
            drop(fs::remove_file(self.path.join(LOCK)));
            say(&format!("kept: {}", folder.keep().display()));
        }
    }
}

/// Deletes the folders whose lock nobody holds. Best effort: what cannot be read or deleted
/// belongs to somebody else.
fn sweep(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let lock = File::open(entry.path().join(LOCK));
        if ours
            && let Ok(lock) = lock
            && is_old(&lock)
            && lock.try_lock().is_ok()
        {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// One that was just made may not be locked yet.
fn is_old(lock: &File) -> bool {
    let age = lock
        .metadata()
        .and_then(|metadata| metadata.modified())
        .map(|modified| modified.elapsed().unwrap_or_default());
    age.is_ok_and(|age| age > Duration::from_mins(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn only_old_folders_without_an_owner_are_swept() -> Result<(), Box<dyn std::error::Error>> {
        let parent = tempfile::tempdir()?;
        let make = |name: &str, hours: u64| -> Result<File, std::io::Error> {
            let folder = parent.path().join(name);
            fs::create_dir(&folder)?;
            let lock = File::create(folder.join(LOCK))?;
            lock.set_modified(SystemTime::now() - Duration::from_secs(3600 * hours))?;
            Ok(lock)
        };
        make("orz-control-plane-left", 1)?;
        make("orz-control-plane-new", 0)?;
        make("something-else", 1)?;
        let held = make("orz-control-plane-held", 1)?;
        held.lock()?;
        sweep(parent.path());
        let mut left: Vec<_> = fs::read_dir(parent.path())?
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_, _>>()?;
        left.sort();
        let expected = [
            "orz-control-plane-held",
            "orz-control-plane-new",
            "something-else",
        ];
        assert_eq!(left, expected);
        Ok(())
    }
}
