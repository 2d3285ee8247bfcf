//! What reconcilers write into the repository, as people read it: status, brake, automatic rollback.

use orz_core::format::{Blocking, Brake, Cause, HealthWord, Next, ObjectName, Phase, Status};
use orz_core::id::{ClusterName, Part, ReleaseId};
use orz_gitops::{AutoRollback, Repo, Request};

use crate::env::Env;

const NOW: &str = "2026-01-31T12:00:00Z";

fn request(reason: &str) -> Request<'_> {
    Request {
        reason: Some(reason),
        actor: "orz-reconciler",
        request_id: None,
        now: NOW.to_owned(),
    }
}

/// A tenant with two releases of `work`, the second one live.
fn two_releases() -> (Env, Repo, ReleaseId, ReleaseId) {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    env.run(&["init"]).ok();
    env.commit("the first bundle");
    let publish: &[&str] = &["publish", "--activate", "--reason", "state"];
    env.run(publish).ok();
    let live = |env: &Env| {
        let shown = env.json(&["show", "demo/work"]);
        let release = shown["release"]["release"].as_str().expect("a release");
        release.parse::<ReleaseId>().expect("an id")
    };
    let first = live(&env);
    let bundle = env
        .read("source/tenants/demo/bundle.json")
        .replace("hello", "welcome");
    env.write(
        "source/tenants/demo/bundle.json",
        &bundle.replace("v1", "v2"),
    );
    env.commit("a friendlier greeting");
    env.run(publish).ok();
    let second = live(&env);
    assert_ne!(first, second);
    let repo = Repo::open(env.path("source-gitops.git")).expect("a repository");
    (env, repo, first, second)
}

#[test]
fn status_and_history_tell_what_a_reconciler_found_and_did() {
    let (env, repo, first, second) = two_releases();
    let cluster: ClusterName = "in-cluster".parse().expect("valid");
    let web = ObjectName {
        group: "apps".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: Some("demo".to_owned()),
        name: "web".to_owned(),
    };
    let mut status = Status {
        cluster: cluster.clone(),
        tenant: "demo".parse().expect("valid"),
        part: Part::Work,
        engine: "argocd".to_owned(),
        release: Some(second.clone()),
        observed: Some(second.clone()),
        phase: Phase::Progressing,
        health: HealthWord::Progressing,
        blocking: vec![Blocking {
            object: web,
            health: HealthWord::Progressing,
            message: "0 of 2 replicas are ready".to_owned(),
            since: NOW.to_owned(),
        }],
        reason: Some("waits for its workloads".to_owned()),
        next: Some(Next {
            what: "rolled back".to_owned(),
            in_seconds: 540,
        }),
        verified: vec![first.clone()],
        since: NOW.to_owned(),
    };
    repo.write_status(&cluster, 0, std::slice::from_ref(&status), NOW)
        .expect("written");
    let mut text = env.transcript(&[
        &["status", "demo"],
        &["status", "--watch", "--format", "json"],
    ]);

    // The reconciler gives up on the release, and many others fail at the same time.
    let rollback = AutoRollback {
        cluster: cluster.clone(),
        tenant: "demo".parse().expect("valid"),
        part: Part::Work,
        from: second,
        to: first.clone(),
        cause: Cause {
            object: "Deployment demo/web".to_owned(),
            message: "exceeded its progress deadline".to_owned(),
            details: vec!["pod web-1: ImagePullBackOff".to_owned()],
        },
    };
    let moved = repo.auto_rollback(&rollback, &request("not healthy in time"));
    assert!(moved.expect("allowed").is_some());
    let brake = Brake {
        cluster: cluster.clone(),
        at: NOW.to_owned(),
        failed: 12,
        recent: 40,
        reason: "12 of 40 activations failed within 10 minutes".to_owned(),
    };
    repo.set_brake(&brake, &request("outage")).expect("set");
    status.phase = Phase::Verified;
    status.release = Some(first.clone());
    status.observed = Some(first);
    status.health = HealthWord::Healthy;
    status.blocking.clear();
    (status.reason, status.next) = (None, None);
    repo.write_status(&cluster, 0, &[status], NOW)
        .expect("written");
    text.push_str(&env.transcript(&[
        &["status", "demo"],
        &["history", "demo", "--part", "work"],
        &[
            "resume",
            "--cluster",
            "in-cluster",
            "--reason",
            "the registry is back",
        ],
        &["resume", "--cluster", "in-cluster", "--reason", "again"],
        &[
            "freeze", "demo", "--part", "work", "--until", "2h", "--reason", "the fair",
        ],
        &["status", "demo"],
        &["thaw", "demo", "--reason", "the fair is over"],
        &["thaw", "demo", "--part", "work", "--reason", "again"],
    ]));
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/observed.txt"]);
}

/// What an operator reads for each state of a part: which object blocks, why, since when, what happens next and
/// when, and what to do.
#[test]
fn every_state_says_what_blocks_and_what_happens_next() {
    let (env, repo, first, second) = two_releases();
    let cluster: ClusterName = "in-cluster".parse().expect("valid");
    let named = |group: &str, kind: &str, name: &str| ObjectName {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: Some("demo".to_owned()),
        name: name.to_owned(),
    };
    let web = named("apps", "Deployment", "web");
    let base = Status {
        cluster: cluster.clone(),
        tenant: "demo".parse().expect("valid"),
        part: Part::Work,
        engine: "apply".to_owned(),
        release: Some(second.clone()),
        observed: Some(second.clone()),
        phase: Phase::Verified,
        health: HealthWord::Healthy,
        blocking: Vec::new(),
        reason: None,
        next: None,
        verified: vec![first.clone()],
        since: "2026-01-31T11:58:00Z".to_owned(),
    };
    let blocked = |object: &ObjectName, health, message: &str| {
        vec![Blocking {
            object: object.clone(),
            health,
            message: message.to_owned(),
            since: "2026-01-31T11:58:30Z".to_owned(),
        }]
    };
    let next = |what: &str, in_seconds| {
        let what = what.to_owned();
        Some(Next { what, in_seconds })
    };
    let back = format!("rolled back to {}", &first.as_str()[..12]);
    let pulls = "0 of 1 replicas are ready; pod web-1: container web: ImagePullBackOff";
    let progressing = Status {
        phase: Phase::Progressing,
        health: HealthWord::Progressing,
        observed: None,
        blocking: blocked(&web, HealthWord::Progressing, pulls),
        next: next(&back, 480),
        ..base.clone()
    };
    let states = [
        Status {
            phase: Phase::Waiting,
            health: HealthWord::Missing,
            observed: Some(first.clone()),
            reason: Some(
                "waits for PersistentVolumeClaim demo/disk: is not provided yet".to_owned(),
            ),
            blocking: blocked(
                &named("", "PersistentVolumeClaim", "disk"),
                HealthWord::Missing,
                "is not provided yet",
            ),
            ..base.clone()
        },
        progressing.clone(),
        Status {
            phase: Phase::Soaking,
            next: next("verified", 75),
            ..base.clone()
        },
        Status {
            phase: Phase::Failed,
            health: HealthWord::Degraded,
            blocking: blocked(&web, HealthWord::Degraded, pulls),
            reason: Some("it stays, because no other release was verified yet".to_owned()),
            ..base.clone()
        },
        Status {
            health: HealthWord::Degraded,
            blocking: blocked(&web, HealthWord::Degraded, "crashed"),
            ..base.clone()
        },
        Status {
            phase: Phase::Failed,
            release: Some(first.clone()),
            observed: Some(first.clone()),
            ..base.clone()
        },
    ];
    let mut text = String::new();
    for state in states {
        repo.write_status(&cluster, 0, &[state], NOW)
            .expect("written");
        text.push_str(&env.transcript(&[&["status", "demo"]]));
    }
    // A reconciler that stopped two hours ago.
    repo.write_status(
        &cluster,
        0,
        std::slice::from_ref(&progressing),
        "2026-01-31T10:00:00Z",
    )
    .expect("written");
    text.push_str(&env.transcript(&[&["status", "demo"]]));

    let brake = Brake {
        cluster: cluster.clone(),
        at: NOW.to_owned(),
        failed: 12,
        recent: 40,
        reason: "12 of 40 activations failed within 600 s: an outage, and no bad release"
            .to_owned(),
    };
    repo.set_brake(&brake, &request("outage")).expect("set");
    text.push_str(&env.transcript(&[&["status", "demo"]]));
    env.git(".", &["clone", "-q", "source-gitops.git", "clone"]);
    env.write("clone/brakes/in-cluster.json", "{");
    env.git("clone", &["commit", "-q", "-a", "-m", "half an edit"]);
    env.git("clone", &["push", "-q"]);
    text.push_str(&env.transcript(&[&["status", "demo"]]));
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/states.txt"]);
}

#[test]
fn what_the_reconciler_alone_refuses_is_told() {
    let (env, repo, first, second) = two_releases();
    let cluster: ClusterName = "in-cluster".parse().expect("valid");
    let mut status = Status {
        cluster: cluster.clone(),
        tenant: "demo".parse().expect("valid"),
        part: Part::Work,
        engine: "dir".to_owned(),
        release: Some(second),
        observed: Some(first.clone()),
        phase: Phase::Invalid,
        health: HealthWord::Unknown,
        blocking: Vec::new(),
        reason: Some("pointer-invalid: untrusted-publisher: the pointer is Mallory's".to_owned()),
        next: None,
        verified: vec![first.clone()],
        since: NOW.to_owned(),
    };
    let told = |status: &Status| {
        repo.write_status(&cluster, 0, std::slice::from_ref(status), NOW)
            .expect("written");
        env.run(&["status", "demo"]).stdout
    };
    let said = told(&status);
    for part in [
        "untrusted-publisher: the pointer is Mallory's",
        "`orzc verify --trusted FILE` lists every commit that nobody trusted signed",
        &format!("{} stays live", &first.as_str()[..12]),
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // About another release than the pointer names now, it is a thing of the past.
    status.release = Some(first.clone());
    assert!(!told(&status).contains("untrusted-publisher"), "{said}");
}
