//! What the pointers of a cluster ask for.

use std::collections::BTreeMap;

use orz_core::format::{Requirement, StateKind};
use orz_core::id::{ClusterName, Digest, Part, ReleaseId, TenantName};
use orz_core::object::Object;

/// What one valid pointer asks for.
#[derive(Clone, Debug)]
pub struct Desired {
    /// The cluster that shall follow.
    pub cluster: ClusterName,
    /// The tenant.
    pub tenant: TenantName,
    /// The part of the tenant.
    pub part: Part,
    /// The tenant's main namespace.
    pub namespace: String,
    /// The release that shall be live.
    pub release: ReleaseId,
    /// Digest of its manifests.
    pub digest: Digest,
    /// Its manifests, file name to bytes.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The objects in these files, in the order of their file names.
    pub objects: Vec<Object>,
    /// Objects of other parts that must exist first.
    pub requires: Vec<Requirement>,
    /// What the pointer says about following it.
    pub state: StateKind,
}

/// A pointer that must not be acted on; what is live stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The tenant, as far as the pointer's path tells.
    pub tenant: Option<TenantName>,
    /// The part, as far as the pointer's path tells.
    pub part: Option<Part>,
    /// The pointer's path in the repository.
    pub path: String,
    /// `pointer-invalid: <reason>`.
    pub reason: String,
}

/// A pointer as it stands in the repository: good to act on, or not.
#[derive(Clone, Debug)]
pub enum Pointed {
    /// Checked; everything that it names is there.
    Valid(Box<Desired>),
    /// Refused.
    Invalid(Invalid),
}
