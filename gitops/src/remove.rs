//! Removing a pointer: the end of a part that nothing is left of.

use std::collections::BTreeSet;

use orz_core::format::{Action, ClaimKey, Trailers};
use orz_core::id::{ClusterName, CommitId, Part, ReleaseId, TenantName};

use crate::claims::{self, Claims};
use crate::error::{Error, Result};
use crate::transaction::{Draft, transact};
use crate::view::StoredPointer;
use crate::{Repo, Request, moves};

/// A pointer that went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The cluster that followed it.
    pub cluster: ClusterName,
    /// The tenant.
    pub tenant: TenantName,
    /// The part.
    pub part: Part,
    /// The release that it named.
    pub release: ReleaseId,
    /// What the part no longer claims, sorted; anybody may take it now.
    pub claims: Vec<ClaimKey>,
    /// The commit on `main`.
    pub commit: CommitId,
}

impl Repo {
    /// Takes a pointer away and gives back what its part claimed, in one commit. The caller has seen that nothing
    /// of the part is left in the cluster. While the part is on another cluster too, its claims are only given up,
    /// for [`Repo::release_claims`].
    ///
    /// `None` if the pointer is gone, or is another one than `stored` by now: somebody may have called the tenant
    /// back. Refused when the part is not on its way out, and while a part that builds on it is still there.
    pub fn remove_pointer(
        &self,
        stored: &StoredPointer,
        request: &Request,
    ) -> Result<Option<Removed>> {
        let pointer = &stored.pointer;
        let (tenant, part) = (&pointer.tenant, pointer.part);
        let trailers = Trailers::new(
            Action::Remove,
            request.reason,
            request.actor,
            request.request_id,
        )?;
        if !pointer.state.kind.is_leaving() {
            return Err(Error::NotRetired {
                tenant: tenant.clone(),
                parts: vec![part],
            });
        }
        let written = transact(self, request, |view, _| {
            let found = view.pointer(&pointer.cluster, tenant, part)?;
            if found.as_ref() != Some(stored) {
                return Ok((None, Draft::default()));
            }
            let mut left = Vec::new();
            let mut elsewhere = None;
            for other in moves::valid_pointers(view, tenant)? {
                let other = other.pointer;
                if other.cluster == pointer.cluster && builds_on(other.part, part) {
                    left.push(other.part);
                }
                if other.cluster != pointer.cluster && other.part == part {
                    let claims: &mut BTreeSet<ClaimKey> = elsewhere.get_or_insert_default();
                    claims.extend(moves::claims_of(view, &other));
                }
            }
            if !left.is_empty() {
                return Err(Error::StillNeeded {
                    tenant: tenant.clone(),
                    part,
                    left,
                });
            }
            let mut claims = Claims::new(view);
            let mut released = Vec::new();
            if let Some(kept) = elsewhere {
                // What nobody is left to use here may still have objects on the other cluster.
                claims.give_up(tenant, part, &moves::claims_of(view, pointer), &kept)?;
            } else {
                for key in claims::ever_of(view, tenant, part)? {
                    if claims.forget(tenant, part, &key, None)? {
                        released.push(key);
                    }
                }
            }
            let mut draft = Draft {
                main_message: trailers.message(&format!("remove {tenant}/{part}")),
                ..Draft::default()
            };
            draft.main.insert(stored.path.clone(), None);
            draft.main.extend(claims.into_edits());
            Ok((Some(released), draft))
        })?;
        Ok(written
            .value
            .zip(written.main_commit)
            .map(|(claims, commit)| Removed {
                cluster: pointer.cluster.clone(),
                tenant: tenant.clone(),
                part,
                release: pointer.release.clone(),
                claims,
                commit,
            }))
    }
}

/// Whether `upper` is removed before `lower`.
fn builds_on(upper: Part, lower: Part) -> bool {
    let place = |part| Part::OF_TENANT.iter().position(|p| *p == part);
    place(upper) > place(lower)
}
