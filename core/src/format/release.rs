//! `release.json`: what the index says about a release.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Document;
use super::claim::ClaimKey;
use super::pointer::Source;
use crate::id::{ClusterName, Digest, Part, ReleaseId, TenantName};

/// An entry of the index: everything about a release that its tree does not say itself.
///
/// Written once, by the first publisher of the release; never changed afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// The tenant whose release this is.
    pub tenant: TenantName,
    /// The part of the tenant.
    pub part: Part,
    /// The cluster it was compiled for.
    pub cluster: ClusterName,
    /// The tenant's main namespace.
    pub namespace: String,
    /// The commit that holds the manifests.
    pub release: ReleaseId,
    /// Digest of the manifests, see [`super::digest_of`].
    pub digest: Digest,
    /// Every object, in the order of its file name.
    pub objects: Vec<ObjectRef>,
    /// Objects of other parts that must exist before this part is applied, sorted.
    pub requires: Vec<Requirement>,
    /// What this release claims for its tenant alone, sorted.
    pub claims: Vec<ClaimKey>,
    /// What it was compiled from.
    pub inputs: Inputs,
    /// Where the first publisher compiled it from.
    pub source: Source,
    /// What compiled it.
    pub compiler: Compiler,
}

impl Document for Release {
    const KIND: &'static str = "Release";
}

/// One object of a release and the file that holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ObjectRef {
    /// File name in the release's tree.
    pub file: String,
    /// API group; empty for the core group.
    pub group: String,
    /// API version without the group: `v1`.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; absent for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

/// An object of another part that must exist first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Requirement {
    /// The part that provides it.
    pub part: Part,
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

impl Requirement {
    /// Whether `object` is what is required.
    pub fn is_met_by(&self, object: &ObjectRef) -> bool {
        (&self.group, &self.kind, &self.namespace, &self.name)
            == (&object.group, &object.kind, &object.namespace, &object.name)
    }
}

/// The recorded input of a compile. The bytes stand under `inputs/` on the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inputs {
    /// The time the caller supplied, RFC 3339 in UTC; absent when none was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The files, sorted by path.
    pub files: Vec<InputFile>,
}

/// One input file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct InputFile {
    /// Path relative to the root of the source repository, `/`-separated.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

/// What compiled a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compiler {
    /// Version of the compiler package.
    pub version: String,
    /// SHA-256 over everything that decides what the compiler emits; equal on a laptop and in CI.
    pub digest: Digest,
}
