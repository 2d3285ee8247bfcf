//! `platform/settings.json`.

use std::collections::BTreeMap;

use orz_core::Value;
use orz_core::id::ClusterName;
use schemars::JsonSchema;
use serde::Deserialize;

/// What holds for the whole platform.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `open`: a tenant without an operator's file has the default plan; `closed`: it does not compile.
    pub enrollment: Enrollment,
    /// Plan of a tenant whose operator's file names none.
    pub default_plan: String,
    /// Cluster of a tenant whose operator's file names none.
    pub default_cluster: ClusterName,
    /// Version of the Pod Security Standards that namespaces pin: `latest` would change meaning when a
    /// cluster is upgraded.
    #[schemars(regex(pattern = r"^v1\.[0-9]{1,3}$"), extend("x-rule" = "be a minor version of Kubernetes: `v1.36`"))]
    pub pod_security_version: String,
    /// Largest canonical JSON of one config version, in bytes. Every version is kept in Git and in etcd;
    /// Kubernetes itself ends at 1 MiB.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_config_bytes: usize,
    /// Names that no tenant or project may carry → why. The namespaces that platform data names are reserved
    /// too.
    pub reserved_names: BTreeMap<String, String>,
    /// Names that no tenant may carry, though a project may → why. Pods look for `github.com` as Service `github`
    /// of namespace `com` first, so a tenant with the name of a top-level domain would answer for all of it.
    pub reserved_tenants: BTreeMap<String, String>,
    /// Suffixes of hostnames that no tenant may claim for an app → why.
    #[schemars(extend("propertyNames" = suffix_rule()))]
    pub platform_hostname_suffixes: BTreeMap<String, String>,
    /// Suffixes of hostnames that no connector may reach → why.
    #[schemars(extend("propertyNames" = suffix_rule()))]
    pub forbidden_egress_suffixes: BTreeMap<String, String>,
}

/// Who may have a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = super::load::plain_enum)]
pub enum Enrollment {
    /// Anyone who can write under `tenants/`.
    Open,
    /// Those with an operator's file.
    Closed,
}

/// The rule for suffixes of hostnames: in any other spelling one would match nothing, in silence.
fn suffix_rule() -> Value {
    serde_json::json!({
        "pattern": SUFFIX,
        "x-rule": "be a hostname in lower case, without a `.` at either end: `example.com`",
    })
}

/// What [`suffix`] can match: whole labels.
pub(super) const SUFFIX: &str =
    r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$";

impl Settings {
    /// Why `hostname` may not be claimed by a tenant's app, if it may not.
    pub fn hostname_reserved(&self, hostname: &str) -> Option<&str> {
        suffix(&self.platform_hostname_suffixes, hostname)
    }

    /// Why a connector may not reach `hostname`, if it may not.
    pub fn egress_forbidden(&self, hostname: &str) -> Option<&str> {
        // `<service>.<namespace>` is a Service of the cluster wherever its DNS is asked.
        let last = hostname.rsplit('.').next().unwrap_or_default();
        suffix(&self.forbidden_egress_suffixes, hostname)
            .or_else(|| self.reserved_names.get(last).map(String::as_str))
    }
}

/// The reason of the first suffix that `hostname` is or ends in, counted in whole labels.
fn suffix<'a>(reasons: &'a BTreeMap<String, String>, hostname: &str) -> Option<&'a str> {
    reasons
        .iter()
        .find(|(suffix, _)| ends_in(hostname, suffix))
        .map(|(_, reason)| reason.as_str())
}

/// Whether `hostname` is `suffix` or ends in it, counted in whole labels.
pub(super) fn ends_in(hostname: &str, suffix: &str) -> bool {
    hostname
        .strip_suffix(suffix)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_is_whole_labels() {
        let reasons = BTreeMap::from([("nip.io".to_owned(), "any address".to_owned())]);
        for (hostname, expected) in [
            ("nip.io", true),
            ("10.0.0.1.nip.io", true),
            ("catnip.io", false),
            ("nip.io.example.com", false),
        ] {
            assert_eq!(suffix(&reasons, hostname).is_some(), expected, "{hostname}");
        }
    }
}
