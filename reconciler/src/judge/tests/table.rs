//! Every rule of the judgement as one row of a table.

use orz_core::format::{Phase, StateKind};

use super::super::{Arrival, Sync, is_workload};
use super::{SOAK, Scene, deployment, job, key, release, summary};
use crate::health::{Health, Verdict};

const BROKEN: &str = "Deployment acme/web: exceeded its progress deadline";

type Row = (&'static str, fn(&mut Scene), String);

pub(super) fn rows() -> Vec<Row> {
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
                    assert!(!is_workload(&key(group, kind, "a")), "{kind}");
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
