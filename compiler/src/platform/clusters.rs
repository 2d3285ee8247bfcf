//! `platform/clusters.json`.

use std::collections::BTreeMap;

use orz_core::id::ClusterName;
use schemars::JsonSchema;
use serde::Deserialize;

use super::settings::SUFFIX;

/// Where tenants run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clusters {
    /// Cluster by the name that Argo CD knows it by.
    pub clusters: BTreeMap<ClusterName, Cluster>,
}

/// What the compiler must know of a cluster to write objects for it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// What it is for, in a few words.
    pub description: String,
    /// Where pods ask for names.
    pub dns: Dns,
    /// The Gateway that takes requests in; without one, apps cannot have domains.
    #[serde(default)]
    pub gateway: Option<Gateway>,
    /// The Gateway that connectors leave through; without one, connectors have no endpoints.
    #[serde(default)]
    pub egress_gateway: Option<EgressGateway>,
}

/// The cluster's DNS servers, for network policies.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// Namespace of the DNS pods.
    pub namespace: String,
    /// Labels of the DNS pods.
    pub pod_labels: BTreeMap<String, String>,
    /// Addresses outside the pod network, as CIDRs: a node-local cache is at `169.254.20.10/32`.
    #[serde(default)]
    pub cidrs: Vec<String>,
}

/// A Gateway that tenants' routes attach to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Name of the Gateway.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The listener to attach to; all that fit when absent.
    #[serde(default)]
    pub listener: Option<String>,
    /// The namespace of the proxies, from which requests reach the apps.
    pub ingress_namespace: String,
}

/// The Gateway that connectors leave through.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EgressGateway {
    /// Name of the Gateway.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Connector `c` of namespace `n` is called at `http://c.n.<suffix>`.
    #[schemars(length(min = 1, max = 120), regex(pattern = SUFFIX))]
    #[schemars(extend("x-rule" = "be a hostname in lower case, without a `.` at either end: `conn.internal`"))]
    pub hostname_suffix: String,
    /// Whether its proxies share one rate limit service. Without it each replica counts on its own.
    #[serde(default)]
    pub global_rate_limit: bool,
}
