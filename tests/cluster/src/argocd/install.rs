//! The objects that are there before Argo CD starts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::argocd::NAMESPACE;
use crate::kube_api::text;
use crate::{ClusterError, Objects, Ref};

/// Writes the namespace, the settings and the project `default`.
pub(crate) fn install(
    objects: &Objects,
    shipped: &[Value],
    settings: &BTreeMap<String, String>,
) -> Result<(), ClusterError> {
    let crd = Ref::new(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "",
        "applications.argoproj.io",
    );
    if objects.get(&crd)?.is_none() {
        return Err(ClusterError::Unexpected(
            "the control plane has no Applications\nhelp: start it with `Crds::ArgoCd`".into(),
        ));
    }
    objects.apply(&json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE},
    }))?;
    for object in shipped {
        objects.apply(&completed(object.clone(), settings))?;
    }
    objects.apply(&json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "default", "namespace": NAMESPACE},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"server": "*", "namespace": "*"}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
        },
    }))?;
    Ok(())
}

fn completed(mut object: Value, settings: &BTreeMap<String, String>) -> Value {
    object["metadata"]["namespace"] = json!(NAMESPACE);
    match text(&object, "/metadata/name") {
        "argocd-cm" => {
            for (key, value) in settings {
                object["data"][key] = json!(value);
            }
        }
        // Signs sessions of the user interface, which does not run; without it nothing starts.
        "argocd-secret" => {
            object["stringData"]["server.secretkey"] = json!("no sessions are signed in a test");
        }
        _ => {}
    }
    object
}
