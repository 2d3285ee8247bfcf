//! What must be known after a kill: one file for each part, replaced as a whole.

use std::fs;

use orz_core::format::Memory;
use orz_core::id::Part;

use super::files::{if_exists, io, make_dir, real_dir, sync_dir, write_synced};
use super::layout::Place;
use crate::engine::EngineError;

pub(super) fn read(place: &Place, part: Part) -> Result<Option<Memory>, EngineError> {
    let path = place.memory().join(format!("{part}.json"));
    let Some(bytes) = if_exists(&path, fs::read(&path))? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| EngineError::Inventory {
            what: path.display().to_string(),
            reason: error.to_string(),
        })
}

/// The caller holds the lock, so nobody else writes the file beside it.
pub(super) fn write(place: &Place, part: Part, memory: &Memory) -> Result<(), EngineError> {
    place.prepare()?;
    let folder = place.memory();
    make_dir(&folder)?;
    real_dir(&folder)?;
    let next = folder.join(format!("{part}.next"));
    if if_exists(&next, fs::symlink_metadata(&next))?.is_some() {
        fs::remove_file(&next).map_err(io(&next))?;
    }
    let bytes = serde_json::to_vec(memory).expect("a memory is plain data");
    write_synced(&next, &bytes)?;
    let path = folder.join(format!("{part}.json"));
    fs::rename(&next, &path).map_err(io(&path))?;
    sync_dir(&folder)
}

pub(super) fn remove(place: &Place, part: Part) -> Result<(), EngineError> {
    let path = place.memory().join(format!("{part}.json"));
    if_exists(&path, fs::remove_file(&path)).map(drop)
}
