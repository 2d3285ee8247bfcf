//! Writing many objects as one pack that no concurrent `git gc` or `git repack` can take away.
//!
//! The order matters: the pack under a temporary name, its bytes on disk, a `.keep` beside it, its final
//! name, then the index that makes it visible, then the folder on disk. Only when the branches moved and
//! everything in it is reachable does the `.keep` go.

mod fold;
mod index;
mod repack;
mod write;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use gix::ObjectId;
use gix::objs::Kind;

use crate::error::{Error, Result};
use crate::objects::id_of;

pub(crate) use fold::fold;
pub use repack::{Repacked, Stored};

/// How our temporary files are named. Not `tmp_pack_…` as Git names its own: `git gc --prune=now`
/// deletes everything called `tmp_…`, also under the hands of whoever writes it.
const TEMPORARY: &str = "orz-writing-";
/// What our `.keep` files start with.
const KEEP_NOTE: &str = "orz: being published";
/// After this long, a file of ours was left behind by a killed process.
const STALE: Duration = Duration::from_hours(24);
/// Offsets from here on stand in the table of 64-bit offsets.
const LARGE_OFFSET: u64 = 1 << 31;

/// The packs of one operation, each kept until [`Kept::release`].
pub(crate) struct Kept {
    folder: PathBuf,
    keeps: Vec<PathBuf>,
}

impl Kept {
    pub(crate) fn new(objects_dir: &Path) -> Self {
        Self {
            folder: objects_dir.join("pack"),
            keeps: Vec::new(),
        }
    }

    /// Writes these objects as one pack; nothing at all for none.
    pub(crate) fn write<B: AsRef<[u8]> + Sync>(
        &mut self,
        objects: &[(ObjectId, Kind, B)],
    ) -> Result<()> {
        if objects.is_empty() {
            return Ok(());
        }
        fs::create_dir_all(&self.folder).map_err(Error::io(&self.folder))?;
        if self.keeps.is_empty() {
            sweep(&self.folder);
        }
        let failed = Error::io(&self.folder);
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(&self.folder)
            .map_err(failed)?;
        let io = || Error::io(&self.folder);
        let written = write::pack(file.as_file_mut(), objects).map_err(io())?;
        settle(file.as_file()).map_err(io())?;

        let name = self
            .folder
            .join(format!("pack-{}", unique_name(written.checksum)));
        let keep = name.with_extension("keep");
        create(
            &keep,
            format!("{KEEP_NOTE} by process {}\n", std::process::id()).as_bytes(),
        )
        .map_err(Error::io(&keep))?;
        self.keeps.push(keep);
        let pack = name.with_extension("pack");
        file.persist_noclobber(&pack).map_err(|e| Error::Io {
            path: pack,
            source: e.error,
        })?;

        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(&self.folder)
            .map_err(io())?;
        file.write_all(&index::bytes(&written, LARGE_OFFSET))
            .map_err(io())?;
        settle(file.as_file()).map_err(io())?;
        let idx = name.with_extension("idx");
        file.persist_noclobber(&idx).map_err(|e| Error::Io {
            path: idx,
            source: e.error,
        })?;
        sync_folder(&self.folder).map_err(io())
    }

    /// Gives the packs back to garbage collection: call it once the branches moved.
    pub(crate) fn release(self) {
        drop(self);
    }
}

impl Drop for Kept {
    /// After an error the packs stay where they are, because the branches may have moved all the same;
    /// what nothing reaches, garbage collection takes.
    fn drop(&mut self) {
        for keep in std::mem::take(&mut self.keeps) {
            // One that stays behind only delays garbage collection, until a later publish sweeps it.
            let _ = fs::remove_file(keep);
        }
    }
}

/// Two publishers may write the same bytes at the same time, and each drops the `.keep` of its own pack;
/// so the name must be its own too. Git reads nothing out of it.
fn unique_name(checksum: ObjectId) -> ObjectId {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let text = format!(
        "{checksum} {} {} {count}",
        std::process::id(),
        now.as_nanos()
    );
    id_of(Kind::Blob, text.as_bytes())
}

fn create(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// To disk, and read-only for all who may read the repository, as Git leaves its packs.
fn settle(file: &File) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(fs::Permissions::from_mode(0o444))?;
    }
    file.sync_all()
}

#[cfg(unix)]
/// Makes the names in a folder reach the disk.
pub(crate) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> std::io::Result<()> {
    // Elsewhere a folder cannot be opened to be synced; the rename itself is journalled.
    Ok(())
}

/// Drops what killed publishers left: temporary files, and `.keep` files, which would hold garbage for ever.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let temporary = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
        let keep = path.extension().is_some_and(|e| e == "keep")
            && fs::read(&path).is_ok_and(|note| note.starts_with(KEEP_NOTE.as_bytes()));
        if !temporary && !keep {
            continue;
        }
        let written = entry.metadata().and_then(|m| m.modified()).ok();
        if written
            .and_then(|t| t.elapsed().ok())
            .is_some_and(|age| age > STALE)
        {
            // Nobody relies on it; if it cannot go now, the next publish tries again.
            let _ = fs::remove_file(path);
        }
    }
}
