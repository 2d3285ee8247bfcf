//! The namespaces of the inventories and of the tenants' secrets.

use orz_core::kinds::SECRETS_NAMESPACE;
use orz_core::object::Object;
use serde_json::{Value, json};

use super::rights::NAME;
use crate::apply::NAMESPACE;
use crate::apply::api::MANAGER;

/// The version of the pod security standards; pinned, because `latest` changes its meaning with an upgrade.
const POD_SECURITY: &str = "v1.36";

pub(super) fn objects() -> Vec<Object> {
    let everything = json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]});
    // The reconciler talks to the API server, whose address no policy can name, and to Git.
    let reconciler = json!({
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
        "policyTypes": ["Egress"],
        "egress": [{}],
    });
    vec![
        namespace(NAMESPACE),
        namespace(SECRETS_NAMESPACE),
        policy(NAMESPACE, "default-deny", &everything),
        policy(NAMESPACE, NAME, &reconciler),
        policy(SECRETS_NAMESPACE, "default-deny", &everything),
    ]
}

/// The metadata of everything that is installed.
pub(super) fn metadata(namespace: Option<&str>, name: &str) -> Value {
    let mut metadata = json!({"name": name, "labels": {"app.kubernetes.io/managed-by": MANAGER}});
    if let Some(namespace) = namespace {
        metadata["namespace"] = json!(namespace);
    }
    metadata
}

pub(super) fn object(value: Value) -> Object {
    Object::new(value).expect("written here, with a version, a kind and a name")
}

fn namespace(name: &str) -> Object {
    let mut metadata = metadata(None, name);
    for mode in ["enforce", "warn", "audit"] {
        metadata["labels"][format!("pod-security.kubernetes.io/{mode}")] = json!("restricted");
        metadata["labels"][format!("pod-security.kubernetes.io/{mode}-version")] =
            json!(POD_SECURITY);
    }
    object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}))
}

fn policy(namespace: &str, name: &str, spec: &Value) -> Object {
    object(json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(Some(namespace), name),
        "spec": spec,
    }))
}
