//! A volume that is bound only once a pod uses it, and the app that uses it.

use orz_core::format::Phase;
use orz_core::id::Part;
use orz_scenario_tests::{App, Engine, TestResult, World};
use serde_json::json;

#[test]
fn a_volume_and_its_app_go_live_together_with_apply() -> TestResult {
    a_volume_and_its_app_go_live_together(Engine::Apply)
}

#[test]
fn a_volume_and_its_app_go_live_together_with_argocd() -> TestResult {
    a_volume_and_its_app_go_live_together(Engine::ArgoCd)
}

/// The claim is Pending until the pod is there, and the pod until the claim is: neither part may wait for the
/// other to be more than there.
fn a_volume_and_its_app_go_live_together(engine: Engine) -> TestResult {
    let world = World::start(engine)?;
    let _running = world.reconciler(&[])?;
    world.server.apply(&json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "standard"},
        "provisioner": "standin.example.com", "volumeBindingMode": "WaitForFirstConsumer",
    }))?;
    let volume = json!([{"name": "cache", "mount": "/cache", "size": "1Gi", "class": "standard"}]);
    let work = world.deploy("acme", &[App::new("web", "1").with("volumes", volume)])?;
    let data = world.live("acme", Part::Data)?;
    world.until_phase("acme", Part::Data, &data, Phase::Verified)?;
    world.until_phase("acme", Part::Work, &work, Phase::Verified)?;
    let claims = world.server.list("v1", "PersistentVolumeClaim", "acme")?;
    assert_eq!(claims.len(), 1);
    assert_eq!(claims[0]["status"]["phase"], "Bound");
    let annotations = &claims[0]["metadata"]["annotations"];
    assert_eq!(
        annotations["volume.kubernetes.io/selected-node"], "standin",
        "it waited for its pod"
    );
    // Both from the one commit that activated them.
    let log = world.git_gitops(&["log", "--format=%H", "main", "--", "pointers"])?;
    assert_eq!(log.lines().count(), 1, "{log}");
    Ok(())
}
