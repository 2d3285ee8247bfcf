//! Argo CD alone: ApplicationSets over the pointers.

use orz_cluster_tests::Ref;
use orz_cluster_tests::argocd::{ArgoCd, ArgoOptions, NAMESPACE};
use serde_json::json;

use crate::world::{COMPARE_OPTIONS, TestResult, World, app, application_spec, timed};

const IMAGE: &str = "registry.example/web:1";

#[test]
fn an_application_set_follows_the_pointers() -> TestResult {
    let world = World::start(&ArgoOptions {
        application_sets: true,
        ..ArgoOptions::default()
    })?;
    let one = world.publish(&app(IMAGE))?;
    let repository = ArgoCd::repository_url(world.repo.path());
    let mut spec = application_spec(&repository);
    spec["source"]["targetRevision"] = json!("{{.release}}");
    let set = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
        "metadata": {"name": "releases", "namespace": NAMESPACE},
        "spec": {
            "goTemplate": true,
            "goTemplateOptions": ["missingkey=error"],
            "generators": [{"git": {
                "repoURL": repository, "revision": "main",
                "files": [{"path": "pointers/in-cluster/*/*/*.json"}],
            }}],
            "syncPolicy": {"preserveResourcesOnDeletion": true},
            "template": {
                "metadata": {
                    "name": "{{.tenant}}-{{.part}}",
                    "annotations": {COMPARE_OPTIONS: "ServerSideDiff=true"},
                },
                "spec": spec,
            },
        },
    });
    let set = Ref::of(&world.objects.apply(&set)?);
    timed("the set's Application settled", || world.settled(&one))?;

    let two = world.publish(&app("registry.example/web:2"))?;
    timed("the next pointer, poked", || {
        world.objects.merge(
            &set,
            &json!({"metadata": {"annotations": {"argocd.argoproj.io/application-set-refresh": "1"}}}),
        )?;
        world.settled(&two)
    })?;
    world.live("registry.example/web:2")
}
