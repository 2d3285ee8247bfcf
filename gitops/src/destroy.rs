//! Destroying: the durable objects of a retired tenant may be deleted.

use orz_core::format::{Action, StateKind};
use orz_core::id::{ClusterName, TenantName};

use crate::error::{Error, Result};
use crate::state::{self, StateChange};
use crate::view::{StoredPointer, View};
use crate::{Repo, Request};

impl Repo {
    /// Allows the reconciler to delete the durable objects of a tenant, in one commit; a reason is required.
    ///
    /// Only for a tenant that was retired before: every part of it is on its way out already. That makes two
    /// commits, with a look at what is left between them.
    pub fn destroy(&self, tenant: &TenantName, request: &Request) -> Result<Vec<StateChange>> {
        self.destroy_from(tenant, None, request)
    }

    /// Like [`Repo::destroy`], on one cluster of several.
    pub fn destroy_on(
        &self,
        tenant: &TenantName,
        cluster: &ClusterName,
        request: &Request,
    ) -> Result<Vec<StateChange>> {
        self.destroy_from(tenant, Some(cluster), request)
    }

    fn destroy_from(
        &self,
        tenant: &TenantName,
        cluster: Option<&ClusterName>,
        request: &Request,
    ) -> Result<Vec<StateChange>> {
        state::require_reason("destroy", request)?;
        self.set_states(
            Action::Destroy,
            request,
            |view| retired(view, tenant, cluster),
            |pointer| {
                Ok(match pointer.state.kind {
                    StateKind::Destroying => pointer.state.clone(),
                    _ => state::asked(StateKind::Destroying, None, request),
                })
            },
        )
    }
}

fn retired(
    view: &View,
    tenant: &TenantName,
    cluster: Option<&ClusterName>,
) -> Result<Vec<StoredPointer>> {
    let found = state::of_cluster(view, tenant, cluster)?;
    let live: Vec<_> = found
        .iter()
        .map(|stored| &stored.pointer)
        .filter(|pointer| !pointer.state.kind.is_leaving())
        .map(|pointer| pointer.part)
        .collect();
    if live.is_empty() {
        return Ok(found);
    }
    Err(Error::NotRetired {
        tenant: tenant.clone(),
        parts: live,
    })
}
