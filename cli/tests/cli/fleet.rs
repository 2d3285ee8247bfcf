//! Activating many tenants, a few at a time, with somebody who plays the reconciler, and with the real one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use orz_core::format::{Brake, Cause, HealthWord, Phase, Pointer, Status};
use orz_core::id::{ClusterName, Part, ReleaseId, TenantName};
use orz_gitops::{AutoRollback, PointerFile, Repo, Request};
use orz_reconciler::dir::DirEngine;
use orz_reconciler::follow::{Follower, Given, Log, LogFormat, Settings, SystemClock};
use serde_json::Value;

use crate::env::Env;

const NOW: &str = "2026-01-31T12:00:00Z";
const GITOPS: &str = "source-gitops.git";

/// A source repository with these tenants; `version` is in each of their configurations.
fn write(env: &Env, tenants: &[String], version: u32) {
    for tenant in tenants {
        env.write(
            &format!("source/tenants/{tenant}/bundle.json"),
            &format!(
                r#"{{ "tenant": {{ "name": "{tenant}" }},
  "configs": [{{ "name": "greeting", "version": "v{version}", "data": {{ "text": "hello" }}, "activate": true }}] }}
"#
            ),
        );
    }
    env.commit(&format!("version {version}"));
}

fn source(tenants: &[String]) -> Env {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    env.run(&["init"]).ok();
    std::fs::remove_dir_all(env.path("source/tenants")).expect("the first example");
    write(&env, tenants, 1);
    env
}

fn names(tenants: &[&str]) -> Vec<String> {
    tenants.iter().map(|&tenant| tenant.to_owned()).collect()
}

/// What each commit on `main` moved, oldest first, the reconciler's own left out.
fn commits(env: &Env) -> Vec<BTreeSet<String>> {
    let log = env.git(
        GITOPS,
        &["log", "--reverse", "--format=%x00%s", "--name-only", "main"],
    );
    log.split('\0')
        .filter(|entry| entry.starts_with("activate"))
        .map(|entry| {
            let paths = entry.lines().filter(|line| line.starts_with("pointers/"));
            paths
                .filter_map(|path| path.split('/').nth(3).map(str::to_owned))
                .collect()
        })
        .collect()
}

fn fates(document: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let tenants = document["fleet"]["tenants"].as_array().expect("tenants");
    let mut fates: Vec<_> = tenants
        .iter()
        .map(|turn| (text(&turn["tenant"]), text(&turn["result"])))
        .collect();
    fates.sort();
    fates
}

#[test]
fn many_tenants_at_once_have_to_be_asked_for() {
    let tenants: Vec<String> = (0..26).map(|n| format!("t{n}")).collect();
    let env = source(&tenants);
    let heads = || env.git(GITOPS, &["for-each-ref"]);
    let before = heads();
    let ran = env.run(&["publish", "--activate", "--reason", "all"]);
    assert_eq!(ran.code, 64, "{}", ran.stderr);
    assert_eq!(
        ran.stderr,
        "error: 26 tenants would go live at once, more than 25; nothing was written\n\
         help: `--fleet N` activates N tenants at a time and stops at the first that is not verified; `--fleet 25` is a start\n"
    );
    assert_eq!(heads(), before);
    // Publishing alone moves nothing, and one that does not move does not count.
    env.run(&["publish"]).ok();
    let first: &[&str] = &["publish", "--activate", "--reason", "x", "--tenant", "t0"];
    env.run(first).ok();
    env.run(&["publish", "--activate", "--reason", "the other 25"])
        .ok();
    for wrong in [
        &["publish", "--fleet", "5"][..],
        &["publish", "--activate", "--reason", "x", "--fleet", "0"],
        &[
            "publish",
            "--activate",
            "--reason",
            "x",
            "--fleet-timeout",
            "5m",
        ],
        &[
            "publish",
            "--activate",
            "--reason",
            "x",
            "--fleet",
            "1",
            "--fleet-timeout",
            "soon",
        ],
    ] {
        assert_eq!(env.run(wrong).code, 64, "{wrong:?}");
    }
}

/// What the player of the reconciler does with a tenant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Play {
    Verify,
    Fail,
    RollBack,
}

type Stands = BTreeMap<(TenantName, Part), Status>;

fn pointers(repo: &Repo) -> Vec<Pointer> {
    let files = repo.view().and_then(|view| view.pointers());
    let valid = |file| match file {
        PointerFile::Valid(stored) => Some(stored.pointer),
        PointerFile::Invalid(_) => None,
    };
    files
        .expect("readable")
        .into_iter()
        .filter_map(valid)
        .collect()
}

/// Publishes status as a reconciler would: a pointer is first seen, and judged a moment later. What is reported is
/// the pointers that moved although one before them was not verified yet.
fn play(
    gitops: &Path,
    plays: &BTreeMap<&str, Play>,
    mut stands: Stands,
    over: &AtomicBool,
) -> Vec<String> {
    let repo = Repo::open(gitops).expect("a repository");
    let cluster: ClusterName = "in-cluster".parse().expect("valid");
    let known = stands.iter();
    let mut first: BTreeMap<(TenantName, Part), ReleaseId> = known
        .filter_map(|(key, status)| Some((key.clone(), status.release.clone()?)))
        .collect();
    let mut early = Vec::new();
    while !over.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(100));
        let mut next = stands.clone();
        for pointer in pointers(&repo) {
            let key = (pointer.tenant.clone(), pointer.part);
            let known = stands.get(&key);
            let moved = known.is_none_or(|known| known.release.as_ref() != Some(&pointer.release));
            let play = plays.get(pointer.tenant.as_str()).copied();
            let play = play
                .filter(|_| pointer.part == Part::Work)
                .unwrap_or(Play::Verify);
            let phase = match (moved, play) {
                (true, _) => Phase::Progressing,
                (false, Play::Verify) => Phase::Verified,
                (false, Play::Fail) => Phase::Failed,
                (false, Play::RollBack) => match first.get(&key) {
                    Some(to) if *to != pointer.release => {
                        let rollback = AutoRollback {
                            cluster: cluster.clone(),
                            tenant: pointer.tenant.clone(),
                            part: pointer.part,
                            from: pointer.release.clone(),
                            to: to.clone(),
                            cause: Cause {
                                object: "Deployment web".to_owned(),
                                message: "crashes".to_owned(),
                                details: Vec::new(),
                            },
                        };
                        repo.auto_rollback(&rollback, &request()).expect("allowed");
                        continue;
                    }
                    _ => Phase::Verified,
                },
            };
            let waits = stands.iter().any(|((tenant, part), known)| {
                (tenant, part) != (&key.0, &key.1)
                    && known.phase != Phase::Verified
                    && plays.contains_key(tenant.as_str())
            });
            if moved && waits {
                early.push(key.0.to_string());
            }
            first
                .entry(key.clone())
                .or_insert_with(|| pointer.release.clone());
            next.insert(
                key,
                status(&pointer.tenant, pointer.part, &pointer.release, phase),
            );
        }
        stands = next;
        let all: Vec<Status> = stands.values().cloned().collect();
        repo.write_status(&cluster, 0, &all, NOW).expect("written");
    }
    early
}

fn request() -> Request<'static> {
    Request {
        reason: Some("not healthy"),
        actor: "orz-reconciler",
        request_id: None,
        now: NOW.to_owned(),
    }
}

fn status(tenant: &TenantName, part: Part, release: &ReleaseId, phase: Phase) -> Status {
    Status {
        cluster: "in-cluster".parse().expect("valid"),
        tenant: tenant.clone(),
        part,
        engine: "dir".to_owned(),
        release: Some(release.clone()),
        observed: Some(release.clone()),
        phase,
        health: HealthWord::Progressing,
        blocking: Vec::new(),
        reason: (phase == Phase::Failed).then(|| "web crashes".to_owned()),
        next: None,
        verified: Vec::new(),
        since: NOW.to_owned(),
    }
}

/// Runs `commands` while somebody plays the reconciler.
fn played<T>(env: &Env, plays: &[(&str, Play)], commands: impl FnOnce() -> T) -> (T, Vec<String>) {
    let gitops = env.path(GITOPS);
    let plays: BTreeMap<&str, Play> = plays.iter().copied().collect();
    // What is live by now is verified.
    let repo = Repo::open(&gitops).expect("a repository");
    let stands = pointers(&repo).into_iter().map(|pointer| {
        let Pointer {
            tenant,
            part,
            release,
            ..
        } = pointer;
        let status = status(&tenant, part, &release, Phase::Verified);
        ((tenant, part), status)
    });
    let stands: Stands = stands.collect();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let player = scope.spawn(|| play(&gitops, &plays, stands, &over));
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(commands));
        over.store(true, Ordering::SeqCst);
        let early = player.join().expect("the player plays");
        (
            done.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            early,
        )
    })
}

#[test]
fn batch_by_batch_until_the_first_that_fails_and_on_from_there() {
    let tenants = names(&[
        "zoo",
        "ant",
        "bee",
        "cat-staging",
        "dog-dev",
        "elk-dev",
        "fox-dev",
    ]);
    let env = source(&tenants);
    let fleet: &[&str] = &["publish", "--activate", "--reason", "all", "--fleet", "2"];
    let all = |play: Play| tenants.iter().map(move |t| (t.as_str(), play));
    let mut plays: Vec<(&str, Play)> = all(Play::Verify).collect();
    plays.push(("cat-staging", Play::Fail));
    let (document, early) = played(&env, &plays, || {
        let ran = env.run(&[fleet, &["--format", "json"]].concat());
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        serde_json::from_str::<Value>(&ran.stdout).expect("a document")
    });
    assert_eq!(early, Vec::<String>::new());
    let expected = [
        ("ant", "not-started"),
        ("bee", "not-started"),
        ("cat-staging", "failed"),
        ("dog-dev", "verified"),
        ("elk-dev", "verified"),
        ("fox-dev", "verified"),
        ("zoo", "not-started"),
    ];
    let expected = expected.map(|(tenant, fate)| (tenant.to_owned(), fate.to_owned()));
    assert_eq!(fates(&document), expected);
    assert_eq!(document["fleet"]["batches"], 5);
    let stopped = "batch 3 of 5: `cat-staging/work` failed: web crashes";
    assert_eq!(document["fleet"]["stopped"], stopped);
    let batches = |lists: &[&[&str]]| -> Vec<BTreeSet<String>> {
        let sets = lists.iter();
        sets.map(|list| list.iter().map(|&name| name.to_owned()).collect())
            .collect()
    };
    let before = batches(&[&["dog-dev", "elk-dev"], &["fox-dev"], &["cat-staging"]]);
    assert_eq!(commits(&env), before);

    // Somebody looked, and goes on: what is live is passed over, and only the rest moves.
    let plays: Vec<(&str, Play)> = all(Play::Verify).collect();
    let (ran, early) = played(&env, &plays, || env.run(fleet));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(early, Vec::<String>::new());
    let after = batches(&[&["ant", "bee"], &["zoo"]]);
    assert_eq!(commits(&env), [before, after].concat());
    assert_eq!(ran.stderr, "batch 1 of 2: ant, bee\nbatch 2 of 2: zoo\n");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "ant          batch 1  live, verified");
    assert_eq!(lines[3], "cat-staging           live already");

    // Nothing to do is no batch.
    let ran = env.run(fleet);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
}

#[test]
fn what_is_taken_back_held_or_never_reported_stops_it_or_is_passed_over() {
    let tenants = names(&["ant", "bee", "cat"]);
    let env = source(&tenants);
    env.run(&["publish", "--activate", "--reason", "first"])
        .ok();
    let seen: &[(&str, Play)] = &[("ant", Play::Verify), ("bee", Play::RollBack)];
    let fleet: &[&str] = &["publish", "--activate", "--reason", "all", "--fleet", "1"];
    let patient = [fleet, &["--fleet-timeout", "1m"]].concat();
    env.run(&["hold", "ant", "--reason", "the fair is on"]).ok();
    let (ran, _) = played(&env, seen, || {
        write(&env, &tenants, 2);
        env.run(&patient)
    });
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let said = [
        "batch 1 of 3: ant\nbatch 2 of 3: bee\nstopped in batch 2 of 3: `bee/work` was rolled back to ",
        ": Deployment web: crashes\nlook at `orzc status TENANT`; the same command again goes on with what is not live yet\n",
    ];
    for said in said {
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
    for line in [
        "ant  batch 1  passed over  held by Ann Operator <ann@example.com>: the fair is on\n",
        "bee  batch 2  failed       work was rolled back to ",
        "cat  batch 3  not started\n",
    ] {
        assert!(ran.stdout.contains(line), "{}", ran.stdout);
    }

    // Nobody reports anything any more: `bee` is held by its rollback, and `cat` is late.
    let late = env.run(&[fleet, &["--fleet-timeout", "1s"]].concat());
    assert_eq!(late.code, 1, "{}", late.stderr);
    let why = "`cat/work` was not verified within 1 s: is not reported yet";
    assert!(late.stderr.contains(why), "{}", late.stderr);
    assert!(
        late.stdout.contains("bee  batch 2  passed over"),
        "{}",
        late.stdout
    );
}

/// Under the brake nothing is verified, so nothing goes live either.
#[test]
fn an_outage_stops_it() {
    let env = source(&names(&["ant", "bee"]));
    let repo = Repo::open(env.path(GITOPS)).expect("a repository");
    let brake = |repo: &Repo| {
        let brake = Brake {
            cluster: "in-cluster".parse().expect("valid"),
            at: NOW.to_owned(),
            failed: 6,
            recent: 7,
            reason: "6 of 7 failed".to_owned(),
        };
        repo.set_brake(&brake, &request()).expect("set");
    };
    let fleet: &[&str] = &["publish", "--activate", "--reason", "all", "--fleet", "1"];
    brake(&repo);
    let ran = env.run(fleet);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let why = "stopped in batch 1 of 2, which did not start: the brake of `in-cluster` is set since 2026-01-31T12:00:00Z: 6 of 7 failed\n`orzc resume` lifts the brake";
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
    assert_eq!(commits(&env), Vec::<BTreeSet<String>>::new());
    env.run(&["resume", "--cluster", "in-cluster", "--reason", "over"])
        .ok();

    // It is set while the first batch is on its way.
    let gitops = env.path(GITOPS);
    let ran = thread::scope(|scope| {
        scope.spawn(move || {
            let repo = Repo::open(gitops).expect("a repository");
            while pointers(&repo).is_empty() {
                thread::sleep(Duration::from_millis(50));
            }
            brake(&repo);
        });
        env.run(fleet)
    });
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let why =
        "stopped in batch 1 of 2: `ant/tenancy` is not judged: the brake of `in-cluster` is set";
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
    assert!(
        ran.stdout.contains("bee  batch 2  not started"),
        "{}",
        ran.stdout
    );
}

/// The same with the loop that runs in a cluster, over a real directory.
#[test]
fn the_real_reconciler_verifies_batch_by_batch() {
    let tenants = names(&["ant", "ant-dev", "bee", "bee-dev"]);
    let env = source(&tenants);
    let live = env.path("live");
    std::fs::create_dir(&live).expect("a folder");
    let gitops = env.path(GITOPS);
    // It follows for as long as this process lives.
    let follow = move || {
        let repo = Repo::open(gitops).expect("a repository");
        let engine = DirEngine::open(&live).expect("a directory");
        let given = Given {
            soak: Some(Duration::from_millis(300)),
            status: Some(Duration::from_millis(100)),
            ..Given::default()
        };
        let settings = Settings::given("in-cluster".parse().expect("valid"), given);
        let log = Log {
            format: LogFormat::Text,
        };
        Follower::new(
            &repo,
            vec![Box::new(engine)],
            settings,
            SystemClock::start(),
            log,
        )
        .run();
    };
    thread::spawn(follow);
    let document = env.json(&[
        "publish",
        "--activate",
        "--reason",
        "all",
        "--fleet",
        "2",
        "--fleet-timeout",
        "2m",
    ]);
    assert_eq!(document["fleet"]["stopped"], Value::Null, "{document:#}");
    assert!(fates(&document).iter().all(|(_, fate)| fate == "verified"));
    let dev = |set: &BTreeSet<String>| set.iter().all(|name| name.ends_with("-dev"));
    let order: Vec<bool> = commits(&env).iter().map(dev).collect();
    assert_eq!(order, [true, false]);
    for tenant in &tenants {
        assert!(
            env.path("live/in-cluster")
                .join(tenant)
                .join("work")
                .exists()
        );
    }
}
