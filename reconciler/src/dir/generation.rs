//! One generation of a tenant's folder: written once, then only read.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use orz_core::format::{self, Inventory};
use orz_core::id::Part;

use super::files::{if_exists, io, link_or_copy, make_dir, remove_dir, sync_dir, write_synced};
use super::layout::{LIVE, Place, name, parse};
use super::read_inventory;
use crate::engine::EngineError;

const INVENTORY: &str = "inventory";
/// The new link before it takes the place of the old one.
const NEXT_LINK: &str = "next";

/// A generation that exists.
#[derive(Debug)]
pub(super) struct Generation {
    folder: PathBuf,
    name: String,
}

impl Generation {
    pub(super) fn new(folder: PathBuf, name: &str) -> Self {
        Self {
            folder,
            name: name.to_owned(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn live(&self, part: Part) -> PathBuf {
        self.folder.join(LIVE).join(part.as_str())
    }

    pub(super) fn has_folder(&self, part: Part) -> bool {
        fs::symlink_metadata(self.live(part)).is_ok_and(|found| found.is_dir())
    }

    /// What was written down about a part.
    pub(super) fn inventory(&self, part: Part) -> Result<Option<Inventory>, EngineError> {
        let path = self.folder.join(INVENTORY).join(format!("{part}.json"));
        let Some(bytes) = if_exists(&path, fs::read(&path))? else {
            return Ok(None);
        };
        read_inventory(&path, &bytes).map(Some)
    }

    /// Everything in the folder of a part: the bytes of files, `None` for anything that is no plain file.
    /// Links are never followed.
    pub(super) fn files(
        &self,
        part: Part,
    ) -> Result<BTreeMap<String, Option<Vec<u8>>>, EngineError> {
        let folder = self.live(part);
        let mut files = BTreeMap::new();
        if !self.has_folder(part) {
            return Ok(files);
        }
        for entry in fs::read_dir(&folder).map_err(io(&folder))? {
            let entry = entry.map_err(io(&folder))?;
            let path = entry.path();
            let bytes = if entry.file_type().map_err(io(&path))?.is_file() {
                Some(fs::read(&path).map_err(io(&path))?)
            } else {
                None
            };
            files.insert(entry.file_name().to_string_lossy().into_owned(), bytes);
        }
        Ok(files)
    }
}

/// A generation that is being written; nothing of it is visible until [`Draft::publish`].
#[derive(Debug)]
pub(super) struct Draft {
    place: Place,
    folder: PathBuf,
    name: String,
}

impl Draft {
    /// Starts the generation after `current`. What a killed process left behind is removed.
    pub(super) fn begin(place: &Place, current: Option<&Generation>) -> Result<Self, EngineError> {
        place.prepare()?;
        let number = current.and_then(|g| parse(g.name())).unwrap_or(0) + 1;
        for (_, leftover) in place
            .all()?
            .into_iter()
            .filter(|(other, _)| *other >= number)
        {
            remove_dir(&leftover)?;
        }
        let name = name(number);
        let folder = place.generations().join(&name);
        make_dir(&folder.join(LIVE))?;
        make_dir(&folder.join(INVENTORY))?;
        Ok(Self {
            place: place.clone(),
            folder,
            name,
        })
    }

    fn live(&self, part: Part) -> Result<PathBuf, EngineError> {
        let folder = self.folder.join(LIVE).join(part.as_str());
        make_dir(&folder)?;
        Ok(folder)
    }

    /// Adds a manifest.
    pub(super) fn write(&self, part: Part, file: &str, bytes: &[u8]) -> Result<(), EngineError> {
        write_synced(&self.live(part)?.join(file), bytes)
    }

    /// Takes a manifest over from the generation before.
    pub(super) fn keep(
        &self,
        part: Part,
        file: &str,
        current: Option<&Generation>,
    ) -> Result<(), EngineError> {
        let Some(current) = current else {
            return Ok(());
        };
        link_or_copy(&current.live(part).join(file), &self.live(part)?.join(file))
    }

    /// Takes a whole part over as it is, with what somebody may have changed in it: that is for the
    /// reconciliation of that part to correct.
    pub(super) fn carry_over(
        &self,
        part: Part,
        current: Option<&Generation>,
    ) -> Result<(), EngineError> {
        let Some(current) = current else {
            return Ok(());
        };
        for (file, _) in current
            .files(part)?
            .into_iter()
            .filter(|(_, bytes)| bytes.is_some())
        {
            self.keep(part, &file, Some(current))?;
        }
        if current.has_folder(part) {
            self.live(part)?;
        }
        let path = Path::new(INVENTORY).join(format!("{part}.json"));
        let from = current.folder.join(&path);
        if if_exists(&from, fs::symlink_metadata(&from))?.is_some() {
            link_or_copy(&from, &self.folder.join(&path))?;
        }
        Ok(())
    }

    /// Writes down what a part consists of.
    pub(super) fn inventory(&self, inventory: &Inventory) -> Result<(), EngineError> {
        // An empty part has a folder too, so that its absence is noticed.
        self.live(inventory.part)?;
        let path = self
            .folder
            .join(INVENTORY)
            .join(format!("{}.json", inventory.part));
        write_synced(&path, &format::to_bytes(inventory))
    }

    /// Makes this generation the live one: everything reaches the disk, then the link is swapped.
    pub(super) fn publish(self) -> Result<(), EngineError> {
        let live = self.folder.join(LIVE);
        for entry in fs::read_dir(&live).map_err(io(&live))? {
            sync_dir(&entry.map_err(io(&live))?.path())?;
        }
        for folder in [
            &live,
            &self.folder.join(INVENTORY),
            &self.folder,
            &self.place.generations(),
        ] {
            sync_dir(folder)?;
        }
        let link = self.place.link();
        let next = self.place.generations().join(NEXT_LINK);
        if if_exists(&next, fs::symlink_metadata(&next))?.is_some() {
            fs::remove_file(&next).map_err(io(&next))?;
        }
        symlink(self.place.target(&self.name), &next).map_err(io(&next))?;
        fs::rename(&next, &link).map_err(io(&link))?;
        sync_dir(link.parent().unwrap_or(&link))
    }
}
