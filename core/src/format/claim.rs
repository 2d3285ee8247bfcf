//! Claims: what is unique over all tenants.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Document;
use crate::id::{Part, TenantName};

/// What is claimed: a kind of thing and its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ClaimKey {
    /// Kind of thing: `hostname`. A path segment, so `[a-z]+` only.
    pub kind: String,
    /// The thing itself in its canonical form: a hostname in lower case without a final dot.
    pub value: String,
}

/// Who holds something that is unique over all tenants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// What is held.
    pub claim: ClaimKey,
    /// Who holds it.
    pub tenant: TenantName,
    /// The part whose release holds it.
    pub part: Part,
    /// Whether the live release still has it.
    pub state: ClaimState,
}

impl Document for Claim {
    const KIND: &'static str = "Claim";
}

/// Whether a claim is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClaimState {
    /// The live release has it.
    Held,
    /// The live release no longer has it, but its objects may still exist in the cluster,
    /// so nobody else may take it yet.
    Releasing,
}
