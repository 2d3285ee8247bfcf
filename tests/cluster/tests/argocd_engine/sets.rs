//! Argo CD alone, over the same pointers: the ApplicationSets that we write are filled in as we mean them.

use orz_cluster_tests::argocd::ArgoOptions;
use orz_core::id::{Part, ReleaseId};
use orz_reconciler::argocd::application_sets;

use crate::world::{ONE, PATIENCE, TestResult, World, app, application, request, tenancy};

#[test]
fn application_sets_follow_pointers() -> TestResult {
    let mut world = World::start_with(&ArgoOptions {
        application_sets: true,
        ..ArgoOptions::default()
    })?;
    let tenancy = world.publish("acme", Part::Tenancy, &tenancy("acme"))?;
    let work = world.publish("acme", Part::Work, &app("acme", ONE))?;
    for object in application_sets(&"in-cluster".parse()?, &world.settings()) {
        world.objects.apply(&object)?;
    }
    for (part, release) in [(Part::Tenancy, &tenancy), (Part::Work, &work)] {
        is_synced(&world, part, release)?;
        let found = world.objects.get(&application("acme", part))?;
        let found = found.ok_or("no Application")?;
        let mut wanted =
            orz_reconciler::argocd::application(&world.desired("acme", part)?, &world.settings());
        if part == Part::Work {
            // Nobody derives a project for each tenant here.
            wanted["spec"]["project"] = "orz-tenants".into();
        }
        assert_eq!(found["spec"], wanted["spec"], "{part}");
        for field in ["labels", "annotations"] {
            assert_eq!(
                found["metadata"][field], wanted["metadata"][field],
                "{part}"
            );
        }
    }

    let frozen = request("freeze");
    world
        .repo
        .freeze(&"acme".parse()?, &[Part::Work], None, &frozen)?;
    let shard = orz_core::paths::shard(&"acme".parse()?);
    let set = orz_cluster_tests::Ref::new(
        "argoproj.io/v1alpha1",
        "ApplicationSet",
        "argocd",
        &format!("orz-in-cluster-{}", &shard[..1]),
    );
    world.objects.merge(
        &set,
        &serde_json::json!({"metadata": {"annotations": {"argocd.argoproj.io/application-set-refresh": "true"}}}),
    )?;
    world.objects.wait_for(
        "no automated sync",
        &application("acme", Part::Work),
        PATIENCE,
        |found| found["spec"]["syncPolicy"].get("automated").is_none(),
    )?;
    world.argo.check()?;
    Ok(())
}

fn is_synced(world: &World, part: Part, release: &ReleaseId) -> TestResult {
    let what = format!("{part} in sync");
    let name = application("acme", part);
    world.objects.wait_for(&what, &name, PATIENCE, |found| {
        let sync = &found["status"]["sync"];
        sync["status"] == "Synced" && sync["revision"] == release.as_str()
    })?;
    Ok(())
}
