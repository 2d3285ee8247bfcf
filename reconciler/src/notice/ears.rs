//! What the operating system tells.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind};
use notify::{ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::Place;

/// What comes in.
#[derive(Debug)]
pub(super) enum Heard {
    /// Something happened at these paths; and whether one of them may be a folder that was not there before, below
    /// which nothing is heard until its own watch stands.
    Paths(Vec<PathBuf>, bool),
    /// More happened than could be told.
    TooMuch,
    /// Nothing is heard any more.
    Deaf(String),
    /// The end.
    Stop,
}

/// A subscription to the folders that are there.
pub(super) struct Ears {
    /// Listens as long as it lives.
    _watcher: RecommendedWatcher,
    /// The places, each with the folder that stood there.
    places: Vec<(PathBuf, Option<Identity>)>,
}

/// Device and number of a folder: another one of the same name has others.
type Identity = (u64, u64);

impl Ears {
    /// Listens to the places that are there; the error says why that is not possible.
    pub(super) fn open(places: &[Place], sender: &Sender<Heard>) -> Result<Self, String> {
        let sender = sender.clone();
        let mut watcher = notify::recommended_watcher(move |told| {
            if let Some(heard) = heard(told) {
                // Nobody listens any more.
                drop(sender.send(heard));
            }
        })
        .map_err(|error| reason(&error))?;
        let mut known = Vec::new();
        for place in places {
            let mode = if place.below {
                RecursiveMode::Recursive
            } else {
                RecursiveMode::NonRecursive
            };
            let before = identity(&place.path);
            let identity = match watcher.watch(&place.path, mode) {
                Ok(()) => before,
                // It is not there, or went while it was walked over; the next look finds another one.
                Err(error) if is_missing(&error) => None,
                Err(error) => return Err(reason(&error)),
            };
            known.push((place.path.clone(), identity));
        }
        Ok(Self {
            _watcher: watcher,
            places: known,
        })
    }

    /// Whether the folder itself was meant, and not what lies in it.
    pub(super) fn is_place(&self, path: &Path) -> bool {
        self.places.iter().any(|(place, _)| place == path)
    }

    /// Whether other folders stand there than those that are listened to.
    pub(super) fn is_stale(&self, places: &[Place]) -> bool {
        places
            .iter()
            .zip(&self.places)
            .any(|(place, (_, known))| identity(&place.path) != *known)
    }
}

fn identity(path: &Path) -> Option<Identity> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

fn heard(told: notify::Result<Event>) -> Option<Heard> {
    match told {
        Ok(event) if event.need_rescan() => Some(Heard::TooMuch),
        Ok(event) if changes(event.kind) => {
            let is_new = brings_folder(&event);
            Some(Heard::Paths(event.paths, is_new))
        }
        Ok(_) => None,
        // Whatever went away while it was being added is told by its folder.
        Err(error) if is_missing(&error) => None,
        Err(error) => Some(Heard::Deaf(reason(&error))),
    }
}

/// Whether it is more than somebody who reads, as we do ourselves.
fn changes(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}

/// Whether a folder may have come with it.
fn brings_folder(event: &Event) -> bool {
    match event.kind {
        EventKind::Create(CreateKind::Folder) => true,
        EventKind::Create(CreateKind::Any) | EventKind::Modify(ModifyKind::Name(_)) => {
            event.paths.iter().any(|path| path.is_dir())
        }
        _ => false,
    }
}

fn is_missing(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound | ErrorKind::WatchNotFound => true,
        ErrorKind::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

fn reason(error: &notify::Error) -> String {
    /// The limit of open instances is told by the number of an error alone.
    const TOO_MANY_FILES: i32 = 24;
    match &error.kind {
        ErrorKind::MaxFilesWatch => {
            "the limit of watched folders is reached; `sysctl fs.inotify.max_user_watches=1048576` raises it".to_owned()
        }
        ErrorKind::Io(error) if error.raw_os_error() == Some(TOO_MANY_FILES) => {
            "the limit of watching programs is reached; `sysctl fs.inotify.max_user_instances=1024` raises it".to_owned()
        }
        ErrorKind::Io(error) => format!("changes cannot be listened to: {error}"),
        _ => format!("changes cannot be listened to: {error}"),
    }
}
