//! Every rule of the judgement as one row of a table, and what holds whatever is observed.

use std::time::Duration;

use orz_core::format::{Baseline, HealthWord, Memory, ObjectName, Phase, StateKind};
use orz_core::id::{BlobId, ReleaseId};
use orz_core::object::ObjectKey;

use super::{
    Action, Arrival, Decision, Judged, Seen, Standing, Sync, Timings, decide, is_news, word,
};
use crate::health::{Health, ObjectHealth, Verdict};

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

const BROKEN: &str = "Deployment acme/web: exceeded its progress deadline";

type Row = (&'static str, fn(&mut Scene), String);

fn rows() -> Vec<Row> {
    let back = |why: &str| format!("failed, back to 1: {why}");
    let stays = |what: &str, why: &str| format!("failed, alert: {what}; it stays, because {why}");
    let late = "not healthy within 600 s";
    vec![
        ("healthy: the soak begins", |_| {}, "soaking".into()),
        (
            "healthy for the whole soak",
            |s| {
                s.memory().phase = Phase::Soaking;
                s.memory().healthy_ms = SOAK * 1_000 - 1_000;
            },
            "verified!".into(),
        ),
        (
            "the interval in which it became healthy is no part of the soak",
            |s| s.memory().healthy_ms = SOAK * 1_000 - 1,
            "soaking".into(),
        ),
        (
            "unhealth ends the soak",
            |s| {
                s.memory().phase = Phase::Soaking;
                s.memory().healthy_ms = SOAK * 1_000 - 1;
                s.web(Health::Progressing);
            },
            "progressing".into(),
        ),
        (
            "on its way",
            |s| s.web(Health::Progressing),
            "progressing".into(),
        ),
        ("Degraded", |s| s.web(Health::Degraded), back(BROKEN)),
        (
            "Degraded while it soaks",
            |s| {
                s.memory().phase = Phase::Soaking;
                s.web(Health::Degraded);
            },
            back(BROKEN),
        ),
        (
            "not healthy by the deadline",
            |s| {
                s.late();
                s.web(Health::Progressing);
            },
            back(&format!(
                "Deployment acme/web: {late}: 0 of 1 pods are available"
            )),
        ),
        (
            "healthy at the deadline: soaking uses none of it up",
            |s| {
                s.late();
                s.memory().phase = Phase::Soaking;
            },
            "soaking".into(),
        ),
        (
            "nobody can tell: no success, and the deadline holds",
            |s| s.web(Health::Unknown),
            "progressing".into(),
        ),
        (
            "gone by the deadline",
            |s| {
                s.late();
                s.seen.health.clear();
            },
            back(&format!(
                "Deployment acme/web: {late}: nothing is known of it"
            )),
        ),
        (
            "suspended on purpose",
            |s| s.web(Health::Suspended),
            "soaking".into(),
        ),
        // What counts.
        (
            "an unchanged workload that breaks",
            |s| s.other(deployment("other"), Health::Degraded),
            "soaking".into(),
        ),
        (
            "objects that are no workloads",
            |s| {
                for (group, kind) in [
                    ("cert-manager.io", "Certificate"),
                    ("externaldns.k8s.io", "DNSEndpoint"),
                    ("postgresql.cnpg.io", "ScheduledBackup"),
                    ("postgresql.cnpg.io", "Cluster"),
                    ("gateway.networking.k8s.io", "HTTPRoute"),
                    ("external-secrets.io", "ExternalSecret"),
                ] {
                    assert!(!super::is_workload(&key(group, kind, "a")), "{kind}");
                    s.other(key(group, kind, "a"), Health::Degraded);
                }
            },
            "soaking".into(),
        ),
        (
            "a release that changes no workload",
            |s| {
                s.memory().changed.clear();
                s.other(deployment("web"), Health::Degraded);
            },
            "soaking".into(),
        ),
        (
            "a new workload",
            |s| s.workload(deployment("new"), None, Health::Degraded),
            back("Deployment acme/new: exceeded its progress deadline"),
        ),
        (
            "one that was still on its way before",
            |s| {
                s.workload(
                    deployment("web"),
                    Some(Health::Progressing),
                    Health::Degraded,
                );
            },
            back(BROKEN),
        ),
        (
            "broken before beside one that is well",
            |s| s.workload(deployment("old"), Some(Health::Degraded), Health::Degraded),
            "soaking".into(),
        ),
        (
            "broken before and nothing else changed: nothing is shown",
            |s| s.workload(deployment("web"), Some(Health::Degraded), Health::Degraded),
            "progressing".into(),
        ),
        (
            "broken before and nothing else changed, at the deadline",
            |s| {
                s.late();
                s.workload(deployment("web"), Some(Health::Degraded), Health::Degraded);
            },
            stays(
                &format!("Deployment acme/web: {late}: exceeded its progress deadline"),
                "what is broken was broken before it",
            ),
        ),
        (
            "broken before and repaired",
            |s| s.workload(deployment("web"), Some(Health::Degraded), Health::Healthy),
            "soaking".into(),
        ),
        // The observed revision is the pointer's.
        (
            "stale health of the release before",
            |s| s.seen.release = Some(release(b'1')),
            "progressing".into(),
        ),
        (
            "stale Degraded of the release before",
            |s| {
                s.seen.release = Some(release(b'1'));
                s.web(Health::Degraded);
            },
            "progressing".into(),
        ),
        (
            "no release observed",
            |s| s.seen.release = None,
            "progressing".into(),
        ),
        (
            "healthy, but not synced",
            |s| s.seen.sync = Sync::OutOfSync,
            "progressing".into(),
        ),
        (
            "nobody can tell whether it is synced",
            |s| s.seen.sync = Sync::Unknown,
            "progressing".into(),
        ),
        (
            "a sync that hangs",
            |s| {
                s.late();
                s.seen.release = Some(release(b'1'));
                s.seen.sync = Sync::Applying;
            },
            back(&format!("acme/work: {late}: is still being applied")),
        ),
        (
            "a sync that is refused",
            |s| {
                s.late();
                s.seen.release = None;
                s.seen.sync = Sync::Failed("Deployment acme/web: Invalid (422)".to_owned());
            },
            back(&format!(
                "acme/work: {late}: Deployment acme/web: Invalid (422)"
            )),
        ),
        (
            "a release job that fails while the rest is not applied yet",
            |s| {
                s.seen.release = None;
                s.seen.sync = Sync::Applying;
                s.workload(job(), None, Health::Degraded);
            },
            back("Job acme/migrate-1: exceeded its progress deadline"),
        ),
        (
            "a release job runs: the time that it has is its own",
            |s| {
                s.late();
                s.bounded = vec![job()];
                s.seen.release = Some(release(b'1'));
                s.seen.sync = Sync::Applying;
                s.workload(job(), None, Health::Progressing);
                assert_eq!(s.decide().memory, s.memory);
                let standing = s.decide().standing;
                let reason = standing.reason.expect("said");
                assert_eq!(
                    reason,
                    "release job Job acme/migrate-1 runs: 0 of 1 pods are available"
                );
                assert_eq!(standing.next, None);
            },
            "progressing".into(),
        ),
        (
            "a release job runs that would do so for ever",
            |s| {
                s.late();
                s.seen.release = Some(release(b'1'));
                s.seen.sync = Sync::Applying;
                s.workload(job(), None, Health::Progressing);
            },
            back(&format!(
                "Job acme/migrate-1: {late}: 0 of 1 pods are available"
            )),
        ),
        (
            "the release job is complete: the clock of the rest goes on",
            |s| {
                s.late();
                s.bounded = vec![job()];
                s.seen.release = Some(release(b'1'));
                s.seen.sync = Sync::Applying;
                s.workload(job(), None, Health::Healthy);
            },
            back(&format!("acme/work: {late}: is still being applied")),
        ),
        (
            "a release job whose time is over",
            |s| {
                s.bounded = vec![job()];
                s.seen.release = Some(release(b'1'));
                s.workload(job(), None, Health::Degraded);
            },
            back("Job acme/migrate-1: exceeded its progress deadline"),
        ),
        // Guards.
        (
            "nothing was verified yet",
            |s| {
                s.candidates.clear();
                s.web(Health::Degraded);
            },
            stays(BROKEN, "no other release was verified yet"),
        ),
        (
            "only this release was verified",
            |s| {
                s.candidates = vec![release(b'2')];
                s.web(Health::Degraded);
            },
            stays(BROKEN, "no other release was verified yet"),
        ),
        (
            "the newest verified one that has not failed",
            |s| {
                s.candidates = vec![release(b'1'), release(b'3')];
                s.memory().failed = vec![release(b'3')];
                s.web(Health::Degraded);
            },
            back(BROKEN),
        ),
        (
            "never a second time",
            |s| {
                s.memory().failed = vec![release(b'2')];
                s.web(Health::Degraded);
            },
            stays(
                BROKEN,
                "it was rolled back automatically once, and somebody wants it again",
            ),
        ),
        (
            "never a second time, says the history",
            |s| {
                s.rolled_back = vec![release(b'2')];
                s.web(Health::Degraded);
            },
            stays(
                BROKEN,
                "it was rolled back automatically once, and somebody wants it again",
            ),
        ),
        (
            "never a rollback of a rollback",
            |s| {
                s.arrival = Arrival::Back;
                s.web(Health::Degraded);
            },
            stays(BROKEN, "it came by a rollback"),
        ),
        (
            "a release job ran that is not reversible",
            |s| {
                s.irreversible = vec![job()];
                s.workload(job(), None, Health::Healthy);
                s.web(Health::Degraded);
            },
            stays(
                BROKEN,
                "release job Job acme/migrate-1 ran and is not reversible",
            ),
        ),
        (
            "a release job that has not started",
            |s| {
                s.irreversible = vec![job()];
                s.workload(job(), None, Health::Missing);
                s.web(Health::Degraded);
            },
            back(BROKEN),
        ),
        (
            "a release job that ran in an earlier activation",
            |s| {
                s.irreversible = vec![job()];
                s.other(job(), Health::Healthy);
                s.web(Health::Degraded);
            },
            back(BROKEN),
        ),
        (
            "under the brake",
            |s| {
                s.brake = true;
                s.web(Health::Degraded);
            },
            "progressing".into(),
        ),
        (
            "under the brake, healthy",
            |s| {
                s.brake = true;
                s.memory().phase = Phase::Soaking;
                s.memory().healthy_ms = SOAK * 1_000 - 1;
            },
            "soaking".into(),
        ),
        (
            "somebody changes it by hand and was left to it, at the deadline",
            |s| {
                s.late();
                s.disputed = true;
                s.seen.sync = Sync::OutOfSync;
                s.web(Health::Degraded);
            },
            "progressing".into(),
        ),
        // After the judgement.
        (
            "verified, and broken later",
            |s| {
                s.memory().phase = Phase::Verified;
                s.web(Health::Degraded);
            },
            "verified".into(),
        ),
        (
            "failed: a person is called once",
            |s| {
                s.memory().phase = Phase::Failed;
                s.web(Health::Degraded);
            },
            "failed".into(),
        ),
        (
            "failed, and repaired by somebody",
            |s| s.memory().phase = Phase::Failed,
            "soaking".into(),
        ),
        // What is not judged.
        (
            "frozen",
            |s| {
                s.state = StateKind::Frozen;
                s.web(Health::Degraded);
            },
            "frozen".into(),
        ),
        (
            "retiring",
            |s| {
                s.state = StateKind::Retiring;
                s.web(Health::Degraded);
            },
            "retiring".into(),
        ),
        (
            "destroying",
            |s| s.state = StateKind::Destroying,
            "retiring".into(),
        ),
        (
            "not begun: waits",
            |s| {
                s.memory().release = release(b'1');
                let needs = Verdict::new(Health::Missing, "part `data` has not provided it yet");
                s.awaits = vec![needs.of(key("", "PersistentVolumeClaim", "disk"))];
                s.web(Health::Degraded);
            },
            "waiting".into(),
        ),
        (
            "not begun: the memory of another release judges nothing",
            |s| {
                s.memory().release = release(b'1');
                s.late();
                s.web(Health::Degraded);
            },
            "progressing".into(),
        ),
        (
            "nothing remembered at all",
            |s| {
                s.web(Health::Degraded);
                s.memory = None;
            },
            "progressing".into(),
        ),
        (
            "begun, and what it requires vanished: its clock goes on",
            |s| {
                s.late();
                s.awaits = vec![Verdict::new(Health::Missing, "").of(deployment("x"))];
                s.web(Health::Progressing);
            },
            back(&format!(
                "Deployment acme/web: {late}: 0 of 1 pods are available"
            )),
        ),
    ]
}

#[test]
fn every_rule() {
    for (name, set, expected) in rows() {
        let mut scene = Scene::new();
        set(&mut scene);
        assert_eq!(summary(&scene.decide()), expected, "{name}");
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
