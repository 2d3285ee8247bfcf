//! Publishing status.

use orz_core::format::{Blocking, HealthWord, Phase, Status};
use orz_core::id::ReleaseId;

use super::clock::Clock;
use super::log::{About, Level};
use super::part::dated;
use super::{Follower, Key};
use crate::judge::Standing;

impl<C: Clock> Follower<'_, C> {
    /// Publishes what is known, if something is different and the last time was long enough ago.
    pub(super) fn publish(&mut self) {
        let now = self.clock.elapsed();
        let soon = self
            .published
            .is_some_and(|then| now.saturating_sub(then) < self.settings.status);
        if !self.unpublished || soon {
            return;
        }
        let cluster = &self.settings.cluster;
        let mut written = Ok(());
        let mut is_whole = true;
        for shard in self.share.numbers() {
            if !self.share.writes(shard) {
                // What is known here may be old. Ours again, it is published next time.
                is_whole = false;
                continue;
            }
            let own = self
                .parts
                .iter()
                .filter(|(key, _)| self.share.number(&key.0) == shard);
            let statuses: Vec<Status> = own.filter_map(|(_, part)| part.status.clone()).collect();
            let done = self
                .repo
                .write_status(cluster, shard, &statuses, &self.clock.now());
            written = written.and(done);
        }
        self.published = Some(now);
        match written {
            Ok(()) => self.unpublished = !is_whole,
            Err(error) => {
                let said = format!("status was not published: {error}");
                self.say(Level::Error, About::default(), &said);
            }
        }
    }

    /// Records where a part stands.
    pub(super) fn stand(&mut self, key: &Key, standing: Standing, observed: Option<ReleaseId>) {
        let now = self.clock.now();
        let Some(part) = self.parts.get_mut(key) else {
            return;
        };
        let release = part.stored.as_ref().map(|s| &s.pointer.release);
        let verified = match (&part.memory, &part.status) {
            (Some(memory), _) => memory.verified.clone(),
            (None, Some(status)) => status.verified.clone(),
            (None, None) => Vec::new(),
        };
        let blocking = standing.blocking.into_iter().map(|blocked| Blocking {
            object: blocked.object,
            health: blocked.health,
            message: blocked.message,
            since: now.clone(),
        });
        let next = Status {
            cluster: self.settings.cluster.clone(),
            tenant: key.0.clone(),
            part: key.1,
            engine: self.engine.to_owned(),
            release: release.cloned(),
            observed,
            phase: standing.phase,
            health: standing.health,
            blocking: blocking.collect(),
            reason: standing.reason,
            next: standing.next,
            verified,
            since: now.clone(),
        };
        let last = part.status.as_ref();
        let next = dated(next, last);
        if last != Some(&next) {
            part.status = Some(next);
            self.unpublished = true;
        }
    }

    /// Records that a pointer must not be acted on.
    pub(super) fn stand_invalid(&mut self, key: &Key, reason: &str) {
        self.complain(key, reason);
        let observed = self.observed(key);
        let standing = Standing {
            phase: Phase::Invalid,
            health: HealthWord::Unknown,
            blocking: Vec::new(),
            reason: Some(reason.to_owned()),
            next: None,
        };
        self.stand(key, standing, observed);
        let now = self.clock.elapsed();
        if let Some(part) = self.parts.get_mut(key) {
            part.due = now + self.settings.drift;
        }
    }

    /// Records that a part on its way out has to wait.
    pub(super) fn stand_retiring(&mut self, key: &Key, reason: Option<String>) {
        let observed = self.observed(key);
        let standing = Standing {
            phase: Phase::Retiring,
            health: HealthWord::Unknown,
            blocking: Vec::new(),
            reason,
            next: None,
        };
        self.stand(key, standing, observed);
    }

    /// Records that a part could not be looked at; everything else stays as it was.
    pub(super) fn stand_unseen(&mut self, key: &Key, error: &str) {
        let Some(part) = self.parts.get(key) else {
            return;
        };
        let release = part.stored.as_ref().map(|s| &s.pointer.release);
        let memory = part.memory.as_ref();
        let leaves = part
            .stored
            .as_ref()
            .is_some_and(|stored| stored.pointer.state.kind.is_leaving());
        let phase = if leaves {
            Phase::Retiring
        } else {
            memory
                .filter(|memory| Some(&memory.release) == release)
                .map_or(Phase::Progressing, |memory| memory.phase)
        };
        let standing = Standing {
            phase,
            health: HealthWord::Unknown,
            blocking: Vec::new(),
            reason: Some(error.to_owned()),
            next: None,
        };
        let observed = self.observed(key);
        self.stand(key, standing, observed);
    }

    fn observed(&self, key: &Key) -> Option<ReleaseId> {
        self.parts.get(key)?.status.as_ref()?.observed.clone()
    }
}
