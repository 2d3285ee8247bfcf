//! What a pointer may point at: checked before anything acts on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use gix::objs::Kind;
use orz_core::diag::{Diagnostics, Sources};
use orz_core::format::{self, ClaimKey, ObjectRef, Release};
use orz_core::id::{Part, ReleaseId, TenantName};
use orz_core::object::Object;
use orz_core::{Value, kinds, read};

use crate::commit;
use crate::error::Error;
use crate::objects::{self, Mode};
use crate::trust::Branch;
use crate::view::{StoredPointer, View, object_id};

/// The reasons of [`PointerInvalid`]: constants that other programs may compare.
pub mod reason {
    /// The pointer's file is not a pointer.
    pub const MALFORMED: &str = "malformed";
    /// The pointer's content names another cluster, tenant or part than its path.
    pub const PATH_MISMATCH: &str = "path-mismatch";
    /// The index has no entry at exactly this tenant, part and release.
    pub const NO_INDEX_ENTRY: &str = "no-index-entry";
    /// The index entry cannot be read, or is the entry of something else.
    pub const INDEX_MALFORMED: &str = "index-malformed";
    /// The pointer and the index entry name different namespaces.
    pub const NAMESPACE_MISMATCH: &str = "namespace-mismatch";
    /// The release's commit does not exist.
    pub const NO_COMMIT: &str = "no-commit";
    /// The release's commit has parents.
    pub const NOT_PARENTLESS: &str = "not-parentless";
    /// The release's commit has another author, date or message than every release.
    pub const NOT_CANONICAL: &str = "not-canonical";
    /// The tree holds something that is no regular file.
    pub const NOT_A_FILE: &str = "not-a-file";
    /// The manifests have another digest than the index entry or the pointer says.
    pub const DIGEST_MISMATCH: &str = "digest-mismatch";
    /// The objects of the manifests are not those of the index entry.
    pub const OBJECTS_MISMATCH: &str = "objects-mismatch";
    /// An object may not be in this part of this tenant.
    pub const NOT_ALLOWED: &str = "not-allowed";
    /// A claim of the release is not held by its tenant, as after a plain `git revert`.
    pub const CLAIM_LOST: &str = "claim-lost";
    /// No trusted publisher brought the pointer, or the index entry, where that is demanded.
    pub const UNTRUSTED_PUBLISHER: &str = "untrusted-publisher";
    /// Something that the check needs could not be read.
    pub const UNREADABLE: &str = "unreadable";
}

/// Why a pointer must not be acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointerInvalid {
    /// One of [`reason`].
    pub reason: &'static str,
    /// What was found, in words.
    pub detail: String,
}

impl PointerInvalid {
    pub(crate) fn new(reason: &'static str, detail: String) -> Self {
        Self { reason, detail }
    }

    /// Whether it may be the index that lost the release, as when its branch was replaced by an older one.
    pub fn is_unlisted(&self) -> bool {
        self.reason == reason::NO_INDEX_ENTRY && self.detail.ends_with(UNLISTED)
    }
}

impl fmt::Display for PointerInvalid {
    /// `pointer-invalid: no-index-entry: …`; a lost claim is a status of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reason != reason::CLAIM_LOST {
            f.write_str("pointer-invalid: ")?;
        }
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

impl std::error::Error for PointerInvalid {}

/// Said of a commit that is named like a release of the part and is not on the index.
const UNLISTED: &str =
    "the commit is named like one, so either `releases` lost it or `orzc publish` did not make it";

/// A release that may be acted on: its entry, bytes and objects agree and are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedRelease {
    /// What the index says about it.
    pub entry: Release,
    /// Its files by name.
    pub manifests: BTreeMap<String, Vec<u8>>,
    /// Its objects, in the order of their files.
    pub objects: Vec<Object>,
}

/// Whether a pointer may be acted on.
pub(crate) fn pointer(
    view: &View,
    stored: &StoredPointer,
) -> Result<CheckedRelease, PointerInvalid> {
    let pointer = &stored.pointer;
    let path = orz_core::paths::pointer(&pointer.cluster, &pointer.tenant, pointer.part);
    if path != stored.path {
        return Err(PointerInvalid::new(
            reason::PATH_MISMATCH,
            format!("its content belongs at `{path}`"),
        ));
    }
    view.demand(Branch::Main, &path)?;
    let checked = release(view, &pointer.tenant, pointer.part, &pointer.release)?;
    if checked.entry.digest != pointer.digest {
        let detail = format!(
            "the pointer says `{}`, the release has `{}`",
            pointer.digest, checked.entry.digest
        );
        return Err(PointerInvalid::new(reason::DIGEST_MISMATCH, detail));
    }
    if checked.entry.namespace != pointer.namespace {
        let detail = format!(
            "the pointer says `{}`, the release was made for `{}`",
            pointer.namespace, checked.entry.namespace
        );
        return Err(PointerInvalid::new(reason::NAMESPACE_MISMATCH, detail));
    }
    for key in &checked.entry.claims {
        let holder = view
            .claim(key)
            .map_err(unreadable)?
            .map(|claim| claim.tenant);
        if holder.as_ref() != Some(&pointer.tenant) {
            let holder = holder.map_or_else(|| "nobody".to_owned(), |tenant| format!("`{tenant}`"));
            let detail = format!("{} `{}` is held by {holder}", key.kind, key.value);
            return Err(PointerInvalid::new(reason::CLAIM_LOST, detail));
        }
    }
    Ok(checked)
}

/// Whether a release is what the index says, and may stand in this part of this tenant.
pub(crate) fn release(
    view: &View,
    tenant: &TenantName,
    part: Part,
    release: &ReleaseId,
) -> Result<CheckedRelease, PointerInvalid> {
    let entry = match view.entry(tenant, part, release) {
        Ok(Some(entry)) => entry,
        Ok(None) => {
            let detail = format!(
                "the index has no release `{release}` of `{tenant}/{part}`: {}",
                whose(view, tenant, part, release)
            );
            return Err(PointerInvalid::new(reason::NO_INDEX_ENTRY, detail));
        }
        Err(Error::Malformed { path, message }) => {
            return Err(PointerInvalid::new(
                reason::INDEX_MALFORMED,
                format!("`{path}`: {message}"),
            ));
        }
        Err(error) => return Err(unreadable(error)),
    };
    let indexed = orz_core::paths::index_entry(tenant, part, release);
    view.demand(Branch::Releases, &indexed)?;
    if let Some(claim) = entry.claims.iter().find(|claim| !is_claim(claim)) {
        let detail = format!("`{}` is no kind of claim", claim.kind.escape_debug());
        return Err(PointerInvalid::new(reason::INDEX_MALFORMED, detail));
    }
    let manifests = manifests(view, tenant, part, release)?;
    let digest = format::digest_of(
        manifests
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
    );
    if digest != entry.digest {
        let detail = format!(
            "the index says `{}`, the manifests have `{digest}`",
            entry.digest
        );
        return Err(PointerInvalid::new(reason::DIGEST_MISMATCH, detail));
    }
    let objects = objects_of(&manifests)?;
    let found: BTreeSet<ObjectRef> = objects.iter().map(Object::reference).collect();
    let listed: BTreeSet<ObjectRef> = entry.objects.iter().cloned().collect();
    if let Some(odd) = found.symmetric_difference(&listed).next() {
        let detail = if found.contains(odd) {
            format!("the index does not list `{}`", odd.file)
        } else {
            format!(
                "the index lists `{}`, and the manifests hold no such object",
                odd.file
            )
        };
        return Err(PointerInvalid::new(reason::OBJECTS_MISMATCH, detail));
    }
    allowed(tenant, part, &objects)?;
    Ok(CheckedRelease {
        entry,
        manifests,
        objects,
    })
}

/// What a commit is that the index does not have where it was looked for.
fn whose(view: &View, tenant: &TenantName, part: Part, release: &ReleaseId) -> String {
    match view.objects.try_read(object_id(release.as_str())) {
        Ok(Some((Kind::Commit, data))) => {
            let commit = objects::parse_commit(object_id(release.as_str()), &data);
            let named = commit
                .ok()
                .and_then(|commit| commit::parse_release_message(&commit.message));
            match named {
                Some((tenant, part))
                    if matches!(view.entry(&tenant, part, release), Ok(Some(_))) =>
                {
                    format!("it is one of `{tenant}/{part}`")
                }
                Some(named) if named == (tenant.clone(), part) => UNLISTED.to_owned(),
                _ => "the commit was not made by `orzc publish`".to_owned(),
            }
        }
        Ok(Some((kind, _))) => format!("it is a {kind}, not a commit"),
        Ok(None) => "there is no such commit".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// The objects of a release's files, each in the file that belongs to it.
pub(crate) fn objects_of(
    manifests: &BTreeMap<String, Vec<u8>>,
) -> Result<Vec<Object>, PointerInvalid> {
    let mismatch = |detail| PointerInvalid::new(reason::OBJECTS_MISMATCH, detail);
    manifests
        .iter()
        .map(|(file, bytes)| {
            let value = read_manifest(file, bytes).map_err(mismatch)?;
            let object = Object::new(value).map_err(|e| mismatch(format!("`{file}`: {e}")))?;
            let expected = object.file_name();
            if expected != *file {
                return Err(mismatch(format!(
                    "`{file}` holds {}, which belongs in `{expected}`",
                    object.key()
                )));
            }
            Ok(object)
        })
        .collect()
}

fn read_manifest(file: &str, bytes: &[u8]) -> Result<Value, String> {
    // Nearly every manifest is as the emitter wrote it, and reading it in full takes several times as long.
    if let Some(value) = read::canonical(bytes) {
        return Ok(value);
    }
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    if let Some(node) = read::parse(bytes, file, &mut sources, &mut diagnostics) {
        return Ok(node.to_value());
    }
    let first = diagnostics
        .iter()
        .next()
        .map_or("no document", |d| d.message.as_str());
    Err(format!("`{file}` is not a manifest: {first}"))
}

/// Whether all of these objects may be in this part of this tenant.
pub(crate) fn allowed(
    tenant: &TenantName,
    part: Part,
    objects: &[Object],
) -> Result<(), PointerInvalid> {
    for object in objects {
        kinds::allowed_object(part, tenant, object).map_err(|e| {
            PointerInvalid::new(reason::NOT_ALLOWED, format!("{}: {e}", object.key()))
        })?;
    }
    Ok(())
}

/// Whether the kind of a claim can be the path segment that it becomes.
pub(crate) fn is_claim(claim: &ClaimKey) -> bool {
    !claim.kind.is_empty() && claim.kind.bytes().all(|b| b.is_ascii_lowercase())
}

/// The files of a release whose commit is the one that every publisher would make.
fn manifests(
    view: &View,
    tenant: &TenantName,
    part: Part,
    release: &ReleaseId,
) -> Result<BTreeMap<String, Vec<u8>>, PointerInvalid> {
    let id = object_id(release.as_str());
    let data = match view.objects.try_read(id).map_err(unreadable)? {
        Some((Kind::Commit, data)) => data,
        Some((kind, _)) => {
            return Err(PointerInvalid::new(
                reason::NO_COMMIT,
                format!("`{release}` is a {kind}, not a commit"),
            ));
        }
        None => {
            return Err(PointerInvalid::new(
                reason::NO_COMMIT,
                format!("commit `{release}` does not exist"),
            ));
        }
    };
    let found = objects::parse_commit(id, &data).map_err(unreadable)?;
    if let Some(parent) = found.parents.first() {
        let detail = format!("commit `{release}` has the parent `{parent}`; a release has none");
        return Err(PointerInvalid::new(reason::NOT_PARENTLESS, detail));
    }
    let canonical = commit::release_bytes(found.tree, tenant, part);
    // The id is compared too, so that a damaged object cannot pass for the one it is named after.
    if data != canonical || objects::id_of(Kind::Commit, &data) != id {
        let detail = format!(
            "commit `{release}` is not the one that `orzc publish` makes of its tree for `{tenant}/{part}`: its author, \
             date or message is another"
        );
        return Err(PointerInvalid::new(reason::NOT_CANONICAL, detail));
    }
    let mut manifests = BTreeMap::new();
    for entry in view.objects.tree(found.tree).map_err(unreadable)?.iter() {
        let name = match String::from_utf8(entry.name.clone()) {
            Ok(name) if entry.mode == Mode::File => name,
            Ok(name) => {
                let detail = format!("`{name}` has the mode {}", entry.mode.octal());
                return Err(PointerInvalid::new(reason::NOT_A_FILE, detail));
            }
            Err(name) => {
                let detail = format!(
                    "a file name is not UTF-8: `{}`",
                    String::from_utf8_lossy(name.as_bytes())
                );
                return Err(PointerInvalid::new(reason::NOT_A_FILE, detail));
            }
        };
        manifests.insert(name, view.objects.blob(entry.id).map_err(unreadable)?);
    }
    Ok(manifests)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that `map_err` wants"
)]
fn unreadable(error: Error) -> PointerInvalid {
    PointerInvalid::new(reason::UNREADABLE, error.to_string())
}
