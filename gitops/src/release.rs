//! From the bytes of a part to the Git objects of its release.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use gix::ObjectId;
use gix::objs::Kind;
use orz_core::format::{
    self, ClaimKey, Compiler, InputFile, Inputs, ObjectRef, Release, Requirement, Source,
};
use orz_core::id::{ClusterName, Digest, Part, ReleaseId, TenantName};
use orz_core::object::Object;
use orz_core::{parallel, paths};

use crate::error::{Error, Result};
use crate::objects::{Entry, Mode, Staging, id_of};
use crate::view::release_id;
use crate::{Repo, check, commit, trees};

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
    inputs: Vec<(InputFile, Vec<u8>)>,
    files: BTreeMap<String, Vec<u8>>,
    /// The id of each file's blob, in the order of the files.
    blobs: Vec<ObjectId>,
    tree: Vec<u8>,
    tree_id: ObjectId,
    commit_bytes: Vec<u8>,
}

/// From how many releases on they are worth more than one thread.
const WORTH_THREADS: usize = 12;

impl Built {
    /// Computes the ids of all of these, in their order.
    pub(crate) fn all(releases: Vec<NewRelease>) -> Vec<Self> {
        parallel::map(threads(releases.len()), releases, Self::new)
    }

    /// Validates those of many that the index does not have, and gives their ids. Of a few it gives none: they
    /// are validated where they are published.
    pub(crate) fn validate_many<'b>(
        repo: &Repo,
        built: &'b [Self],
    ) -> Result<BTreeSet<&'b ReleaseId>> {
        let threads = threads(built.len());
        if threads == NonZeroUsize::MIN {
            return Ok(BTreeSet::new());
        }
        let view = repo.view()?;
        let mut fresh = BTreeMap::new();
        for built in built {
            let path = paths::index_entry(&built.entry.tenant, built.entry.part, &built.id);
            if trees::lookup(&view.objects, view.releases.tree, &path)?.is_none() {
                // Empty ones are not published where there is no pointer, so they are left for later.
                if !built.files.is_empty() {
                    fresh.insert(&built.id, built);
                }
            }
        }
        let mut outcome = Ok(());
        parallel::for_each(
            threads,
            fresh.values(),
            |built| built.validate(),
            |valid| {
                if outcome.is_ok() {
                    outcome = valid;
                }
            },
        );
        outcome.map(|()| fresh.into_keys().collect())
    }

    /// Computes the ids. Whether the release may stand on the index is another question: [`Self::validate`].
    pub(crate) fn new(release: NewRelease) -> Self {
        let blobs: Vec<ObjectId> = release
            .files
            .values()
            .map(|bytes| id_of(Kind::Blob, bytes))
            .collect();
        let mut entries: Vec<Entry> = release
            .files
            .keys()
            .zip(&blobs)
            .map(|(name, id)| Entry {
                name: name.clone().into_bytes(),
                mode: Mode::File,
                id: *id,
            })
            .collect();
        let tree = trees::encode(&mut entries);
        let tree_id = id_of(Kind::Tree, &tree);
        let commit_bytes = commit::release_bytes(tree_id, &release.tenant, release.part);
        let commit = id_of(Kind::Commit, &commit_bytes);
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
        Self {
            id,
            commit,
            entry,
            cluster: release.cluster,
            source: release.source,
            inputs: release.inputs,
            files: release.files,
            blobs,
            tree,
            tree_id,
            commit_bytes,
        }
    }

    /// Refuses what [`crate::View::check`] would refuse later, so that nothing is published that cannot go live.
    ///
    /// It reads every manifest, so it is asked of releases that the index does not have yet.
    pub(crate) fn validate(&self) -> Result<()> {
        self.agrees().map_err(|message| Error::BadRelease {
            tenant: self.entry.tenant.clone(),
            part: self.entry.part,
            message,
        })
    }

    /// Hands over the objects of the release: blobs, tree, commit.
    pub(crate) fn stage<'a>(&'a self, staging: &mut Staging<'a>) {
        for (id, bytes) in self.blobs.iter().zip(self.files.values()) {
            staging.put_known(*id, Kind::Blob, bytes);
        }
        staging.put_known(self.tree_id, Kind::Tree, &self.tree);
        staging.put_known(self.commit, Kind::Commit, &self.commit_bytes);
    }

    /// The recorded inputs by digest.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = (&Digest, &[u8])> {
        self.inputs
            .iter()
            .map(|(file, bytes)| (&file.sha256, bytes.as_slice()))
    }

    fn agrees(&self) -> Result<(), String> {
        let entry = &self.entry;
        let digest = format::digest_of(
            self.files
                .iter()
                .map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
        );
        if digest != entry.digest {
            return Err(format!("its digest is `{digest}`, not `{}`", entry.digest));
        }
        let objects = check::objects_of(&self.files).map_err(|e| e.detail)?;
        let found: BTreeSet<ObjectRef> = objects.iter().map(Object::reference).collect();
        if found != entry.objects.iter().cloned().collect() {
            return Err("its list of objects is not that of its files".to_owned());
        }
        check::allowed(&entry.tenant, entry.part, &objects).map_err(|e| e.detail)?;
        if let Some(claim) = entry.claims.iter().find(|claim| !check::is_claim(claim)) {
            return Err(format!(
                "`{}` is no kind of claim",
                claim.kind.escape_debug()
            ));
        }
        let mut paths = BTreeSet::new();
        for (file, bytes) in &self.inputs {
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
}

fn threads(releases: usize) -> NonZeroUsize {
    if releases < WORTH_THREADS {
        return NonZeroUsize::MIN;
    }
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn sorted<T: Ord>(items: Vec<T>) -> Vec<T> {
    items
        .into_iter()
        .collect::<BTreeSet<T>>()
        .into_iter()
        .collect()
}
