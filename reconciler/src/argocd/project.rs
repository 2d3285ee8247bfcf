//! AppProjects: what Argo CD itself refuses, whatever an Application points at.
//!
//! The second wall behind the checks of a pointer, so they are derived from the same kind table.

use std::collections::BTreeSet;

use orz_core::Value;
use orz_core::id::{ClusterName, Part, TenantName};
use orz_core::kinds::{self, SYSTEM_NAMESPACE, Scope};
use serde_json::json;

use super::application::API_VERSION;
use super::settings::ArgoSettings;
use crate::apply::NAMESPACE;

/// The project of every tenant's `tenancy`.
pub const TENANCY: &str = "orz-tenancy";
/// The project of the platform's own part.
pub const PLATFORM: &str = "orz-platform";
/// The one project of `work` and `data` where Argo CD runs without the reconciler.
pub const TENANTS: &str = "orz-tenants";

/// The project that the Application of a part is in.
///
/// Tenants cannot take the names of the shared ones: `orz-` is reserved, and so is `default`, which is
/// Argo CD's own.
pub(crate) fn name_of(tenant: &TenantName, part: Part) -> String {
    match part {
        Part::Tenancy => TENANCY.to_owned(),
        Part::Platform => PLATFORM.to_owned(),
        Part::Work | Part::Data => tenant.to_string(),
    }
}

/// The project of one tenant's `work` and `data`: these namespaces by name, nothing cluster-scoped, and
/// the kinds of these parts.
pub fn project(
    tenant: &TenantName,
    namespaces: &BTreeSet<String>,
    cluster: &ClusterName,
    settings: &ArgoSettings,
) -> Value {
    let destinations: Vec<Value> = namespaces
        .iter()
        .map(|namespace| json!({"name": cluster, "namespace": namespace}))
        .collect();
    let mut project = render(
        tenant.as_str(),
        &format!("work and data of tenant {tenant}"),
        &destinations,
        &[Part::Work, Part::Data],
        settings,
    );
    project["metadata"]["labels"]["orz.dev/tenant"] = json!(tenant);
    project
}

/// The project of every tenant's `tenancy`: the kinds of that part, in all namespaces but those of the
/// cluster, of Argo CD and of the reconciler.
///
/// Namespaces cannot be listed here: the list would grow with the number of tenants and be rewritten by
/// each of them. Which of them a tenant may use is checked before an Application is written.
pub fn tenancy_project(settings: &ArgoSettings) -> Value {
    render(
        TENANCY,
        "namespaces of all tenants, and what fences them in",
        &anywhere(settings),
        &[Part::Tenancy],
        settings,
    )
}

/// The project of the platform's own part: the one namespace that it may write to, and its kinds. That it holds
/// one name there is checked before an Application is written: a project cannot say it.
pub fn platform_project(settings: &ArgoSettings) -> Value {
    render(
        PLATFORM,
        "what holds for all tenants",
        &[json!({"server": "*", "namespace": SYSTEM_NAMESPACE})],
        &[Part::Platform],
        settings,
    )
}

/// One project for `work` and `data` of all tenants, for Argo CD without the reconciler, where nobody
/// derives one for each.
pub fn tenants_project(settings: &ArgoSettings) -> Value {
    render(
        TENANTS,
        "work and data of all tenants",
        &anywhere(settings),
        &[Part::Work, Part::Data],
        settings,
    )
}

/// Every namespace but these. Argo CD heeds an exception only where its server matches too.
fn anywhere(settings: &ArgoSettings) -> Vec<Value> {
    let mut namespaces = vec!["*".to_owned()];
    for kept in ["default", "kube-*", NAMESPACE, &settings.namespace] {
        namespaces.push(format!("!{kept}"));
    }
    namespaces
        .into_iter()
        .map(|namespace| json!({"server": "*", "namespace": namespace}))
        .collect()
}

fn render(
    name: &str,
    description: &str,
    destinations: &[Value],
    parts: &[Part],
    settings: &ArgoSettings,
) -> Value {
    let kinds = |scope: Scope| -> Vec<Value> {
        let mut kinds: Vec<_> = kinds::all()
            .iter()
            .filter(|kind| kind.scope == scope && kind.parts.iter().any(|p| parts.contains(p)))
            .map(|kind| (kind.group, kind.kind))
            .collect();
        kinds.sort_unstable();
        kinds
            .into_iter()
            .map(|(group, kind)| json!({"group": group, "kind": kind}))
            .collect()
    };
    let mut spec = json!({
        "description": description,
        "sourceRepos": [settings.repo_url],
        "destinations": destinations,
    });
    let cluster = kinds(Scope::Cluster);
    if !cluster.is_empty() {
        spec["clusterResourceWhitelist"] = Value::from(cluster);
    }
    let namespaced = kinds(Scope::Namespaced);
    if namespaced.is_empty() {
        // A list of what is allowed that is empty may be lost on the way, and no list allows everything.
        spec["namespaceResourceBlacklist"] = json!([{"group": "*", "kind": "*"}]);
    } else {
        spec["namespaceResourceWhitelist"] = Value::from(namespaced);
    }
    json!({
        "apiVersion": API_VERSION,
        "kind": "AppProject",
        "metadata": {
            "name": name,
            "namespace": settings.namespace,
            "labels": {"app.kubernetes.io/managed-by": "orz"},
        },
        "spec": spec,
    })
}
