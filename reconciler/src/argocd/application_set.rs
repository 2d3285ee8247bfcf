//! The same Applications without the reconciler: ApplicationSets over the pointers.

use orz_core::id::ClusterName;
use orz_core::{Value, paths};
use serde_json::json;

use super::application::{API_VERSION, Values, automated, render};
use super::project::{
    PLATFORM, TENANCY, TENANTS, platform_project, tenancy_project, tenants_project,
};
use super::settings::ArgoSettings;

/// What Argo CD needs to follow the pointers of `cluster` by itself: the shared projects, then one ApplicationSet
/// for each first hex digit of the folders that pointers stand in.
///
/// One broken pointer stops its ApplicationSet, and each pass of one renders all its Applications: sixteen
/// bound both to a part of the fleet. Nobody judges, rolls back or removes anything here.
pub fn application_sets(cluster: &ClusterName, settings: &ArgoSettings) -> Vec<Value> {
    let mut objects = vec![
        tenancy_project(settings),
        platform_project(settings),
        tenants_project(settings),
    ];
    objects.extend((0..16).map(|digit| application_set(cluster, digit, settings)));
    objects
}

fn application_set(cluster: &ClusterName, digit: u8, settings: &ArgoSettings) -> Value {
    let project = format!(
        r#"{{{{if eq .part "tenancy"}}}}{TENANCY}{{{{else if eq .part "platform"}}}}{PLATFORM}{{{{else}}}}{TENANTS}{{{{end}}}}"#
    );
    let application = render(&Values {
        name: "{{.tenant}}-{{.part}}",
        tenant: "{{.tenant}}",
        part: "{{.part}}",
        project: &project,
        cluster: "{{.cluster}}",
        namespace: "{{.namespace}}",
        release: "{{.release}}",
        // Frozen until the patch below says otherwise: whatever is not understood changes nothing.
        automated: None,
        stays: None,
        settings,
    });
    let act = json!({"spec": {"syncPolicy": {"automated": automated(false)}}});
    let patch = format!(r#"{{{{if eq .state.kind "live"}}}}{act}{{{{else}}}}{{}}{{{{end}}}}"#);
    json!({
        "apiVersion": API_VERSION,
        "kind": "ApplicationSet",
        "metadata": {
            "name": format!("orz-{cluster}-{digit:x}"),
            "namespace": settings.namespace,
            "labels": {"app.kubernetes.io/managed-by": "orz"},
        },
        "spec": {
            "goTemplate": true,
            "goTemplateOptions": ["missingkey=error"],
            "generators": [{"git": {
                "repoURL": settings.repo_url,
                "revision": "main",
                "files": [{"path": paths::pointers_of_digit(cluster, digit)}],
            }}],
            "syncPolicy": {"applicationsSync": "sync", "preserveResourcesOnDeletion": true},
            "template": {
                "metadata": {
                    "name": application["metadata"]["name"],
                    "labels": application["metadata"]["labels"],
                    "annotations": application["metadata"]["annotations"],
                },
                "spec": application["spec"],
            },
            "templatePatch": patch,
        },
    })
}
