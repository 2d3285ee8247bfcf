//! The platform's own part: its Application, and what its project keeps it from.

use orz_cluster_tests::Ref;
use orz_core::format::ReconcilerSettings;
use orz_core::id::{Part, ReleaseId, TenantName};
use orz_core::kinds::SYSTEM_NAMESPACE;
use serde_json::{Value, json};

use crate::world::{
    PATIENCE, TestResult, World, app, application, config, project, release, request, tenancy,
};

const PLATFORM: &str = TenantName::PLATFORM;

#[test]
fn the_platform_is_followed_and_fenced_in() -> TestResult {
    let mut world = World::start()?;
    let first = publish(&world, "2m")?;
    world.settled(PLATFORM, Part::Platform, &first, "the platform")?;
    let second = publish(&world, "5m")?;
    world.settled(PLATFORM, Part::Platform, &second, "other settings")?;
    assert_eq!(soak(&world)?, "5m");
    let live = world.objects.get(&application(PLATFORM, Part::Platform))?;
    let status = &live.ok_or("no Application")?["status"];
    assert_eq!(status["sync"]["status"], "Synced");
    assert_eq!(status["health"]["status"], "Healthy");
    assert_eq!(status["sync"]["revision"], second.as_str());

    // Somebody who can write to the cluster; Argo CD puts it right by itself.
    world
        .objects
        .merge(&settings(), &json!({"data": {"reconciler.json": "{}"}}))?;
    world
        .objects
        .wait_for("the edit undone", &settings(), PATIENCE, |found: &Value| {
            found["data"]["reconciler.json"] != "{}"
        })?;
    tenants_do_not_reach_it(&mut world)?;
    it_does_not_reach_tenants(&mut world, &second)?;
    world.argo.check()?;
    Ok(())
}

/// The project of a tenant has no destination in the namespace of the reconciler.
fn tenants_do_not_reach_it(world: &mut World) -> TestResult {
    let fence = world.publish("acme", Part::Tenancy, &tenancy("acme"))?;
    world.settled("acme", Part::Tenancy, &fence, "a tenant")?;
    let good = world.publish("acme", Part::Work, &[config("acme", "one")])?;
    world.settled("acme", Part::Work, &good, "its work")?;
    let before = soak(world)?;
    let release = world.repo.view()?.pointer(
        &"in-cluster".parse()?,
        &TenantName::platform(),
        Part::Platform,
    )?;
    let release = release.ok_or("no pointer")?.pointer.release;
    refused(world, "acme", Part::Work, &release)?;
    assert_eq!(soak(world)?, before);
    world.settled("acme", Part::Work, &good, "its own work again")?;
    Ok(())
}

/// The project of the platform has one destination and one kind, whatever release somebody points it at.
fn it_does_not_reach_tenants(world: &mut World, own: &ReleaseId) -> TestResult {
    let image = "registry.example/web:9";
    let work = release("acme", Part::Work, &app("acme", image))?;
    let published = world
        .repo
        .publish(vec![work], false, &request("published alone"))?;
    let work = published.items[0].release.clone();
    refused(world, PLATFORM, Part::Platform, &work)?;
    assert_eq!(
        world
            .objects
            .get(&Ref::new("apps/v1", "Deployment", "acme", "web"))?,
        None
    );
    world.settled(PLATFORM, Part::Platform, own, "its own release again")?;
    let spec = world.objects.get(&project(PLATFORM))?;
    let spec = &spec.ok_or("no project")?["spec"];
    assert_eq!(
        spec["destinations"],
        json!([{"server": "*", "namespace": SYSTEM_NAMESPACE}])
    );
    Ok(())
}

/// Points an Application by hand at a release of somebody else, and waits until Argo CD refuses to sync it.
fn refused(world: &World, tenant: &str, part: Part, release: &ReleaseId) -> TestResult {
    let edit = json!({"spec": {"source": {"targetRevision": release}}});
    let name = application(tenant, part);
    world.objects.merge(&name, &edit)?;
    let what = format!("{tenant}/{part} is refused a foreign release");
    world
        .objects
        .wait_for(&what, &name, PATIENCE, |found: &Value| {
            let state = &found["status"]["operationState"];
            state["syncResult"]["revision"] == release.as_str()
                && state["message"].as_str().is_some_and(|message| {
                    message.contains("not permitted") || message.contains("not valid")
                })
        })?;
    Ok(())
}

/// Publishes and activates the platform with this soak.
fn publish(world: &World, soak: &str) -> TestResult<ReleaseId> {
    let settings = json!({
        "apiVersion": "orz.dev/v1", "kind": "ReconcilerSettings",
        "soak": soak, "deadline": "10m", "brake": {"window": "10m", "min": 5, "percent": 5},
        "driftInterval": "1m", "statusInterval": "1m",
    });
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": ReconcilerSettings::NAME, "namespace": SYSTEM_NAMESPACE},
        "data": {ReconcilerSettings::KEY: settings.to_string()},
    });
    let mut platform = release(PLATFORM, Part::Platform, &[object])?;
    SYSTEM_NAMESPACE.clone_into(&mut platform.namespace);
    let published = world
        .repo
        .publish(vec![platform], true, &request("publish"))?;
    Ok(published.items[0].release.clone())
}

fn settings() -> Ref {
    Ref::new(
        "v1",
        "ConfigMap",
        SYSTEM_NAMESPACE,
        ReconcilerSettings::NAME,
    )
}

/// The soak that the cluster states.
fn soak(world: &World) -> TestResult<String> {
    let object = world.objects.get(&settings())?.ok_or("no ConfigMap")?;
    let text = object["data"][ReconcilerSettings::KEY].as_str();
    let settings: Value = serde_json::from_str(text.ok_or("no settings")?)?;
    Ok(settings["soak"].as_str().unwrap_or_default().to_owned())
}
