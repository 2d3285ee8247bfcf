//! What was true of the release before proves nothing about this one.

use std::thread;
use std::time::Duration;

use orz_cluster_tests::argocd::Component;
use orz_core::format::Phase;
use orz_core::id::Part;
use orz_scenario_tests::{App, Engine, TestResult, World};

/// Argo CD stands still and goes on showing Synced and Healthy for the release before: the next one is not
/// verified by that, however long it takes, and not taken back before its time either.
#[test]
fn stale_health_verifies_nothing() -> TestResult {
    let mut world = World::start(Engine::ArgoCd)?;
    let _running = world.reconciler(&[])?;
    let first = world.deploy("acme", &[App::new("web", "1")])?;
    world.until_phase("acme", Part::Work, &first, Phase::Verified)?;

    let argo = world.argo.as_mut().ok_or("no Argo CD")?;
    argo.kill(Component::ApplicationController);
    let second = world.deploy("acme", &[App::new("web", "2")])?;
    world.until_phase("acme", Part::Work, &second, Phase::Progressing)?;
    // Several times the soak.
    thread::sleep(Duration::from_secs(12));
    let application = world.application("acme", Part::Work)?;
    assert_eq!(application["status"]["health"]["status"], "Healthy");
    assert_eq!(application["status"]["sync"]["status"], "Synced");
    assert_eq!(application["status"]["sync"]["revision"], first.as_str());
    let status = world.status("acme", Part::Work)?.ok_or("no status")?;
    assert_eq!(status.phase, Phase::Progressing, "{status:#?}");
    assert_eq!(status.observed.as_ref(), Some(&first));
    assert!(!status.verified.contains(&second));

    let argo = world.argo.as_mut().ok_or("no Argo CD")?;
    argo.start_component(Component::ApplicationController)?;
    world.until_phase("acme", Part::Work, &second, Phase::Verified)?;
    assert!(world.automatic("acme")?.is_empty());
    Ok(())
}
