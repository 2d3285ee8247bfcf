//! Rollback: back to an older release. It compiles nothing and is always allowed, held or not.

use std::collections::{BTreeMap, BTreeSet};

use gix::ObjectId;
use orz_core::format::{Action, Blocks, Hold, HoldKind, Pointer, Release, Trailers};
use orz_core::id::{Part, ReleaseId, TenantName};

use crate::activate::{message, with_commit};
use crate::error::{Error, Result};
use crate::history::{self, HistoryItem};
use crate::moves::{self, Bases, Move, Pending};
use crate::transaction::{Draft, transact};
use crate::view::{StoredPointer, View, object_id};
use crate::{Repo, Request, check};

impl Repo {
    /// Points parts of a tenant at an older release, in one commit, and holds them until a person ends the hold.
    ///
    /// Without `to`, each part goes to the newest release in its pointer's history that was live before,
    /// was not itself left by a rollback, is not blocked, and is not the present one.
    /// With `to`, name one part. A part that is there already stays as it is.
    pub fn rollback(
        &self,
        tenant: &TenantName,
        parts: &[Part],
        to: Option<&ReleaseId>,
        request: &Request,
    ) -> Result<Vec<Move>> {
        if to.is_some() && parts.len() != 1 {
            return Err(Error::SeveralParts {
                parts: parts.to_vec(),
            });
        }
        self.roll_back(tenant, Goal::Each(parts, to), request)
    }

    /// Takes every part of a tenant back together, in one commit, and holds those that move.
    ///
    /// `work` goes where [`Repo::rollback`] would take it, and each other part to what stood beside that release
    /// when it was last live; a part that was the same then stays as it is. Each part going back a step of its own
    /// would mix releases that never stood together. Where `work` has nothing to go back to, `data` leads, then
    /// `tenancy`.
    pub fn rollback_all(&self, tenant: &TenantName, request: &Request) -> Result<Vec<Move>> {
        self.roll_back(tenant, Goal::Together, request)
    }

    fn roll_back(
        &self,
        tenant: &TenantName,
        goal: Goal<'_>,
        request: &Request,
    ) -> Result<Vec<Move>> {
        crate::time::parse(&request.now)?;
        let trailers = Trailers::new(
            Action::Rollback,
            request.reason,
            request.actor,
            request.request_id,
        )?;
        let hold = Hold {
            kind: HoldKind::Manual,
            by: request.actor.trim().to_owned(),
            reason: request.reason.map_or_else(
                || "rolled back".to_owned(),
                |reason| reason.trim().to_owned(),
            ),
            at: request.now.clone(),
            until: None,
            blocks: Blocks::All,
            over: None,
        };
        let mut bases = Bases::default();
        // The history of a pointer that did not change is still the same at the next attempt.
        let mut targets: BTreeMap<Part, ReleaseId> = BTreeMap::new();
        let written = transact(self, request, |view, _| {
            let (parts, to) = match goal {
                Goal::Each(parts, to) => (parts.iter().copied().collect(), to),
                Goal::Together => {
                    if targets.is_empty() {
                        targets = together(view, tenant)?;
                    }
                    (targets.keys().copied().collect::<BTreeSet<Part>>(), None)
                }
            };
            let mut moves = Vec::new();
            let mut pending = Vec::new();
            for part in parts {
                let current = the_pointer(view, tenant, part, to)?;
                let stands = bases.stands(&current.path, Some(&current));
                if !stands && targets.get(&part) != Some(&current.pointer.release) {
                    return Err(moves::moved_by(view, tenant, part, &current.path));
                }
                if targets.get(&part) == Some(&current.pointer.release) {
                    // It is there already, and what does not move needs no check.
                    moves.push(unmoved(current));
                    continue;
                }
                let entry = match (targets.get(&part), to) {
                    (Some(target), _) | (None, Some(target)) => {
                        moves::checked(view, tenant, part, target)?
                    }
                    (None, None) => default_target(view, &current)?,
                };
                targets.insert(part, entry.release.clone());
                let from = current.pointer.release.clone();
                let mut next = current.pointer.clone();
                if from != entry.release {
                    next.release = entry.release.clone();
                    next.digest = entry.digest.clone();
                    next.namespace.clone_from(&entry.namespace);
                    next.source = entry.source.clone();
                    next.hold = Some(hold.clone());
                }
                moves.push(Move {
                    cluster: next.cluster.clone(),
                    tenant: tenant.clone(),
                    part,
                    from: Some(from),
                    to: entry.release.clone(),
                    hold: next.hold.clone(),
                    commit: None,
                });
                pending.push(Pending {
                    current: Some(current),
                    next,
                    entry,
                });
            }
            moves::refuse_unmet(view, &pending)?;
            let mut draft = Draft {
                main_message: message(&trailers, "rollback", &moves),
                ..Draft::default()
            };
            moves::draft(view, &pending, &mut draft)?;
            Ok((moves, draft))
        })?;
        Ok(with_commit(written.value, written.main_commit.as_ref()))
    }
}

fn unmoved(stored: StoredPointer) -> Move {
    let Pointer {
        cluster,
        tenant,
        part,
        release,
        hold,
        ..
    } = stored.pointer;
    Move {
        cluster,
        tenant,
        part,
        from: Some(release.clone()),
        to: release,
        hold,
        commit: None,
    }
}

/// Where a rollback goes.
#[derive(Clone, Copy)]
enum Goal<'a> {
    /// Each of these parts to its own default target, or one part to this release.
    Each(&'a [Part], Option<&'a ReleaseId>),
    /// Every part to what stood beside the default target of the one that leads.
    Together,
}

/// The target of every part that has a pointer, see [`Repo::rollback_all`].
fn together(view: &View, tenant: &TenantName) -> Result<BTreeMap<Part, ReleaseId>> {
    let leaders = [Part::Work, Part::Data, Part::Tenancy, Part::Platform];
    let mut pointers = Vec::new();
    for part in leaders {
        pointers.extend(moves::the_pointer(view, tenant, part)?);
    }
    let mut refused = None;
    for leader in &pointers {
        let target = match default_target(view, leader) {
            Ok(entry) => entry.release,
            Err(error @ Error::NoRollbackTarget { .. }) => {
                refused.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        let main = last_stood(view, leader, &target)?;
        let mut targets = BTreeMap::from([(leader.pointer.part, target)]);
        for other in pointers.iter().filter(|other| other.path != leader.path) {
            let then = view.pointer_in(main, &other.path)?;
            let then = then.map_or_else(|| other.pointer.release.clone(), |p| p.pointer.release);
            targets.insert(other.pointer.part, then);
        }
        return Ok(targets);
    }
    Err(refused.unwrap_or_else(|| Error::NoPointer {
        tenant: tenant.clone(),
        part: Part::Work,
    }))
}

/// The tree of `main` when the pointer last named `release`.
fn last_stood(view: &View, pointer: &StoredPointer, release: &ReleaseId) -> Result<ObjectId> {
    let Pointer {
        cluster,
        tenant,
        part,
        ..
    } = &pointer.pointer;
    let items = history::of_pointer(view, cluster, tenant, *part)?;
    // Newest first: the first item that knows the release either left it or went to it.
    let item = items
        .iter()
        .find(|item| item.from.as_ref() == Some(release) || item.to.as_ref() == Some(release))
        .expect("the release was found in this history");
    let commit = view.objects.commit(object_id(item.commit.as_str()))?;
    if item.to.as_ref() == Some(release) {
        return Ok(commit.tree);
    }
    for parent in &commit.parents {
        let parent = view.objects.commit(*parent)?;
        let stood = view.pointer_in(parent.tree, &pointer.path)?;
        if stood.is_some_and(|stood| stood.pointer.release == *release) {
            return Ok(parent.tree);
        }
    }
    Ok(commit.tree)
}

/// The pointer to move: the only one of the part, or the one on the cluster that `to` was compiled for.
fn the_pointer(
    view: &View,
    tenant: &TenantName,
    part: Part,
    to: Option<&ReleaseId>,
) -> Result<StoredPointer> {
    let found = match moves::the_pointer(view, tenant, part) {
        Err(Error::SeveralClusters {
            tenant,
            part,
            clusters,
        }) => {
            let cluster = match to {
                Some(to) => view.entry(&tenant, part, to)?.map(|entry| entry.cluster),
                None => None,
            };
            match cluster.filter(|cluster| clusters.contains(cluster)) {
                Some(cluster) => view.pointer(&cluster, &tenant, part)?,
                None => {
                    return Err(Error::SeveralClusters {
                        tenant,
                        part,
                        clusters,
                    });
                }
            }
        }
        found => found?,
    };
    found.ok_or_else(|| Error::NoPointer {
        tenant: tenant.clone(),
        part,
    })
}

fn default_target(view: &View, current: &StoredPointer) -> Result<Release> {
    let pointer = &current.pointer;
    let items = history::of_pointer(view, &pointer.cluster, &pointer.tenant, pointer.part)?;
    let left = left_by_rollback(&items);
    let mut seen = BTreeSet::new();
    let mut passed = Vec::new();
    for release in items.iter().filter_map(|item| item.to.as_ref()) {
        if *release == pointer.release || !seen.insert(release) {
            continue;
        }
        let why_not = if left.contains(release) {
            "left by a rollback".to_owned()
        } else if blocked(pointer.hold.as_ref(), release) {
            "blocked by the hold".to_owned()
        } else {
            match check::release(view, &pointer.tenant, pointer.part, release) {
                Ok(checked) => return Ok(checked.entry),
                Err(invalid) => invalid.to_string(),
            }
        };
        passed.push(format!("`{}` was {why_not}", moves::short(release)));
    }
    Err(Error::NoRollbackTarget {
        tenant: pointer.tenant.clone(),
        part: pointer.part,
        why: if passed.is_empty() {
            "no other release was ever live".to_owned()
        } else {
            passed.join(", ")
        },
    })
}

/// The releases that somebody once moved away from, back to one that was live before them.
///
/// A plain `git revert` counts like our own rollback: it says the same about the release it leaves.
fn left_by_rollback(newest_first: &[HistoryItem]) -> BTreeSet<ReleaseId> {
    let mut left = BTreeSet::new();
    let mut live_before = BTreeSet::new();
    for item in newest_first.iter().rev() {
        if let (Some(from), Some(to)) = (&item.from, &item.to) {
            let back = from != to && live_before.contains(to);
            if back && matches!(item.action, None | Some(Action::Rollback)) {
                left.insert(from.clone());
            }
            // To a release that was never live here: still a rollback if it was called one.
            if from != to && item.action == Some(Action::Rollback) {
                left.insert(from.clone());
            }
        }
        live_before.extend(item.to.clone());
    }
    left
}

fn blocked(hold: Option<&Hold>, release: &ReleaseId) -> bool {
    // `all` stops what is new; a rollback is always allowed.
    matches!(hold.map(|hold| &hold.blocks), Some(Blocks::Releases(releases)) if releases.contains(release))
}
