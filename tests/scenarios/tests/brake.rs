//! So many releases fail at once that it is an outage: nothing moves by itself until a person says so.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use orz_cluster_tests::standin::Outcome;
use orz_core::format::{Brake, Phase};
use orz_core::id::{Part, ReleaseId};
use orz_scenario_tests::{App, Engine, TestResult, World, deployment, image, size};
use orz_test_tools::say;
use serde_json::{Value, json};

#[test]
fn an_outage_sets_the_brake_with_apply() -> TestResult {
    an_outage_sets_the_brake(Engine::Apply)
}

#[test]
fn an_outage_sets_the_brake_with_argocd() -> TestResult {
    an_outage_sets_the_brake(Engine::ArgoCd)
}

/// So many failures are bad releases, whatever the share of them.
const LEAST: u64 = 3;
/// So many of a hundred are.
const PERCENT: u64 = 5;

/// So many fail before the reconciler is killed: fewer than set the brake.
const FEW: usize = 2;

/// All tenants move to an image that nobody can pull.
fn an_outage_sets_the_brake(engine: Engine) -> TestResult {
    let world = World::start(engine)?;
    // Until its pods have had their turn on a small machine.
    let deadline = json!({"progress_deadline_seconds": size(10, 60)});
    world.write("platform/apps.json", &deadline)?;
    let least = LEAST.to_string();
    let flags = ["--brake-min", &least];
    let running = world.fleet_reconciler(&flags)?;
    let tenants: Vec<String> = (0..size(12, 100)).map(|n| format!("t-{n}")).collect();
    let good = deploy(&world, &tenants, "1")?;
    world.until_all(&good, Phase::Verified)?;

    // The first ones are taken back as bad releases are. Then the reconciler dies, and what it has counted does
    // not: the next one needs no more failures to see what this is.
    world.pods("web", "bad", Outcome::CannotPull);
    let (few, many) = tenants.split_at(FEW);
    let mut bad = deploy(&world, few, "bad")?;
    world.until("the first ones are taken back", || {
        Ok(taken_back(&world, few)?.len() == FEW)
    })?;
    drop(running);
    let running = world.fleet_reconciler(&flags)?;
    bad.extend(deploy(&world, many, "bad")?);
    world.until("the brake is set", || Ok(brake(&world)?.is_some()))?;
    let set = brake(&world)?.ok_or("the brake is gone")?;
    let allowed = LEAST.max(set.recent * PERCENT / 100);
    assert_eq!(set.failed, allowed + 1, "{set:?}");

    // Everything breaks, and nothing moves.
    world.until("every release that was not taken back is broken", || {
        for (tenant, release) in &bad {
            if world.live(tenant, Part::Work)? == *release && !is_broken(&world, tenant)? {
                return Ok(false);
            }
        }
        Ok(true)
    })?;
    let head = world.git_gitops(&["rev-parse", "main"])?;
    let back = taken_back(&world, &tenants)?;
    say(&format!(
        "{} of {} were taken back",
        back.len(),
        tenants.len()
    ));
    assert_eq!(u64::try_from(back.len())?, allowed);
    thread::sleep(Duration::from_secs(10));
    assert_eq!(world.git_gitops(&["rev-parse", "main"])?, head);
    assert_eq!(alerts(&world, "the brake is set"), 1);
    assert_eq!(alerts(&world, ""), 1 + back.len());
    let stuck: Vec<&String> = tenants.iter().filter(|t| !back.contains(t)).collect();
    says_so(&world, stuck[0])?;

    // Another process, the same brake: what is new goes in place and is not judged.
    drop(running);
    let _running = world.fleet_reconciler(&flags)?;
    let late = world.deploy("late", &[App::new("web", "1")])?;
    world.until("the late one is in place", || {
        let status = world.status("late", Part::Work)?;
        Ok(status.is_some_and(|s| s.observed.as_ref() == Some(&late)))
    })?;
    // A person may do what the machine must not.
    world.orzc(&["rollback", stuck[0], "--reason", "I know this one"], 0)?;
    world.until("the one that a person took back is in place", || {
        Ok(world.image(stuck[0], "web")? == Some(image("web", "1")))
    })?;
    assert_eq!(taken_back(&world, &tenants)?, back);
    assert_eq!(brake(&world)?, Some(set));
    assert_eq!(alerts(&world, "the brake is set"), 1);

    let reason = "it is the release, and not the registry";
    world.orzc(
        &["resume", "--cluster", "in-cluster", "--reason", reason],
        0,
    )?;
    world.until_all(&good, Phase::Verified)?;
    world.until_phase("late", Part::Work, &late, Phase::Verified)?;
    assert_eq!(brake(&world)?, None);
    assert_eq!(alerts(&world, "the brake is set"), 1);
    for tenant in &tenants {
        let once = usize::from(tenant != stuck[0]);
        assert_eq!(world.automatic(tenant)?.len(), once, "{tenant}");
        assert_eq!(
            world.image(tenant, "web")?,
            Some(image("web", "1")),
            "{tenant}"
        );
    }
    say(&world.orzc(&["status"], 0)?);
    Ok(())
}

fn deploy(world: &World, tenants: &[String], tag: &str) -> TestResult<BTreeMap<String, ReleaseId>> {
    let bundles: Vec<_> = tenants
        .iter()
        .map(|tenant| (tenant.clone(), vec![App::new("web", tag)]))
        .collect();
    world.deploy_all(&bundles)
}

fn brake(world: &World) -> TestResult<Option<Brake>> {
    Ok(world.repo.view()?.brake(&"in-cluster".parse()?)?)
}

/// Whether the real deployment controller has given up on it.
fn is_broken(world: &World, tenant: &str) -> TestResult<bool> {
    let found = world.server.get(&deployment(tenant, "web"))?;
    let conditions = found
        .as_ref()
        .and_then(|object| object.pointer("/status/conditions"))
        .and_then(Value::as_array);
    Ok(conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["reason"] == "ProgressDeadlineExceeded"))
}

/// Who was taken back automatically.
fn taken_back(world: &World, tenants: &[String]) -> TestResult<Vec<String>> {
    let mut back = Vec::new();
    for tenant in tenants {
        if !world.automatic(tenant)?.is_empty() {
            back.push(tenant.clone());
        }
    }
    Ok(back)
}

/// How often a person was called about something.
fn alerts(world: &World, what: &str) -> usize {
    let log = world.log();
    let alerts = log.lines().filter(|line| line.starts_with("level=alert"));
    alerts.filter(|line| line.contains(what)).count()
}

/// `orzc status` says that the brake stands, what that means for one that is broken, and what lifts it.
fn says_so(world: &World, stuck: &str) -> TestResult {
    // What a reconciler publishes is a second old at most.
    world.until("status tells of the brake", || {
        let status = world.status(stuck, Part::Work)?;
        Ok(status.is_some_and(|s| s.reason.is_some_and(|reason| reason.contains("brake"))))
    })?;
    let text = world.orzc(&["status", stuck], 0)?;
    say(&text);
    for expected in [
        "in-cluster: the brake is set since ",
        "`orzc resume --cluster in-cluster --reason TEXT`",
        "the brake of the cluster stands: nothing is judged",
        &format!("Deployment {stuck}/web  Degraded"),
        "next: nothing until `orzc resume --cluster in-cluster --reason TEXT`",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let document: Value = serde_json::from_str(&world.orzc(&["--format", "json", "status"], 0)?)?;
    assert_eq!(document["brakes"][0]["cluster"], "in-cluster", "{document}");
    Ok(())
}
