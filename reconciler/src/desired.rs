//! What the pointers of a cluster ask for.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::format::{Pointer, Requirement, StateKind, Writer};
use orz_core::id::{ClusterName, Digest, Part, ReleaseId, TenantName};
use orz_core::object::Object;
use orz_gitops::{CheckedRelease, InvalidPointer, PointerFile, View};

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
    /// Who follows it, where replicas share the tenants.
    pub writer: Option<Writer>,
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

/// The pointers of a cluster, by tenant, each with its parts in the order in which they are applied.
///
/// A pointer is checked when it is reached, so that one pass holds the objects of one part at a time.
/// Malformed files whose path names no cluster are everybody's: each cluster reports them.
pub fn pointers<'a>(
    view: &'a View,
    cluster: &ClusterName,
    tenants: &BTreeSet<TenantName>,
) -> Result<impl Iterator<Item = Pointed> + use<'a>, orz_gitops::Error> {
    let mut files: Vec<PointerFile> = view
        .pointers()?
        .into_iter()
        .filter(|file| {
            let (of, tenant) = match file {
                PointerFile::Valid(stored) => {
                    (Some(&stored.pointer.cluster), Some(&stored.pointer.tenant))
                }
                PointerFile::Invalid(invalid) => {
                    (invalid.cluster.as_ref(), invalid.tenant.as_ref())
                }
            };
            let selected =
                tenants.is_empty() || tenant.is_some_and(|tenant| tenants.contains(tenant));
            of.is_none_or(|of| of == cluster) && selected
        })
        .collect();
    files.sort_by_cached_key(|file| match file {
        PointerFile::Valid(stored) => (
            Some(stored.pointer.tenant.clone()),
            Some(stored.pointer.part),
            String::new(),
        ),
        PointerFile::Invalid(invalid) => {
            (invalid.tenant.clone(), invalid.part, invalid.path.clone())
        }
    });
    Ok(files.into_iter().map(|file| pointed(view, file)))
}

/// Checks one pointer.
pub(crate) fn pointed(view: &View, file: PointerFile) -> Pointed {
    match file {
        PointerFile::Invalid(InvalidPointer {
            path,
            tenant,
            part,
            invalid,
            ..
        }) => Pointed::Invalid(Invalid {
            tenant,
            part,
            path,
            reason: invalid.to_string(),
        }),
        PointerFile::Valid(stored) => match view.check(&stored) {
            Ok(checked) => Pointed::Valid(Box::new(desired(stored.pointer, checked))),
            Err(invalid) => Pointed::Invalid(Invalid {
                tenant: Some(stored.pointer.tenant),
                part: Some(stored.pointer.part),
                path: stored.path,
                reason: invalid.to_string(),
            }),
        },
    }
}

fn desired(pointer: Pointer, checked: CheckedRelease) -> Desired {
    Desired {
        cluster: pointer.cluster,
        tenant: pointer.tenant,
        part: pointer.part,
        namespace: pointer.namespace,
        release: pointer.release,
        digest: pointer.digest,
        files: checked.manifests,
        objects: checked.objects,
        requires: checked.entry.requires,
        state: pointer.state.kind,
        writer: None,
    }
}
