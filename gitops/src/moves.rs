//! What publish, activate and rollback share: moving pointers with their claims, and saying so.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::format::{self, ClaimKey, Hold, ObjectRef, Pointer, Release, StateKind};
use orz_core::id::{BlobId, ClusterName, CommitId, Part, ReleaseId, TenantName};
use orz_core::paths;

use crate::claims::Claims;
use crate::error::{Error, Result};
use crate::transaction::Draft;
use crate::view::{PointerFile, StoredPointer, View};
use crate::{check, history, time};

/// A pointer and where it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The cluster that follows it.
    pub cluster: ClusterName,
    /// The tenant.
    pub tenant: TenantName,
    /// The part.
    pub part: Part,
    /// The release that was live before; `None` for a new pointer.
    pub from: Option<ReleaseId>,
    /// The release that is live now.
    pub to: ReleaseId,
    /// How the release was chosen.
    pub chosen: Chosen,
    /// The hold that stands in the pointer now.
    pub hold: Option<Hold>,
    /// The state that stands in the pointer now: in a frozen part, what it names waits for the thaw.
    pub state: StateKind,
    /// Whether the part was on its way out, and follows its pointer again.
    pub called_back: bool,
    /// The commit on `main`; `None` when this pointer was so already.
    pub commit: Option<CommitId>,
}

/// How the release of a move was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// Whoever asked named it.
    Named,
    /// The last one that status says was verified.
    Verified,
    /// Status knew none that fits, so the newest that was live before was taken.
    LiveBefore,
    /// It stood beside the release to which the leading part goes back.
    StoodBeside,
}

impl Move {
    /// Whether the pointer names another release than before, or follows it again.
    pub(crate) fn moved(&self) -> bool {
        self.from.as_ref() != Some(&self.to) || self.called_back
    }
}

/// A pointer about to be written, with the index entry of the release it names.
pub(crate) struct Pending {
    pub(crate) current: Option<StoredPointer>,
    pub(crate) next: Pointer,
    pub(crate) entry: Release,
}

/// Puts pointers and the claims of their releases into a draft.
pub(crate) fn draft(view: &View, pending: &[Pending], draft: &mut Draft) -> Result<()> {
    let mut claims = Claims::new(view);
    let after: BTreeMap<String, &Release> = pending
        .iter()
        .map(|Pending { next, entry, .. }| {
            let path = paths::pointer(&next.cluster, &next.tenant, next.part);
            (path, entry)
        })
        .collect();
    for Pending {
        current,
        next,
        entry,
    } in pending
    {
        let mut kept: BTreeSet<_> = entry.claims.iter().cloned().collect();
        let mut before = Vec::new();
        // While a tenant moves between clusters, two pointers of one part are live.
        for file in view.pointers_of(&next.tenant)? {
            let Some(other) = file.valid().filter(|other| other.pointer.part == next.part) else {
                continue;
            };
            if current
                .as_ref()
                .is_some_and(|current| current.path == other.path)
            {
                before = claims_of(view, &other.pointer);
            } else if let Some(entry) = after.get(&other.path) {
                // It moves in the same commit: what counts is where it goes.
                kept.extend(entry.claims.iter().cloned());
            } else {
                kept.extend(claims_of(view, &other.pointer));
            }
        }
        claims.give_up(&next.tenant, next.part, &before, &kept)?;
    }
    for Pending { next, entry, .. } in pending {
        claims.take(&next.tenant, next.part, &entry.claims)?;
        let path = paths::pointer(&next.cluster, &next.tenant, next.part);
        draft.main.insert(path, Some(format::to_bytes(next)));
    }
    draft.main.extend(claims.into_edits());
    Ok(())
}

/// The release of this part that must not go live unless it passes every check.
pub(crate) fn checked(
    view: &View,
    tenant: &TenantName,
    part: Part,
    release: &ReleaseId,
) -> Result<Release> {
    let exists = view.entry(tenant, part, release);
    if matches!(exists, Ok(None)) {
        return Err(Error::NoRelease {
            tenant: tenant.clone(),
            part,
            release: release.clone(),
        });
    }
    check::release(view, tenant, part, release)
        .map(|checked| checked.entry)
        .map_err(|invalid| Error::InvalidRelease {
            tenant: tenant.clone(),
            part,
            release: release.clone(),
            invalid,
        })
}

/// Refuses when, after these moves, a part of the tenant requires what no live release provides.
///
/// A part that does not move counts only with what it loses: it may have been incomplete before.
pub(crate) fn refuse_unmet(view: &View, pending: &[Pending]) -> Result<()> {
    let Some(first) = pending.first() else {
        return Ok(());
    };
    let (cluster, tenant) = (&first.next.cluster, &first.next.tenant);
    let mut before: BTreeMap<Part, Release> = BTreeMap::new();
    for part in Part::OF_TENANT {
        // A malformed pointer of another part provides nothing, and is reported where it is acted on.
        if let Ok(Some(stored)) = view.pointer(cluster, tenant, part)
            && let Some(entry) = live_entry(view, &stored.pointer)
        {
            before.insert(part, entry);
        }
    }
    let mut after = before.clone();
    for Pending { next, entry, .. } in pending {
        after.insert(next.part, entry.clone());
    }
    for (part, entry) in &after {
        let moved = pending.iter().any(|p| p.next.part == *part);
        let met_before: BTreeSet<String> = if moved {
            BTreeSet::new()
        } else {
            let unmet = unmet(entry, &before);
            unmet.into_iter().collect()
        };
        let missing: Vec<String> = unmet(entry, &after)
            .into_iter()
            .filter(|name| !met_before.contains(name))
            .collect();
        if !missing.is_empty() {
            return Err(Error::Requires {
                tenant: tenant.clone(),
                part: *part,
                release: entry.release.clone(),
                missing,
            });
        }
    }
    Ok(())
}

/// What of a hold still stands: all of it, or after its end the automatic one below it.
pub(crate) fn standing(hold: Option<&Hold>, now: i64) -> Option<&Hold> {
    let hold = hold?;
    if in_force(hold, now) {
        return Some(hold);
    }
    standing(hold.over.as_deref(), now)
}

/// Whether a hold still stops anything.
fn in_force(hold: &Hold, now: i64) -> bool {
    // An end that cannot be read is no end: holding too long harms less than not holding.
    hold.until
        .as_deref()
        .and_then(|until| time::parse(until).ok())
        .is_none_or(|until| now < until)
}

/// The one pointer of a part that a request without a cluster means.
pub(crate) fn the_pointer(
    view: &View,
    tenant: &TenantName,
    part: Part,
) -> Result<Option<StoredPointer>> {
    let mut found = valid_pointers(view, tenant)?;
    found.retain(|stored| stored.pointer.part == part);
    if found.len() > 1 {
        let clusters = found
            .into_iter()
            .map(|stored| stored.pointer.cluster)
            .collect();
        return Err(Error::SeveralClusters {
            tenant: tenant.clone(),
            part,
            clusters,
        });
    }
    Ok(found.pop())
}

/// The pointers of a tenant; a malformed one is an error.
pub(crate) fn valid_pointers(view: &View, tenant: &TenantName) -> Result<Vec<StoredPointer>> {
    view.pointers_of(tenant)?
        .into_iter()
        .map(|file| match file {
            PointerFile::Valid(stored) => Ok(stored),
            PointerFile::Invalid(file) => Err(Error::MalformedPointer {
                path: file.path,
                reason: file.invalid.to_string(),
            }),
        })
        .collect()
}

/// Remembers which pointers an operation decided upon, over all its attempts.
pub(crate) struct Bases {
    seen: BTreeMap<String, Option<BlobId>>,
    /// Whether an operation begins anew when one of them moved.
    repeats: bool,
}

/// What became of a pointer that an operation decided upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// It is the one that was seen first.
    Stands,
    /// Somebody else moved it.
    Moved,
    /// Somebody else moved it, and what stands there now is to be decided upon.
    Anew,
}

impl Bases {
    pub(crate) fn new(repeats: bool) -> Self {
        Self {
            seen: BTreeMap::new(),
            repeats,
        }
    }

    /// Whether the pointer is still the one that was decided upon.
    pub(crate) fn look(&mut self, path: &str, current: Option<&StoredPointer>) -> Base {
        let blob = current.map(|stored| stored.blob.clone());
        let seen = self.seen.entry(path.to_owned());
        let seen = seen.or_insert_with(|| blob.clone());
        if *seen == blob {
            Base::Stands
        } else if self.repeats {
            *seen = blob;
            Base::Anew
        } else {
            Base::Moved
        }
    }
}

/// The error that names who changed a pointer last.
pub(crate) fn moved_by(view: &View, tenant: &TenantName, part: Part, path: &str) -> Error {
    match history::last_change(view, path) {
        Ok(Some(commit)) => Error::Moved {
            tenant: tenant.clone(),
            part,
            by: history::actor_of(&commit),
            at: time::format(commit.seconds),
            commit: crate::view::commit_id(commit.id),
        },
        Ok(None) => Error::NoPointer {
            tenant: tenant.clone(),
            part,
        },
        Err(error) => error,
    }
}

/// `acme/work: 01234567 -> 89abcdef` for each, at most so many that a person still reads them.
pub(crate) fn body(lines: &[String]) -> String {
    const MOST: usize = 30;
    let mut shown: Vec<String> = lines.iter().take(MOST).cloned().collect();
    if lines.len() > MOST {
        shown.push(format!("and {} more", lines.len() - MOST));
    }
    shown.join("\n")
}

/// The first digits of a release, as people say it.
pub(crate) fn short(release: &ReleaseId) -> &str {
    &release.as_str()[..12]
}

/// `01234567 -> 89abcdef`, or the new one alone.
pub(crate) fn arrow(from: Option<&ReleaseId>, to: &ReleaseId) -> String {
    match from {
        Some(from) => format!("{} -> {}", short(from), short(to)),
        None => short(to).to_owned(),
    }
}

/// What the release that a pointer names claims.
pub(crate) fn claims_of(view: &View, pointer: &Pointer) -> Vec<ClaimKey> {
    live_entry(view, pointer)
        .map(|entry| entry.claims)
        .unwrap_or_default()
}

fn live_entry(view: &View, pointer: &Pointer) -> Option<Release> {
    // An entry that is missing or unreadable provides and claims nothing.
    view.entry(&pointer.tenant, pointer.part, &pointer.release)
        .ok()
        .flatten()
}

fn unmet(entry: &Release, live: &BTreeMap<Part, Release>) -> Vec<String> {
    entry
        .requires
        .iter()
        .filter(|requirement| {
            let objects: &[ObjectRef] = live
                .get(&requirement.part)
                .map_or(&[], |entry| &entry.objects);
            !objects.iter().any(|object| requirement.is_met_by(object))
        })
        .map(|requirement| {
            let name = match &requirement.namespace {
                Some(namespace) => format!("{namespace}/{}", requirement.name),
                None => requirement.name.clone(),
            };
            format!("{}: {} {name}", requirement.part, requirement.kind)
        })
        .collect()
}
