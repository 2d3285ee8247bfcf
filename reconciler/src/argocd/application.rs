//! The one shape of an Application. Whatever differs between two Applications stands in [`Values`].

use orz_core::Value;
use orz_core::format::StateKind;
use orz_core::id::{Part, TenantName};
use serde_json::{Map, json};

use super::project;
use super::settings::ArgoSettings;
use crate::desired::Desired;

/// Group and version of everything of Argo CD.
pub(crate) const API_VERSION: &str = "argoproj.io/v1alpha1";

/// The name of the Application of a part: `<tenant>-<part>`, at most 39 characters.
///
/// No two pairs give the same name although tenants have `-` in their names, because no part has: the
/// last `-` always stands between tenant and part.
pub fn application_name(tenant: &TenantName, part: Part) -> String {
    format!("{tenant}-{part}")
}

/// The pair that an Application's name stands for; `None` when it is none of ours.
pub fn tenant_and_part(name: &str) -> Option<(TenantName, Part)> {
    let (tenant, part) = name.rsplit_once('-')?;
    Some((tenant.parse().ok()?, part.parse().ok()?))
}

/// The Application of one pointer. Pure: equal arguments give equal Applications.
///
/// `desired.objects` of a part on its way out are those that stay: Argo CD is shown their files alone,
/// so that it prunes the rest of the release without a release of its own for that.
pub fn application(desired: &Desired, settings: &ArgoSettings) -> Value {
    let automated = match desired.state {
        StateKind::Frozen => None,
        // An empty release was acknowledged when it was compiled, and its bytes have just been checked.
        // Anywhere else nothing to apply is a mistake of Argo CD, which must not cost anybody anything.
        _ => Some(desired.state.is_leaving() || desired.objects.is_empty()),
    };
    let stays = desired.state.is_leaving().then(|| {
        desired
            .objects
            .iter()
            .map(orz_core::object::Object::file_name)
            .collect()
    });
    render(&Values {
        name: &application_name(&desired.tenant, desired.part),
        tenant: desired.tenant.as_str(),
        part: desired.part.as_str(),
        project: &project::name_of(&desired.tenant, desired.part),
        cluster: desired.cluster.as_str(),
        namespace: &desired.namespace,
        release: desired.release.as_str(),
        automated,
        stays,
        settings,
    })
}

/// What differs between Applications.
pub(super) struct Values<'a> {
    pub(super) name: &'a str,
    pub(super) tenant: &'a str,
    pub(super) part: &'a str,
    pub(super) project: &'a str,
    pub(super) cluster: &'a str,
    pub(super) namespace: &'a str,
    pub(super) release: &'a str,
    /// `None`: Argo CD compares and changes nothing. Otherwise whether nothing at all may be left.
    pub(super) automated: Option<bool>,
    /// `None`: the whole release. Otherwise the files that are left of it.
    pub(super) stays: Option<Vec<String>>,
    pub(super) settings: &'a ArgoSettings,
}

pub(super) fn render(values: &Values<'_>) -> Value {
    let mut sync_policy = json!({
        // Argo CD gives up on a revision for good after these; by then it is no hiccup.
        "retry": {"limit": 3, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "1m"}},
        "syncOptions": ["ServerSideApply=true", "FailOnSharedResource=true", "RespectIgnoreDifferences=true"],
    });
    if let Some(may_be_empty) = values.automated {
        sync_policy["automated"] = automated(may_be_empty);
    }
    // Argo CD writes `jsonnet` by itself, and empty: said here, nothing is ever in addition.
    let mut directory = Map::from_iter([
        ("recurse".to_owned(), json!(true)),
        ("jsonnet".to_owned(), json!({})),
    ]);
    match values.stays.as_deref() {
        None => {}
        Some([]) => drop(directory.insert("exclude".to_owned(), json!("*"))),
        Some([file]) => drop(directory.insert("include".to_owned(), json!(file))),
        // File names of a release hold no character that means something in a pattern.
        Some(files) => {
            let any = format!("{{{}}}", files.join(","));
            directory.insert("include".to_owned(), json!(any));
        }
    }
    json!({
        "apiVersion": API_VERSION,
        "kind": "Application",
        "metadata": {
            "name": values.name,
            "namespace": values.settings.namespace,
            "labels": {
                "app.kubernetes.io/managed-by": "orz",
                "orz.dev/tenant": values.tenant,
                "orz.dev/part": values.part,
            },
            // Without it, common kinds are OutOfSync for ever through defaults of the server.
            "annotations": {COMPARE_OPTIONS: "ServerSideDiff=true"},
        },
        "spec": {
            "project": values.project,
            "source": {
                "repoURL": values.settings.repo_url,
                "targetRevision": values.release,
                "path": ".",
                "directory": directory,
            },
            "destination": {"name": values.cluster, "namespace": values.namespace},
            "syncPolicy": sync_policy,
        },
    })
}

/// The annotation that says how Argo CD compares.
pub(super) const COMPARE_OPTIONS: &str = "argocd.argoproj.io/compare-options";

/// What makes Argo CD act by itself.
pub(super) fn automated(may_be_empty: bool) -> Value {
    let mut automated = json!({"prune": true, "selfHeal": true});
    if may_be_empty {
        automated["allowEmpty"] = json!(true);
    }
    automated
}
