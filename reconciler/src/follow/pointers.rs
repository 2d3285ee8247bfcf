//! What changed on the branches.

use orz_core::paths;
use orz_gitops::{Error, PointerFile, View};

use super::clock::Clock;
use super::log::{About, Level};
use super::part::PartState;
use super::{Follower, Key, share};

impl<C: Clock> Follower<'_, C> {
    /// Looks where the branches stand, and at the pointers that changed since.
    pub(super) fn read_branches(&mut self) -> Result<(), Error> {
        let heads = self.repo.heads()?;
        if self.heads.as_ref() == Some(&heads) {
            return Ok(());
        }
        let view = self.repo.view()?;
        self.tell_replaced(&view)?;
        let mut changed: Vec<String> = match &self.view {
            None => view
                .pointers()?
                .iter()
                .map(|file| file.path().to_owned())
                .collect(),
            Some(earlier) => view.pointers_changed_since(earlier)?.into_iter().collect(),
        };
        // Statuses of an earlier process about pointers that are gone by now.
        let cluster = &self.settings.cluster;
        let unknown = self.parts.iter().filter(|(_, part)| part.stored.is_none());
        changed.extend(unknown.map(|(key, _)| paths::pointer(cluster, &key.0, key.1)));
        changed.sort();
        changed.dedup();
        for path in changed {
            self.read_pointer(&view, &path)?;
        }
        for key in view.releasing_since(self.view.as_ref())? {
            if let Some(part) = self.parts.get_mut(&key) {
                part.gives_up = true;
            }
        }
        // What made a pointer invalid may stand on the other branch, or in a claim.
        let now = self.clock.elapsed();
        for part in self
            .parts
            .values_mut()
            .filter(|part| part.desired.is_none())
        {
            if part
                .status
                .as_ref()
                .is_some_and(|s| s.phase == orz_core::format::Phase::Invalid)
            {
                part.wake(now);
            }
        }
        self.read_brake(&view);
        self.read_settings(&view)?;
        self.view = Some(view);
        self.heads = Some(heads);
        Ok(())
    }

    /// Says that somebody took commits away from a branch. What stands there now is followed all the same. Of a
    /// remote whoever fetches says it.
    fn tell_replaced(&self, view: &View) -> Result<(), Error> {
        let Some(earlier) = self.view.as_ref().filter(|_| self.repo.remote().is_none()) else {
            return Ok(());
        };
        for (branch, stood) in view.replaced_since(earlier)? {
            let said = format!(
                "`{branch}` was replaced: `{}`, where it stood, is no longer part of it",
                &stood.as_str()[..12]
            );
            self.say(Level::Alert, About::default(), &said);
        }
        Ok(())
    }

    fn read_pointer(&mut self, view: &View, path: &str) -> Result<(), Error> {
        let now = self.clock.elapsed();
        match view.pointer_at(path)? {
            Some(PointerFile::Valid(stored)) => {
                if stored.pointer.cluster != self.settings.cluster {
                    return Ok(());
                }
                self.malformed.remove(path);
                let key = (stored.pointer.tenant.clone(), stored.pointer.part);
                let part = self.parts.entry(key).or_insert_with(|| PartState::new(now));
                if part.stored.as_ref() != Some(&stored) {
                    if !self.share.has(&stored.pointer.tenant) {
                        share::count(&mut self.brake, now, part.stored.as_ref(), &stored);
                    }
                    part.point(stored, now);
                }
            }
            Some(PointerFile::Invalid(file)) => {
                // A file whose path names no cluster is everybody's.
                if file
                    .cluster
                    .as_ref()
                    .is_some_and(|c| *c != self.settings.cluster)
                {
                    return Ok(());
                }
                let reason = file.invalid.to_string();
                match (file.tenant, file.part) {
                    (Some(tenant), Some(part)) => {
                        let key = (tenant, part);
                        let part = self
                            .parts
                            .entry(key.clone())
                            .or_insert_with(|| PartState::new(now));
                        part.stored = None;
                        part.desired = None;
                        self.stand_invalid(&key, &reason);
                    }
                    _ => {
                        if self.malformed.insert(path.to_owned()) {
                            let said = format!("{path}: {reason}");
                            self.say(Level::Error, About::default(), &said);
                        }
                    }
                }
            }
            None => {
                self.malformed.remove(path);
                if let Some((cluster, tenant, part)) = paths::parse_pointer(path)
                    && cluster == self.settings.cluster
                {
                    let key: Key = (tenant, part);
                    let gone = self.parts.remove(&key);
                    self.unpublished |= gone.is_some();
                    // One that was destroyed has nothing left, and its pointer was removed here.
                    if let Some(part) = gone.filter(|part| !part.empty)
                        && let Some(stored) = part.stored
                    {
                        let said = "its pointer is gone from `main`, so nobody follows it any more; what is in place stays";
                        self.tell(Level::Alert, &key, &stored.pointer.release, said);
                    }
                }
            }
        }
        Ok(())
    }

    fn read_brake(&mut self, view: &View) {
        let braked = match view.brake(&self.settings.cluster) {
            Ok(brake) => brake.is_some(),
            Err(error) => {
                // One that cannot be read is a brake too.
                self.say(Level::Error, About::default(), &error.to_string());
                true
            }
        };
        if self.braked && !braked {
            self.brake.lifted();
            // Whoever lifts it has seen what is broken by now: that is no second outage, however much of it
            // there is, and goes back where it came from.
            for part in self.parts.values_mut() {
                part.counted = part.stored.as_ref().map(|s| s.pointer.release.clone());
            }
            self.say(Level::Info, About::default(), "the brake was lifted");
        }
        if self.braked != braked {
            let now = self.clock.elapsed();
            for part in self.parts.values_mut() {
                part.wake(now);
            }
        }
        self.braked = braked;
    }
}
