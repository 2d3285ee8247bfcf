//! Bringing all packs together, on a schedule.

use std::fs;
use std::path::Path;

use crate::Repo;
use crate::error::{Error, Result};
use crate::git::Git;

/// What [`Repo::repack`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repacked {
    /// What lay there before.
    pub before: Stored,
    /// What lies there now.
    pub after: Stored,
}

/// What the objects of a repository take on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// How many packs there are.
    pub packs: u64,
    /// Their bytes, and those of what goes with them: indexes and bitmaps.
    pub bytes: u64,
}

impl Repo {
    /// Puts all objects into one pack with deltas, and a bitmap that makes clones fast. Of a remote, those of its
    /// copy on this machine.
    ///
    /// Readers and writers may go on meanwhile. What somebody is writing carries a `.keep` and stays where it is, and
    /// nothing is dropped, not even what nothing leads to: whoever saw it may be about to refer to it.
    ///
    /// # Errors
    /// [`Error::Git`] with what Git says; what lay there before is there still.
    pub fn repack(&self) -> Result<Repacked> {
        let packs = self.objects_dir().join("pack");
        let before = stored(&packs)?;
        Git::on(self.common_dir(), "repack")
            .arg("-a")
            .arg("-d")
            .arg("--keep-unreachable")
            .arg("-l")
            .arg("-q")
            .arg("--write-bitmap-index")
            .output()?;
        Ok(Repacked {
            before,
            after: stored(&packs)?,
        })
    }
}

fn stored(packs: &Path) -> Result<Stored> {
    let mut stored = Stored::default();
    let entries = match fs::read_dir(packs) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(stored),
        entries => entries.map_err(Error::io(packs))?,
    };
    for entry in entries {
        let entry = entry.map_err(Error::io(packs))?;
        // One that is gone since was folded by somebody else.
        let Ok(file) = entry.metadata() else { continue };
        stored.bytes += file.len();
        stored.packs += u64::from(entry.path().extension().is_some_and(|e| e == "pack"));
    }
    Ok(stored)
}
