//! Thawing: the cluster follows the pointer again.

use orz_core::format::{Action, State, StateKind};
use orz_core::id::{Part, TenantName};

use crate::error::{Error, Result};
use crate::state::{self, StateChange};
use crate::{Repo, Request};

impl Repo {
    /// Ends the freeze of parts of a tenant on every cluster, of all of its frozen parts when none is named.
    ///
    /// A part on its way out does not come back by this; [`crate::ActivateOptions::override_leaving`] does that.
    pub fn thaw(
        &self,
        tenant: &TenantName,
        parts: &[Part],
        request: &Request,
    ) -> Result<Vec<StateChange>> {
        self.set_states(
            Action::Thaw,
            request,
            |view| {
                let mut found = state::of_parts(view, tenant, parts)?;
                for part in parts {
                    let mut of_part = found.iter().filter(|stored| stored.pointer.part == *part);
                    // Asked for by name, "not frozen" is an answer; for the whole tenant it is not worth a word.
                    if of_part.all(|stored| stored.pointer.state.kind == StateKind::Live) {
                        return Err(Error::NotFrozen {
                            tenant: tenant.clone(),
                            part: *part,
                        });
                    }
                }
                if parts.is_empty() && found.iter().all(|s| s.pointer.state.kind.is_leaving()) {
                    state::refuse_leaving(&found[0].pointer)?;
                }
                found.retain(|stored| match stored.pointer.state.kind {
                    StateKind::Live => false,
                    StateKind::Frozen => true,
                    StateKind::Retiring | StateKind::Destroying => !parts.is_empty(),
                });
                Ok(found)
            },
            |pointer| {
                state::refuse_leaving(pointer)?;
                Ok(State::LIVE)
            },
        )
    }
}
