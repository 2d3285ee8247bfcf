//! Automatic rollback: the reconciler takes back a release that did not become healthy.
//!
//! Judgement decides; what stands here is a second wall, told from the pointer and its history alone, for the
//! case that a judgement's memory was lost.

use orz_core::format::{
    Action, Blocks, Cause, Hold, HoldKind, Memory, Pointer, StateKind, Trailers,
};
use orz_core::id::{ClusterName, CommitId, Part, ReleaseId, TenantName};

use crate::activate::{message, with_commit};
use crate::error::{Error, Result};
use crate::history::{self, HistoryItem};
use crate::moves::{self, Chosen, Move, Pending};
use crate::transaction::{Draft, transact};
use crate::view::View;
use crate::{Repo, Request, state, time};

/// A release that failed, and where to go instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoRollback {
    /// The cluster on which it failed.
    pub cluster: ClusterName,
    /// The tenant.
    pub tenant: TenantName,
    /// The part.
    pub part: Part,
    /// The release that failed.
    pub from: ReleaseId,
    /// A verified release that was live here before.
    pub to: ReleaseId,
    /// What failed; it goes into the commit's trailers.
    pub cause: Cause,
}

impl Repo {
    /// Moves a pointer from a release that failed to one that was live before, and blocks the failed one with an
    /// automatic hold, which lets the fixing one through. A manual hold stays, laid over the automatic one.
    ///
    /// `None`, and nothing is written, if the pointer no longer names `from`, is frozen or on its way out: somebody
    /// was faster, and what they want stands. Refused with [`Error::NoAutoRollback`] when the cluster's brake is
    /// set, when `from` was rolled back automatically before, when `from` was itself gone back to, and when `to`
    /// was never live here or is blocked.
    pub fn auto_rollback(
        &self,
        rollback: &AutoRollback,
        request: &Request,
    ) -> Result<Option<Move>> {
        let now = time::parse(&request.now)?;
        let AutoRollback {
            cluster,
            tenant,
            part,
            from,
            to,
            cause,
        } = rollback;
        let part = *part;
        let trailers = Trailers::new(
            Action::AutoRollback,
            request.reason,
            request.actor,
            request.request_id,
        )?
        .because(cause);
        let mut activation: Option<CommitId> = None;
        let written = transact(self, request, |view, _| {
            let nothing = || Ok((Vec::new(), Draft::default()));
            let Some(current) = view.pointer(cluster, tenant, part)? else {
                return nothing();
            };
            let pointer = &current.pointer;
            if pointer.release != *from || state::at(&pointer.state, now) != StateKind::Live {
                return nothing();
            }
            let items = history::of_pointer(view, cluster, tenant, part)?;
            let Some(newest) = items.iter().find(|item| item.moved()) else {
                return nothing();
            };
            // The release that failed may have been left and activated again since the first attempt.
            if *activation.get_or_insert_with(|| newest.commit.clone()) != newest.commit {
                return nothing();
            }
            refuse(view, pointer, to, &items)?;
            let entry = moves::checked(view, tenant, part, to)?;
            let mut next = pointer.clone();
            next.release = to.clone();
            next.digest = entry.digest.clone();
            next.namespace.clone_from(&entry.namespace);
            next.source = entry.source.clone();
            next.state = state::standing(&next.state, now);
            next.hold = Some(blocking(pointer, now, &trailers, request));
            let went = vec![Move {
                cluster: cluster.clone(),
                tenant: tenant.clone(),
                part,
                from: Some(from.clone()),
                to: to.clone(),
                chosen: Chosen::Named,
                hold: next.hold.clone(),
                state: next.state.kind,
                called_back: false,
                commit: None,
            }];
            let pending = [Pending {
                current: Some(current),
                next,
                entry,
            }];
            moves::refuse_unmet(view, &pending)?;
            let mut draft = Draft {
                main_message: message(&trailers, Action::AutoRollback.as_str(), &went),
                ..Draft::default()
            };
            moves::draft(view, &pending, &mut draft)?;
            Ok((went, draft))
        })?;
        Ok(with_commit(written.value, written.main_commit.as_ref()).pop())
    }
}

/// Why this must not be done, if it must not.
fn refuse(view: &View, pointer: &Pointer, to: &ReleaseId, items: &[HistoryItem]) -> Result<()> {
    let from = &pointer.release;
    let refused = |why: String| {
        Err(Error::NoAutoRollback {
            tenant: pointer.tenant.clone(),
            part: pointer.part,
            why,
        })
    };
    if let Some(brake) = view.brake(&pointer.cluster)? {
        let why = format!(
            "the brake of `{}` is set since {}: {}",
            brake.cluster, brake.at, brake.reason
        );
        return refused(why);
    }
    if from == to {
        return refused("it would go to the release that failed".to_owned());
    }
    let taken_back = |release: &ReleaseId| {
        items.iter().find(|item| {
            item.action == Some(Action::AutoRollback) && item.from.as_ref() == Some(release)
        })
    };
    if let Some(before) = taken_back(from) {
        let why = format!(
            "release `{}` was rolled back automatically before (commit `{}`), and never twice",
            moves::short(from),
            before.commit
        );
        return refused(why);
    }
    // The newest move is what brought the present release.
    let told = history::rollbacks(items);
    if let Some((item, true)) = told.iter().rev().find(|(item, _)| item.moved()) {
        let why = format!(
            "release `{}` was itself gone back to (commit `{}`)",
            moves::short(from),
            item.commit
        );
        return refused(why);
    }
    if !items.iter().any(|item| item.from.as_ref() == Some(to)) {
        let why = format!("release `{}` was never live here", moves::short(to));
        return refused(why);
    }
    let blocked = pointer.hold.as_ref().is_some_and(|h| h.names(to));
    if blocked || taken_back(to).is_some() {
        let why = format!("release `{}` failed before", moves::short(to));
        return refused(why);
    }
    Ok(())
}

/// The hold that stands after the failed release was left.
fn blocking(pointer: &Pointer, now: i64, trailers: &Trailers, request: &Request) -> Hold {
    let standing = moves::standing(pointer.hold.as_ref(), now);
    let mut blocks = standing
        .and_then(Hold::automatic)
        .map_or_else(|| Blocks::Releases(Vec::new()), |hold| hold.blocks.clone());
    if let Blocks::Releases(releases) = &mut blocks {
        releases.retain(|release| *release != pointer.release);
        releases.push(pointer.release.clone());
        // As many as a judgement remembers; the oldest ones are long out of the way of any publish.
        let surplus = releases.len().saturating_sub(Memory::KEPT);
        releases.drain(..surplus);
    }
    let reason = trailers.cause.as_ref().map_or_else(
        || "rolled back automatically".to_owned(),
        |cause| format!("{}: {}", cause.object, cause.message),
    );
    let auto = Hold {
        kind: HoldKind::Auto,
        by: request.actor.trim().to_owned(),
        reason,
        at: request.now.clone(),
        until: None,
        blocks,
        over: None,
    };
    match standing {
        Some(manual) if manual.kind == HoldKind::Manual => manual.clone().laid_over(Some(&auto)),
        _ => auto,
    }
}
