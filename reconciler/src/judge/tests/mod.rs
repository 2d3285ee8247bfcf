//! What holds whatever is observed; every rule as one row is in `table`.

use std::time::Duration;

use orz_core::format::{Baseline, HealthWord, Memory, ObjectName, Phase, StateKind};
use orz_core::id::{BlobId, ReleaseId};
use orz_core::object::ObjectKey;

use super::{
    Action, Arrival, Decision, Judged, Seen, Standing, Sync, Timings, decide, is_news, word,
};
use crate::health::{Health, ObjectHealth, Verdict};

mod table;

use table::rows;

const SOAK: u64 = 120;
const DEADLINE: u64 = 600;

fn id(digit: u8) -> String {
    char::from(digit).to_string().repeat(40)
}

fn release(digit: u8) -> ReleaseId {
    id(digit).parse().expect("40 hex digits")
}

fn blob(digit: u8) -> BlobId {
    id(digit).parse().expect("40 hex digits")
}

fn key(group: &str, kind: &str, name: &str) -> ObjectKey {
    ObjectKey {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: Some("acme".to_owned()),
        name: name.to_owned(),
    }
}

fn deployment(name: &str) -> ObjectKey {
    key("apps", "Deployment", name)
}

fn job() -> ObjectKey {
    key("batch", "Job", "migrate-1")
}

/// Everything that `decide` reads, owned.
#[derive(Clone)]
struct Scene {
    pointer: BlobId,
    release: ReleaseId,
    state: StateKind,
    arrival: Arrival,
    rolled_back: Vec<ReleaseId>,
    awaits: Vec<ObjectHealth>,
    irreversible: Vec<ObjectKey>,
    bounded: Vec<ObjectKey>,
    memory: Option<Memory>,
    seen: Seen,
    elapsed: Duration,
    brake: bool,
    disputed: bool,
    candidates: Vec<ReleaseId>,
}

impl Scene {
    /// Release 2 came after the verified release 1 and changes Deployment `web`, which was and is healthy.
    fn new() -> Self {
        let mut scene = Self {
            pointer: blob(b'a'),
            release: release(b'2'),
            state: StateKind::Live,
            arrival: Arrival::Forward,
            rolled_back: Vec::new(),
            awaits: Vec::new(),
            irreversible: Vec::new(),
            bounded: Vec::new(),
            memory: Some(Memory {
                release: release(b'2'),
                pointer: blob(b'a'),
                phase: Phase::Progressing,
                baseline: Vec::new(),
                changed: Vec::new(),
                waited_ms: 0,
                healthy_ms: 0,
                failed_at: None,
                verified: vec![release(b'1')],
                failed: Vec::new(),
            }),
            seen: Seen {
                release: Some(release(b'2')),
                sync: Sync::Synced,
                ..Seen::default()
            },
            elapsed: Duration::from_secs(1),
            brake: false,
            disputed: false,
            candidates: vec![release(b'1')],
        };
        scene.workload(deployment("web"), Some(Health::Healthy), Health::Healthy);
        scene
    }

    fn memory(&mut self) -> &mut Memory {
        self.memory.as_mut().expect("has one")
    }

    /// A workload that the release changes: how it was and how it is.
    fn workload(&mut self, key: ObjectKey, before: Option<Health>, now: Health) {
        let name = ObjectName::from(key.clone());
        let memory = self.memory();
        memory.baseline.retain(|known| known.object != name);
        memory.baseline.extend(before.map(|health| Baseline {
            object: name.clone(),
            health: word(health),
        }));
        memory.changed.retain(|known| *known != name);
        memory.changed.push(name);
        self.other(key, now);
    }

    /// An object that is only there.
    fn other(&mut self, key: ObjectKey, now: Health) {
        self.seen.health.retain(|known| known.key != key);
        let message = match now {
            Health::Degraded => "exceeded its progress deadline",
            Health::Progressing => "0 of 1 pods are available",
            _ => "",
        };
        self.seen.health.push(Verdict::new(now, message).of(key));
    }

    fn web(&mut self, now: Health) {
        self.workload(deployment("web"), Some(Health::Healthy), now);
    }

    fn late(&mut self) {
        self.memory().waited_ms = DEADLINE * 1_000 - 500;
    }

    fn decide(&self) -> Decision {
        decide(&Judged {
            name: "acme/work",
            pointer: &self.pointer,
            release: &self.release,
            state: self.state,
            arrival: self.arrival,
            rolled_back: &self.rolled_back,
            awaits: &self.awaits,
            irreversible: &self.irreversible,
            bounded: &self.bounded,
            memory: self.memory.as_ref(),
            seen: &self.seen,
            elapsed: self.elapsed,
            timings: &timings(),
            brake: self.brake,
            disputed: self.disputed,
            candidates: &self.candidates,
        })
    }
}

fn timings() -> Timings {
    Timings {
        soak: Duration::from_secs(SOAK),
        deadline: Duration::from_secs(DEADLINE),
        interval_max: Duration::from_secs(15),
    }
}

/// `progressing`, `failed, back to 1: Deployment acme/web: …`, `failed, alert: …`.
fn summary(decision: &Decision) -> String {
    let phase = serde_json::to_value(decision.standing.phase).expect("a word");
    let phase = phase.as_str().expect("a word");
    match &decision.action {
        Action::None => phase.to_owned(),
        Action::Verified => format!("{phase}!"),
        Action::Rollback { to, cause } => format!(
            "{phase}, back to {}: {}: {}",
            &to.as_str()[..1],
            cause.object,
            cause.message
        ),
        Action::Alert { reason } => format!("{phase}, alert: {reason}"),
    }
}

/// A clock that jumps by an hour, or a process that slept, is one short interval; and one that goes back
/// cannot be told to `decide` at all, because an elapsed time is never negative.
#[test]
fn a_jump_neither_verifies_nor_fails() {
    for (name, set, _) in rows() {
        for hours in [1, 1_000_000] {
            let mut scene = Scene::new();
            set(&mut scene);
            let memory = scene.memory.clone();
            // Rows that stand a moment before an end reach it by any interval.
            if memory.is_some_and(|m| m.waited_ms > 0 || m.healthy_ms > 0) {
                continue;
            }
            let calm = summary(&scene.decide());
            scene.elapsed = Duration::from_secs(3_600 * hours);
            assert_eq!(summary(&scene.decide()), calm, "{name}");
        }
    }
}

/// Whoever watches at any pace verifies after the soak and not before.
#[test]
fn the_soak_is_a_sum_of_short_intervals() {
    for (interval, looks) in [(1, 121), (10, 13), (15, 9), (3_600, 9)] {
        let mut scene = Scene::new();
        scene.elapsed = Duration::from_secs(interval);
        for look in 1..=looks {
            let decision = scene.decide();
            let verified = decision.action == Action::Verified;
            assert_eq!(verified, look == looks, "{look} looks every {interval} s");
            scene.memory = decision.memory;
        }
        assert_eq!(scene.memory().verified, [release(b'1'), release(b'2')]);
        let decision = scene.decide();
        assert_eq!(decision.action, Action::None, "said once");
    }
}

/// Flapping uses up the deadline and never ends in a verified release.
#[test]
fn a_release_that_flaps_fails() {
    let mut scene = Scene::new();
    scene.elapsed = Duration::from_secs(10);
    let mut looks = 0_u64;
    let decision = loop {
        looks += 1;
        scene.web(if looks.is_multiple_of(5) {
            Health::Progressing
        } else {
            Health::Healthy
        });
        let decision = scene.decide();
        if decision.action != Action::None {
            break decision;
        }
        scene.memory = decision.memory;
    };
    assert!(
        summary(&decision).starts_with("failed, back to 1: "),
        "{decision:?}"
    );
    let memory = decision.memory.expect("begun");
    assert_eq!(memory.failed, [release(b'2')]);
    assert_eq!(memory.verified, [release(b'1')]);
}

/// A hold, a freeze or a note changes the pointer and not the activation.
#[test]
fn another_version_of_the_pointer_goes_on_with_the_same_release() {
    let mut scene = Scene::new();
    scene.late();
    scene.pointer = blob(b'b');
    let memory = scene.decide().memory.expect("begun");
    assert_eq!(memory.pointer, blob(b'b'));
    assert!(memory.waited_ms > 0);
}

#[test]
fn the_standing_says_what_blocks_and_what_happens_next() {
    let mut scene = Scene::new();
    scene.other(key("", "Service", "a"), Health::Progressing);
    scene.web(Health::Progressing);
    scene.seen.details.insert(
        deployment("web"),
        vec!["pod web-1: ImagePullBackOff".to_owned()],
    );
    scene.memory().waited_ms = 99_000;
    let Standing {
        health,
        blocking,
        next,
        reason,
        ..
    } = scene.decide().standing;
    assert_eq!(health, HealthWord::Progressing);
    let said: Vec<_> = blocking
        .iter()
        .map(|b| format!("{} {}", b.object.kind, b.message))
        .collect();
    assert_eq!(
        said,
        [
            "Service 0 of 1 pods are available",
            "Deployment 0 of 1 pods are available; pod web-1: ImagePullBackOff",
        ]
    );
    let next = next.expect("something happens");
    assert_eq!(next.what, format!("rolled back to {}", "1".repeat(12)));
    assert_eq!((next.in_seconds, reason), (500, None));

    scene.candidates.clear();
    let next = scene.decide().standing.next.expect("something happens");
    assert_eq!(next.what, "alert");

    scene.web(Health::Healthy);
    let next = scene.decide().standing.next.expect("something happens");
    assert_eq!((next.what.as_str(), next.in_seconds), ("verified", SOAK));

    // Why it stays is still said long after the alert.
    scene.web(Health::Degraded);
    scene.memory().phase = Phase::Failed;
    let standing = scene.decide().standing;
    assert_eq!(standing.next, None);
    assert_eq!(
        standing.reason.as_deref(),
        Some("it stays, because no other release was verified yet")
    );
}

#[test]
fn memory_is_saved_when_it_says_something_new() {
    let timings = timings();
    let mut scene = Scene::new();
    let written = scene.memory().clone();
    let with = |edit: fn(&mut Memory)| {
        let mut next = written.clone();
        edit(&mut next);
        next
    };
    let long = Duration::from_hours(1);
    assert!(is_news(None, &written, &timings, long));
    for (next, expected) in [
        (with(|_| {}), false),
        (with(|m| m.waited_ms = 149_000), false),
        (with(|m| m.waited_ms = 150_000), true),
        (with(|m| m.healthy_ms = 29_000), false),
        (with(|m| m.healthy_ms = 30_000), true),
        (with(|m| m.phase = Phase::Soaking), true),
        (with(|m| m.pointer = blob(b'b')), true),
        (with(|m| m.failed.push(release(b'9'))), true),
    ] {
        assert_eq!(
            is_news(Some(&written), &next, &timings, long),
            expected,
            "{next:?}"
        );
    }
    // A process that has just begun saves early, and then twice as late each time.
    for (watched, sum, expected) in [(0, 1, true), (1_000, 499, false), (1_000, 500, true)] {
        let mut next = written.clone();
        next.healthy_ms = sum;
        let watched = Duration::from_millis(watched);
        assert_eq!(is_news(Some(&written), &next, &timings, watched), expected);
    }
}
