//! One Application, moved from release to release.

use std::process::Command;
use std::thread;
use std::time::Duration;

use orz_cluster_tests::argocd::{ArgoOptions, Component};
use orz_cluster_tests::standin::Outcome;
use orz_cluster_tests::{ARGOCD_USER, ClusterError, Ref};
use orz_core::id::ReleaseId;
use serde_json::json;

use crate::world::{
    PATIENCE, STUCK_IMAGE, TENANT, TestResult, World, app, application, config, is_running,
    release_job, timed, web,
};

const ONE: &str = "registry.example/web:1";
const TWO: &str = "registry.example/web:2";

/// Kinds that Argo CD thinks healthy at once can be judged by a script of the installation.
const CONFIG_HEALTH: (&str, &str) = (
    "resource.customizations.health.ConfigMap",
    r#"
hs = {status = "Healthy", message = ""}
if obj.data ~= nil and obj.data.broken ~= nil then
  hs.status = "Degraded"
  hs.message = obj.data.broken
end
return hs
"#,
);

#[test]
fn an_application_follows_release_commits() -> TestResult {
    let (key, script) = CONFIG_HEALTH;
    let mut world = World::start(&ArgoOptions {
        settings: [(key.to_owned(), script.to_owned())].into(),
        ..ArgoOptions::default()
    })?;
    let (one, two) = releases(&world)?;
    first_sync(&world, &one)?;
    move_and_rollback(&world, &one, &two)?;
    hand_edit(&world)?;
    health_script(&world, &one)?;
    stuck_sync(&world, &one)?;
    restarts(&mut world, &two)?;
    world.argo.check()?;
    Ok(())
}

/// The second release has another image and lacks a ConfigMap of the first.
fn releases(world: &World) -> TestResult<(ReleaseId, ReleaseId)> {
    let mut objects = app(ONE);
    objects.push(config("extra", &json!({"a": "1"})));
    let one = world.publish(&objects)?;
    let two = world.publish(&app(TWO))?;
    for release in [&one, &two] {
        let shown = Command::new("git")
            .arg("-C")
            .arg(world.repo.path())
            .args(["show", "--no-patch", "--format=%P", &release.to_string()])
            .output()?;
        assert!(shown.status.success(), "{shown:?}");
        assert_eq!(shown.stdout.trim_ascii(), b"", "{release} has a parent");
    }
    Ok((one, two))
}

fn first_sync(world: &World, one: &ReleaseId) -> TestResult {
    let mark = world.plane.audit_mark()?;
    world.objects.apply(&world.application(one))?;
    timed("first release live", || world.live(ONE))?;
    timed("… and settled, further", || world.settled(one))?;
    let writes = world.plane.audit_writes_by(ARGOCD_USER, mark)?;
    assert!(
        writes
            .iter()
            .any(|write| write.resource == "deployments" && write.namespace == TENANT),
        "{writes:?}"
    );
    Ok(())
}

fn move_and_rollback(world: &World, one: &ReleaseId, two: &ReleaseId) -> TestResult {
    let extra = Ref::new("v1", "ConfigMap", TENANT, "extra");
    for (what, release, image) in [
        ("next release", two, TWO),
        ("rollback", one, ONE),
        ("forward again", two, TWO),
        ("back again", one, ONE),
    ] {
        world.point(release)?;
        timed(&format!("{what}: live"), || world.live(image))?;
        let found = timed(&format!("{what}: … and settled, further"), || {
            world.settled(release)
        })?;
        assert_eq!(found["spec"]["syncPolicy"]["automated"]["selfHeal"], true);
        let there = world.objects.get(&extra)?.is_some();
        assert_eq!(there, release == one, "{what}: the ConfigMap");
    }
    Ok(())
}

fn hand_edit(world: &World) -> TestResult {
    world.objects.merge(
        &web(),
        &json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "registry.example/hand:1"}]}}}}),
    )?;
    timed("hand edit corrected", || world.live(ONE))
}

fn health_script(world: &World, one: &ReleaseId) -> TestResult {
    let mut objects = app(ONE);
    objects.push(config("extra", &json!({"broken": "the reason"})));
    let broken = world.publish(&objects)?;
    world.point(&broken)?;
    timed("health by our own script", || {
        let degraded =
            |found: &serde_json::Value| found["status"]["health"]["status"] == "Degraded";
        Ok(world
            .objects
            .wait_for("Degraded", &application(), PATIENCE, degraded)?)
    })?;
    world.point(one)?;
    world.settled(one)?;
    Ok(())
}

fn stuck_sync(world: &World, one: &ReleaseId) -> TestResult {
    let mut objects = app("registry.example/web:3");
    let job = release_job("stuck", STUCK_IMAGE);
    objects.push(job.clone());
    let stuck = world.publish(&objects)?;
    let revision = stuck.to_string();
    world.point(&stuck)?;
    world.stuck_at(&stuck, &Ref::of(&job))?;

    // Pointing elsewhere does not end the operation.
    world.point(one)?;
    thread::sleep(Duration::from_secs(3));
    let found = world.objects.get(&application())?.ok_or("no Application")?;
    assert!(is_running(&found, &revision), "{}", found["status"]);

    // A termination meant for another operation changes nothing.
    let other = world
        .objects
        .json_patch(&application(), termination(&one.to_string()));
    assert_eq!(
        other.err().as_ref().and_then(ClusterError::status),
        Some(422)
    );

    let patch = termination(&revision);
    world.objects.json_patch(&application(), patch)?;
    let found = timed("terminated sync gave way to the rollback", || {
        world.synced(one)
    })?;
    world.live(ONE)?;
    // The release before is as it was, so there was nothing to do: no operation tells of it.
    let state = &found["status"]["operationState"];
    assert_eq!(state["phase"], "Failed", "{state}");
    assert_eq!(state["operation"]["sync"]["revision"], revision, "{state}");

    // A release job stays and is no drift. Argo CD would count its health as long as it is there, which for
    // this one is for ever; every release job asks not to be counted.
    assert!(world.objects.get(&Ref::of(&job))?.is_some());
    timed("its job is ignored", || {
        let healthy = |found: &serde_json::Value| found["status"]["health"]["status"] == "Healthy";
        Ok(world
            .objects
            .wait_for("Healthy", &application(), PATIENCE, healthy)?)
    })?;
    Ok(())
}

/// Ends the operation that syncs this revision, if that is the one that runs.
fn termination(revision: &str) -> serde_json::Value {
    json!([
        {"op": "test", "path": "/status/operationState/phase", "value": "Running"},
        {"op": "test", "path": "/status/operationState/operation/sync/revision", "value": revision},
        {"op": "replace", "path": "/status/operationState/phase", "value": "Terminating"},
    ])
}

fn restarts(world: &mut World, two: &ReleaseId) -> TestResult {
    // While nobody is there to act on it, a move waits.
    for component in [
        Component::ApplicationController,
        Component::RepoServer,
        Component::Redis,
    ] {
        world.argo.kill(component);
    }
    world.point(two)?;
    thread::sleep(Duration::from_secs(1));
    world.live(ONE)?;
    timed("a start of all, with an empty cache", || {
        for component in [
            Component::Redis,
            Component::RepoServer,
            Component::ApplicationController,
        ] {
            world.argo.start_component(component)?;
        }
        world.settled(two)
    })?;

    // A sync whose controller was killed is taken up by the next one.
    let mut objects = app(ONE);
    let job = release_job("waits", STUCK_IMAGE);
    objects.push(job.clone());
    let waits = world.publish(&objects)?;
    world.point(&waits)?;
    world.stuck_at(&waits, &Ref::of(&job))?;
    world.argo.kill(Component::ApplicationController);
    world.kubelet.set_outcome(STUCK_IMAGE, Outcome::Runs);
    timed("the controller's start, and the end of the sync", || {
        world
            .argo
            .start_component(Component::ApplicationController)?;
        world.settled(&waits)
    })?;
    world.live(ONE)?;

    // Starting what runs is a mistake of the test.
    assert!(world.argo.start_component(Component::Redis).is_err());

    // What stays of release jobs gives each later sync waves, with a pause after each.
    world.point(two)?;
    timed("a move with old release jobs about: live", || {
        world.live(TWO)
    })?;
    timed("… and settled, further", || world.settled(two))?;
    Ok(())
}
