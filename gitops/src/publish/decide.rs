//! What activation does to one pointer. Pure.

use orz_core::format::{self, Pointer, State};

use super::PointerMove;
use crate::release::Built;
use crate::stale::Newest;
use crate::{moves, state};

/// What activation does to one pointer: what is reported, and the pointer to write if it is not held.
pub(super) fn decide(
    built: &Built,
    entry: &format::Release,
    current: Option<(&Pointer, Newest)>,
    now: i64,
) -> (PointerMove, Option<Pointer>) {
    let Some((current, newest)) = current else {
        let pointer = Pointer {
            tenant: entry.tenant.clone(),
            part: entry.part,
            cluster: built.cluster.clone(),
            namespace: entry.namespace.clone(),
            release: built.id.clone(),
            digest: entry.digest.clone(),
            source: built.source.clone(),
            newest_source: built.source.commit.clone(),
            state: State::LIVE,
            hold: None,
        };
        return (PointerMove::Created, Some(pointer));
    };
    let mut next = current.clone();
    next.digest = entry.digest.clone();
    next.namespace.clone_from(&entry.namespace);
    if current.release == built.id {
        // Written all the same: claims that a plain `git revert` lost are taken again,
        // and equal files are no change.
        let Some(to) = newest.commit.filter(|_| newest.confirms) else {
            return (PointerMove::Unchanged, Some(next));
        };
        // Otherwise a job for a commit in between, whose change was taken back since, could still come late.
        next.source = built.source.clone();
        let from = next.newest_source.replace(to.clone());
        return (PointerMove::Confirmed { from, to }, Some(next));
    }
    let hold = moves::standing(current.hold.as_ref(), now).cloned();
    if let Some(hold) = hold.as_ref().filter(|hold| hold.blocks(&built.id)) {
        return (
            PointerMove::Held {
                hold: hold.clone(),
                live: current.release.clone(),
            },
            None,
        );
    }
    next.state = state::standing(&next.state, now);
    next.release = built.id.clone();
    next.source = built.source.clone();
    next.newest_source = newest.commit;
    next.hold = hold;
    (
        PointerMove::Moved {
            from: current.release.clone(),
            to: built.id.clone(),
        },
        Some(next),
    )
}
