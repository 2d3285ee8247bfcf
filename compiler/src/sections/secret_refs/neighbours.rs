//! Secrets of another namespace of the same tenant.
//!
//! Every namespace has a store for its own Secrets. To read from a neighbour it gets one more, and the
//! neighbour a Role that opens exactly the Secrets that are named.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::diag::Span;
use orz_core::id::Part;
use serde_json::json;

use super::Reference;
use crate::sections::tenant::K8S;
use crate::sections::{Objects, Scope};

/// The name of the SecretStore in namespace `own` that reads Secrets of namespace `source`.
pub(super) fn store_name(own: &str, source: &str) -> String {
    if own == source {
        K8S.to_owned()
    } else {
        format!("{K8S}-{source}")
    }
}

pub(super) fn lower(scope: &Scope, out: &mut Objects) {
    let own = scope.unit.namespace.as_str();
    let account = scope.platform.secret_stores.service_account.as_str();
    let mut sources: BTreeMap<String, (Span, BTreeSet<String>)> = BTreeMap::new();
    for entry in &scope.unit.bundle.secret_refs {
        if let Ok(Reference::K8s {
            namespace, name, ..
        }) = entry.reference.parse()
            && namespace != own
        {
            sources
                .entry(namespace)
                .or_insert((entry.span(), BTreeSet::new()))
                .1
                .insert(name);
        }
    }
    for (source, (cause, names)) in sources {
        let store = json!({
            "apiVersion": "external-secrets.io/v1",
            "kind": "SecretStore",
            "metadata": scope.meta(store_name(own, &source), scope.labels()),
            "spec": { "provider": { "kubernetes": {
                "remoteNamespace": source,
                "auth": { "serviceAccount": { "name": account } },
                "server": { "caProvider": { "type": "ConfigMap", "name": "kube-root-ca.crt", "key": "ca.crt" } },
            } } },
        });
        out.add(Part::Tenancy, cause, &store);
        let name = format!("{account}-{own}");
        let metadata = json!({ "name": name, "namespace": source, "labels": scope.labels() });
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": metadata,
            "rules": [{ "apiGroups": [""], "resources": ["secrets"], "resourceNames": names, "verbs": ["get"] }],
        });
        out.add(Part::Tenancy, cause, &role);
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": own }],
        });
        out.add(Part::Tenancy, cause, &binding);
    }
}
