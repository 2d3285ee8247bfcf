//! The judgement: a pure, total function from what is known of a part to what is to be done.
//!
//! - Counted are the workloads that this activation changed, and no other object. One that was Degraded before
//!   it is no reason to go back: nobody is better off with the release before.
//! - Degraded is final at once. It is what a controller says after its own patience and about the newest
//!   generation ([`crate::health`] takes no other word for it), so that asking a second time would only
//!   make every rollback slower.
//! - What is neither healthy nor Degraded has until the deadline, of which only unhealthy time is used up: a
//!   release that was healthy at the deadline and scales up a minute later is no failure, and one that
//!   flaps uses up its time.
//! - While a release job runs that has a time of its own, it uses up that, and nothing of the deadline.
//! - Healthy needs the pointer's release in place as a whole: what the release before does never counts.
//! - Time is a sum of short intervals that were observed, each cut to [`Timings::interval_max`].

use std::cmp::Reverse;
use std::time::Duration;

use orz_core::format::{Cause, HealthWord, Memory, Next, ObjectName, Phase, StateKind, Status};
use orz_core::id::{BlobId, ReleaseId};
use orz_core::object::ObjectKey;

use super::memory::push;
use super::{Seen, Sync, Timings, millis, word};
use crate::health::{Health, ObjectHealth};

/// What is known of a part.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// `acme/work`, for messages.
    pub name: &'a str,
    /// The version of the pointer.
    pub pointer: &'a BlobId,
    /// The release that it names.
    pub release: &'a ReleaseId,
    /// What it says about following it.
    pub state: StateKind,
    /// How the pointer came to this release.
    pub arrival: Arrival,
    /// Releases that were left by an automatic rollback, as far as the history was read.
    pub rolled_back: &'a [ReleaseId],
    /// What the release requires from other parts and what is not there.
    pub awaits: &'a [ObjectHealth],
    /// The release jobs of the release that cannot be undone.
    pub irreversible: &'a [ObjectKey],
    /// The release jobs of the release that end by themselves after some time.
    pub bounded: &'a [ObjectKey],
    /// What is remembered; of another release while this activation has not begun.
    pub memory: Option<&'a Memory>,
    /// What the engine sees.
    pub seen: &'a Seen,
    /// Time since the last decision on this part.
    pub elapsed: Duration,
    /// How patient to be.
    pub timings: &'a Timings,
    /// Whether the cluster's brake stands.
    pub brake: bool,
    /// Whether somebody changes by hand what is put in place, and was left to it for now. That is not the release's
    /// doing.
    pub disputed: bool,
    /// Verified releases that may go live again, the oldest first.
    pub candidates: &'a [ReleaseId],
}

/// How a pointer came to its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// By an activation.
    Forward,
    /// By a rollback, automatic or not.
    Back,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What to remember from now on; `None` while nothing was begun.
    pub memory: Option<Memory>,
    /// What to do.
    pub action: Action,
    /// What to publish.
    pub standing: Standing,
}

/// What to do beside following the pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    None,
    /// Say that the release was healthy for the whole soak.
    Verified,
    /// Move the pointer back.
    Rollback {
        /// Where to.
        to: ReleaseId,
        /// Why.
        cause: Cause,
    },
    /// Call a person: it failed and is not rolled back.
    Alert {
        /// Why it failed and why it stays, in one line.
        reason: String,
    },
}

/// A status without its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where the activation stands.
    pub phase: Phase,
    /// The worst of what was observed.
    pub health: HealthWord,
    /// What is not healthy, the worst first, at most [`Status::SHOWN`].
    pub blocking: Vec<Blocked>,
    /// Why, in one line.
    pub reason: Option<String>,
    /// What happens next if nothing changes.
    pub next: Option<Next>,
}

/// An object that is not healthy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The object.
    pub object: ObjectName,
    /// How it is doing.
    pub health: HealthWord,
    /// What is wrong or awaited.
    pub message: String,
}

/// Judges the activation of a part.
pub fn decide(input: &Judged<'_>) -> Decision {
    let quiet = |phase| Decision {
        memory: input.memory.cloned(),
        action: Action::None,
        standing: standing(input, phase),
    };
    match input.state {
        StateKind::Frozen => return quiet(Phase::Frozen),
        StateKind::Retiring | StateKind::Destroying => return quiet(Phase::Retiring),
        StateKind::Live => {}
    }
    let Some(memory) = input.memory.filter(|m| m.release == *input.release) else {
        return quiet(if input.awaits.is_empty() {
            Phase::Progressing
        } else {
            Phase::Waiting
        });
    };
    let mut memory = memory.clone();
    memory.pointer = input.pointer.clone();
    for release in input.rolled_back {
        push(&mut memory.failed, release);
    }
    let workloads = Workloads::of(&memory, input.seen);
    let action = if input.brake || input.disputed || memory.phase == Phase::Verified {
        // Under the brake and in a dispute the clocks stand still too: neither is the release's time.
        Action::None
    } else {
        advance(&mut memory, input, &workloads)
    };
    let mut standing = standing(input, memory.phase);
    if let Action::Alert { reason } = &action {
        standing.reason = Some(reason.clone());
    } else if input.brake && memory.phase != Phase::Verified {
        standing.reason = Some("the brake of the cluster stands: nothing is judged".to_owned());
    } else if let Some(job) = runs(input).filter(|_| memory.phase == Phase::Progressing) {
        let said = format!("release job {} runs: {}", job.key, job.message);
        standing.reason.get_or_insert(said);
    } else if !input.disputed {
        standing.next = next(&memory, input, &workloads);
        if memory.phase == Phase::Failed && standing.reason.is_none() {
            let stays = against(&memory, input, &workloads).err();
            standing.reason = stays.map(|why_not| format!("it stays, because {why_not}"));
        }
    }
    Decision {
        memory: Some(memory),
        action,
        standing,
    }
}

/// The workloads that this activation changed.
struct Workloads {
    /// Those that are judged.
    counted: Vec<ObjectHealth>,
    /// Those that were broken before.
    excused: Vec<ObjectHealth>,
}

impl Workloads {
    fn of(memory: &Memory, seen: &Seen) -> Self {
        let health = |name: &ObjectName| {
            let key = ObjectKey::from(name.clone());
            let found = seen.health.iter().find(|object| object.key == key);
            found.cloned().unwrap_or_else(|| ObjectHealth {
                key,
                health: Health::Unknown,
                message: "nothing is known of it".to_owned(),
                since: None,
            })
        };
        let was_broken = |name: &ObjectName| {
            memory
                .baseline
                .iter()
                .any(|before| before.object == *name && before.health == HealthWord::Degraded)
        };
        let (excused, counted): (Vec<_>, Vec<_>) =
            memory.changed.iter().partition(|name| was_broken(name));
        Self {
            counted: counted.into_iter().map(health).collect(),
            excused: excused.into_iter().map(health).collect(),
        }
    }

    /// Whether they are all well. One that was broken before and still is stands in nobody's way, but shows
    /// nothing either: somebody else must be well then.
    fn are_well(&self) -> bool {
        self.counted.iter().all(is_well)
            && (!self.counted.is_empty() || self.excused.iter().all(is_well))
    }

    /// The first workload that will not become healthy.
    ///
    /// What Kubernetes says about the release before, it says about objects that have not been changed yet. A
    /// release job is new with every change, so it speaks for itself.
    fn broken(&self, in_place: bool) -> Option<&ObjectHealth> {
        self.counted
            .iter()
            .find(|w| w.health == Health::Degraded && (in_place || w.key.kind == "Job"))
    }

    /// Whom to name when the time is up.
    fn worst(&self) -> Option<&ObjectHealth> {
        let unwell = self.counted.iter().filter(|w| !is_well(w));
        unwell.min_by_key(|w| (Reverse(gravity(w.health)), w.key.clone()))
    }
}

/// Lets the observed time pass and says what that leads to.
fn advance(memory: &mut Memory, input: &Judged<'_>, workloads: &Workloads) -> Action {
    let elapsed = millis(input.elapsed.min(input.timings.interval_max));
    let in_place = input.seen.release.as_ref() == Some(input.release);
    if in_place && input.seen.sync == Sync::Synced && workloads.are_well() {
        if memory.phase == Phase::Soaking {
            memory.healthy_ms = memory.healthy_ms.saturating_add(elapsed);
        } else {
            // The interval began unhealthy.
            memory.waited_ms = memory.waited_ms.saturating_add(elapsed);
            memory.healthy_ms = 0;
            memory.phase = Phase::Soaking;
            memory.failed_at = None;
        }
        if memory.healthy_ms < millis(input.timings.soak) {
            return Action::None;
        }
        memory.phase = Phase::Verified;
        push(&mut memory.verified, input.release);
        return Action::Verified;
    }
    if runs(input).is_none() {
        memory.waited_ms = memory.waited_ms.saturating_add(elapsed);
    }
    memory.healthy_ms = 0;
    if memory.phase == Phase::Failed {
        // A person was called already.
        return Action::None;
    }
    let cause = if let Some(broken) = workloads.broken(in_place) {
        cause_of(broken, broken.message.clone(), input.seen)
    } else if memory.waited_ms >= millis(input.timings.deadline) && runs(input).is_none() {
        too_late(input, workloads)
    } else {
        memory.phase = Phase::Progressing;
        return Action::None;
    };
    let verdict = against(memory, input, workloads);
    memory.phase = Phase::Failed;
    memory.verified.retain(|known| known != input.release);
    match verdict {
        Ok(to) => {
            push(&mut memory.failed, input.release);
            Action::Rollback { to, cause }
        }
        Err(why_not) => Action::Alert {
            reason: format!(
                "{}: {}; it stays, because {why_not}",
                cause.object, cause.message
            ),
        },
    }
}

/// The release job that runs and will end by itself, so that nobody has to wait for it in vain.
fn runs<'a>(input: &Judged<'a>) -> Option<&'a ObjectHealth> {
    let jobs = input
        .seen
        .health
        .iter()
        .filter(|o| input.bounded.contains(&o.key));
    let mut running = jobs.filter(|job| job.health == Health::Progressing);
    running.next()
}

/// Where a failed release goes back to, or why it stays.
fn against(
    memory: &Memory,
    input: &Judged<'_>,
    workloads: &Workloads,
) -> Result<ReleaseId, String> {
    if memory.failed.contains(input.release) {
        return Err(
            "it was rolled back automatically once, and somebody wants it again".to_owned(),
        );
    }
    if input.arrival == Arrival::Back {
        return Err("it came by a rollback".to_owned());
    }
    let exists = |key: &ObjectKey| {
        let found = input.seen.health.iter().find(|object| object.key == *key);
        found.is_some_and(|object| object.health != Health::Missing)
    };
    let ran = input.irreversible.iter().find(|key| {
        let new = memory.changed.contains(&ObjectName::from((*key).clone()));
        new && exists(key)
    });
    if let Some(job) = ran {
        return Err(format!("release job {job} ran and is not reversible"));
    }
    let excused = workloads.excused.iter().any(|w| !is_well(w));
    if excused && workloads.counted.iter().all(is_well) {
        return Err("what is broken was broken before it".to_owned());
    }
    let back = input
        .candidates
        .iter()
        .rev()
        .find(|to| *to != input.release && !memory.failed.contains(to));
    back.cloned()
        .ok_or_else(|| "no other release was verified yet".to_owned())
}

fn cause_of(object: &ObjectHealth, message: String, seen: &Seen) -> Cause {
    Cause {
        object: object.key.to_string(),
        message: if message.is_empty() {
            format!("is {}", object.health)
        } else {
            message
        },
        details: seen.details.get(&object.key).cloned().unwrap_or_default(),
    }
}

/// Why a release was not healthy in time.
fn too_late(input: &Judged<'_>, workloads: &Workloads) -> Cause {
    let late = format!(
        "not healthy within {} s",
        input.timings.deadline.as_secs_f64()
    );
    if let Sync::Failed(error) = &input.seen.sync {
        return Cause {
            object: input.name.to_owned(),
            message: format!("{late}: {error}"),
            details: Vec::new(),
        };
    }
    if let Some(worst) = workloads.worst() {
        let message = match worst.message.as_str() {
            "" => format!("{late}: is {}", worst.health),
            message => format!("{late}: {message}"),
        };
        return cause_of(worst, message, input.seen);
    }
    if let Some(worst) = workloads.excused.iter().find(|w| !is_well(w)) {
        return cause_of(worst, format!("{late}: {}", worst.message), input.seen);
    }
    let why = match &input.seen.sync {
        Sync::Applying => "is still being applied",
        Sync::OutOfSync => "differs from the release",
        Sync::Unknown | Sync::Synced | Sync::Failed(_) => "another release is in place",
    };
    Cause {
        object: input.name.to_owned(),
        message: format!("{late}: {why}"),
        details: Vec::new(),
    }
}

fn next(memory: &Memory, input: &Judged<'_>, workloads: &Workloads) -> Option<Next> {
    let left = |whole: Duration, done: u64| {
        Duration::from_millis(millis(whole).saturating_sub(done))
            .as_secs_f64()
            .ceil()
    };
    let (what, left) = match memory.phase {
        Phase::Soaking => (
            "verified".to_owned(),
            left(input.timings.soak, memory.healthy_ms),
        ),
        Phase::Progressing => (
            match against(memory, input, workloads) {
                Ok(to) => format!("rolled back to {}", &to.as_str()[..12]),
                Err(_) => "alert".to_owned(),
            },
            left(input.timings.deadline, memory.waited_ms),
        ),
        _ => return None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number of seconds that is not negative; a timing that no u64 holds is cut"
    )]
    let in_seconds = left as u64;
    Some(Next { what, in_seconds })
}

fn standing(input: &Judged<'_>, phase: Phase) -> Standing {
    let seen = input.seen;
    let health = seen.health.iter().map(|object| object.health);
    let health = match health.reduce(Health::combine) {
        Some(health) => health,
        None if seen.sync == Sync::Synced => Health::Healthy,
        None => Health::Unknown,
    };
    let waiting = if phase == Phase::Waiting {
        input.awaits
    } else {
        &[]
    };
    let mut unwell: Vec<&ObjectHealth> = waiting
        .iter()
        .chain(&seen.health)
        .filter(|object| !is_well(object))
        .collect();
    unwell.sort_by_key(|object| (Reverse(gravity(object.health)), &object.key));
    let blocking = unwell.into_iter().take(Status::SHOWN).map(|object| {
        let said = [object.message.as_str()]
            .into_iter()
            .filter(|m| !m.is_empty());
        let details = seen.details.get(&object.key).into_iter().flatten().take(2);
        let said: Vec<&str> = said.chain(details.map(String::as_str)).collect();
        Blocked {
            object: object.key.clone().into(),
            health: word(object.health),
            message: said.join("; "),
        }
    });
    let reason = match (input.awaits.first(), &seen.sync) {
        (_, Sync::Failed(error)) => Some(error.clone()),
        (Some(first), _) => Some(format!("waits for {}: {}", first.key, first.message)),
        (None, _) => None,
    };
    Standing {
        phase,
        health: word(health),
        blocking: blocking.collect(),
        reason,
        next: None,
    }
}

fn is_well(object: &ObjectHealth) -> bool {
    // What is suspended was stopped on purpose.
    matches!(object.health, Health::Healthy | Health::Suspended)
}

/// As [`Health::combine`] weighs them.
const fn gravity(health: Health) -> u8 {
    match health {
        Health::Healthy | Health::Suspended => 0,
        Health::Unknown => 1,
        Health::Progressing => 2,
        Health::Missing => 3,
        Health::Degraded => 4,
    }
}
