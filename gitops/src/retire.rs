//! Retiring: a tenant leaves its cluster, and what is durable stays.

use orz_core::format::{Action, StateKind};
use orz_core::id::{ClusterName, TenantName};

use crate::error::Result;
use crate::state::{self, StateChange};
use crate::{Repo, Request};

impl Repo {
    /// Sets every part of a tenant on its way out, in one commit; a reason is required.
    ///
    /// Nothing is activated there from then on, frozen or held parts go like others, and the reconciler removes
    /// `work`, `data` and `tenancy` in this order, all but durable objects and what protects them. A tenant whose
    /// durable objects were being destroyed goes back to this state, and what still exists of them stays.
    ///
    /// Refused when the tenant has no pointer, or has pointers on several clusters; see [`Repo::retire_on`].
    pub fn retire(&self, tenant: &TenantName, request: &Request) -> Result<Vec<StateChange>> {
        self.retire_from(tenant, None, request)
    }

    /// Like [`Repo::retire`], on one cluster of several: the last step of a move between clusters.
    pub fn retire_on(
        &self,
        tenant: &TenantName,
        cluster: &ClusterName,
        request: &Request,
    ) -> Result<Vec<StateChange>> {
        self.retire_from(tenant, Some(cluster), request)
    }

    fn retire_from(
        &self,
        tenant: &TenantName,
        cluster: Option<&ClusterName>,
        request: &Request,
    ) -> Result<Vec<StateChange>> {
        state::require_reason("retire", request)?;
        self.set_states(
            Action::Retire,
            request,
            |view| state::of_cluster(view, tenant, cluster),
            |pointer| {
                Ok(match pointer.state.kind {
                    StateKind::Retiring => pointer.state.clone(),
                    _ => state::asked(StateKind::Retiring, None, request),
                })
            },
        )
    }
}
