//! What was true of the release before proves nothing about this one.

use std::thread;
use std::time::Duration;

use orz_cluster_tests::argocd::Component;
use orz_core::format::{Phase, Status};
use orz_core::id::{Part, ReleaseId};
use orz_scenario_tests::{App, Engine, TestResult, World, deployment};
use serde_json::Value;

#[test]
fn stale_health_verifies_nothing_with_apply() -> TestResult {
    let mut world = World::start(Engine::Apply)?;
    let _running = world.reconciler(&[])?;
    let first = world.deploy("acme", &[App::new("web", "1")])?;
    world.until_phase("acme", Part::Work, &first, Phase::Verified)?;
    kubernetes_stands_still(&mut world)?;
    assert!(world.automatic("acme")?.is_empty());
    Ok(())
}

#[test]
fn stale_health_verifies_nothing_with_argocd() -> TestResult {
    let mut world = World::start(Engine::ArgoCd)?;
    let _running = world.reconciler(&[])?;
    let first = world.deploy("acme", &[App::new("web", "1")])?;
    world.until_phase("acme", Part::Work, &first, Phase::Verified)?;
    argo_cd_stands_still(&mut world, &first)?;
    kubernetes_stands_still(&mut world)?;
    assert!(world.automatic("acme")?.is_empty());
    Ok(())
}

/// Argo CD stands still and goes on showing Synced and Healthy for the release before: the next one is not
/// verified by that, however long it takes, and not taken back before its time either.
fn argo_cd_stands_still(world: &mut World, first: &ReleaseId) -> TestResult {
    let argo = world.argo.as_mut().ok_or("no Argo CD")?;
    argo.kill(Component::ApplicationController);
    let second = world.deploy("acme", &[App::new("web", "2")])?;
    let status = stays_progressing(world, &second)?;
    assert_eq!(status.observed.as_ref(), Some(first));
    let application = world.application("acme", Part::Work)?;
    assert_eq!(application["status"]["health"]["status"], "Healthy");
    assert_eq!(application["status"]["sync"]["status"], "Synced");
    assert_eq!(application["status"]["sync"]["revision"], first.as_str());
    let said = world.orzc(&["status", "acme"], 0)?;
    let waits = format!("{} is still in place", &first.as_str()[..12]);
    assert!(said.contains(&waits), "{said}");

    let argo = world.argo.as_mut().ok_or("no Argo CD")?;
    argo.start_component(Component::ApplicationController)?;
    world.until_phase("acme", Part::Work, &second, Phase::Verified)
}

/// The release is in place, and Kubernetes has not looked at it: what it says about a Deployment, that all pods are
/// available, it says about the template before.
fn kubernetes_stands_still(world: &mut World) -> TestResult {
    world.plane.kill_controllers();
    let third = world.deploy("acme", &[App::new("web", "3")])?;
    world.until("the third release is in place", || {
        let status = world.status("acme", Part::Work)?;
        Ok(status.is_some_and(|status| status.observed.as_ref() == Some(&third)))
    })?;
    let status = stays_progressing(world, &third)?;
    let web = deployment("acme", "web");
    let found = world.server.get(&web)?.ok_or("no Deployment")?;
    let (generation, seen) = (
        found["metadata"]["generation"].as_u64(),
        found["status"]["observedGeneration"].as_u64(),
    );
    assert!(seen < generation, "{found:#}");
    assert_eq!(found["status"]["availableReplicas"], 1);
    assert_eq!(found["status"]["updatedReplicas"], 1);
    let available = found["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten();
    let available: Vec<&Value> = available.filter(|c| c["type"] == "Available").collect();
    assert_eq!(available[0]["status"], "True");
    let blocking = status.blocking.first().ok_or("nothing blocks")?;
    assert_eq!(blocking.object.name, "web");
    assert!(
        blocking.message.contains("has not seen the newest change"),
        "{blocking:?}"
    );
    let said = world.orzc(&["status", "acme"], 0)?;
    assert!(said.contains(&blocking.message), "{said}");

    world.plane.start_controllers()?;
    world.until_phase("acme", Part::Work, &third, Phase::Verified)
}

/// Several times the soak, looking all the while.
fn stays_progressing(world: &World, release: &ReleaseId) -> TestResult<Status> {
    world.until_phase("acme", Part::Work, release, Phase::Progressing)?;
    let mut last = None;
    for _ in 0..60 {
        thread::sleep(Duration::from_millis(200));
        let status = world.status("acme", Part::Work)?.ok_or("no status")?;
        assert_eq!(status.release.as_ref(), Some(release));
        assert_eq!(status.phase, Phase::Progressing, "{status:#?}");
        assert!(!status.verified.contains(release));
        last = Some(status);
    }
    last.ok_or_else(|| "never looked".into())
}
