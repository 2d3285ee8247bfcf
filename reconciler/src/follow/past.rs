//! What went before: the release that may be in place still, the ones to go back to, and how a pointer came to
//! where it is.

use orz_core::format::{self, Memory, Phase};
use orz_core::id::ReleaseId;
use orz_core::object::Object;
use orz_gitops::HistoryItem;

use super::clock::Clock;
use super::pass::{Before, Task};
use super::{Follower, Key};
use crate::judge::Arrival;

impl<C: Clock> Follower<'_, C> {
    /// The workloads of a release that may be in place still.
    pub(super) fn before(&self, release: &ReleaseId) -> Before {
        let manifests = self
            .view
            .as_ref()
            .and_then(|view| view.manifests(release).ok());
        let objects: Vec<Object> = manifests
            .into_iter()
            .flatten()
            .filter_map(|(path, bytes)| {
                let mut sources = orz_core::diag::Sources::default();
                let mut diagnostics = orz_core::diag::Diagnostics::default();
                let node = orz_core::read::parse(&bytes, &path, &mut sources, &mut diagnostics)?;
                Object::new(node.to_value()).ok()
            })
            .collect();
        // A release that was collected is none: then every workload counts as changed.
        Before::new(release, &objects)
    }

    /// Verified releases that may go live again, the oldest first.
    pub(super) fn candidates(&self, key: &Key, memory: Option<&Memory>) -> Vec<ReleaseId> {
        let (Some(memory), Some(view)) = (memory, &self.view) else {
            return Vec::new();
        };
        if memory.phase == Phase::Verified {
            return Vec::new();
        }
        let stored = self.parts.get(key).and_then(|part| part.stored.as_ref());
        let hold = stored.and_then(|stored| stored.pointer.hold.as_ref());
        let may = |release: &&ReleaseId| {
            let known = matches!(view.entry(&key.0, key.1, release), Ok(Some(_)));
            known && !hold.is_some_and(|hold| hold.names(release))
        };
        memory.verified.iter().filter(may).cloned().collect()
    }

    /// How the pointer came to its release, and which releases were left by an automatic rollback.
    pub(super) fn history(
        &mut self,
        key: &Key,
        task: &Task,
    ) -> Result<(Arrival, Vec<ReleaseId>), orz_gitops::Error> {
        let known = self.parts.get(key).and_then(|part| part.history.clone());
        if let Some((blob, arrival, rolled_back)) = known
            && blob == task.pointer
        {
            return Ok((arrival, rolled_back));
        }
        let mut items = self.repo.history(&key.0, Some(key.1))?;
        items.retain(|item| item.cluster == self.settings.cluster);
        let found = (arrival(&items), rolled_back(&items));
        if let Some(part) = self.parts.get_mut(key) {
            part.history = Some((task.pointer.clone(), found.0, found.1.clone()));
        }
        Ok(found)
    }
}

/// How a pointer came to its release: by its newest move, newest item first.
fn arrival(items: &[HistoryItem]) -> Arrival {
    let Some(at) = items.iter().position(|item| item.from != item.to) else {
        return Arrival::Forward;
    };
    let item = &items[at];
    let back = match item.action {
        Some(format::Action::Rollback | format::Action::AutoRollback) => true,
        Some(_) => false,
        // Plain Git, such as `git revert`: back is where it was before.
        None => items[at + 1..].iter().any(|older| older.to == item.to),
    };
    if back {
        Arrival::Back
    } else {
        Arrival::Forward
    }
}

fn rolled_back(items: &[HistoryItem]) -> Vec<ReleaseId> {
    let automatic = items
        .iter()
        .rev()
        .filter(|item| item.action == Some(format::Action::AutoRollback));
    automatic.filter_map(|item| item.from.clone()).collect()
}
