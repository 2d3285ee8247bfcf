//! Rollback: back to an older release. It compiles nothing and is always allowed, held or not.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::format::{Action, Blocks, Hold, HoldKind, Release, Trailers};
use orz_core::id::{Part, ReleaseId, TenantName};

use crate::activate::{message, with_commit};
use crate::error::{Error, Result};
use crate::history::{self, HistoryItem};
use crate::moves::{self, Bases, Move, Pending};
use crate::transaction::{Draft, transact};
use crate::view::{StoredPointer, View};
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
        };
        let mut bases = Bases::default();
        // The history of a pointer that did not change is still the same at the next attempt.
        let mut targets: BTreeMap<Part, ReleaseId> = BTreeMap::new();
        let written = transact(self, request, |view, _| {
            let mut moves = Vec::new();
            let mut pending = Vec::new();
            for part in parts.iter().copied().collect::<BTreeSet<Part>>() {
                let current = the_pointer(view, tenant, part, to)?;
                let stands = bases.stands(&current.path, Some(&current));
                if !stands && targets.get(&part) != Some(&current.pointer.release) {
                    return Err(moves::moved_by(view, tenant, part, &current.path));
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
