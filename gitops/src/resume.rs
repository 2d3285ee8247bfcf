//! Lifting the brake of a cluster: a person says that the outage is over.

use orz_core::format::{Action, Brake, Trailers};
use orz_core::id::ClusterName;
use orz_core::paths;

use crate::error::Result;
use crate::transaction::{Draft, transact};
use crate::{Repo, Request};

impl Repo {
    /// Lifts the brake of a cluster; the brake that was set, or `None` when none was.
    pub fn resume(&self, cluster: &ClusterName, request: &Request) -> Result<Option<Brake>> {
        let trailers = Trailers::new(
            Action::Resume,
            request.reason,
            request.actor,
            request.request_id,
        )?;
        let written = transact(self, request, |view, _| {
            let brake = view.brake(cluster)?;
            let mut draft = Draft {
                main_message: trailers.message(&format!("resume {cluster}")),
                ..Draft::default()
            };
            if brake.is_some() {
                draft.main.insert(paths::brake(cluster), None);
            }
            Ok((brake, draft))
        })?;
        Ok(written.value)
    }
}
