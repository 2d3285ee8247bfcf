//! Reading a repository at one fixed pair of heads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gix::ObjectId;
use orz_core::format::{self, Claim, ClaimKey, Pointer, Release};
use orz_core::id::{BlobId, ClusterName, CommitId, Digest, Part, ReleaseId, TenantName};
use orz_core::paths;

use crate::check::{self, CheckedRelease, PointerInvalid, reason};
use crate::commit;
use crate::error::{Error, Result};
use crate::objects::{Mode, Objects};
use crate::trees;
use crate::trust::{Demand, TrustedPublishers};

/// One consistent pair of heads: every release that a pointer here names was on the index
/// when the pointer moved to it, and still is.
pub struct View {
    pub(crate) objects: Objects,
    pub(crate) main: Head,
    pub(crate) releases: Head,
    pub(crate) demand: Demand,
}

/// The head of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) commit: ObjectId,
    pub(crate) tree: ObjectId,
}

/// A pointer and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPointer {
    /// What it says.
    pub pointer: Pointer,
    /// Its version: the id of its blob.
    pub blob: BlobId,
    /// Its path on `main`.
    pub path: String,
}

/// A file under `pointers/`: a pointer, or something that a person has to repair.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every file is a valid pointer, so a box would save nothing"
)]
pub enum PointerFile {
    /// A pointer whose content agrees with its path.
    Valid(StoredPointer),
    /// A file that is no pointer, or not the one its path names.
    Invalid(InvalidPointer),
}

/// A file under `pointers/` that must not be acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPointer {
    /// Its path on `main`.
    pub path: String,
    /// The cluster that the path names, if it names one.
    pub cluster: Option<ClusterName>,
    /// The tenant that the path names, if it names one.
    pub tenant: Option<TenantName>,
    /// The part that the path names, if it names one.
    pub part: Option<Part>,
    /// What is wrong with it.
    pub invalid: PointerInvalid,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View")
            .field("main", &self.main.commit)
            .field("releases", &self.releases.commit)
            .finish_non_exhaustive()
    }
}

impl PointerFile {
    /// The pointer, if it is one.
    pub fn valid(&self) -> Option<&StoredPointer> {
        match self {
            Self::Valid(pointer) => Some(pointer),
            Self::Invalid(_) => None,
        }
    }

    /// Its path on `main`.
    pub fn path(&self) -> &str {
        match self {
            Self::Valid(pointer) => &pointer.path,
            Self::Invalid(invalid) => &invalid.path,
        }
    }
}

impl View {
    pub(crate) fn new(objects: Objects, main: ObjectId, releases: ObjectId) -> Result<Self> {
        let head = |id| {
            objects.commit(id).map(|commit| Head {
                commit: id,
                tree: commit.tree,
            })
        };
        let (main, releases) = (head(main)?, head(releases)?);
        Ok(Self {
            objects,
            main,
            releases,
            demand: Demand::default(),
        })
    }

    /// The same, with what is demanded of those who wrote it.
    pub(crate) fn demanding(mut self, publishers: Option<Arc<TrustedPublishers>>) -> Self {
        self.demand = Demand::new(publishers);
        self
    }

    /// The commit at the head of `main`.
    pub fn head_main(&self) -> CommitId {
        commit_id(self.main.commit)
    }

    /// The commit at the head of `releases`.
    pub fn head_releases(&self) -> CommitId {
        commit_id(self.releases.commit)
    }

    /// Every file under `pointers/`, in path order: valid pointers and malformed ones.
    pub fn pointers(&self) -> Result<Vec<PointerFile>> {
        self.pointer_files(paths::POINTERS)
    }

    /// The tenants that have a pointer file, on any cluster; what is in the files is not looked at.
    pub fn tenants(&self) -> Result<BTreeSet<TenantName>> {
        let files = trees::files_below(&self.objects, self.main.tree, paths::POINTERS)?;
        let places = files
            .iter()
            .filter_map(|(path, _)| paths::parse_pointer(path));
        Ok(places.map(|(_, tenant, _)| tenant).collect())
    }

    /// Every pointer file of a tenant, on all clusters, in path order.
    pub fn pointers_of(&self, tenant: &TenantName) -> Result<Vec<PointerFile>> {
        let Some(folder) = trees::lookup(&self.objects, self.main.tree, paths::POINTERS)? else {
            return Ok(Vec::new());
        };
        if folder.mode != Mode::Tree {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for cluster in self.objects.tree(folder.id)?.iter() {
            let Some(cluster) = std::str::from_utf8(&cluster.name)
                .ok()
                .and_then(|n| n.parse::<ClusterName>().ok())
            else {
                continue;
            };
            found.extend(self.pointer_files(&paths::pointers_of(&cluster, tenant))?);
        }
        Ok(found)
    }

    /// One pointer; a malformed one is an error here.
    pub fn pointer(
        &self,
        cluster: &ClusterName,
        tenant: &TenantName,
        part: Part,
    ) -> Result<Option<StoredPointer>> {
        self.pointer_in(self.main.tree, &paths::pointer(cluster, tenant, part))
    }

    /// The pointer at `path` in a tree of `main`; a malformed one is an error here.
    pub(crate) fn pointer_in(&self, main: ObjectId, path: &str) -> Result<Option<StoredPointer>> {
        let Some(entry) = trees::lookup(&self.objects, main, path)? else {
            return Ok(None);
        };
        match self.pointer_file(path.to_owned(), &entry)? {
            PointerFile::Valid(pointer) => Ok(Some(pointer)),
            PointerFile::Invalid(InvalidPointer { path, invalid, .. }) => {
                Err(Error::MalformedPointer {
                    path,
                    reason: invalid.to_string(),
                })
            }
        }
    }

    /// What the index says about a release of exactly this part of this tenant.
    pub fn entry(
        &self,
        tenant: &TenantName,
        part: Part,
        release: &ReleaseId,
    ) -> Result<Option<Release>> {
        let path = paths::index_entry(tenant, part, release);
        let Some((_, bytes)) = trees::file(&self.objects, self.releases.tree, &path)? else {
            return Ok(None);
        };
        parse_entry(&path, &bytes).map(Some)
    }

    /// All releases of a part, in the order of their ids.
    pub fn entries(&self, tenant: &TenantName, part: Part) -> Result<Vec<Release>> {
        trees::files_below(
            &self.objects,
            self.releases.tree,
            &paths::index_folder(tenant, part),
        )?
        .into_iter()
        .map(|(path, entry)| parse_entry(&path, &self.objects.blob(entry.id)?))
        .collect()
    }

    /// The files of a release, by name.
    pub fn manifests(&self, release: &ReleaseId) -> Result<BTreeMap<String, Vec<u8>>> {
        let commit = self.objects.commit(object_id(release.as_str()))?;
        self.objects
            .tree(commit.tree)?
            .iter()
            .map(|entry| {
                let name = String::from_utf8_lossy(&entry.name).into_owned();
                if entry.mode != Mode::File {
                    return Err(Error::Malformed {
                        path: name,
                        message: "not a regular file".to_owned(),
                    });
                }
                Ok((name, self.objects.blob(entry.id)?))
            })
            .collect()
    }

    /// A recorded input by the digest of its bytes.
    pub fn input(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        let found = trees::file(&self.objects, self.releases.tree, &paths::input(digest))?;
        Ok(found.map(|(_, bytes)| bytes))
    }

    /// Who holds something that is unique over all tenants.
    pub fn claim(&self, key: &ClaimKey) -> Result<Option<Claim>> {
        let path = paths::claim(key);
        let Some((_, bytes)) = trees::file(&self.objects, self.main.tree, &path)? else {
            return Ok(None);
        };
        let malformed = |message: String| Error::Malformed {
            path: path.clone(),
            message,
        };
        let claim: Claim = format::from_bytes(&bytes).map_err(|e| malformed(e.to_string()))?;
        if claim.claim != *key {
            return Err(malformed(format!(
                "holds a claim on {} `{}`",
                claim.claim.kind, claim.claim.value
            )));
        }
        Ok(Some(claim))
    }

    /// The one release whose id starts with these at least four hex digits.
    pub fn find_release(&self, prefix: &str) -> Result<Release> {
        let unknown = || Error::UnknownRelease {
            prefix: prefix.chars().take(80).collect(),
        };
        let hex = prefix
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !(4..=40).contains(&prefix.len()) || !hex {
            return Err(unknown());
        }
        let mut found = Vec::new();
        for id in self.objects.with_prefix(prefix)? {
            let Ok(commit) = self.objects.commit(id) else {
                continue;
            };
            let Some((tenant, part)) = commit::parse_release_message(&commit.message) else {
                continue;
            };
            found.extend(self.entry(&tenant, part, &release_id(id))?);
        }
        match found.len() {
            0 => Err(unknown()),
            1 => Ok(found.swap_remove(0)),
            _ => Err(Error::AmbiguousRelease {
                prefix: prefix.to_owned(),
                candidates: found.into_iter().map(|release| release.release).collect(),
            }),
        }
    }

    /// Whether a pointer may be acted on, with everything it points at, or why not.
    pub fn check(&self, pointer: &StoredPointer) -> Result<CheckedRelease, PointerInvalid> {
        check::pointer(self, pointer)
    }

    fn pointer_files(&self, folder: &str) -> Result<Vec<PointerFile>> {
        trees::files_below(&self.objects, self.main.tree, folder)?
            .into_iter()
            .map(|(path, entry)| self.pointer_file(path, &entry))
            .collect()
    }

    pub(crate) fn pointer_file(
        &self,
        path: String,
        entry: &crate::objects::Entry,
    ) -> Result<PointerFile> {
        if entry.mode != Mode::File {
            return Ok(parse_pointer(
                path,
                Err("not a regular file".to_owned()),
                entry.id,
            ));
        }
        let bytes = self.objects.blob(entry.id)?;
        Ok(parse_pointer(path, Ok(&bytes), entry.id))
    }
}

/// What a file at `path` is as a pointer.
pub(crate) fn parse_pointer(
    path: String,
    bytes: Result<&[u8], String>,
    blob: ObjectId,
) -> PointerFile {
    let named = paths::parse_pointer(&path);
    let parsed = bytes.and_then(|bytes| {
        format::from_bytes::<Pointer>(bytes).map_err(|error| {
            // What a merge at night leaves behind; the place of the first brace helps nobody then.
            if bytes
                .split(|b| *b == b'\n')
                .any(|l| l.starts_with(b"<<<<<<< "))
            {
                "it holds the conflict markers of a merge".to_owned()
            } else {
                error.to_string()
            }
        })
    });
    let invalid = match (&named, parsed) {
        (None, _) => PointerInvalid::new(reason::PATH_MISMATCH, why_no_pointer(&path)),
        (Some(_), Err(message)) => PointerInvalid::new(reason::MALFORMED, message),
        (Some((cluster, tenant, part)), Ok(pointer)) => {
            if (&pointer.cluster, &pointer.tenant, pointer.part) == (cluster, tenant, *part) {
                let blob = blob
                    .to_string()
                    .parse()
                    .expect("an object id is 40 hex digits");
                return PointerFile::Valid(StoredPointer {
                    pointer,
                    blob,
                    path,
                });
            }
            let message = format!(
                "it is the pointer of `{}/{}` on `{}`",
                pointer.tenant, pointer.part, pointer.cluster
            );
            PointerInvalid::new(reason::PATH_MISMATCH, message)
        }
    };
    let (cluster, tenant, part) = match named {
        Some((cluster, tenant, part)) => (Some(cluster), Some(tenant), Some(part)),
        None => (None, None, None),
    };
    PointerFile::Invalid(InvalidPointer {
        path,
        cluster,
        tenant,
        part,
        invalid,
    })
}

/// Why a path below `pointers/` is not that of a pointer.
fn why_no_pointer(path: &str) -> String {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let [cluster, _, tenant, part] = segments[..] else {
        return "a pointer is `pointers/<cluster>/<xx>/<tenant>/<part>.json`".to_owned();
    };
    let part = part
        .strip_suffix(".json")
        .ok_or_else(|| format!("`{part}` does not end in `.json`"));
    let part = part.and_then(|part| part.parse::<Part>().map_err(|e| e.to_string()));
    let cluster = cluster.parse::<ClusterName>().map_err(|e| e.to_string());
    let tenant = tenant.parse::<TenantName>().map_err(|e| e.to_string());
    match (cluster, tenant, part) {
        (Ok(cluster), Ok(tenant), Ok(part)) => {
            let right = paths::pointer(&cluster, &tenant, part);
            format!("the pointer of `{tenant}/{part}` belongs at `{right}`")
        }
        (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => {
            format!("the path names no pointer: {error}")
        }
    }
}

fn parse_entry(path: &str, bytes: &[u8]) -> Result<Release> {
    let malformed = |message: String| Error::Malformed {
        path: path.to_owned(),
        message,
    };
    let release: Release = format::from_bytes(bytes).map_err(|e| malformed(e.to_string()))?;
    let named = paths::parse_index_entry(path);
    if named.as_ref()
        != Some(&(
            release.tenant.clone(),
            release.part,
            release.release.clone(),
        ))
    {
        let Release {
            tenant,
            part,
            release,
            ..
        } = release;
        return Err(malformed(format!(
            "it is the entry of `{tenant}/{part}` `{release}`"
        )));
    }
    Ok(release)
}

pub(crate) fn commit_id(id: ObjectId) -> CommitId {
    id.to_string()
        .parse()
        .expect("an object id is 40 hex digits")
}

pub(crate) fn release_id(id: ObjectId) -> ReleaseId {
    id.to_string()
        .parse()
        .expect("an object id is 40 hex digits")
}

/// The Git id of an identifier that was checked to be 40 hex digits.
pub(crate) fn object_id(hex: &str) -> ObjectId {
    ObjectId::from_hex(hex.as_bytes()).expect("ids of core are 40 hex digits")
}
