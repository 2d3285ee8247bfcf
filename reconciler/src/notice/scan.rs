//! Looking for changes where nobody tells of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Watch;

/// Every file and folder as it was at the last look.
pub(super) struct Scan {
    stamps: BTreeMap<PathBuf, Stamp>,
    /// How long the last look took.
    took: Duration,
}

/// What a change leaves other than it was. The time of the last change of the entry itself cannot be set back, unlike
/// that of its content.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    number: u64,
    length: u64,
    mode: u32,
    changed: (i64, i64),
}

impl Scan {
    pub(super) fn start(watch: &Watch) -> Self {
        let began = Instant::now();
        Self {
            stamps: stamps(watch),
            took: began.elapsed(),
        }
    }

    /// Looks again; what is different since.
    pub(super) fn again(&mut self, watch: &Watch) -> BTreeSet<PathBuf> {
        let began = Instant::now();
        let now = stamps(watch);
        let mut changed: BTreeSet<PathBuf> = now
            .iter()
            .filter(|(path, stamp)| self.stamps.get(*path) != Some(stamp))
            .map(|(path, _)| path.clone())
            .collect();
        let gone = self.stamps.keys().filter(|path| !now.contains_key(*path));
        changed.extend(gone.cloned());
        self.stamps = now;
        self.took = began.elapsed();
        changed
    }

    /// How long to wait before the next look: looking takes at most a tenth of the time.
    pub(super) fn pause(&self, least: Duration) -> Duration {
        least.max(self.took * 10)
    }
}

fn stamps(watch: &Watch) -> BTreeMap<PathBuf, Stamp> {
    let mut stamps = BTreeMap::new();
    for place in &watch.places {
        walk(&place.path, place.below, watch, &mut stamps);
    }
    stamps
}

/// What cannot be read has no stamp: it changes when it can be, and then whoever is told says why it could not.
fn walk(folder: &Path, below: bool, watch: &Watch, stamps: &mut BTreeMap<PathBuf, Stamp>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if !(watch.relevant)(&path) {
            continue;
        }
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        let stamp = Stamp {
            number: metadata.ino(),
            length: if metadata.is_dir() { 0 } else { metadata.len() },
            mode: metadata.mode(),
            changed: if metadata.is_dir() {
                // A folder changes with every entry, and each of them is told by itself.
                (0, 0)
            } else {
                (metadata.ctime(), metadata.ctime_nsec())
            },
        };
        if below && metadata.is_dir() {
            walk(&path, below, watch, stamps);
        }
        stamps.insert(path, stamp);
    }
}
