//! What an engine sees of one part: the one model that judgement and status read.

use std::collections::BTreeMap;

use orz_core::id::ReleaseId;
use orz_core::object::ObjectKey;

use crate::engine::{LiveState, Observation};
use crate::health::ObjectHealth;

/// One observation of one part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The release that is in place as a whole; `None` while none is, or nobody can tell.
    pub release: Option<ReleaseId>,
    /// Where the engine stands with putting the pointer's release in place.
    pub sync: Sync,
    /// How every desired object is doing, in the order of their file names.
    pub health: Vec<ObjectHealth>,
    /// The last lines that Kubernetes gives about objects that are not healthy: what their pods wait for, the
    /// newest warnings. Each one line; never a value of an environment variable or a Secret.
    pub details: BTreeMap<ObjectKey, Vec<String>>,
}

/// Where an engine stands with putting a release in place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// Everything is as the release says.
    Synced,
    /// Under way.
    Applying,
    /// Something differs from the release, and nothing is under way.
    OutOfSync,
    /// What the release asks for was refused, in one line.
    Failed(String),
    /// Nobody can tell.
    #[default]
    Unknown,
}

impl Seen {
    /// Most lines that are kept about one object.
    pub const DETAILS: usize = 6;
}

/// The sync state of an engine that puts objects in place itself, and the release that is in place.
pub(crate) fn progress(
    wanted: &ReleaseId,
    mut desired: impl Iterator<Item = ObjectKey>,
    observation: &Observation,
) -> (Option<ReleaseId>, Sync) {
    let Some(inventory) = &observation.inventory else {
        return (None, Sync::OutOfSync);
    };
    if inventory.release != *wanted {
        // What was in place before may be half taken apart.
        let stands = inventory.complete.then(|| inventory.release.clone());
        return (stands, Sync::OutOfSync);
    }
    if !inventory.complete {
        return (None, Sync::Applying);
    }
    let same = |key: ObjectKey| {
        let live = observation.live.get(&key);
        live.is_some_and(|live| live.state == LiveState::Same && !live.deleting)
    };
    let sync = if desired.all(same) {
        Sync::Synced
    } else {
        Sync::OutOfSync
    };
    (Some(wanted.clone()), sync)
}
