//! Holds: what stops automatic activation, set and released by a person.

use orz_core::format::{self, Action, Blocks, Hold, HoldKind, Trailers};
use orz_core::id::{ClusterName, CommitId, Part, TenantName};

use crate::error::{Error, Result};
use crate::moves::{self, Base, Bases};
use crate::transaction::{Draft, transact};
use crate::view::{StoredPointer, View};
use crate::{Repo, Request, time};

/// A pointer whose hold was set or released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldChange {
    /// The cluster that follows the pointer.
    pub cluster: ClusterName,
    /// The tenant.
    pub tenant: TenantName,
    /// The part.
    pub part: Part,
    /// The hold that stands now.
    pub hold: Option<Hold>,
    /// The commit on `main`; `None` when nothing had to be written.
    pub commit: Option<CommitId>,
}

impl Repo {
    /// Holds parts of a tenant on every cluster, all of its parts when none is named, until `until`
    /// (RFC 3339 in UTC) or until [`Repo::release_hold`]. A manual hold that stands already is replaced; an
    /// automatic one stands again when this one ends.
    pub fn hold(
        &self,
        tenant: &TenantName,
        parts: &[Part],
        until: Option<&str>,
        request: &Request,
    ) -> Result<Vec<HoldChange>> {
        until.map(time::parse).transpose()?;
        let hold = Hold {
            kind: HoldKind::Manual,
            by: request.actor.trim().to_owned(),
            reason: request
                .reason
                .map_or_else(|| "held".to_owned(), |reason| reason.trim().to_owned()),
            at: request.now.clone(),
            until: until.map(str::to_owned),
            blocks: Blocks::All,
            over: None,
        };
        self.set_holds(tenant, parts, Some(&hold), Action::Hold, request)
    }

    /// Releases the holds of parts of a tenant on every cluster, of all of its parts when none is named.
    ///
    /// What goes is the hold that one sees. If it was laid over an automatic one, that stands again and is in the
    /// answer; releasing once more ends it too.
    pub fn release_hold(
        &self,
        tenant: &TenantName,
        parts: &[Part],
        request: &Request,
    ) -> Result<Vec<HoldChange>> {
        self.set_holds(tenant, parts, None, Action::ReleaseHold, request)
    }

    fn set_holds(
        &self,
        tenant: &TenantName,
        parts: &[Part],
        hold: Option<&Hold>,
        action: Action,
        request: &Request,
    ) -> Result<Vec<HoldChange>> {
        let trailers = Trailers::new(action, request.reason, request.actor, request.request_id)?;
        let mut bases = Bases::new(self.repeats);
        let written = transact(self, request, |view, _| {
            let mut draft = Draft::default();
            let mut changes = Vec::new();
            for stored in selected(view, tenant, parts, hold)? {
                let StoredPointer { pointer, path, .. } = &stored;
                let after = match hold {
                    Some(hold) => Some(hold.clone().laid_over(pointer.hold.as_ref())),
                    None => pointer.hold.clone().and_then(|hold| hold.over.map(|o| *o)),
                };
                let there = match (hold, &pointer.hold) {
                    (Some(_), there) => *there == after,
                    (None, there) => there.is_none(),
                };
                if bases.look(path, Some(&stored)) == Base::Moved && !there {
                    return Err(moves::moved_by(view, tenant, pointer.part, path));
                }
                let mut next = pointer.clone();
                next.hold = after;
                draft
                    .main
                    .insert(path.clone(), Some(format::to_bytes(&next)));
                changes.push(HoldChange {
                    cluster: next.cluster,
                    tenant: next.tenant,
                    part: next.part,
                    hold: next.hold,
                    commit: None,
                });
            }
            draft.main_message = message(&trailers, action, &changes);
            Ok((changes, draft))
        })?;
        let mut changes = written.value;
        for change in &mut changes {
            change.commit.clone_from(&written.main_commit);
        }
        Ok(changes)
    }
}

/// The pointers that are meant, with an error that says why there are none.
fn selected(
    view: &View,
    tenant: &TenantName,
    parts: &[Part],
    hold: Option<&Hold>,
) -> Result<Vec<StoredPointer>> {
    let pointers = moves::valid_pointers(view, tenant)?;
    let of_part = |part: Part| {
        pointers
            .iter()
            .filter(move |stored| stored.pointer.part == part)
    };
    for part in parts {
        if of_part(*part).next().is_none() {
            return Err(Error::NoPointer {
                tenant: tenant.clone(),
                part: *part,
            });
        }
        // Asked for by name, "not held" is an answer; for the whole tenant it is not worth a word.
        if hold.is_none() && of_part(*part).all(|stored| stored.pointer.hold.is_none()) {
            return Err(Error::NotHeld {
                tenant: tenant.clone(),
                part: *part,
            });
        }
    }
    let meant = |stored: &StoredPointer| {
        (parts.is_empty() || parts.contains(&stored.pointer.part))
            && (hold.is_some() || stored.pointer.hold.is_some())
    };
    if pointers.is_empty() {
        return Err(Error::NoPointer {
            tenant: tenant.clone(),
            part: Part::Work,
        });
    }
    Ok(pointers.into_iter().filter(meant).collect())
}

fn message(trailers: &Trailers, action: Action, changes: &[HoldChange]) -> String {
    let verb = action.as_str();
    match changes {
        [one] => trailers.message(&format!("{verb} {}/{}", one.tenant, one.part)),
        [first, ..] => trailers.message(&format!(
            "{verb} {} parts of {}",
            changes.len(),
            first.tenant
        )),
        [] => trailers.message(verb),
    }
}
