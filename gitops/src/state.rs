//! What freeze, thaw, retire and destroy share: setting the state of pointers and nothing else in them.

use std::collections::BTreeMap;

use orz_core::format::{self, Action, Pointer, State, StateKind, Trailers};
use orz_core::id::{ClusterName, CommitId, Part, ReleaseId, TenantName};

use crate::error::{Error, Result};
use crate::moves;
use crate::transaction::{Draft, transact};
use crate::view::{StoredPointer, View};
use crate::{Repo, Request, time};

/// A pointer whose state was asked to be another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// The cluster that follows the pointer.
    pub cluster: ClusterName,
    /// The tenant.
    pub tenant: TenantName,
    /// The part.
    pub part: Part,
    /// The release that the pointer names; a change of state moves it nowhere.
    pub release: ReleaseId,
    /// The state before.
    pub from: StateKind,
    /// The state that stands now.
    pub state: State,
    /// The commit on `main`; `None` when this pointer was so already.
    pub commit: Option<CommitId>,
}

impl StoredPointer {
    /// The state at a time, RFC 3339 in UTC: a freeze that has ended is `live`.
    ///
    /// An end or a time that cannot be read ends nothing: frozen too long harms less than thawed too early.
    pub fn state_at(&self, now: &str) -> StateKind {
        match time::parse(now) {
            Ok(now) => at(&self.pointer.state, now),
            Err(_) => self.pointer.state.kind,
        }
    }
}

/// What of a state still stands: an ended freeze goes with the next move, as an ended hold does.
pub(crate) fn standing(state: &State, now: i64) -> State {
    if at(state, now) == state.kind {
        state.clone()
    } else {
        State::LIVE
    }
}

/// The state at a time, in seconds since 1970.
pub(crate) fn at(state: &State, now: i64) -> StateKind {
    let ended = state
        .until
        .as_deref()
        .and_then(|until| time::parse(until).ok())
        .is_some_and(|until| until <= now);
    match state.kind {
        StateKind::Frozen if ended => StateKind::Live,
        kind => kind,
    }
}

/// A state that somebody asked for.
pub(crate) fn asked(kind: StateKind, until: Option<&str>, request: &Request) -> State {
    State {
        kind,
        by: Some(request.actor.trim().to_owned()),
        reason: request.reason.map(|reason| reason.trim().to_owned()),
        until: until.map(str::to_owned),
    }
}

/// Refuses to touch a part that is on its way out.
pub(crate) fn refuse_leaving(pointer: &Pointer) -> Result<()> {
    if pointer.state.kind.is_leaving() {
        return Err(Error::Leaving {
            tenant: pointer.tenant.clone(),
            part: pointer.part,
            state: Box::new(pointer.state.clone()),
        });
    }
    Ok(())
}

/// The parts of a tenant that are on their way out of a cluster.
///
/// A malformed pointer beside them says nothing, and is reported where it is acted on.
pub(crate) fn leaving(
    view: &View,
    tenant: &TenantName,
    cluster: &ClusterName,
) -> Result<Vec<StoredPointer>> {
    let mut found: Vec<StoredPointer> = view
        .pointers_of(tenant)?
        .iter()
        .filter_map(|file| file.valid().cloned())
        .collect();
    found.retain(|stored| {
        stored.pointer.cluster == *cluster && stored.pointer.state.kind.is_leaving()
    });
    Ok(found)
}

/// A request that takes something away for good has to say why.
pub(crate) fn require_reason(verb: &'static str, request: &Request) -> Result<()> {
    match request.reason {
        Some(reason) if !reason.trim().is_empty() => Ok(()),
        _ => Err(Error::ReasonNeeded { verb }),
    }
}

/// The pointers of these parts on every cluster, of all parts when none is named; an error when there are none.
pub(crate) fn of_parts(
    view: &View,
    tenant: &TenantName,
    parts: &[Part],
) -> Result<Vec<StoredPointer>> {
    let mut found = moves::valid_pointers(view, tenant)?;
    let none = |part| Error::NoPointer {
        tenant: tenant.clone(),
        part,
    };
    if found.is_empty() {
        return Err(none(parts.first().copied().unwrap_or(Part::Work)));
    }
    for part in parts {
        if !found.iter().any(|stored| stored.pointer.part == *part) {
            return Err(none(*part));
        }
    }
    found.retain(|stored| parts.is_empty() || parts.contains(&stored.pointer.part));
    Ok(found)
}

/// All pointers of a tenant on one cluster: the named one, or the only one it is on.
pub(crate) fn of_cluster(
    view: &View,
    tenant: &TenantName,
    cluster: Option<&ClusterName>,
) -> Result<Vec<StoredPointer>> {
    let mut found = of_parts(view, tenant, &[])?;
    if let Some(cluster) = cluster {
        found.retain(|stored| stored.pointer.cluster == *cluster);
        if found.is_empty() {
            return Err(Error::NotOnCluster {
                tenant: tenant.clone(),
                cluster: cluster.clone(),
            });
        }
        return Ok(found);
    }
    let mut clusters: Vec<ClusterName> = found
        .iter()
        .map(|stored| stored.pointer.cluster.clone())
        .collect();
    clusters.dedup();
    if clusters.len() > 1 {
        return Err(Error::ClusterNeeded {
            tenant: tenant.clone(),
            clusters,
        });
    }
    Ok(found)
}

impl View {
    /// All pointers of a tenant on one cluster: the named one, or the only one it is on.
    ///
    /// An error when there are none, when the tenant is on several clusters and none is named, or when a file
    /// that should be one of them is malformed.
    pub fn pointers_on(
        &self,
        tenant: &TenantName,
        cluster: Option<&ClusterName>,
    ) -> Result<Vec<StoredPointer>> {
        of_cluster(self, tenant, cluster)
    }
}

impl Repo {
    /// Gives the selected pointers the state that `decide` wants for each, in one commit.
    ///
    /// A pointer that moved to another release meanwhile is changed all the same, because what is asked for does
    /// not depend on the release. One whose state somebody else changed meanwhile ends it, unless they made it
    /// what was asked for.
    pub(crate) fn set_states(
        &self,
        action: Action,
        request: &Request,
        select: impl Fn(&View) -> Result<Vec<StoredPointer>>,
        decide: impl Fn(&Pointer) -> Result<State>,
    ) -> Result<Vec<StateChange>> {
        let trailers = Trailers::new(action, request.reason, request.actor, request.request_id)?;
        let mut seen: BTreeMap<String, State> = BTreeMap::new();
        let written = transact(self, request, |view, _| {
            let mut draft = Draft::default();
            let mut changes = Vec::new();
            for StoredPointer { pointer, path, .. } in select(view)? {
                let first = seen
                    .entry(path.clone())
                    .or_insert_with(|| pointer.state.clone());
                let mut next = pointer.clone();
                next.state = decide(&pointer)?;
                if *first != pointer.state {
                    if pointer.state.kind != next.state.kind {
                        return Err(moves::moved_by(view, &pointer.tenant, pointer.part, &path));
                    }
                    next.state = pointer.state.clone();
                }
                changes.push((
                    pointer.state != next.state,
                    StateChange {
                        cluster: next.cluster.clone(),
                        tenant: next.tenant.clone(),
                        part: next.part,
                        release: next.release.clone(),
                        from: pointer.state.kind,
                        state: next.state.clone(),
                        commit: None,
                    },
                ));
                draft.main.insert(path, Some(format::to_bytes(&next)));
            }
            draft.main_message = message(&trailers, action, &changes);
            Ok((changes, draft))
        })?;
        let commit = written.main_commit;
        let with_commit = |(changed, mut change): (bool, StateChange)| {
            change.commit = commit.clone().filter(|_| changed);
            change
        };
        Ok(written.value.into_iter().map(with_commit).collect())
    }
}

fn message(trailers: &Trailers, action: Action, changes: &[(bool, StateChange)]) -> String {
    let verb = action.as_str();
    let told: Vec<&StateChange> = changes
        .iter()
        .filter_map(|(changed, change)| changed.then_some(change))
        .collect();
    match told.as_slice() {
        [one] => trailers.message(&format!("{verb} {}/{}", one.tenant, one.part)),
        [first, ..] => {
            trailers.message(&format!("{verb} {} parts of {}", told.len(), first.tenant))
        }
        [] => trailers.message(verb),
    }
}
