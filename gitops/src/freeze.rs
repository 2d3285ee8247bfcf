//! Freezing: the cluster stops following the pointer, and the pointer may still move.

use orz_core::format::{Action, StateKind};
use orz_core::id::{Part, TenantName};

use crate::error::Result;
use crate::state::{self, StateChange};
use crate::{Repo, Request, time};

impl Repo {
    /// Freezes parts of a tenant on every cluster, all of its parts when none is named, until `until`
    /// (RFC 3339 in UTC) or until [`Repo::thaw`]. A freeze that stands already is replaced.
    ///
    /// While it stands nothing is applied, judged or rolled back automatically. Publishing and rollback still
    /// move the pointer, and what it names by then is applied after the thaw: a hold stops the pointer, a freeze
    /// stops the cluster.
    pub fn freeze(
        &self,
        tenant: &TenantName,
        parts: &[Part],
        until: Option<&str>,
        request: &Request,
    ) -> Result<Vec<StateChange>> {
        until.map(time::parse).transpose()?;
        self.set_states(
            Action::Freeze,
            request,
            |view| state::of_parts(view, tenant, parts),
            |pointer| {
                state::refuse_leaving(pointer)?;
                Ok(state::asked(StateKind::Frozen, until, request))
            },
        )
    }
}
