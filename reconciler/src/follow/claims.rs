//! Giving claims back: what a part no longer claims is anybody's once nothing uses it any more.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::id::{ClusterName, ReleaseId};
use orz_core::object::{Object, ObjectKey};
use orz_gitops::PointerFile;

use super::clock::Clock;
use super::pass::Looked;
use super::{Follower, Key};
use crate::desired::Desired;

impl<C: Clock> Follower<'_, C> {
    /// The objects are gone here, where `release` is alone. Once they are gone from the part's other clusters too,
    /// what they claimed may be somebody else's. What goes wrong, or is overtaken, is tried again at the next look.
    pub(super) fn give_back(&mut self, key: &Key, release: &ReleaseId) {
        let request = self.request("the objects that used it are gone");
        let gone = self.alone_elsewhere(key).and_then(|others| {
            let Some(mut alone) = others else {
                return Ok(false);
            };
            alone.insert(self.settings.cluster.clone(), release.clone());
            let released = self.repo.release_claims(&key.0, key.1, &alone, &request)?;
            Ok(released.is_some())
        });
        match gone {
            Ok(gone) => {
                if let Some(part) = self.parts.get_mut(key) {
                    part.gives_up = !gone;
                }
            }
            Err(error) => self.complain(key, &error.to_string()),
        }
    }

    /// What the part's pointer names on every other cluster, if each of these says that it has that and nothing else.
    fn alone_elsewhere(
        &self,
        key: &Key,
    ) -> Result<Option<BTreeMap<ClusterName, ReleaseId>>, orz_gitops::Error> {
        let Some(view) = &self.view else {
            return Ok(None);
        };
        let mut others = BTreeMap::new();
        for file in view.pointers_of(&key.0)? {
            match file {
                PointerFile::Valid(stored) => {
                    let pointer = stored.pointer;
                    if pointer.part == key.1 && pointer.cluster != self.settings.cluster {
                        others.insert(pointer.cluster, pointer.release);
                    }
                }
                // What is there cannot be told.
                PointerFile::Invalid(_) => return Ok(None),
            }
        }
        if others.is_empty() {
            return Ok(Some(others));
        }
        let statuses = self.repo.statuses_of(&key.0)?;
        let all = others.iter().all(|(cluster, release)| {
            statuses.iter().any(|status| {
                (&status.cluster, status.part) == (cluster, key.1)
                    && status.observed.as_ref() == Some(release)
            })
        });
        Ok(all.then_some(others))
    }
}

/// Whether the release is in place as a whole, and nothing of those before it is left that could go.
pub(super) fn is_alone(desired: &Desired, looked: &Looked) -> bool {
    let wanted: BTreeSet<ObjectKey> = desired.objects.iter().map(Object::key).collect();
    let mut seen = looked.seen.health.iter();
    looked.seen.release.as_ref() == Some(&desired.release)
        && seen.all(|object| wanted.contains(&object.key))
}
