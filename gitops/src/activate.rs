//! Activation of releases that stand on the index already.

use std::collections::BTreeMap;

use orz_core::format::{self, Action, Pointer, State, Trailers};
use orz_core::id::{Part, ReleaseId, TenantName};

use crate::error::{Error, Result};
use crate::moves::{self, Base, Bases, Chosen, Move, Pending};
use crate::transaction::{Draft, transact};
use crate::view::{StoredPointer, View};
use crate::{Repo, Request, state, time};

/// What an activation may pass over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActivateOptions {
    /// Activate although a hold stops it. The hold itself stays.
    pub override_hold: bool,
    /// Call the tenant back although it is being retired or destroyed. All of its parts on the cluster follow
    /// their pointers again, because what it is made of leaves and stays together.
    pub override_leaving: bool,
    /// Go to the newest release of each part at the moment of writing, which may be newer than the one that is named.
    pub newest: bool,
}

impl Repo {
    /// Points one part at a release of the index.
    pub fn activate(
        &self,
        tenant: &TenantName,
        part: Part,
        release: &ReleaseId,
        options: ActivateOptions,
        request: &Request,
    ) -> Result<Move> {
        let mut moves =
            self.activate_parts(tenant, &[(part, release.clone())], options, request)?;
        // What comes back with it stands behind it.
        Ok(moves.swap_remove(0))
    }

    /// Points several parts of a tenant at releases of the index, in one commit; all of them or none.
    ///
    /// Refused when a release fails its checks, a hold stops it, the tenant is on its way out, a claim is
    /// somebody else's, or a part would require what is not live any more. If somebody else changes one of these pointers meanwhile,
    /// the error names them, unless they made it what was asked for.
    pub fn activate_parts(
        &self,
        tenant: &TenantName,
        targets: &[(Part, ReleaseId)],
        options: ActivateOptions,
        request: &Request,
    ) -> Result<Vec<Move>> {
        let now = time::parse(&request.now)?;
        let trailers = Trailers::new(
            Action::Activate,
            request.reason,
            request.actor,
            request.request_id,
        )?;
        let mut bases = Bases::new(self.repeats);
        let written = transact(self, request, |view, _| {
            let mut moves: Vec<Move> = Vec::new();
            let mut pending = Vec::new();
            let mut back = BTreeMap::new();
            for (part, named) in targets {
                let newest = if options.newest {
                    view.newest(tenant, *part)?
                } else {
                    None
                };
                let release = newest.as_ref().unwrap_or(named);
                let entry = moves::checked(view, tenant, *part, release)?;
                let current = current(view, tenant, *part, &entry.cluster)?;
                let path = match &current {
                    Some(stored) => stored.path.clone(),
                    None => orz_core::paths::pointer(&entry.cluster, tenant, *part),
                };
                let there = current
                    .as_ref()
                    .is_some_and(|stored| stored.pointer.release == *release);
                if bases.look(&path, current.as_ref()) == Base::Moved && !there {
                    return Err(moves::moved_by(view, tenant, *part, &path));
                }
                let cluster = current
                    .as_ref()
                    .map_or(&entry.cluster, |stored| &stored.pointer.cluster);
                let leaving = state::leaving(view, tenant, cluster)?;
                if !options.override_leaving
                    && let Some(stored) = leaving.first()
                {
                    let own = leaving.iter().find(|own| own.path == path);
                    state::refuse_leaving(&own.unwrap_or(stored).pointer)?;
                }
                let called_back = leaving.iter().any(|own| own.path == path);
                back.extend(leaving.into_iter().map(|own| (own.path.clone(), own)));
                let next = match &current {
                    Some(stored) => {
                        if !there && !options.override_hold {
                            refuse_held(stored, release, now)?;
                        }
                        let mut next = stored.pointer.clone();
                        next.release = release.clone();
                        next.digest = entry.digest.clone();
                        next.namespace.clone_from(&entry.namespace);
                        if called_back {
                            next.state = State::LIVE;
                        }
                        if !there {
                            next.state = state::standing(&next.state, now);
                            next.source = entry.source.clone();
                        }
                        next
                    }
                    None => Pointer {
                        tenant: tenant.clone(),
                        part: *part,
                        cluster: entry.cluster.clone(),
                        namespace: entry.namespace.clone(),
                        release: release.clone(),
                        digest: entry.digest.clone(),
                        source: entry.source.clone(),
                        newest_source: entry.source.commit.clone(),
                        state: State::LIVE,
                        hold: None,
                    },
                };
                moves.push(Move {
                    cluster: next.cluster.clone(),
                    tenant: tenant.clone(),
                    part: *part,
                    from: current
                        .as_ref()
                        .map(|stored| stored.pointer.release.clone()),
                    to: release.clone(),
                    chosen: Chosen::Named,
                    hold: next.hold.clone(),
                    state: next.state.kind,
                    called_back,
                    commit: None,
                });
                pending.push(Pending {
                    current,
                    next,
                    entry,
                });
            }
            moves::refuse_unmet(view, &pending)?;
            let mut draft = Draft::default();
            moves::draft(view, &pending, &mut draft)?;
            for (path, StoredPointer { mut pointer, .. }) in back {
                if draft.main.contains_key(&path) {
                    continue;
                }
                pointer.state = State::LIVE;
                draft.main.insert(path, Some(format::to_bytes(&pointer)));
                moves.push(called_back(pointer));
            }
            draft.main_message = message(&trailers, "activate", &moves);
            Ok((moves, draft))
        })?;
        Ok(with_commit(written.value, written.main_commit.as_ref()))
    }
}

/// The message of a commit that moved these pointers.
pub(crate) fn message(trailers: &Trailers, verb: &str, moves: &[Move]) -> String {
    let lines: Vec<String> = moves
        .iter()
        .filter(|m| m.moved())
        .map(|m| {
            let from = m.from.as_ref().filter(|from| **from != m.to);
            let arrow = moves::arrow(from, &m.to);
            let back = if m.called_back { ", called back" } else { "" };
            format!("{}/{}: {arrow}{back}", m.tenant, m.part)
        })
        .collect();
    match (lines.as_slice(), moves) {
        ([line], _) => trailers.message(&format!("{verb} {line}")),
        (lines, [first, ..]) => trailers.message(&format!(
            "{verb} {} parts of {}\n\n{}",
            lines.len(),
            first.tenant,
            moves::body(lines)
        )),
        (_, []) => trailers.message(verb),
    }
}

/// Names the commit in every move that it made.
pub(crate) fn with_commit(
    mut moves: Vec<Move>,
    commit: Option<&orz_core::id::CommitId>,
) -> Vec<Move> {
    for m in &mut moves {
        if m.moved() {
            m.commit = commit.cloned();
        }
    }
    moves
}

/// The pointer that an activation of a release compiled for `cluster` moves.
///
/// A release is the same for every cluster it fits; so the only pointer of a part is meant,
/// whatever cluster the release was first compiled for.
fn current(
    view: &View,
    tenant: &TenantName,
    part: Part,
    cluster: &orz_core::id::ClusterName,
) -> Result<Option<StoredPointer>> {
    match view.pointer(cluster, tenant, part)? {
        Some(stored) => Ok(Some(stored)),
        None => moves::the_pointer(view, tenant, part),
    }
}

/// A part that comes back because another part of its tenant does.
fn called_back(pointer: Pointer) -> Move {
    Move {
        cluster: pointer.cluster,
        tenant: pointer.tenant,
        part: pointer.part,
        from: Some(pointer.release.clone()),
        to: pointer.release,
        chosen: Chosen::Named,
        hold: pointer.hold,
        state: pointer.state.kind,
        called_back: true,
        commit: None,
    }
}

fn refuse_held(stored: &StoredPointer, release: &ReleaseId, now: i64) -> Result<()> {
    let StoredPointer { pointer, .. } = stored;
    match moves::standing(pointer.hold.as_ref(), now) {
        Some(hold) if hold.blocks(release) => Err(Error::Held {
            tenant: pointer.tenant.clone(),
            part: pointer.part,
            hold: Box::new(hold.clone()),
        }),
        _ => Ok(()),
    }
}
