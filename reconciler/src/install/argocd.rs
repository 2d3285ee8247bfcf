//! What the `argocd` engine needs beside the rest, in a cluster that has Argo CD: the two shared projects,
//! rights on Applications and projects, and health where Argo CD's own would mislead people.

use orz_core::object::Object;
use serde_json::json;

use super::Subject;
use super::namespaces::{metadata, object};
use super::rights::{NAME, role, role_binding, rule};
use crate::argocd::{ArgoSettings, platform_project, tenancy_project};

/// Argo CD's settings. They are its own: we state keys of ours and nothing else.
pub(super) const SETTINGS: &str = "argocd-cm";

pub(super) fn objects(subject: &Subject, settings: &ArgoSettings) -> Vec<Object> {
    let namespace = &settings.namespace;
    let verbs = ["get", "list", "watch", "create", "patch", "delete"];
    let rules = [rule(
        "argoproj.io",
        &["applications", "appprojects"],
        &verbs,
    )];
    vec![
        object(tenancy_project(settings)),
        object(platform_project(settings)),
        role(&metadata(Some(namespace), NAME), &rules),
        role_binding(&metadata(Some(namespace), NAME), subject),
        health(namespace),
    ]
}

/// Health in Argo CD's user interface. What the reconciler judges is its own health, of which `orzc status` tells.
///
/// A volume whose class waits for the first pod is Pending by intent. A script sees only the volume, not its
/// class, so that all that are Pending count as Healthy there.
fn health(namespace: &str) -> Object {
    let mut metadata = metadata(Some(namespace), SETTINGS);
    metadata["labels"] = json!({"app.kubernetes.io/part-of": "argocd"});
    object(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"resource.customizations.health.PersistentVolumeClaim": VOLUME},
    }))
}

const VOLUME: &str = r#"local phase = obj.status ~= nil and obj.status.phase or "Pending"
if phase == "Lost" then
  return {status = "Degraded", message = "the volume behind it is gone"}
end
if phase == "Bound" then
  return {status = "Healthy", message = ""}
end
return {status = "Healthy", message = "not bound yet; waits for its first pod, or for its provisioner"}
"#;
