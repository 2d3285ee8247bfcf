//! What the loop knows about one part between two passes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use orz_core::format::{HealthWord, Memory, ObjectName, Phase, StateKind, Status, Writer};
use orz_core::id::{BlobId, ReleaseId};
use orz_core::object::ObjectKey;
use orz_gitops::StoredPointer;

use super::dispute::Dispute;
use super::pass::Before;
use crate::desired::Desired;
use crate::judge::{Arrival, Timings};

/// What the loop knows about one part.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says something else, and all of them may be true"
)]
pub(super) struct PartState {
    /// The pointer; `None` while its file must not be acted on.
    pub(super) stored: Option<StoredPointer>,
    /// The checked release, while it is looked at often.
    pub(super) desired: Option<Arc<Desired>>,
    /// The workloads of the release that was in place before.
    pub(super) before: Option<Before>,
    pub(super) memory: Option<Memory>,
    /// When it was last observed.
    pub(super) observed: Option<Duration>,
    /// When it is to be looked at next.
    pub(super) due: Duration,
    pub(super) running: bool,
    /// Whether its pointer moved and nobody has begun to act on that.
    pub(super) moved: bool,
    /// How long this process has watched the activation.
    pub(super) watched: Duration,
    /// The ended release jobs that may go, and those among which they were looked for.
    pub(super) collect: BTreeSet<ObjectKey>,
    pub(super) collected: Option<Vec<ObjectKey>>,
    /// Whether something of it changed while it was being looked at.
    pub(super) touched: bool,
    /// Somebody who changes again and again what is put right.
    pub(super) dispute: Dispute,
    /// How many passes in a row could not see anything, or had to wait.
    pub(super) tries: u32,
    /// Whether it waits for other parts.
    pub(super) waits: bool,
    /// Whether nothing is left that is to go.
    pub(super) empty: bool,
    /// Whether it gives up claims that are its own until the objects which used them are gone.
    pub(super) gives_up: bool,
    /// What the history says, for one version of the pointer.
    pub(super) history: Option<(BlobId, Arrival, Vec<ReleaseId>)>,
    /// The release whose failure the brake has counted.
    pub(super) counted: Option<ReleaseId>,
    /// The release about which a person was called although it could not be rolled back.
    pub(super) called: Option<ReleaseId>,
    /// The last error that was logged, to say it once.
    pub(super) said: Option<String>,
    pub(super) status: Option<Status>,
}

/// The first pause after a pass that could not see anything.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// Whoever waits for another part is also woken when that part was changed.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Between two looks at an activation.
const LOOK_MIN: Duration = Duration::from_millis(100);
const LOOK_MAX: Duration = Duration::from_secs(5);
/// And at first in the life of a process.
pub(super) const LOOK_YOUNG: Duration = Duration::from_millis(400);

impl PartState {
    pub(super) fn new(due: Duration) -> Self {
        Self {
            stored: None,
            desired: None,
            before: None,
            memory: None,
            observed: None,
            due,
            running: false,
            moved: false,
            watched: Duration::ZERO,
            collect: BTreeSet::new(),
            collected: None,
            touched: false,
            dispute: Dispute::default(),
            tries: 0,
            waits: false,
            empty: false,
            gives_up: false,
            history: None,
            counted: None,
            called: None,
            said: None,
            status: None,
        }
    }

    /// Another pointer, or another version of it.
    pub(super) fn point(&mut self, stored: StoredPointer, now: Duration) {
        let moved =
            self.stored.as_ref().map(|s| &s.pointer.release) != Some(&stored.pointer.release);
        if moved && let Some(desired) = self.desired.take() {
            self.before = Some(Before::new(&desired.release, &desired.objects));
        }
        if moved {
            self.called = None;
            self.watched = Duration::ZERO;
            self.collect.clear();
            self.collected = None;
        }
        // One that was never seen before is one of many: this process has just started, or a fleet is new.
        self.moved |= self.stored.is_some();
        self.desired = None;
        self.stored = Some(stored);
        self.wake(now);
        self.tries = 0;
        self.empty = false;
    }

    /// Forgets everything but the pointer, what was published and what is to be given back, which is read from the
    /// branches once: somebody else has followed it. `counted`: and has counted its failure, if it failed.
    pub(super) fn start_anew(&mut self, published: Option<Status>, counted: bool, now: Duration) {
        let status = published.or_else(|| self.status.take());
        let stored = self.stored.take();
        let release = stored.as_ref().map(|s| &s.pointer.release);
        let failed = status.as_ref().filter(|s| s.phase == Phase::Failed);
        let failed = failed.and_then(|status| status.release.as_ref());
        let counted = failed.filter(|failed| counted && Some(*failed) == release);
        let counted = counted.cloned().or_else(|| self.counted.take());
        *self = Self {
            stored,
            counted,
            gives_up: self.gives_up,
            status,
            ..Self::new(now)
        };
    }

    pub(super) fn wake(&mut self, now: Duration) {
        self.due = self.due.min(now);
    }

    /// Something of it changed. It is looked at soon, and not for every change of a burst; while somebody and we
    /// undo each other's work, when the next correction is due.
    pub(super) fn touch(&mut self, now: Duration) {
        if self.running {
            self.touched = true;
            return;
        }
        let since = self.observed.unwrap_or_default();
        let held = self.dispute.until(now).unwrap_or_default();
        let soon = (since + LOOK_MIN).max(held.min(since + LOOK_MAX));
        self.due = self.due.min(soon.max(now));
    }

    /// The pause after a pass that could not see anything: it doubles.
    pub(super) fn trouble(&mut self, now: Duration) {
        self.observed = None;
        self.due = now + self.pause(PAUSE_MAX);
    }

    /// The pause before the next look for what another part shall provide.
    pub(super) fn wait(&mut self, now: Duration) {
        self.due = now + self.pause(WAIT_MAX);
    }

    fn pause(&mut self, most: Duration) -> Duration {
        let pause = PAUSE_MIN.saturating_mul(1 << self.tries.min(10)).min(most);
        self.tries = self.tries.saturating_add(1);
        pause
    }
}

/// When a part in this phase is looked at again.
pub(super) fn next_look(
    phase: Phase,
    memory: Option<&Memory>,
    timings: &Timings,
    drift: Duration,
) -> Duration {
    match phase {
        Phase::Progressing | Phase::Waiting => {
            // At first often, later seldom, and often enough to see the deadline.
            let waited = Duration::from_millis(memory.map_or(0, |m| m.waited_ms));
            (waited / 20)
                .min(timings.deadline / 20)
                .clamp(LOOK_MIN * 2, LOOK_MAX)
        }
        Phase::Soaking => (timings.soak / 8).clamp(LOOK_MIN, LOOK_MAX),
        Phase::Failed | Phase::Retiring => drift.min(LOOK_MAX),
        Phase::Verified | Phase::Invalid | Phase::Frozen => drift,
    }
}

/// A status all of whose times are now, with the times of `last` for what is in the same state as then.
pub(super) fn dated(mut next: Status, last: Option<&Status>) -> Status {
    let Some(last) = last else {
        return next;
    };
    let known: BTreeMap<(&ObjectName, HealthWord), &str> = last
        .blocking
        .iter()
        .map(|b| ((&b.object, b.health), b.since.as_str()))
        .collect();
    for blocking in &mut next.blocking {
        if let Some(since) = known.get(&(&blocking.object, blocking.health)) {
            blocking.since = (*since).to_owned();
        }
    }
    if (last.phase, &last.release) == (next.phase, &next.release) {
        next.since.clone_from(&last.since);
    }
    next
}

/// What a pass wants: a frozen part whose freeze has ended is live, and who follows it may change.
pub(super) fn for_pass(
    desired: &Arc<Desired>,
    state: StateKind,
    writer: Option<Writer>,
) -> Arc<Desired> {
    if desired.state == state && desired.writer == writer {
        return Arc::clone(desired);
    }
    Arc::new(Desired {
        state,
        writer,
        ..desired.as_ref().clone()
    })
}
