//! From the bytes of a part to the Git objects of its release.

use std::collections::{BTreeMap, BTreeSet};

use gix::ObjectId;
use gix::objs::Kind;
use orz_core::format::{
    self, ClaimKey, Compiler, InputFile, Inputs, ObjectRef, Release, Requirement, Source,
};
use orz_core::id::{ClusterName, Digest, Part, ReleaseId, TenantName};

use crate::error::{Error, Result};
use crate::objects::{Entry, Mode, id_of};
use crate::view::release_id;
use crate::{check, commit, trees};

/// A part as it was compiled, to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRelease {
    /// The tenant.
    pub tenant: TenantName,
    /// The part.
    pub part: Part,
    /// The cluster it was compiled for.
    pub cluster: ClusterName,
    /// The tenant's main namespace.
    pub namespace: String,
    /// The manifests by file name, see [`orz_core::paths::manifest`].
    pub files: BTreeMap<String, Vec<u8>>,
    /// The objects in these files.
    pub objects: Vec<ObjectRef>,
    /// What must exist in other parts first.
    pub requires: Vec<Requirement>,
    /// What it claims for its tenant alone.
    pub claims: Vec<ClaimKey>,
    /// [`format::digest_of`] the files.
    pub digest: Digest,
    /// Every file that the compiler read, with its bytes.
    pub inputs: Vec<(InputFile, Vec<u8>)>,
    /// The time that the compiler was given, RFC 3339 in UTC.
    pub at: Option<String>,
    /// Where it was compiled from.
    pub source: Source,
    /// What compiled it.
    pub compiler: Compiler,
}

/// A release with its Git objects; equal bytes make equal ones on any machine.
pub(crate) struct Built {
    pub(crate) id: ReleaseId,
    pub(crate) commit: ObjectId,
    pub(crate) entry: Release,
    pub(crate) cluster: ClusterName,
    pub(crate) source: Source,
    pub(crate) inputs: Vec<(Digest, Vec<u8>)>,
    /// Blobs, the tree, the commit.
    pub(crate) objects: Vec<(ObjectId, Kind, Vec<u8>)>,
}

impl Built {
    /// Takes only what [`crate::View::check`] will accept later, so that nothing is published that cannot go live.
    pub(crate) fn new(release: NewRelease) -> Result<Self> {
        if let Err(message) = agrees(&release) {
            return Err(Error::BadRelease {
                tenant: release.tenant,
                part: release.part,
                message,
            });
        }
        let mut objects = Vec::with_capacity(release.files.len() + 2);
        let mut entries = Vec::with_capacity(release.files.len());
        for (name, bytes) in release.files {
            let id = id_of(Kind::Blob, &bytes);
            entries.push(Entry {
                name: name.into_bytes(),
                mode: Mode::File,
                id,
            });
            objects.push((id, Kind::Blob, bytes));
        }
        let tree_bytes = trees::encode(&mut entries);
        let tree = id_of(Kind::Tree, &tree_bytes);
        objects.push((tree, Kind::Tree, tree_bytes));
        let bytes = commit::release_bytes(tree, &release.tenant, release.part);
        let commit = id_of(Kind::Commit, &bytes);
        objects.push((commit, Kind::Commit, bytes));

        let id = release_id(commit);
        // Sorted here, so that the entry does not depend on the order in which it was handed over.
        let files: BTreeSet<InputFile> = release
            .inputs
            .iter()
            .map(|(file, _)| file.clone())
            .collect();
        let entry = Release {
            tenant: release.tenant,
            part: release.part,
            cluster: release.cluster.clone(),
            namespace: release.namespace,
            release: id.clone(),
            digest: release.digest,
            objects: sorted(release.objects),
            requires: sorted(release.requires),
            claims: sorted(release.claims),
            inputs: Inputs {
                at: release.at,
                files: files.into_iter().collect(),
            },
            source: release.source.clone(),
            compiler: release.compiler,
        };
        Ok(Self {
            id,
            commit,
            entry,
            cluster: release.cluster,
            source: release.source,
            inputs: release
                .inputs
                .into_iter()
                .map(|(file, bytes)| (file.sha256, bytes))
                .collect(),
            objects,
        })
    }
}

fn sorted<T: Ord>(items: Vec<T>) -> Vec<T> {
    items
        .into_iter()
        .collect::<BTreeSet<T>>()
        .into_iter()
        .collect()
}

fn agrees(release: &NewRelease) -> Result<(), String> {
    let digest = format::digest_of(
        release
            .files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
    );
    if digest != release.digest {
        return Err(format!(
            "its digest is `{digest}`, not `{}`",
            release.digest
        ));
    }
    let objects = check::objects_of(&release.files).map_err(|e| e.detail)?;
    let found: BTreeSet<ObjectRef> = objects
        .iter()
        .map(orz_core::object::Object::reference)
        .collect();
    if found != release.objects.iter().cloned().collect() {
        return Err("its list of objects is not that of its files".to_owned());
    }
    check::allowed(&release.tenant, release.part, &objects).map_err(|e| e.detail)?;
    for claim in &release.claims {
        if claim.kind.is_empty() || !claim.kind.bytes().all(|b| b.is_ascii_lowercase()) {
            return Err(format!(
                "`{}` is no kind of claim",
                claim.kind.escape_debug()
            ));
        }
    }
    let mut paths = BTreeSet::new();
    for (file, bytes) in &release.inputs {
        if Digest::of(bytes) != file.sha256 {
            return Err(format!(
                "input `{}` has another digest than it says",
                file.path
            ));
        }
        if !paths.insert(&file.path) {
            return Err(format!("input `{}` is named twice", file.path));
        }
    }
    Ok(())
}
