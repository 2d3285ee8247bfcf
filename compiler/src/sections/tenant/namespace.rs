//! The Namespace, with the labels by which everything else recognises it.

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use orz_core::diag::Span;
use orz_core::id::Part;

use super::{Objects, Scope};
use crate::lower::meta::{self, labels};

pub(super) fn lower(scope: &Scope, cause: Option<Span>, out: &mut Objects) {
    let version = scope.platform.settings.pod_security_version.as_str();
    let mut all = scope.labels();
    all.extend(labels([
        (meta::PLAN, scope.plan_name),
        // `enforce` looks at pods only; `warn` and `audit` also look at what makes pods.
        ("pod-security.kubernetes.io/enforce", "restricted"),
        ("pod-security.kubernetes.io/enforce-version", version),
        ("pod-security.kubernetes.io/warn", "restricted"),
        ("pod-security.kubernetes.io/warn-version", version),
        ("pod-security.kubernetes.io/audit", "restricted"),
        ("pod-security.kubernetes.io/audit-version", version),
    ]));
    if scope.cluster.gateway.is_some() {
        // The Gateway takes routes from namespaces with this label.
        all.insert("orz.dev/ingress".to_owned(), "true".to_owned());
    }
    if let Some(org) = &scope.operator.org {
        all.insert(meta::ORG.to_owned(), org.clone());
    }
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some(scope.unit.namespace.clone()),
            labels: Some(all),
            annotations: Some(meta::durable()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    out.add(Part::Tenancy, cause, &namespace);
}
