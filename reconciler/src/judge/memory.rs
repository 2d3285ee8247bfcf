//! What must survive a kill: made before the first change of an activation, and saved when it says something new.

use std::time::Duration;

use orz_core::format::{Baseline, Memory, ObjectName, Phase};
use orz_core::id::{BlobId, ReleaseId};
use orz_core::object::ObjectKey;

use super::{Timings, is_workload, word};
use crate::engine::Observation;
use crate::health::{Health, ObjectHealth};
use crate::plan::{Action, Plan};

/// The memory of an activation that is about to begin. Written before its first change, because afterwards
/// nobody can tell what was broken already.
///
/// `plan` is what is about to be done, `None` where it was refused; `before` how the desired objects are doing.
/// What was verified and what had failed on this cluster is carried over from `previous`.
pub fn begin(
    previous: Option<&Memory>,
    release: &ReleaseId,
    pointer: &BlobId,
    plan: Option<&Plan>,
    before: &[ObjectHealth],
    observation: &Observation,
) -> Memory {
    // What somebody changed by hand is repaired on the way, and is not what the release changes.
    let counts = |action: &Action| {
        matches!(
            action,
            Action::Create | Action::Update { drift: false } | Action::Replace { .. }
        )
    };
    let mut changed: Vec<ObjectName> = plan
        .into_iter()
        .flat_map(|plan| plan.keys(counts))
        .filter(is_workload)
        .map(ObjectName::from)
        .collect();
    changed.sort();
    // After a lost inventory an object may be there without anybody knowing its state before.
    let existed = |key: &ObjectKey| observation.live.contains_key(key);
    let mut baseline: Vec<Baseline> = before
        .iter()
        .filter(|object| object.health != Health::Missing && is_workload(&object.key))
        .filter(|object| existed(&object.key))
        .map(|object| Baseline {
            object: object.key.clone().into(),
            health: word(object.health),
        })
        .collect();
    baseline.sort_by(|a, b| a.object.cmp(&b.object));
    let kept = |list: fn(&Memory) -> &Vec<ReleaseId>| previous.map(list).cloned();
    Memory {
        release: release.clone(),
        pointer: pointer.clone(),
        phase: Phase::Progressing,
        baseline,
        changed,
        waited_ms: 0,
        healthy_ms: 0,
        failed_at: None,
        verified: kept(|m| &m.verified).unwrap_or_default(),
        failed: kept(|m| &m.failed).unwrap_or_default(),
    }
}

/// Whether `next` says enough that is not yet written down. The sums alone are saved a few times only: what
/// is lost by a kill is watched again.
///
/// `watched` is how long this process has watched the activation. It saves early at first and ever more seldom, so
/// that one which is always killed after a moment leaves at least half of that moment to the next.
pub fn is_news(
    written: Option<&Memory>,
    next: &Memory,
    timings: &Timings,
    watched: Duration,
) -> bool {
    let Some(written) = written else {
        return true;
    };
    let sums = |memory: &Memory| (memory.waited_ms, memory.healthy_ms);
    let same_but_sums = Memory {
        waited_ms: next.waited_ms,
        healthy_ms: next.healthy_ms,
        ..written.clone()
    } == *next;
    let quarter = |whole: Duration| super::millis((whole / 4).min(watched / 2)).max(1);
    !same_but_sums
        || sums(written).0.abs_diff(sums(next).0) >= quarter(timings.deadline)
        || sums(written).1.abs_diff(sums(next).1) >= quarter(timings.soak)
}

/// Adds a release as the newest of a list that forgets its oldest.
pub(super) fn push(list: &mut Vec<ReleaseId>, release: &ReleaseId) {
    list.retain(|known| known != release);
    list.push(release.clone());
    let over = list.len().saturating_sub(Memory::KEPT);
    list.drain(..over);
}
