//! Metadata that every object of a tenant carries.
//!
//! Nothing here changes between two compiles of one bundle: a source commit, a release or a time in a
//! label would roll every app at every commit.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::resolve::Scope;

/// Who makes our objects.
pub(crate) const MANAGER: &str = "orzc";
/// Label: the tenant.
pub(crate) const TENANT: &str = "orz.dev/tenant";
/// Label: the project, where there is one.
pub(crate) const PROJECT: &str = "orz.dev/project";
/// Label: the app.
pub(crate) const APP: &str = "orz.dev/app";
/// Label of the pods of an app's release jobs: the app. Not [`APP`], by which its Service finds its pods.
pub(crate) const RELEASE_JOB_OF: &str = "orz.dev/release-job-of";
/// Label of a Namespace: the tenant's plan.
pub(crate) const PLAN: &str = "orz.dev/plan";
/// Label of a Namespace: whom the tenant belongs to.
pub(crate) const ORG: &str = "orz.dev/org";

/// Labels by key.
pub(crate) type Labels = BTreeMap<String, String>;

impl Scope<'_> {
    /// Labels of every object of this unit.
    pub fn labels(&self) -> Labels {
        let mut labels = labels([
            ("app.kubernetes.io/managed-by", MANAGER),
            (TENANT, self.tenant.as_str()),
        ]);
        if let Some(project) = &self.unit.project {
            labels.insert(PROJECT.to_owned(), project.to_string());
        }
        labels
    }

    /// Labels of every object of one app.
    pub fn app_labels(&self, app: &str) -> Labels {
        let whole = self
            .unit
            .project
            .as_ref()
            .map_or(self.tenant.as_str(), |project| project.as_str());
        let mut all = self.labels();
        all.extend(labels([
            (APP, app),
            ("app.kubernetes.io/name", app),
            ("app.kubernetes.io/part-of", whole),
        ]));
        all
    }

    /// The labels that select the pods of one app. They never change while the app has its name:
    /// the selector of a Deployment is frozen.
    pub fn selector(&self, app: &str) -> Labels {
        self.select(APP, app)
    }

    /// The labels that select what says `key: value` in this unit.
    pub(crate) fn select(&self, key: &str, value: &str) -> Labels {
        let mut selector = labels([(key, value)]);
        if let Some(project) = &self.unit.project {
            selector.insert(PROJECT.to_owned(), project.to_string());
        }
        selector
    }

    /// Metadata of an object in this unit's namespace.
    pub fn meta(&self, name: impl Into<String>, labels: Labels) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.into()),
            namespace: Some(self.unit.namespace.clone()),
            labels: Some(labels),
            ..ObjectMeta::default()
        }
    }
}

/// Annotations of what no engine may prune: it stays when a release no longer has it, and Argo CD does
/// not call that a difference.
pub(crate) fn durable() -> BTreeMap<String, String> {
    labels([
        ("argocd.argoproj.io/compare-options", "IgnoreExtraneous"),
        (
            "argocd.argoproj.io/sync-options",
            "Prune=false,Delete=false",
        ),
    ])
}

/// Labels or annotations from pairs.
pub(crate) fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
