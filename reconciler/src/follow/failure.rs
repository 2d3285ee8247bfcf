//! What is done about a release that failed: back by a commit, a person is called, or the brake is set.

use orz_core::exit::ExitCode;
use orz_core::format::{self, Cause, Memory, Phase};
use orz_core::id::ReleaseId;
use orz_gitops::AutoRollback;

use super::clock::Clock;
use super::log::{About, Level, one_line};
use super::pass::Looked;
use super::{Follower, Key};
use crate::judge::Tripped;

impl<C: Clock> Follower<'_, C> {
    /// Counts a failure of which an earlier process has called a person: it moved no pointer, and only the memory
    /// tells of it.
    pub(super) fn recall_failure(&mut self, key: &Key, looked: &Looked) {
        let failed = looked.written.as_ref().and_then(|memory| {
            let at = memory
                .failed_at
                .as_deref()
                .filter(|_| memory.phase == Phase::Failed);
            Some((memory.release.clone(), self.clock.since(at?)?))
        });
        let (Some((release, age)), Some(part)) = (failed, self.parts.get_mut(key)) else {
            return;
        };
        if part.counted.replace(release.clone()) == Some(release) {
            return;
        }
        let now = self.clock.elapsed();
        let lifted = self.resumed.is_some_and(|resumed| age >= resumed + now);
        if !lifted && age <= self.settings.brake.window {
            self.brake.failed_before(now, age);
        }
    }

    /// Counts a failure once; whether it was one too many, so that the brake is set and nothing moves.
    pub(super) fn trips(&mut self, key: &Key, release: &ReleaseId) -> bool {
        let now = self.clock.elapsed();
        let Some(part) = self.parts.get_mut(key) else {
            return false;
        };
        if part.counted.as_ref() == Some(release) {
            return false;
        }
        part.counted = Some(release.clone());
        let Some(Tripped { failed, recent }) = self.brake.failed(now, &self.settings.brake) else {
            return false;
        };
        let reason = format!(
            "{failed} of {recent} activations failed within {} s: an outage, and no bad release",
            self.settings.brake.window.as_secs()
        );
        let brake = format::Brake {
            cluster: self.settings.cluster.clone(),
            at: self.clock.now(),
            failed,
            recent,
            reason: reason.clone(),
        };
        match self.repo.set_brake(&brake, &self.request(&reason)) {
            Ok(Some(_)) => {
                let said = format!("the brake is set: {reason}; `orzc resume` lifts it");
                self.say(Level::Alert, About::default(), &said);
            }
            Ok(None) => {}
            Err(error) => self.say(Level::Error, About::default(), &error.to_string()),
        }
        // Also when it could not be written: nothing moves in an outage.
        self.braked = true;
        true
    }

    /// Moves the pointer back; what is to be remembered then.
    pub(super) fn roll_back(
        &mut self,
        key: &Key,
        from: &ReleaseId,
        to: &ReleaseId,
        cause: &Cause,
        decided: Option<Memory>,
        before: Option<Memory>,
    ) -> Option<Memory> {
        let rollback = AutoRollback {
            cluster: self.settings.cluster.clone(),
            tenant: key.0.clone(),
            part: key.1,
            from: from.clone(),
            to: to.clone(),
            cause: cause.clone(),
        };
        let reason = format!("release {} did not become healthy", &from.as_str()[..12]);
        match self.repo.auto_rollback(&rollback, &self.request(&reason)) {
            Ok(Some(_)) => {
                let said = format!(
                    "rolled back to {}: {}: {}",
                    &to.as_str()[..12],
                    cause.object,
                    one_line(&cause.message)
                );
                self.tell(Level::Alert, key, from, &said);
                decided
            }
            // Somebody was faster; the next turn reads what they did.
            Ok(None) => before,
            Err(error) if error.exit_code() == ExitCode::Denied && !self.is_braked_now() => {
                let said = format!(
                    "{}: {}; it stays, because {error}",
                    cause.object,
                    one_line(&cause.message)
                );
                let Some(part) = self.parts.get_mut(key) else {
                    return before;
                };
                if part.called.replace(from.clone()).as_ref() != Some(from) {
                    self.tell(Level::Alert, key, from, &said);
                }
                before.map(|before| Memory {
                    phase: Phase::Failed,
                    failed_at: decided.and_then(|memory| memory.failed_at),
                    ..before
                })
            }
            Err(error) => {
                self.complain(key, &error.to_string());
                before
            }
        }
    }

    /// Whether the brake stands at this moment, whatever the last turn read.
    fn is_braked_now(&self) -> bool {
        let brake = self
            .repo
            .view()
            .and_then(|view| view.brake(&self.settings.cluster));
        !matches!(brake, Ok(None))
    }

    /// The fix was verified: what the automatic hold blocked is history.
    pub(super) fn end_hold(&mut self, key: &Key, release: &ReleaseId) {
        let holds = self
            .parts
            .get(key)
            .and_then(|part| part.stored.as_ref())
            .and_then(|stored| stored.pointer.hold.as_ref())
            .is_some_and(|hold| hold.automatic().is_some());
        if !holds {
            return;
        }
        let request = self.request("a later release was verified");
        let cluster = &self.settings.cluster;
        if let Err(error) = self
            .repo
            .end_auto_hold(cluster, &key.0, key.1, release, &request)
        {
            self.complain(key, &error.to_string());
        }
    }
}
