//! Secrets of another namespace of the same tenant.
//!
//! Every namespace has a store for its own Secrets. To read from a neighbour it gets one more, and the
//! neighbour a Role that opens exactly the Secrets that are named.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use orz_core::diag::Span;
use orz_core::id::Part;

use super::stores::{kubernetes, read_secrets, role_ref, store, subject};
use super::{Objects, Scope};
use crate::sections::secret_refs::{Reference, k8s_store};

pub(super) fn lower(scope: &Scope, out: &mut Objects) {
    let own = scope.unit.namespace.as_str();
    let account = scope.platform.secret_stores.service_account.as_str();
    for (source, (cause, names)) in sources(scope) {
        let object = store(
            scope,
            &k8s_store(own, &source),
            &kubernetes(&source, account),
        );
        out.add(Part::Tenancy, cause, &object);
        let name = format!("{account}-{own}");
        let meta = || ObjectMeta {
            namespace: Some(source.clone()),
            ..scope.meta(name.as_str(), scope.labels())
        };
        let rules = Some(vec![read_secrets(Some(names.into_iter().collect()))]);
        out.add(
            Part::Tenancy,
            cause,
            &Role {
                metadata: meta(),
                rules,
            },
        );
        let subjects = Some(vec![subject(account, own)]);
        out.add(
            Part::Tenancy,
            cause,
            &RoleBinding {
                metadata: meta(),
                role_ref: role_ref(&name),
                subjects,
            },
        );
    }
}

/// Namespace → the first reference that names it, and all Secrets that are read there.
fn sources(scope: &Scope) -> BTreeMap<String, (Span, BTreeSet<String>)> {
    let mut sources = BTreeMap::new();
    for entry in &scope.unit.bundle.secret_refs {
        if let Ok(Reference::K8s {
            namespace, name, ..
        }) = entry.reference.parse()
            && namespace != scope.unit.namespace
        {
            let (_, names) = sources
                .entry(namespace)
                .or_insert_with(|| (entry.span(), BTreeSet::new()));
            names.insert(name);
        }
    }
    sources
}
