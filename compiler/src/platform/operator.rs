//! `platform/tenants/<tenant>.json`: the operator's word on a tenant.

use std::collections::BTreeMap;

use orz_core::diag::Span;
use orz_core::id::ClusterName;
use orz_core::read::Node;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Quantity;

/// What only an operator may say about a tenant: tenants do not upgrade themselves.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// Plan; the platform's default when absent.
    #[serde(default)]
    pub plan: Option<String>,
    /// Whom the tenant belongs to. A label value: at most 63 letters, digits, `-`, `_` and `.`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"))]
    #[schemars(extend("x-rule" = "be 1 to 63 letters, digits, `.`, `_` and `-`, with a letter or digit at both ends"))]
    pub org: Option<String>,
    /// Cluster; the platform's default when absent.
    #[serde(default)]
    pub cluster: Option<ClusterName>,
    /// Whether nothing of the tenant runs: everything stays, with no replicas.
    #[serde(default)]
    pub suspended: bool,
    /// Exceptions from the plan's quota: keys of a ResourceQuota.
    #[serde(default)]
    pub quota: BTreeMap<String, Quantity>,
    /// The file, with the place of each of its parts.
    #[serde(skip)]
    #[schemars(skip)]
    pub(super) node: Option<Node>,
}

impl Operator {
    /// Where a JSON pointer stands in the file, or the nearest place that does; `None` without a file.
    pub fn at(&self, pointer: &str) -> Option<Span> {
        self.node.as_ref().map(|node| node.nearest(pointer))
    }
}
