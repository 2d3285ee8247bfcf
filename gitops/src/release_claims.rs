//! Giving back claims whose objects are gone from the cluster.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::format::{Action, ClaimKey, ClaimState, Trailers};
use orz_core::id::{ClusterName, Part, ReleaseId, TenantName};

use crate::claims::{self, Claims};
use crate::error::Result;
use crate::transaction::{Draft, transact};
use crate::view::StoredPointer;
use crate::{Repo, Request, moves};

impl Repo {
    /// Deletes the claims that this part is giving up, sorted in the answer. The caller has seen that on every cluster
    /// that the part is on, `alone` says which of its releases is in place and that nothing else of it is left.
    ///
    /// `None` if a pointer names another release by now: what that replaced is still in the cluster, and may use
    /// what it is said to give up.
    ///
    /// What a live release of the part claims stays, and is held again: after a plain `git revert` of a pointer alone
    /// its claim can still be said to be given up.
    pub fn release_claims(
        &self,
        tenant: &TenantName,
        part: Part,
        alone: &BTreeMap<ClusterName, ReleaseId>,
        request: &Request,
    ) -> Result<Option<Vec<ClaimKey>>> {
        let trailers = Trailers::new(
            Action::ReleaseClaims,
            request.reason,
            request.actor,
            request.request_id,
        )?;
        let written = transact(self, request, |view, _| {
            let mut live = BTreeSet::new();
            let mut named = BTreeMap::new();
            for StoredPointer { pointer, .. } in moves::valid_pointers(view, tenant)? {
                if pointer.part == part {
                    live.extend(moves::claims_of(view, &pointer));
                    named.insert(pointer.cluster, pointer.release);
                }
            }
            if named != *alone {
                return Ok((None, Draft::default()));
            }
            let mut claims = Claims::new(view);
            let mut released = Vec::new();
            for key in claims::ever_of(view, tenant, part)? {
                if live.contains(&key) {
                    claims.hold_again(tenant, part, &key)?;
                } else if claims.forget(tenant, part, &key, Some(ClaimState::Releasing))? {
                    released.push(key);
                }
            }
            let mut draft = Draft {
                main_message: trailers.message(&format!("release claims of {tenant}/{part}")),
                ..Draft::default()
            };
            draft.main.extend(claims.into_edits());
            Ok((Some(released), draft))
        })?;
        Ok(written.value)
    }
}
