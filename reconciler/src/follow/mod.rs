//! The long-running loop: follows the branches, and keeps, judges, takes back and retires every part.
//!
//! - `pointers`: what changed on the branches. Only changed pointers are looked at again.
//! - `platform`: the settings that the platform's own release holds.
//! - `pass`: observe → plan → remember → apply → see, for one part; `pool` runs passes side by side.
//! - `verdict`: judges what a pass saw and does what the judgement says; `past` knows what was there before, and
//!   `failure` what becomes of a release that failed.
//! - `collect`: release jobs that have run and that nothing asks for any more.
//! - `dispute`: somebody who changes again and again what is put right.
//! - `leave`: parts on their way out.
//! - `publish`: status.
//! - `share`: the tenants of this replica, where there are several.
//!
//! All writes to the GitOps repository are made here, by one thread. Nothing of importance is kept in this
//! process: what must survive a kill is in the inventories and in the history of the pointers.

mod claims;
mod clock;
mod collect;
mod dispute;
mod failure;
mod leave;
mod log;
mod part;
mod pass;
mod past;
mod platform;
mod pointers;
mod pool;
mod publish;
mod say;
mod settings;
mod share;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use orz_core::format::Phase;
use orz_core::id::{CommitId, Part, ReleaseId, TenantName};
use orz_gitops::{Repo, Request, View};

pub use clock::{Clock, SystemClock};
pub use leave::{ORDER as LEAVING_ORDER, Stays, stays};
pub use log::{About, Level, Log, LogFormat};
pub use pool::Key;
pub use settings::{Given, Settings};

use crate::desired::{Desired, Invalid, Pointed, pointed};
use crate::engine::Engine;
use crate::judge::Brake;
use crate::lease::Shares;
use part::{PartState, for_pass};
use pass::Task;
use pool::{Event, Pool, Runner};
use share::Share;

/// Who stands in the commits.
const ACTOR: &str = "orz-reconciler";
/// How long a process may take to find out what failed before it, once it has tenants.
const RECALL: Duration = Duration::from_secs(10);

/// The loop over one cluster.
pub struct Follower<'r, C> {
    repo: &'r Repo,
    /// What holds without a release of the platform, and what holds now.
    base: Settings,
    settings: Settings,
    /// The release of the platform that `settings` are from.
    settings_of: Option<ReleaseId>,
    engine: &'static str,
    clock: C,
    log: Log,
    runner: Box<dyn Runner>,
    touches: Option<Touches>,
    heads: Option<(CommitId, CommitId)>,
    view: Option<View>,
    parts: BTreeMap<Key, PartState>,
    /// The malformed pointer files whose path names no tenant, said once.
    malformed: BTreeSet<String>,
    brake: Brake,
    braked: bool,
    /// How long what failed before this process may still be read, by its clock.
    recalls_until: Duration,
    /// The parts that had failed before this process, and whose memories were not read yet.
    unread: BTreeSet<Key>,
    /// Since when the cluster gives no answer.
    silent: Option<Duration>,
    /// Why the branches could not be read the last time, to say it once.
    unreadable: Option<String>,
    /// Whether what happened before the start of this process was counted.
    recalled: bool,
    /// How long before the start of this process a person lifted the brake, if that was not long before.
    resumed: Option<Duration>,
    /// When status was published, and whether something was different since.
    published: Option<Duration>,
    unpublished: bool,
    /// What is shared with other replicas.
    share: Share,
}

/// Tells the loop that something of a part changed, so that it looks at once.
#[derive(Clone, Debug)]
pub struct Touches(Sender<Event>);

impl Touches {
    /// Reports parts; `false` when the loop has ended.
    pub fn touch(&self, parts: BTreeSet<Key>) -> bool {
        self.0.send(Event::Touched(parts)).is_ok()
    }
}

impl<'r, C: Clock> Follower<'r, C> {
    /// A loop with one thread for each engine; all engines are of one kind and act on the same cluster.
    pub fn new(
        repo: &'r Repo,
        engines: Vec<Box<dyn Engine + Send>>,
        settings: Settings,
        clock: C,
        log: Log,
    ) -> Self {
        let engine = engines.first().map_or("none", |engine| engine.name());
        let pool = Pool::start(engines);
        let touches = Touches(pool.touches());
        let mut follower = Self::with(repo, Box::new(pool), engine, settings, clock, log);
        follower.touches = Some(touches);
        follower
    }

    fn with(
        repo: &'r Repo,
        runner: Box<dyn Runner>,
        engine: &'static str,
        settings: Settings,
        clock: C,
        log: Log,
    ) -> Self {
        Self {
            repo,
            base: settings.clone(),
            settings,
            settings_of: None,
            engine,
            clock,
            log,
            runner,
            touches: None,
            heads: None,
            view: None,
            parts: BTreeMap::new(),
            malformed: BTreeSet::new(),
            brake: Brake::default(),
            braked: false,
            recalls_until: Duration::ZERO,
            unread: BTreeSet::new(),
            silent: None,
            unreadable: None,
            recalled: false,
            resumed: None,
            published: None,
            unpublished: false,
            share: Share::default(),
        }
    }

    /// The same loop, over the tenants that `shares` says.
    #[must_use]
    pub fn sharing(mut self, shares: Box<dyn Shares>) -> Self {
        self.share = Share::with(shares);
        self
    }

    /// Where others report parts that have to be looked at.
    pub fn touches(&self) -> Option<Touches> {
        self.touches.clone()
    }

    /// Follows until it is told that it never will again; why.
    pub fn run(mut self) -> String {
        self.begin();
        loop {
            if let Some(ended) = self.look_at_share() {
                return ended;
            }
            self.step();
        }
    }

    /// Reads what was published before, so that nothing of it vanishes while every part is looked at anew.
    fn begin(&mut self) {
        let now = self.clock.elapsed();
        self.recalls_until = now + RECALL;
        let known = match self.repo.statuses() {
            Ok(statuses) => statuses,
            Err(error) => {
                self.say(Level::Error, About::default(), &error.to_string());
                Vec::new()
            }
        };
        for status in known {
            if status.cluster == self.settings.cluster {
                let key = (status.tenant.clone(), status.part);
                if status.phase == Phase::Failed {
                    self.unread.insert(key.clone());
                }
                let state = self.parts.entry(key).or_insert_with(|| PartState::new(now));
                state.status = Some(status);
            }
        }
    }

    /// Counts what happened before this process started, so that a kill in the middle of an outage resets nothing:
    /// the log of `main` has every activation and every automatic rollback with its time. Failures that moved no
    /// pointer are in the memories, and counted when those are read.
    fn recall(&mut self) -> Result<(), orz_gitops::Error> {
        let Some(view) = self.view.as_ref().filter(|_| !self.recalled) else {
            return Ok(());
        };
        let now = self.clock.elapsed();
        let window = self.settings.brake.window;
        let recent = view.recent(&self.settings.cluster, &self.clock.now(), window)?;
        // What was live when a person lifted the brake is that person's matter.
        let activated = |tenant: &TenantName, part: Part, release: Option<&ReleaseId>| {
            let since = recent.moves.iter().filter(|moved| !moved.lifted);
            let mut same = since.filter(|moved| (&moved.tenant, moved.part) == (tenant, part));
            recent.resumed.is_none() || same.any(|moved| Some(&moved.to) == release)
        };
        for moved in &recent.moves {
            self.brake.begun_before(now, moved.age);
            if moved.automatic
                && !moved.lifted
                && activated(&moved.tenant, moved.part, moved.from.as_ref())
            {
                self.brake.failed_before(now, moved.age);
            }
        }
        for ((tenant, name), part) in &mut self.parts {
            let release = part.stored.as_ref().map(|s| s.pointer.release.clone());
            if !activated(tenant, *name, release.as_ref()) {
                part.counted = release;
            }
        }
        self.resumed = recent.resumed;
        self.recalled = true;
        Ok(())
    }

    /// Whether the memories of parts that had failed are still being read. Not for long: one that cannot be read
    /// keeps nobody from being taken back.
    fn is_recalling(&self) -> bool {
        let waits = |key: &Key| {
            let part = self.parts.get(key);
            self.share.has(&key.0) && part.is_some_and(|part| part.stored.is_some())
        };
        self.clock.elapsed() < self.recalls_until && self.unread.iter().any(waits)
    }

    /// One turn: branches, due parts, status; then waits for what happens next.
    fn step(&mut self) {
        self.turn();
        let now = self.clock.elapsed();
        let due = self
            .parts
            .iter()
            .filter(|(key, part)| !part.running && part.stored.is_some() && self.share.has(&key.0))
            .map(|(_, part)| part.due.saturating_sub(now))
            .min();
        let patience = match due {
            // A part that is due and was not started waits for a thread or its tenant, which reports itself.
            Some(due) if !due.is_zero() => due.min(self.settings.poll),
            _ => self.settings.poll,
        };
        for event in self.runner.wait(patience) {
            match event {
                Event::Done(done) => self.finish(*done),
                Event::Touched(keys) => {
                    let now = self.clock.elapsed();
                    for key in keys {
                        if let Some(part) = self.parts.get_mut(&key) {
                            part.touch(now);
                        }
                    }
                }
            }
        }
    }

    fn turn(&mut self) {
        let failed = self.read_branches().and_then(|()| self.recall()).err();
        self.tell_readable(failed.map(|error| error.to_string()));
        self.start_due();
        self.publish();
    }

    /// Starts a pass over every part that is due, one part of a tenant at a time: first those whose pointer moved,
    /// each group the longest due first. A commit must not wait for looks at a whole fleet that soaks.
    fn start_due(&mut self) {
        let now = self.clock.elapsed();
        let mut busy: BTreeSet<_> = self
            .parts
            .iter()
            .filter(|(_, part)| part.running)
            .map(|(key, _)| key.0.clone())
            .collect();
        let mut due: Vec<(bool, Duration, Key)> = self
            .parts
            .iter()
            .filter(|(_, part)| !part.running && part.stored.is_some() && part.due <= now)
            .filter(|(key, _)| self.share.has(&key.0))
            .map(|(key, part)| (!part.moved, part.due, key.clone()))
            .collect();
        due.sort_unstable();
        for (_, _, key) in due {
            if self.runner.room() == 0 {
                return;
            }
            if busy.contains(&key.0) {
                continue;
            }
            if self.start(&key) {
                busy.insert(key.0);
            }
        }
    }

    /// Starts a pass over a part, if there is something to pass over.
    fn start(&mut self, key: &Key) -> bool {
        let now = self.clock.elapsed();
        let Some(part) = self.parts.get_mut(key) else {
            return false;
        };
        let Some(stored) = part.stored.clone() else {
            return false;
        };
        part.moved = false;
        let known = part.desired.clone();
        let state = stored.state_at(&self.clock.now());
        if state.is_leaving()
            && let Some(first) = self.goes_before(key)
        {
            let reason = format!("waits until nothing of `{first}` is left");
            self.stand_retiring(key, Some(reason));
            if let Some(part) = self.parts.get_mut(key) {
                part.wait(now);
            }
            return false;
        }
        let desired = match known {
            Some(desired) => desired,
            None => match self.load(&stored) {
                Some(desired) => desired,
                None => return false,
            },
        };
        let Some(part) = self.parts.get_mut(key) else {
            return false;
        };
        let writer = self.share.writer(&key.0, self.heads.as_ref());
        let desired = for_pass(&desired, state, writer);
        part.desired = Some(Arc::clone(&desired));
        part.running = true;
        let task = Task {
            desired,
            pointer: stored.blob,
            known: part.memory.clone(),
            before: part.before.clone(),
            timings: self.settings.timings,
            hold: part.dispute.held(now),
            collect: part.collect.clone(),
            watched: part.watched,
            term: self.share.term(&key.0),
        };
        self.runner.submit(key.clone(), task);
        true
    }

    /// The checked release of a pointer; what must not be acted on is said and left alone.
    fn load(&mut self, stored: &orz_gitops::StoredPointer) -> Option<Arc<Desired>> {
        let view = self.view.as_ref()?;
        let file = orz_gitops::PointerFile::Valid(stored.clone());
        match pointed(view, file) {
            Pointed::Valid(desired) => Some(Arc::from(desired)),
            Pointed::Invalid(Invalid { reason, .. }) => {
                let pointer = &stored.pointer;
                self.stand_invalid(&(pointer.tenant.clone(), pointer.part), &reason);
                None
            }
        }
    }

    fn request<'a>(&self, reason: &'a str) -> Request<'a> {
        Request {
            reason: Some(reason),
            actor: ACTOR,
            request_id: None,
            now: self.clock.now(),
        }
    }
}
