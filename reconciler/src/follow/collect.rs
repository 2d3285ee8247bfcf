//! Release jobs that have run and that nothing asks for any more.
//!
//! A job that ended stays, because without it its release would run it again when somebody goes back to it. It goes
//! once no release on the index contains it, and, of more than a few, when every release that does was left long
//! ago: by so many moves that no list of verified releases reaches back to it. One that has not ended never goes.

use std::collections::BTreeSet;

use orz_core::format::{Memory, Release};
use orz_core::id::ReleaseId;
use orz_core::object::ObjectKey;

use super::clock::Clock;
use super::{Follower, Key};

/// So many ended jobs stay in any case while a release contains them, and so many moves of the pointer are recent.
const RECENT: usize = Memory::KEPT;

impl<C: Clock> Follower<'_, C> {
    /// The release jobs of the verified part that may go. `ended` are those that ended and that its release does not
    /// contain, the newest first.
    pub(super) fn collectable(
        &self,
        key: &Key,
        memory: &Memory,
        ended: &[ObjectKey],
    ) -> Result<BTreeSet<ObjectKey>, orz_gitops::Error> {
        let Some(view) = self.view.as_ref().filter(|_| !ended.is_empty()) else {
            return Ok(BTreeSet::new());
        };
        let entries = view.entries(&key.0, key.1)?;
        let of = |job: &ObjectKey| -> Vec<&ReleaseId> {
            let holds = |entry: &&Release| entry.objects.iter().any(|o| ObjectKey::from(o) == *job);
            let holding = entries.iter().filter(holds);
            holding.map(|entry| &entry.release).collect()
        };
        let unknown = ended.iter().filter(|job| of(job).is_empty());
        let mut goes: BTreeSet<ObjectKey> = unknown.cloned().collect();
        let old = ended.get(RECENT..).unwrap_or_default();
        if !old.is_empty() {
            // The history is long, and only such a pile asks for it.
            let mut items = self.repo.history(&key.0, Some(key.1))?;
            items.retain(|item| item.cluster == self.settings.cluster && item.from != item.to);
            let lived: BTreeSet<&ReleaseId> = items.iter().filter_map(|i| i.to.as_ref()).collect();
            let newest = items.iter().take(RECENT).flat_map(|i| [&i.from, &i.to]);
            let recent: BTreeSet<&ReleaseId> = newest.flatten().collect();
            // One that was never live may be yet to come.
            let is_old = |release: &&ReleaseId| {
                **release != memory.release
                    && lived.contains(*release)
                    && !recent.contains(*release)
                    && !memory.verified.contains(release)
            };
            let left = old.iter().filter(|job| of(job).iter().all(is_old));
            goes.extend(left.cloned());
        }
        Ok(goes)
    }
}
