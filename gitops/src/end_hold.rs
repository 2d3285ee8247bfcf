//! The end of an automatic hold: a release that came after the blocked one was verified.

use orz_core::format::{self, Action, Hold, HoldKind, Trailers};
use orz_core::id::{ClusterName, Part, ReleaseId, TenantName};

use crate::error::Result;
use crate::hold::HoldChange;
use crate::transaction::{Draft, transact};
use crate::view::StoredPointer;
use crate::{Repo, Request, history};

impl Repo {
    /// Ends the automatic hold of a pointer because `release`, which it names, was verified; a manual hold stays.
    ///
    /// `None`, and nothing is written, if there is no automatic hold, if the pointer names another release, or if
    /// it went back to this one: that a rollback's target is well says nothing about the release it left.
    pub fn end_auto_hold(
        &self,
        cluster: &ClusterName,
        tenant: &TenantName,
        part: Part,
        release: &ReleaseId,
        request: &Request,
    ) -> Result<Option<HoldChange>> {
        let trailers = Trailers::new(
            Action::EndHold,
            request.reason,
            request.actor,
            request.request_id,
        )?;
        let written = transact(self, request, |view, _| {
            let nothing = || Ok((None, Draft::default()));
            let Some(StoredPointer { pointer, path, .. }) = view.pointer(cluster, tenant, part)?
            else {
                return nothing();
            };
            if pointer.release != *release
                || pointer.hold.as_ref().and_then(Hold::automatic).is_none()
            {
                return nothing();
            }
            let items = history::of_pointer(view, cluster, tenant, part)?;
            let told = history::rollbacks(&items);
            if let Some((_, true)) = told.iter().rev().find(|(item, _)| item.moved()) {
                return nothing();
            }
            let mut next = pointer;
            next.hold = next
                .hold
                .filter(|hold| hold.kind == HoldKind::Manual)
                .map(|hold| hold.laid_over(None));
            let mut draft = Draft {
                main_message: trailers.message(&format!("end-hold {tenant}/{part}")),
                ..Draft::default()
            };
            draft.main.insert(path, Some(format::to_bytes(&next)));
            let change = HoldChange {
                cluster: next.cluster,
                tenant: next.tenant,
                part: next.part,
                hold: next.hold,
                commit: None,
            };
            Ok((Some(change), draft))
        })?;
        let commit = written.main_commit;
        Ok(written.value.map(|change| HoldChange { commit, ..change }))
    }
}
