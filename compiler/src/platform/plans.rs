//! `platform/plans.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Quantity;

/// What tenants may use.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plans {
    /// Plan by name.
    pub plans: BTreeMap<String, Plan>,
}

/// What a tenant of one plan may use.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// For whom it is, in a few words.
    pub description: String,
    /// What all namespaces of the tenant together may use: keys of a ResourceQuota.
    pub quota: BTreeMap<String, Quantity>,
    /// What one container may use.
    pub container: ContainerLimits,
    /// How large one volume may be.
    pub volume: VolumeLimits,
    /// Volume classes that may be used.
    pub volume_classes: Vec<String>,
    /// Egress profiles that may be used.
    pub egress_profiles: Vec<String>,
    /// How many of each there may be.
    pub max: Maxima,
}

/// The LimitRange of every namespace of the plan.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainerLimits {
    /// Limits of a container that states none.
    pub default: Resources,
    /// Requests of a container that states none.
    pub default_request: Resources,
    /// Most that a container may have.
    pub max: Resources,
    /// Least that a container may have.
    pub min: Resources,
}

/// Amounts by resource: `cpu`, `memory`, `ephemeral-storage`.
pub type Resources = BTreeMap<String, Quantity>;

/// Bounds of the size of one volume.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeLimits {
    /// Smallest.
    pub min: Quantity,
    /// Largest.
    pub max: Quantity,
}

/// How many of each a tenant may have, over all its namespaces.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Maxima {
    /// Projects.
    pub projects: u32,
    /// Apps.
    pub apps: u32,
    /// Replicas of one app.
    pub replicas: u32,
    /// Hostnames.
    pub domains: u32,
    /// Connectors.
    pub connectors: u32,
    /// Kubernetes objects of all kinds: a cluster's store is shared by all tenants.
    pub objects: u32,
    /// Bytes of all these objects together.
    pub object_bytes: u64,
}
