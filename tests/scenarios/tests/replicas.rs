//! Several reconcilers share the tenants of a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use orz_cluster_tests::{Gate, Ref, Written};
use orz_core::format::{Inventory, Phase};
use orz_core::id::{Part, ReleaseId};
use orz_core::paths;
use orz_gitops::{ActivateOptions, Request};
use orz_scenario_tests::{App, Engine, Running, TestResult, World, image, size};
use orz_test_tools::say;

#[test]
fn a_stale_replica_changes_nothing_with_apply() -> TestResult {
    a_stale_replica_changes_nothing(Engine::Apply)
}

#[test]
fn a_stale_replica_changes_nothing_with_argocd() -> TestResult {
    a_stale_replica_changes_nothing(Engine::ArgoCd)
}

const PATIENCE: Duration = Duration::from_mins(3);
/// So short that a takeover is not what the scenario waits for.
const TIMED: [&str; 12] = [
    "--lease",
    "1s",
    "--soak",
    "300ms",
    "--deadline",
    "5m",
    "--poll",
    "50ms",
    "--status-interval",
    "300ms",
    "--drift-interval",
    "1m",
];

/// A replica stops between what it looked at and its first write. Its lease runs out, the pointer moves on, and the
/// other replica follows. Then the write arrives, and the replica wakes up.
fn a_stale_replica_changes_nothing(engine: Engine) -> TestResult {
    let world = World::start(engine)?;
    let mut releases = Vec::new();
    let tags = ["1", "2", "3"];
    for tag in tags {
        releases.push(world.deploy("ann", &[App::new("web", tag)])?);
    }
    let folder = tempfile::tempdir()?;
    let replica = |name: &str| -> TestResult<(Gate, Running)> {
        let gate = Gate::start(&world.plane.product_kubeconfig(), folder.path(), name)?;
        let named = [&["--replica", name], &TIMED[..]].concat();
        let running = world.launch_through(gate.kubeconfig(), &named).start()?;
        Ok((gate, running))
    };
    let replicas = BTreeMap::from([("r-1", replica("r-1")?), ("r-2", replica("r-2")?)]);
    let mut live = 2;
    world.until("the first release is verified", || {
        verified(&world, &releases[2])
    })?;

    let rounds = size(3, 200);
    let started = Instant::now();
    for round in 0..rounds {
        world.until("the shards are shared", || {
            let counts = counts(&world)?;
            Ok(counts.values().copied().collect::<Vec<_>>() == [8, 8])
        })?;
        let holder = holder(&world, "ann")?.ok_or("nobody follows ann")?;
        let (gate, running) = &replicas[holder.as_str()];
        let (stale, newer) = ((live + 1) % 3, (live + 2) % 3);
        let before = gate.written().len();
        gate.hold();
        activate(&world, &releases[stale])?;
        let (method, path) = gate.held(PATIENCE)?;
        assert!(
            path.contains("/namespaces/orz-system/configmaps"),
            "the first write is the inventory, not {method} {path}"
        );
        running.stand_still()?;
        activate(&world, &releases[newer])?;
        world.until(format!("{round}: the other replica follows"), || {
            verified(&world, &releases[newer])
        })?;
        let answer = gate.release(PATIENCE)?;
        assert_eq!(answer.code, 409, "{answer:?}");
        running.go_on()?;
        world.until("the shards are shared again", || {
            Ok(counts(&world)?.values().copied().collect::<Vec<_>>() == [8, 8])
        })?;
        // What it was about to do next would have come by now.
        thread::sleep(Duration::from_millis(300));
        assert!(
            verified(&world, &releases[newer])?,
            "{round}: the newer release stays"
        );
        assert_eq!(world.image("ann", "web")?, Some(image("web", tags[newer])));
        let written = gate.written();
        let done: Vec<&Written> = written[before..]
            .iter()
            .filter(|w| is_of_release(w))
            .collect();
        assert!(done.is_empty(), "{round}: the stale replica wrote {done:?}");
        live = newer;
    }
    let took = started.elapsed().as_secs_f64();
    say(&format!(
        "{}: {rounds} times a stale replica was refused; {took:.0} s",
        engine.name()
    ));
    Ok(())
}

/// Whether a write changes an object of a release, or what Argo CD is told about it.
fn is_of_release(written: &Written) -> bool {
    let of_release =
        written.path.contains("/namespaces/ann/") || written.path.contains("argoproj.io");
    of_release && written.code < 300
}

fn activate(world: &World, release: &ReleaseId) -> TestResult {
    let request = Request {
        reason: Some("contested"),
        actor: "Ann <ann@example.com>",
        request_id: None,
        now: "2027-01-01T00:00:00Z".to_owned(),
    };
    let options = ActivateOptions::default();
    world
        .repo
        .activate(&"ann".parse()?, Part::Work, release, options, &request)?;
    Ok(())
}

fn verified(world: &World, release: &ReleaseId) -> TestResult<bool> {
    let inventory = world.inventory("ann", Part::Work)?;
    Ok(inventory.is_some_and(|inventory| {
        let Inventory {
            complete, memory, ..
        } = &inventory;
        let phase = memory.as_ref().map(|memory| memory.phase);
        inventory.release == *release && *complete && phase == Some(Phase::Verified)
    }))
}

/// The replica that holds the shard of a tenant.
fn holder(world: &World, tenant: &str) -> TestResult<Option<String>> {
    let name = format!("orz-shard-{}", &paths::shard(&tenant.parse()?)[..1]);
    let lease = Ref::new("coordination.k8s.io/v1", "Lease", "orz-system", &name);
    let found = world.server.get(&lease)?;
    let process = found
        .as_ref()
        .and_then(|lease| lease["spec"]["holderIdentity"].as_str());
    Ok(process.and_then(|process| Some(process.split_once('/')?.0.to_owned())))
}

/// How many shards each replica holds.
fn counts(world: &World) -> TestResult<BTreeMap<String, usize>> {
    let mut counts = BTreeMap::new();
    let leases = world
        .server
        .list("coordination.k8s.io/v1", "Lease", "orz-system")?;
    for lease in &leases {
        let name = lease["metadata"]["name"].as_str().unwrap_or_default();
        let process = lease["spec"]["holderIdentity"].as_str();
        if let (true, Some((replica, _))) = (
            name.starts_with("orz-shard-"),
            process.and_then(|process| process.split_once('/')),
        ) {
            *counts.entry(replica.to_owned()).or_default() += 1;
        }
    }
    Ok(counts)
}

/// Three replicas, of which one is killed and one is asked to end; the last one follows all.
#[test]
fn tenants_go_to_those_who_live() -> TestResult {
    let world = World::start(Engine::Apply)?;
    let tenants = size(6, 20);
    let bundles = |tag: &str| -> Vec<(String, Vec<App>)> {
        let bundle = |n| (format!("t-{n}"), vec![App::new("web", tag)]);
        (0..tenants).map(bundle).collect()
    };
    let start = |name: &str| {
        let timed = ["--replica", name, "--lease", "3s"];
        world.reconciler(&timed)
    };
    let killed = start("r-1")?;
    let first = world.deploy_all(&bundles("1"))?;
    world.until_all(&first, Phase::Verified)?;
    assert_eq!(counts(&world)?.into_values().collect::<Vec<_>>(), [16]);

    let ended = start("r-2")?;
    let last = start("r-3")?;
    world.until("three replicas share the shards", || {
        Ok(counts(&world)?.into_values().collect::<Vec<_>>() == [6, 5, 5])
    })?;
    let second = world.deploy_all(&bundles("2"))?;
    world.until_all(&second, Phase::Verified)?;
    let writers: BTreeSet<String> = (0..tenants)
        .filter_map(|n| world.inventory(&format!("t-{n}"), Part::Work).transpose())
        .filter_map(|inventory| Some(inventory.ok()?.writer?.holder))
        .collect();
    assert!(
        writers.len() > 1,
        "more than one replica did the work: {writers:?}"
    );

    drop(killed);
    let third = world.deploy_all(&bundles("3"))?;
    world.until_all(&third, Phase::Verified)?;

    let asked = Instant::now();
    assert_eq!(ended.end()?, Some(0));
    world.until("one replica follows all", || {
        Ok(counts(&world)? == BTreeMap::from([("r-3".to_owned(), 16)]))
    })?;
    say(&format!(
        "what was given up was taken after {:.2} s",
        asked.elapsed().as_secs_f64()
    ));
    let fourth = world.deploy_all(&bundles("4"))?;
    world.until_all(&fourth, Phase::Verified)?;

    // A second process of the same name takes over, and the first one ends instead of fighting.
    let twin = start("r-3")?;
    let mut last = last;
    world.until("the first of two of one name has ended", || {
        Ok(world.log().contains("another process took the name `r-3`"))
    })?;
    assert!(last.check().is_err());
    let fifth = world.deploy_all(&bundles("5"))?;
    world.until_all(&fifth, Phase::Verified)?;
    drop(twin);
    Ok(())
}
