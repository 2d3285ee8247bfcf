//! `platform/apps.json`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Quantity, Resources};

/// What an app gets that does not say otherwise.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AppDefaults {
    /// User and group of every container; never 0.
    #[schemars(range(min = 1, max = 65535))]
    pub uid: u32,
    /// Port that an app listens on.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// Replicas.
    #[schemars(range(min = 1))]
    pub replicas: u32,
    /// Requests and limits.
    pub resources: ResourceDefaults,
    /// Size of the writable `/tmp`; the root file system is read-only.
    pub tmp_size: Quantity,
    /// How an app is asked whether it is well.
    pub probe: ProbeDefaults,
    /// Seconds between the request to stop and the kill.
    #[schemars(range(min = 1, max = 3600))]
    pub termination_grace_seconds: u32,
    /// Seconds after which a rollout that makes no progress has failed.
    #[schemars(range(min = 5, max = 86400))]
    pub progress_deadline_seconds: u32,
    /// Old ReplicaSets that are kept.
    #[schemars(range(max = 50))]
    pub revision_history_limit: u32,
    /// How a release job runs.
    pub release_job: ReleaseJobDefaults,
}

/// What a release job gets that does not say otherwise.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseJobDefaults {
    /// Seconds that it may take, with all its tries.
    #[schemars(range(min = 1, max = 86400))]
    pub timeout_seconds: u32,
    /// How often it is tried again after a failure.
    #[schemars(range(max = 20))]
    pub retries: u32,
    /// How many Jobs a namespace with release jobs may hold beside what its plan says of
    /// `count/jobs.batch`: those that have run stay while a release that contains them is kept.
    #[schemars(range(min = 1, max = 100_000))]
    pub kept: u32,
}

/// Requests and limits of a container.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceDefaults {
    /// What the scheduler sets aside.
    pub requests: Resources,
    /// What the container may not exceed.
    pub limits: Resources,
}

/// How an app is asked whether it is well.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeDefaults {
    /// Path of the HTTP request.
    #[schemars(regex(pattern = r"^/[^\s]*$"), extend("x-rule" = "be a path that begins with `/`"))]
    pub path: String,
    /// Seconds between two requests.
    #[schemars(range(min = 1, max = 3600))]
    pub period_seconds: u32,
    /// Seconds until a request has failed.
    #[schemars(range(min = 1, max = 3600))]
    pub timeout_seconds: u32,
    /// Failed requests in a row until the app counts as unwell.
    #[schemars(range(min = 1, max = 100))]
    pub failure_threshold: u32,
    /// Seconds that an app may take to start.
    #[schemars(range(min = 1, max = 3600))]
    pub startup_seconds: u32,
}
