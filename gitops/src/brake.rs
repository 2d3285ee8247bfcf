//! The brake of a cluster: so many activations failed that this is an outage and no bad release.

use orz_core::format::{self, Action, Brake, Trailers};
use orz_core::id::{ClusterName, CommitId};
use orz_core::paths;

use crate::error::{Error, Result};
use crate::transaction::{Draft, transact};
use crate::view::View;
use crate::{Repo, Request, trees};

impl View {
    /// The brake of a cluster, if it is set. One that cannot be read is an error, never "not set".
    pub fn brake(&self, cluster: &ClusterName) -> Result<Option<Brake>> {
        let path = paths::brake(cluster);
        match trees::file(&self.objects, self.main.tree, &path)? {
            Some((_, bytes)) => parse(&path, &bytes).map(Some),
            None => Ok(None),
        }
    }
}

impl Repo {
    /// Sets the brake of a cluster; the commit on `main`, or `None` when it is set already, so that of several
    /// who see the same outage one raises the alarm.
    pub fn set_brake(&self, brake: &Brake, request: &Request) -> Result<Option<CommitId>> {
        let trailers = Trailers::new(
            Action::Brake,
            request.reason,
            request.actor,
            request.request_id,
        )?;
        let written = transact(self, request, |view, _| {
            let mut draft = Draft {
                main_message: trailers.message(&format!("brake {}", brake.cluster)),
                ..Draft::default()
            };
            match view.brake(&brake.cluster) {
                Ok(Some(_)) => {}
                // One that nobody can read is written anew.
                Ok(None) | Err(Error::Malformed { .. }) => {
                    let path = paths::brake(&brake.cluster);
                    draft.main.insert(path, Some(format::to_bytes(brake)));
                }
                Err(error) => return Err(error),
            }
            Ok(((), draft))
        })?;
        Ok(written.main_commit)
    }
}

/// A brake file whose content agrees with its path.
pub(crate) fn parse(path: &str, bytes: &[u8]) -> Result<Brake> {
    let malformed = |message: String| Error::Malformed {
        path: path.to_owned(),
        message,
    };
    let brake: Brake = format::from_bytes(bytes).map_err(|e| malformed(e.to_string()))?;
    if paths::brake(&brake.cluster) != path {
        return Err(malformed(format!("it is the brake of `{}`", brake.cluster)));
    }
    Ok(brake)
}
