//! What the reconciler knows about a part: its published status, and what it must remember.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Document;
use crate::id::{BlobId, ClusterName, Part, ReleaseId, TenantName};
use crate::object::ObjectKey;

/// An object by its name, as it stands in a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ObjectName {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace; absent for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl From<ObjectKey> for ObjectName {
    fn from(key: ObjectKey) -> Self {
        let ObjectKey {
            group,
            kind,
            namespace,
            name,
        } = key;
        Self {
            group,
            kind,
            namespace,
            name,
        }
    }
}

impl From<ObjectName> for ObjectKey {
    fn from(name: ObjectName) -> Self {
        let ObjectName {
            group,
            kind,
            namespace,
            name,
        } = name;
        Self {
            group,
            kind,
            namespace,
            name,
        }
    }
}

/// How an object or a part is doing: the six words of Argo CD.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum HealthWord {
    /// As it should be.
    Healthy,
    /// On its way.
    Progressing,
    /// Broken.
    Degraded,
    /// Stopped on purpose.
    Suspended,
    /// Not there.
    Missing,
    /// Nobody can tell.
    Unknown,
}

/// Where the activation of a release stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// What it requires from other parts does not exist yet; its clock has not started.
    Waiting,
    /// Being applied, or not healthy yet.
    Progressing,
    /// Healthy, and watched until it has been so for long enough.
    Soaking,
    /// It was healthy for the whole soak.
    Verified,
    /// It broke or did not become healthy in time.
    Failed,
    /// The pointer must not be acted on; what was live stays.
    Invalid,
    /// The pointer is frozen; nothing is applied and nothing is judged.
    Frozen,
    /// On its way out.
    Retiring,
}

/// What the reconciler must remember of a part when it is killed. It lies in the inventory and is
/// written before the first change of an activation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// The release whose activation this is.
    pub release: ReleaseId,
    /// The version of the pointer that asked for it.
    pub pointer: BlobId,
    /// Where it stands.
    pub phase: Phase,
    /// How the objects of the part were doing before the first change; what did not exist is not listed.
    pub baseline: Vec<Baseline>,
    /// The workloads that this activation creates or changes, sorted: only these are judged.
    pub changed: Vec<ObjectName>,
    /// Time that it was watched and not healthy, in milliseconds, all together: a sum of short observed intervals,
    /// never a difference of clocks, so that a clock that jumps neither verifies nor fails anything. It begins when
    /// its requirements exist, stands still under the brake and while a release job runs that ends by itself, and
    /// at the deadline the release has failed.
    pub waited_ms: u64,
    /// Time it has been healthy without a break, in milliseconds, summed in the same way.
    pub healthy_ms: u64,
    /// When it failed, RFC 3339 in UTC by the reconciler's clock, as long as it has failed: the brake counts failures
    /// within some time. Nothing else is decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<String>,
    /// Releases that were verified on this cluster, the oldest first, at most [`Memory::KEPT`].
    pub verified: Vec<ReleaseId>,
    /// Releases that were rolled back automatically, the oldest first, at most [`Memory::KEPT`]:
    /// never a second time for one of these.
    pub failed: Vec<ReleaseId>,
}

impl Memory {
    /// How many verified and failed releases are remembered.
    pub const KEPT: usize = 20;
}

/// How an object was doing before an activation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Baseline {
    /// The object.
    pub object: ObjectName,
    /// How it was doing.
    pub health: HealthWord,
}

/// What the reconciler publishes about one part, for people who can only read Git.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The cluster.
    pub cluster: ClusterName,
    /// The tenant.
    pub tenant: TenantName,
    /// The part.
    pub part: Part,
    /// The engine that follows the pointer: `dir`, `apply` or `argocd`.
    pub engine: String,
    /// The release that the pointer names; absent when the pointer is invalid.
    #[serde(default)]
    pub release: Option<ReleaseId>,
    /// The release that the engine has in place.
    #[serde(default)]
    pub observed: Option<ReleaseId>,
    /// Where the activation stands.
    pub phase: Phase,
    /// The worst of what was observed.
    pub health: HealthWord,
    /// What stands in the way, the worst first, at most [`Status::SHOWN`].
    pub blocking: Vec<Blocking>,
    /// Why, in one line: `pointer-invalid: …`, `waits for …`, the engine's error.
    #[serde(default)]
    pub reason: Option<String>,
    /// What happens next if nothing changes.
    #[serde(default)]
    pub next: Option<Next>,
    /// Releases that were verified on this cluster, the oldest first.
    pub verified: Vec<ReleaseId>,
    /// Since when the release is in this phase, RFC 3339 in UTC.
    pub since: String,
}

impl Status {
    /// How many blocking objects are named.
    pub const SHOWN: usize = 10;
}

impl Document for Status {
    const KIND: &'static str = "Status";
}

/// An object that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Blocking {
    /// The object.
    pub object: ObjectName,
    /// How it is doing.
    pub health: HealthWord,
    /// What is wrong or awaited, in Kubernetes' own words where there are any; never a secret.
    pub message: String,
    /// Since when, RFC 3339 in UTC, by the reconciler's clock.
    pub since: String,
}

/// What happens next if nothing changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Next {
    /// `verified`, `rolled back to <release>`, `alert`.
    pub what: String,
    /// After how many more seconds of observation.
    pub in_seconds: u64,
}

/// `brakes/<cluster>.json`: so many activations failed that this is an outage and no bad release.
/// While it stands, nothing is rolled back automatically on the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Brake {
    /// The cluster.
    pub cluster: ClusterName,
    /// When it was set, RFC 3339 in UTC.
    pub at: String,
    /// How many activations failed, of how many recent ones.
    pub failed: u64,
    /// How many recent activations there were.
    pub recent: u64,
    /// Why, in one line for a person.
    pub reason: String,
}

impl Document for Brake {
    const KIND: &'static str = "Brake";
}
