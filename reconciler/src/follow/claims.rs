//! Giving claims back: what a part no longer claims is anybody's once nothing uses it any more.

use std::collections::BTreeSet;

use orz_core::object::{Object, ObjectKey};
use orz_gitops::PointerFile;

use super::clock::Clock;
use super::pass::Looked;
use super::{Follower, Key};
use crate::desired::Desired;

impl<C: Clock> Follower<'_, C> {
    /// The objects are gone here. Once they are gone from the part's other clusters too, what they claimed may be
    /// somebody else's. What goes wrong is tried again at the next look.
    pub(super) fn give_back(&mut self, key: &Key) {
        let request = self.request("the objects that used it are gone");
        let gone = self.is_gone_elsewhere(key).and_then(|gone| {
            if gone {
                self.repo.release_claims(&key.0, key.1, &request)?;
            }
            Ok(gone)
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

    /// Whether every other cluster on which the part is live says that it has what the pointer names, and nothing
    /// else.
    fn is_gone_elsewhere(&self, key: &Key) -> Result<bool, orz_gitops::Error> {
        let Some(view) = &self.view else {
            return Ok(false);
        };
        let mut others = Vec::new();
        for file in view.pointers_of(&key.0)? {
            match file {
                PointerFile::Valid(stored) => {
                    let pointer = stored.pointer;
                    if pointer.part == key.1 && pointer.cluster != self.settings.cluster {
                        others.push(pointer);
                    }
                }
                // What is there cannot be told.
                PointerFile::Invalid(_) => return Ok(false),
            }
        }
        if others.is_empty() {
            return Ok(true);
        }
        let statuses = self.repo.statuses_of(&key.0)?;
        Ok(others.iter().all(|pointer| {
            statuses.iter().any(|status| {
                (&status.cluster, status.part) == (&pointer.cluster, pointer.part)
                    && status.observed.as_ref() == Some(&pointer.release)
            })
        }))
    }
}

/// Whether the release is in place as a whole, and nothing of those before it is left that could go.
pub(super) fn is_alone(desired: &Desired, looked: &Looked) -> bool {
    let wanted: BTreeSet<ObjectKey> = desired.objects.iter().map(Object::key).collect();
    let mut seen = looked.seen.health.iter();
    looked.seen.release.as_ref() == Some(&desired.release)
        && seen.all(|object| wanted.contains(&object.key))
}
