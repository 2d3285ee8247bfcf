//! From a bundle to a verified release and back, by a person and by itself.

use orz_cluster_tests::standin::Outcome;
use orz_core::format::Phase;
use orz_core::id::Part;
use orz_scenario_tests::{App, Engine, TestResult, World, image};

#[test]
fn goes_live_and_comes_back_with_apply() -> TestResult {
    goes_live_and_comes_back(Engine::Apply)
}

#[test]
fn goes_live_and_comes_back_with_argocd() -> TestResult {
    goes_live_and_comes_back(Engine::ArgoCd)
}

/// bundle → publish → activate → in place, healthy, verified after the soak; then a rollback by a person.
fn goes_live_and_comes_back(engine: Engine) -> TestResult {
    let world = World::start(engine)?;
    let _running = world.reconciler(&[])?;
    let first = world.deploy("acme", &[App::new("web", "1")])?;
    world.until_phase("acme", Part::Work, &first, Phase::Verified)?;
    in_place(&world, &first, "1")?;
    let second = world.deploy("acme", &[App::new("web", "2")])?;
    world.until_phase("acme", Part::Work, &second, Phase::Verified)?;
    in_place(&world, &second, "2")?;

    world.orzc(&["rollback", "acme", "--reason", "customers complain"], 0)?;
    assert_eq!(world.live("acme", Part::Work)?, first);
    world.until_phase("acme", Part::Work, &first, Phase::Verified)?;
    in_place(&world, &first, "1")?;
    assert!(
        world.automatic("acme")?.is_empty(),
        "a person moved it, nobody else"
    );
    Ok(())
}

/// The cluster has exactly this release, and Argo CD says so too where it is the one who knows.
fn in_place(world: &World, release: &orz_core::id::ReleaseId, tag: &str) -> TestResult {
    assert_eq!(world.image("acme", "web")?, Some(image("web", tag)));
    if world.engine == Engine::ArgoCd {
        let application = world.application("acme", Part::Work)?;
        let status = &application["status"];
        assert_eq!(status["sync"]["revision"], release.as_str());
        assert_eq!(status["sync"]["status"], "Synced");
        assert_eq!(status["health"]["status"], "Healthy");
        let automated = &application["spec"]["syncPolicy"]["automated"];
        assert_eq!(
            automated["selfHeal"], true,
            "automated sync and self-heal stay on"
        );
        assert_eq!(automated["prune"], true);
    }
    Ok(())
}

#[test]
fn a_bad_release_comes_back_with_apply() -> TestResult {
    a_bad_release_comes_back(Engine::Apply)
}

#[test]
fn a_bad_release_comes_back_with_argocd() -> TestResult {
    a_bad_release_comes_back(Engine::ArgoCd)
}

/// A release whose image cannot be pulled is taken back by a commit that says so, and stays blocked; the one
/// that repairs it goes live; an app that was broken before takes nothing back.
fn a_bad_release_comes_back(engine: Engine) -> TestResult {
    let world = World::start(engine)?;
    let _running = world.reconciler(&[])?;
    let apps = |web: &str, worker: &str| [App::new("web", web), App::new("worker", worker)];
    let first = world.deploy("acme", &apps("1", "1"))?;
    world.until_phase("acme", Part::Work, &first, Phase::Verified)?;

    world.pods("web", "bad", Outcome::CannotPull);
    let bad = world.deploy("acme", &apps("bad", "1"))?;
    assert_ne!(bad, first);
    world.until("the bad release is taken back", || {
        Ok(world.live("acme", Part::Work)? == first)
    })?;
    let items = world.automatic("acme")?;
    assert_eq!(items.len(), 1);
    let cause = items[0].cause.as_ref().ok_or("no cause")?;
    assert_eq!(cause.object, "Deployment acme/web");
    assert!(cause.message.contains("timed out progressing"), "{cause:?}");
    let details = cause.details.join("\n");
    assert!(
        details.contains("ImagePull") || details.contains("ErrImage"),
        "{cause:?}"
    );
    world.until_phase("acme", Part::Work, &first, Phase::Verified)?;
    let history = world.orzc(&["history", "acme"], 0)?;
    assert!(history.contains("Deployment acme/web"), "{history}");

    // The failed one stays blocked, also when it is published again.
    assert_eq!(world.deploy("acme", &apps("bad", "1"))?, bad);
    assert_eq!(world.live("acme", Part::Work)?, first);
    let fixed = world.deploy("acme", &apps("2", "1"))?;
    world.until_phase("acme", Part::Work, &fixed, Phase::Verified)?;

    // The worker's image vanishes from the registry: an old failure, which a release that only changes the
    // other app is not judged by.
    world.pods("worker", "1", Outcome::NeverReady);
    world.until("the worker is broken", || {
        let object = world
            .server
            .get(&orz_scenario_tests::deployment("acme", "worker"))?;
        Ok(object.is_some_and(|object| object["status"]["availableReplicas"].as_u64().is_none()))
    })?;
    let next = world.deploy("acme", &apps("3", "1"))?;
    world.until_phase("acme", Part::Work, &next, Phase::Verified)?;
    assert_eq!(world.automatic("acme")?.len(), 1);
    Ok(())
}
