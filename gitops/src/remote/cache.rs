//! The folder of a cache: whose turn it is, whether it is whole, and making it anew.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::url::RemoteUrl;
use super::{Remote, pending};
use crate::Repo;
use crate::error::{Error, Result};
use crate::git::Git;

/// A bare repository that holds what was fetched of one remote.
pub(crate) struct Cache {
    root: PathBuf,
    folder: PathBuf,
    /// Beside the folder, which may be made anew.
    lock: PathBuf,
    /// Touched at every fetch.
    stamp: PathBuf,
    held: RefCell<Held>,
}

#[derive(Default)]
struct Held {
    file: Option<File>,
    depth: u32,
}

/// While it lives, no other process and no other thread fetches into the cache or pushes out of it.
pub(crate) struct Turn<'c>(&'c Cache);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut held = self.0.held.borrow_mut();
        held.depth -= 1;
        if held.depth == 0 {
            held.file = None;
        }
    }
}

impl Cache {
    pub(super) fn new(root: &Path, url: &RemoteUrl) -> Self {
        let key = url.key();
        Self {
            root: root.to_owned(),
            folder: root.join(format!("{key}.git")),
            lock: root.join(format!("{key}.lock")),
            stamp: root.join(format!("{key}.fetched")),
            held: RefCell::default(),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn exists(&self) -> bool {
        self.folder.join("HEAD").exists()
    }

    /// The cache as a repository of its own.
    pub(super) fn open(&self) -> Result<Repo> {
        Repo::open(&self.folder)
    }

    pub(super) fn fetched_at(&self) -> Option<SystemTime> {
        fs::metadata(&self.stamp).ok()?.modified().ok()
    }

    pub(super) fn stamp(&self) {
        // Only how old the cache is said to be depends on it.
        let _ = fs::write(&self.stamp, b"");
    }

    /// Waits until nobody else is at it.
    pub(super) fn turn(&self) -> Result<Turn<'_>> {
        let mut held = self.held.borrow_mut();
        if held.file.is_none() {
            // A cache may hold what others on this machine must not read.
            make_private(&self.root)?;
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&self.lock)
                .map_err(Error::io(&self.lock))?;
            file.lock().map_err(Error::io(&self.lock))?;
            held.file = Some(file);
        }
        held.depth += 1;
        Ok(Turn(self))
    }

    /// An empty repository in a folder of its own, beside the cache.
    fn blank(&self) -> Result<tempfile::TempDir> {
        let folder = tempfile::Builder::new()
            .prefix("new-")
            .tempdir_in(&self.root)
            .map_err(Error::io(&self.root))?;
        Git::new("init")
            .arg("--quiet")
            .arg("--bare")
            .arg("--template=")
            .arg("--object-format=sha1")
            .arg("--initial-branch=main")
            .arg(folder.path())
            .output()?;
        Ok(folder)
    }

    /// Whether every pack is as long as its index says: a copy that was cut off, or a disk that lost its end.
    pub(super) fn is_damaged(&self) -> bool {
        let packs = self.folder.join("objects/pack");
        let Ok(entries) = fs::read_dir(&packs) else {
            return true;
        };
        let indexes = entries.flatten().map(|entry| entry.path());
        indexes
            .filter(|path| path.extension().is_some_and(|e| e == "idx"))
            .any(|index| {
                let ends = ending(&index, 40).zip(ending(&index.with_extension("pack"), 20));
                let whole = ends.is_some_and(|(index, pack)| index[..20] == pack[..]);
                // Another process may have folded it away in between.
                !whole && index.exists()
            })
    }

    /// Puts `folder` in place of the cache. Commits that wait there are set aside with it; the answer names the place.
    fn put(&self, folder: tempfile::TempDir) -> Result<Option<PathBuf>> {
        let mut aside = None;
        if self.folder.exists() {
            if pending::may_wait(&self.folder) {
                let mut number = 1;
                let place = loop {
                    let place = self.folder.with_extension(format!("broken-{number}"));
                    if !place.exists() {
                        break place;
                    }
                    number += 1;
                };
                fs::rename(&self.folder, &place).map_err(Error::io(&self.folder))?;
                aside = Some(place);
            } else {
                fs::remove_dir_all(&self.folder).map_err(Error::io(&self.folder))?;
            }
        }
        let from = folder.keep();
        fs::rename(&from, &self.folder).map_err(Error::io(&from))?;
        Ok(aside)
    }
}

impl Remote {
    /// Makes the cache anew when it is not there, or when `cause` may lie in it. If the remote does not give what is
    /// needed either, the old one stays, and the cause is the error.
    pub(super) fn renew(&self, cause: Error) -> Result<()> {
        let _turn = self.cache.turn()?;
        let blank = self.cache.blank()?;
        let whole = self
            .take(blank.path())
            .and_then(|()| self.mirror(blank.path()))
            .and_then(|()| Repo::open(blank.path())?.view());
        if whole.is_err() {
            return Err(cause);
        }
        let aside = self.cache.put(blank)?;
        self.note(format!(
            "the cache of `{}` was broken ({cause}) and was made anew",
            self.url
        ));
        if let Some(place) = aside {
            self.note(format!(
                "commits that waited for the remote may be left in `{}`",
                place.display()
            ));
        }
        Ok(())
    }

    /// Makes the cache when there is none, with what `fill` puts into it; a fetch that fails leaves none.
    pub(super) fn make(&self, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let blank = self.cache.blank()?;
        fill(blank.path())?;
        self.cache.put(blank).map(drop)
    }
}

/// Whether an error may come from what is in the cache, not from the remote.
pub(super) fn is_doubtful(error: &Error) -> bool {
    matches!(
        error,
        Error::RemoteFailed { .. }
            | Error::Open { .. }
            | Error::Object { .. }
            | Error::NotARepository { .. }
            | Error::Git { .. }
    )
}

/// The last bytes of a file.
fn ending(path: &Path, length: i64) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::End(-length)).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn make_private(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(Error::io(folder))
}
