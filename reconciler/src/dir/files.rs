//! The few file operations of the directory engine, each with the path in its error.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use crate::engine::EngineError;

/// For `map_err`: an I/O error with the path it belongs to.
pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> EngineError {
    let path = path.to_owned();
    move |source| EngineError::Io { path, source }
}

pub(super) fn make_dir(path: &Path) -> Result<(), EngineError> {
    fs::create_dir_all(path).map_err(io(path))
}

/// Fails unless `path` is a folder itself: through a link we would write outside the directory that we
/// were given.
pub(super) fn real_dir(path: &Path) -> Result<(), EngineError> {
    let kind = fs::symlink_metadata(path).map_err(io(path))?.file_type();
    if kind.is_dir() {
        return Ok(());
    }
    let found = if kind.is_symlink() {
        "a symbolic link"
    } else {
        "a file"
    };
    Err(EngineError::NotOurs {
        path: path.to_owned(),
        found: format!("expected a folder, found {found}"),
    })
}

/// Writes a new file and waits until it is on the disk.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), EngineError> {
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(io(path))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(io(path))
}

/// Waits until the names in a folder are on the disk.
pub(super) fn sync_dir(path: &Path) -> Result<(), EngineError> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(io(path))
}

/// The second name of a file, or a copy where the file system has no second names. Both generations
/// are never changed, so that sharing the bytes is safe.
pub(super) fn link_or_copy(from: &Path, to: &Path) -> Result<(), EngineError> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let bytes = fs::read(from).map_err(io(from))?;
    write_synced(to, &bytes)
}

/// Removes a folder with everything in it; one that is not there is removed already.
pub(super) fn remove_dir(path: &Path) -> Result<(), EngineError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io(path)(error)),
        _ => Ok(()),
    }
}

/// `None` instead of an error for what is not there.
pub(super) fn if_exists<T>(path: &Path, result: io::Result<T>) -> Result<Option<T>, EngineError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(io(path)(error)),
    }
}
