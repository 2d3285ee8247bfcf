//! The timings of the reconciler, changed and taken back as a release of the platform.

use orz_cluster_tests::Ref;
use orz_core::format::{Phase, ReconcilerSettings};
use orz_core::id::{Part, ReleaseId, TenantName};
use orz_scenario_tests::{App, Engine, TestResult, World, pointer_path};
use serde_json::{Value, json};

#[test]
fn timings_are_released_with_apply() -> TestResult {
    timings_are_released(Engine::Apply)
}

#[test]
fn timings_are_released_with_argocd() -> TestResult {
    timings_are_released(Engine::ArgoCd)
}

/// A soak of seconds is published and verified by; one of an hour keeps the next release waiting in the running
/// reconciler; the rollback of the platform lets it be verified.
fn timings_are_released(engine: Engine) -> TestResult {
    let world = World::start(engine)?;
    let short = soak(&world, "3s")?;
    let mut running = world.untimed_reconciler(&["--poll", "50ms"])?;
    world.until_phase(
        TenantName::PLATFORM,
        Part::Platform,
        &short,
        Phase::Verified,
    )?;
    in_place(&world, &short, "3s")?;
    let first = world.deploy("acme", &[App::new("web", "1")])?;
    world.until_phase("acme", Part::Work, &first, Phase::Verified)?;

    let long = soak(&world, "1h")?;
    assert_ne!(long, short);
    world.until("the long soak holds", || {
        Ok(world.log().contains("soak 3600s"))
    })?;
    let second = world.deploy("acme", &[App::new("web", "2")])?;
    world.until("the second release has an hour to go", || {
        let status = world.status("acme", Part::Work)?;
        let next = status
            .filter(|s| s.release.as_ref() == Some(&second) && s.phase == Phase::Soaking)
            .and_then(|s| s.next);
        Ok(next.is_some_and(|next| next.what == "verified" && next.in_seconds > 3_000))
    })?;
    world.until("the cluster has the long soak", || {
        Ok(stated(&world)? == "1h")
    })?;

    // Nothing tells the platform's release that soaks for an hour from one that is verified, but the status.
    world.orzc(
        &["rollback", TenantName::PLATFORM, "--reason", "too patient"],
        0,
    )?;
    assert_eq!(world.live(TenantName::PLATFORM, Part::Platform)?, short);
    world.until_phase("acme", Part::Work, &second, Phase::Verified)?;
    world.until_phase(
        TenantName::PLATFORM,
        Part::Platform,
        &short,
        Phase::Verified,
    )?;
    in_place(&world, &short, "3s")?;
    let said = world.orzc(&["history", TenantName::PLATFORM], 0)?;
    assert!(said.contains("too patient"), "{said}");
    a_pointer_to_nowhere_changes_nothing(&world, &short)?;
    without_a_release_the_usual_holds(&world)?;
    running.check()
}

/// Somebody points the platform by hand at what does not exist: the last good timings stay until it is repaired.
fn a_pointer_to_nowhere_changes_nothing(world: &World, good: &ReleaseId) -> TestResult {
    let hand = world.hand()?;
    let path = pointer_path(TenantName::PLATFORM, Part::Platform)?;
    let nowhere: ReleaseId = "0badc0de".repeat(5).parse()?;
    let text = hand.read("main", &path)?;
    let text = text.replace(good.as_str(), nowhere.as_str());
    let broken = hand.commit("main", &path, &text, "faster, please")?;
    world.until_phase(
        TenantName::PLATFORM,
        Part::Platform,
        &nowhere,
        Phase::Invalid,
    )?;
    let said = world.orzc(&["status", TenantName::PLATFORM], 1)?;
    assert!(said.contains("no-index-entry"), "{said}");
    let third = world.deploy("acme", &[App::new("web", "3")])?;
    world.until_phase("acme", Part::Work, &third, Phase::Verified)?;
    assert_eq!(stated(world)?, "3s");
    hand.revert(&broken)?;
    world.until_phase(TenantName::PLATFORM, Part::Platform, good, Phase::Verified)
}

/// The platform leaves like a tenant, and the reconciler goes on by what it does without a release.
fn without_a_release_the_usual_holds(world: &World) -> TestResult {
    let with_reason = ["--reason", "the flags were enough"];
    world.orzc(
        &[&["retire", TenantName::PLATFORM], &with_reason[..]].concat(),
        0,
    )?;
    world.until("the settings left the cluster", || {
        Ok(world.server.get(&settings())?.is_none())
    })?;
    let destroy = ["destroy", TenantName::PLATFORM, "--yes"];
    world.orzc(&[&destroy[..], &with_reason].concat(), 0)?;
    world.until("the usual soak holds", || {
        Ok(world.log().contains("soak 120s"))
    })?;
    assert!(world.live(TenantName::PLATFORM, Part::Platform).is_err());
    Ok(())
}

fn settings() -> Ref {
    Ref::new("v1", "ConfigMap", "orz-system", ReconcilerSettings::NAME)
}

/// States a soak in the source, and makes it live as any release.
fn soak(world: &World, soak: &str) -> TestResult<ReleaseId> {
    let reconciler = json!({
        "soak": soak, "deadline": "90s", "drift_interval": "3s", "status_interval": "1s",
    });
    world.write("platform/reconciler.json", &reconciler)?;
    world.commit("another soak")?;
    let tenant = ["--tenant", TenantName::PLATFORM];
    let publish = ["publish", "--activate", "--reason", "another soak"];
    world.orzc(&[&publish[..], &tenant].concat(), 0)?;
    world.live(TenantName::PLATFORM, Part::Platform)
}

/// The soak that the ConfigMap in the cluster states.
fn stated(world: &World) -> TestResult<String> {
    let object = world.server.get(&settings())?.unwrap_or_default();
    let text = object["data"][ReconcilerSettings::KEY].as_str();
    let settings: Value = serde_json::from_str(text.unwrap_or("null"))?;
    Ok(settings["soak"].as_str().unwrap_or_default().to_owned())
}

/// The cluster states this soak, and where Argo CD wrote it, its Application says so.
fn in_place(world: &World, release: &ReleaseId, soak: &str) -> TestResult {
    assert_eq!(stated(world)?, soak);
    if world.engine == Engine::ArgoCd {
        let application = world.application(TenantName::PLATFORM, Part::Platform)?;
        let (spec, status) = (&application["spec"], &application["status"]);
        assert_eq!(spec["project"], "orz-platform");
        assert_eq!(spec["destination"]["namespace"], "orz-system");
        assert_eq!(status["sync"]["revision"], release.as_str());
        assert_eq!(status["sync"]["status"], "Synced");
        assert_eq!(status["health"]["status"], "Healthy");
    }
    Ok(())
}
