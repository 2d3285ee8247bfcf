//! The pointer: which release of a part is live on a cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Document;
use crate::id::{ClusterName, CommitId, Digest, Part, ReleaseId, TenantName};

/// Which release of a tenant's part is live on one cluster, and whether it is held.
///
/// The pointer at the head of `main` is the truth. Its version is the id of its blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pointer {
    /// The tenant.
    pub tenant: TenantName,
    /// The part.
    pub part: Part,
    /// The cluster that follows this pointer.
    pub cluster: ClusterName,
    /// The tenant's main namespace.
    pub namespace: String,
    /// The live release.
    pub release: ReleaseId,
    /// Digest of its manifests, as on the index.
    pub digest: Digest,
    /// Where the live release came from.
    pub source: Source,
    /// The newest source commit that was ever live here; it only moves forward.
    #[serde(default)]
    pub newest_source: Option<CommitId>,
    /// What the engine should do with this part.
    pub state: State,
    /// What stops automatic activation, if anything.
    #[serde(default)]
    pub hold: Option<Hold>,
}

impl Document for Pointer {
    const KIND: &'static str = "Pointer";
}

/// The commit of the source repository that something was compiled from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// URL or name of the source repository, without credentials.
    pub repository: String,
    /// The commit; absent when the source is no Git repository or has no commit yet.
    #[serde(default)]
    pub commit: Option<CommitId>,
    /// Whether files differed from that commit.
    pub dirty: bool,
}

/// What the engine should do with a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct State {
    /// Live, frozen, retiring or destroying.
    pub kind: StateKind,
    /// Who set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

impl State {
    /// The ordinary state.
    pub const LIVE: Self = Self {
        kind: StateKind::Live,
        by: None,
        reason: None,
        until: None,
    };
}

/// The states of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StateKind {
    /// The cluster follows the pointer.
    Live,
    /// No automatic sync.
    Frozen,
    /// On its way out: what is not durable goes.
    Retiring,
    /// On its way out with everything: durable objects may be deleted too.
    Destroying,
}

impl StateKind {
    /// Whether the part is on its way out. Nothing is activated here unless somebody insists.
    pub const fn is_leaving(self) -> bool {
        matches!(self, Self::Retiring | Self::Destroying)
    }

    /// The word as it stands in the pointer.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Frozen => "frozen",
            Self::Retiring => "retiring",
            Self::Destroying => "destroying",
        }
    }
}

impl std::fmt::Display for StateKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A note that stops automatic activation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// Set by a person, or by an automatic rollback.
    pub kind: HoldKind,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when, RFC 3339 in UTC.
    pub at: String,
    /// Until when, RFC 3339 in UTC; absent: until it is released.
    #[serde(default)]
    pub until: Option<String>,
    /// What it stops.
    pub blocks: Blocks,
    /// The automatic hold that a manual one was laid over. It stands again when the manual one ends, so that
    /// a person who holds and releases does not let a release through that a machine found broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Box<Hold>>,
}

/// Who set a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HoldKind {
    /// A person.
    Manual,
    /// An automatic rollback.
    Auto,
}

/// What a hold stops: `"all"`, or a list of releases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// Every automatic activation.
    All,
    /// These releases only, so that the fix goes live.
    Releases(Vec<ReleaseId>),
}

impl Hold {
    /// Whether this hold, or the one it was laid over, stops an activation of `release`.
    pub fn blocks(&self, release: &ReleaseId) -> bool {
        self.blocks == Blocks::All || self.names(release)
    }

    /// Whether `release` is blocked by its name, as an automatic rollback does.
    pub fn names(&self, release: &ReleaseId) -> bool {
        let here = matches!(&self.blocks, Blocks::Releases(releases) if releases.contains(release));
        here || self.over.as_ref().is_some_and(|over| over.names(release))
    }

    /// The automatic hold: this one, or the one it was laid over.
    pub fn automatic(&self) -> Option<&Self> {
        match self.kind {
            HoldKind::Auto => Some(self),
            HoldKind::Manual => self.over.as_ref()?.automatic(),
        }
    }

    /// This hold laid over what an automatic one in `standing` blocks.
    #[must_use]
    pub fn laid_over(mut self, standing: Option<&Self>) -> Self {
        let under = standing.and_then(Self::automatic).cloned();
        self.over = match self.kind {
            HoldKind::Manual => under.map(Box::new),
            HoldKind::Auto => None,
        };
        self
    }
}

impl Serialize for Blocks {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Releases(releases) => releases.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Blocks {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        match crate::Value::deserialize(deserializer)? {
            crate::Value::String(all) if all == "all" => Ok(Self::All),
            list @ crate::Value::Array(_) => serde_json::from_value(list)
                .map(Self::Releases)
                .map_err(D::Error::custom),
            _ => Err(D::Error::custom(
                "`blocks` is \"all\" or a list of releases",
            )),
        }
    }
}

impl JsonSchema for Blocks {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Blocks".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "What a hold stops: \"all\", or a list of releases.",
            "type": ["string", "array"],
            "const": "all",
            "items": { "type": "string", "pattern": "^[0-9a-f]{40}$" }
        })
    }
}
