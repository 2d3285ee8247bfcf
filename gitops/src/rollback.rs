//! Rollback: back to an older release. It compiles nothing and is always allowed, held or not.

use std::collections::{BTreeMap, BTreeSet};

use gix::ObjectId;
use orz_core::format::{Action, Blocks, Hold, HoldKind, Pointer, Release, Status, Trailers};
use orz_core::id::{ClusterName, Part, ReleaseId, TenantName};

use crate::activate::{message, with_commit};
use crate::error::{Error, Result};
use crate::history::{self, HistoryItem};
use crate::moves::{self, Base, Bases, Chosen, Move, Pending};
use crate::transaction::{Draft, transact};
use crate::view::{StoredPointer, View, object_id};
use crate::{Repo, Request, check, state, time};

impl Repo {
    /// Points parts of a tenant at an older release, in one commit, and holds them until a person ends the hold.
    ///
    /// Without `to`, each part goes to the last release that the published status calls verified. Where it knows
    /// none that fits, to the newest one in the pointer's history that was live before; [`Move::chosen`] says
    /// which. Either way not to the present one, nor to one that a rollback left or a hold names.
    /// With `to`, name one part. A part that is there already stays as it is. A frozen part moves, and its cluster
    /// follows after the thaw; one on its way out is refused.
    pub fn rollback(
        &self,
        tenant: &TenantName,
        parts: &[Part],
        to: Option<&ReleaseId>,
        request: &Request,
    ) -> Result<Vec<Move>> {
        self.roll_back(tenant, None, Goal::Each(parts, to), request)
    }

    /// Like [`Repo::rollback`], on one cluster of several: each pointer has a history of its own.
    pub fn rollback_on(
        &self,
        tenant: &TenantName,
        cluster: &ClusterName,
        parts: &[Part],
        to: Option<&ReleaseId>,
        request: &Request,
    ) -> Result<Vec<Move>> {
        self.roll_back(tenant, Some(cluster), Goal::Each(parts, to), request)
    }

    /// Takes every part of a tenant back together, in one commit, and holds those that move.
    ///
    /// `work` goes where [`Repo::rollback`] would take it, and each other part to what stood beside that release
    /// when it was last live; a part that was the same then stays as it is. Each part going back a step of its own
    /// would mix releases that never stood together. Where `work` has nothing to go back to, `data` leads, then
    /// `tenancy`.
    pub fn rollback_all(&self, tenant: &TenantName, request: &Request) -> Result<Vec<Move>> {
        self.roll_back(tenant, None, Goal::Together, request)
    }

    fn roll_back(
        &self,
        tenant: &TenantName,
        cluster: Option<&ClusterName>,
        goal: Goal<'_>,
        request: &Request,
    ) -> Result<Vec<Move>> {
        if let Goal::Each(parts, Some(_)) = goal
            && parts.len() != 1
        {
            return Err(Error::SeveralParts {
                parts: parts.to_vec(),
            });
        }
        let now = time::parse(&request.now)?;
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
        let statuses = match goal {
            Goal::Each(_, Some(_)) => Vec::new(),
            // Status is a copy that may be lost; a rollback works without, and says so.
            Goal::Each(_, None) | Goal::Together => self.statuses_of(tenant).unwrap_or_default(),
        };
        let mut bases = Bases::new(self.repeats);
        // The history of a pointer that did not change is still the same at the next attempt.
        let mut targets: BTreeMap<Part, Target> = BTreeMap::new();
        let written = transact(self, request, |view, _| {
            let to = match goal {
                Goal::Each(_, to) => to,
                Goal::Together => None,
            };
            let pointer = |part| match cluster {
                Some(cluster) => pointer_on(view, tenant, part, cluster),
                None => the_pointer(view, tenant, part, to),
            };
            if self.repeats {
                let together = matches!(goal, Goal::Together);
                forget_moved(&mut targets, &mut bases, together, pointer)?;
            }
            let parts: BTreeSet<Part> = match goal {
                Goal::Each(parts, _) => parts.iter().copied().collect(),
                Goal::Together => {
                    if targets.is_empty() {
                        targets = together(view, tenant, &statuses)?;
                    }
                    targets.keys().copied().collect()
                }
            };
            let mut moves = Vec::new();
            let mut pending = Vec::new();
            for part in parts {
                let current = pointer(part)?;
                let target = targets.get(&part);
                let there = target.is_some_and(|t| t.release == current.pointer.release);
                if bases.look(&current.path, Some(&current)) == Base::Moved && !there {
                    return Err(moves::moved_by(view, tenant, part, &current.path));
                }
                if let Some(target) = target.filter(|_| there) {
                    // It is there already, and what does not move needs no check.
                    moves.push(unmoved(current, target.chosen));
                    continue;
                }
                state::refuse_leaving(&current.pointer)?;
                let (chosen, entry) = match (target, to) {
                    (Some(Target { release, chosen }), _) => {
                        (*chosen, moves::checked(view, tenant, part, release)?)
                    }
                    (None, Some(release)) => {
                        (Chosen::Named, moves::checked(view, tenant, part, release)?)
                    }
                    (None, None) => default_target(view, &current, &statuses)?,
                };
                let release = entry.release.clone();
                targets.insert(part, Target { release, chosen });
                let from = current.pointer.release.clone();
                let mut next = current.pointer.clone();
                // One that names the release and not its digest is put right.
                let differs = (&next.digest, &next.namespace) != (&entry.digest, &entry.namespace);
                if from != entry.release || differs {
                    next.release = entry.release.clone();
                    next.digest = entry.digest.clone();
                    next.namespace.clone_from(&entry.namespace);
                    next.source = entry.source.clone();
                    next.state = state::standing(&next.state, now);
                    next.hold = Some(hold.clone().laid_over(next.hold.as_ref()));
                }
                moves.push(Move {
                    cluster: next.cluster.clone(),
                    tenant: tenant.clone(),
                    part,
                    from: Some(from),
                    to: entry.release.clone(),
                    chosen,
                    hold: next.hold.clone(),
                    state: next.state.kind,
                    called_back: false,
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

/// Forgets the targets of pointers that somebody else moved elsewhere meanwhile, so that they are chosen anew; all
/// of them where they belong together. What is there already stays chosen, or it would go back twice.
fn forget_moved(
    targets: &mut BTreeMap<Part, Target>,
    bases: &mut Bases,
    together: bool,
    pointer: impl Fn(Part) -> Result<StoredPointer>,
) -> Result<()> {
    let mut moved = BTreeSet::new();
    for (part, target) in &*targets {
        let current = pointer(*part)?;
        if current.pointer.release != target.release
            && bases.look(&current.path, Some(&current)) == Base::Anew
        {
            moved.insert(*part);
        }
    }
    let all = together && !moved.is_empty();
    targets.retain(|part, _| !all && !moved.contains(part));
    Ok(())
}

fn unmoved(stored: StoredPointer, chosen: Chosen) -> Move {
    let Pointer {
        cluster,
        tenant,
        part,
        release,
        hold,
        state,
        ..
    } = stored.pointer;
    Move {
        cluster,
        tenant,
        part,
        from: Some(release.clone()),
        to: release,
        chosen,
        hold,
        state: state.kind,
        called_back: false,
        commit: None,
    }
}

/// Where a part goes.
struct Target {
    release: ReleaseId,
    chosen: Chosen,
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
fn together(
    view: &View,
    tenant: &TenantName,
    statuses: &[Status],
) -> Result<BTreeMap<Part, Target>> {
    let leaders = [Part::Work, Part::Data, Part::Tenancy, Part::Platform];
    let mut pointers = Vec::new();
    for part in leaders {
        pointers.extend(moves::the_pointer(view, tenant, part)?);
    }
    let mut refused = None;
    for leader in &pointers {
        let (chosen, release) = match default_target(view, leader, statuses) {
            Ok((chosen, entry)) => (chosen, entry.release),
            Err(error @ Error::NoRollbackTarget { .. }) => {
                refused.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        let main = last_stood(view, leader, &release)?;
        let mut targets = BTreeMap::from([(leader.pointer.part, Target { release, chosen })]);
        for other in pointers.iter().filter(|other| other.path != leader.path) {
            let then = match main {
                Some(main) => view.pointer_in(main, &other.path)?,
                None => None,
            };
            let target = Target {
                release: then.map_or_else(|| other.pointer.release.clone(), |p| p.pointer.release),
                chosen: Chosen::StoodBeside,
            };
            targets.insert(other.pointer.part, target);
        }
        return Ok(targets);
    }
    Err(refused.unwrap_or_else(|| Error::NoPointer {
        tenant: tenant.clone(),
        part: Part::Work,
    }))
}

/// The tree of `main` when the pointer last named `release`; `None` if its history knows nothing of it, as after
/// the history was cut while the status still calls the release verified.
fn last_stood(
    view: &View,
    pointer: &StoredPointer,
    release: &ReleaseId,
) -> Result<Option<ObjectId>> {
    let Pointer {
        cluster,
        tenant,
        part,
        ..
    } = &pointer.pointer;
    let items = history::of_pointer(view, cluster, tenant, *part)?;
    // Newest first: the first item that knows the release either left it or went to it.
    let Some(item) = items
        .iter()
        .find(|item| item.from.as_ref() == Some(release) || item.to.as_ref() == Some(release))
    else {
        return Ok(None);
    };
    let commit = view.objects.commit(object_id(item.commit.as_str()))?;
    if item.to.as_ref() == Some(release) {
        return Ok(Some(commit.tree));
    }
    for parent in &commit.parents {
        let parent = view.objects.commit(*parent)?;
        let stood = view.pointer_in(parent.tree, &pointer.path)?;
        if stood.is_some_and(|stood| stood.pointer.release == *release) {
            return Ok(Some(parent.tree));
        }
    }
    Ok(Some(commit.tree))
}

fn pointer_on(
    view: &View,
    tenant: &TenantName,
    part: Part,
    cluster: &ClusterName,
) -> Result<StoredPointer> {
    view.pointer(cluster, tenant, part)?
        .ok_or_else(|| Error::NotOnCluster {
            tenant: tenant.clone(),
            cluster: cluster.clone(),
        })
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

/// The history of a pointer without what made it one that must not be acted on: nobody followed that, so nothing was
/// left by it. A claim is lost by a plain `git revert`, and somebody who signs nothing makes one: both are meant.
fn sound<'i>(view: &View, current: &StoredPointer, items: &'i [HistoryItem]) -> &'i [HistoryItem] {
    match check::pointer(view, current) {
        Err(invalid)
            if ![
                check::reason::CLAIM_LOST,
                check::reason::UNTRUSTED_PUBLISHER,
            ]
            .contains(&invalid.reason) =>
        {
            // What we write is sound, so it was done by plain Git.
            let by_hand = items.iter().take_while(|item| item.action.is_none());
            &items[by_hand.count()..]
        }
        _ => items,
    }
}

/// The last verified release that fits, or else the newest that was live before and fits.
fn default_target(
    view: &View,
    current: &StoredPointer,
    statuses: &[Status],
) -> Result<(Chosen, Release)> {
    let pointer = &current.pointer;
    let items = history::of_pointer(view, &pointer.cluster, &pointer.tenant, pointer.part)?;
    let left = history::left_by_rollback(sound(view, current, &items));
    let verified = statuses
        .iter()
        .filter(|status| {
            (&status.cluster, status.part) == (&pointer.cluster, pointer.part)
                && status.tenant == pointer.tenant
        })
        .flat_map(|status| status.verified.iter().rev())
        .map(|release| (Chosen::Verified, release));
    let live_before = items
        .iter()
        .filter_map(|item| item.to.as_ref())
        .map(|release| (Chosen::LiveBefore, release));
    let mut seen = BTreeSet::new();
    let mut passed = Vec::new();
    for (chosen, release) in verified.chain(live_before) {
        if *release == pointer.release || !seen.insert(release) {
            continue;
        }
        let named = pointer.hold.as_ref().is_some_and(|h| h.names(release));
        let why_not = if left.contains(release) {
            "left by a rollback".to_owned()
        } else if named {
            "blocked by the hold".to_owned()
        } else {
            match check::release(view, &pointer.tenant, pointer.part, release) {
                Ok(checked) => return Ok((chosen, checked.entry)),
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
