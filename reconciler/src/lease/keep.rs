//! The thread that renews, takes and gives up.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::decide::{Lease, decide};
use super::store::{Found, Member, Store};
use super::{Held, Replica, Shard, Shares, Term};
use crate::apply::Connection;
use crate::apply::api::{Api, ApiError};
use crate::engine::EngineError;
use crate::follow::{About, Clock as _, Level, Log, SystemClock};

/// A lease that was not renewed for so many times its length belongs to a pod that is never coming back.
const FORGOTTEN: u32 = 20;
/// A loop that has not asked for its leases for so long, or as many times their length, stands still for good. Less
/// could be a large repository.
const STUCK: Duration = Duration::from_mins(5);

/// The leases of this process, kept by a thread of its own, so that a slow pass delays no renewal.
#[derive(Clone, Debug)]
pub struct Leases(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    replica: Replica,
    state: Mutex<State>,
    changed: Condvar,
}

/// What thread and loop tell each other.
#[derive(Debug, Default)]
struct State {
    held: Held,
    /// Until when nobody else can think that this process is dead.
    until: Option<Instant>,
    /// When the loop last asked what it follows.
    heard: Option<Instant>,
    drained: BTreeSet<Shard>,
    outdated: BTreeMap<Shard, u64>,
    /// Whether all is to be given up; then whether it was.
    stopping: bool,
    stopped: bool,
}

impl Leases {
    /// Begins to take leases, as the user of this connection.
    pub fn start(connection: &Connection, replica: Replica, log: Log) -> Result<Self, EngineError> {
        let api = Api::connect(connection)?;
        let shared = Arc::new(Shared {
            replica,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let mut keeper = Keeper {
            store: api,
            process: format!("{}/{}", shared.replica.name, random()),
            shared: Arc::clone(&shared),
            seen: BTreeMap::new(),
            renewals: 0,
            joined: false,
            stuck: STUCK.max(shared.replica.lease * FORGOTTEN),
            clock: SystemClock::start(),
            log,
            said: None,
        };
        thread::spawn(move || keeper.run());
        Ok(Self(shared))
    }

    /// Gives up everything, so that others need not wait for the leases to run out; waits at most so long.
    pub fn stop(&self, patience: Duration) {
        let mut state = self.0.lock();
        state.stopping = true;
        self.0.changed.notify_all();
        drop(
            self.0
                .changed
                .wait_timeout_while(state, patience, |state| !state.stopped),
        );
    }
}

impl Shares for Leases {
    fn name(&self) -> &str {
        &self.0.replica.name
    }

    fn held(&self) -> Held {
        let mut state = self.0.lock();
        state.heard = Some(Instant::now());
        let mut held = state.held.clone();
        if !state.is_valid() {
            held.leaving.extend(held.shards.keys().copied());
        }
        let Held {
            shards, leaving, ..
        } = &mut held;
        shards.retain(|shard, _| !leaving.contains(shard));
        held
    }

    fn term(&self, shard: Shard, epoch: u64) -> Term {
        let leases = Arc::clone(&self.0);
        Term::new(move || leases.lock().holds(shard, epoch))
    }

    fn drained(&self, shards: &BTreeSet<Shard>) {
        let mut state = self.0.lock();
        if !shards.is_subset(&state.drained) {
            state.drained.extend(shards);
            self.0.changed.notify_all();
        }
    }

    fn outdated(&self, shard: Shard, epoch: u64) {
        let mut state = self.0.lock();
        state.outdated.insert(shard, epoch);
        self.0.changed.notify_all();
    }
}

impl State {
    /// Whether nobody else can hold what this process holds.
    fn is_valid(&self) -> bool {
        let lasts = self.until.is_some_and(|until| Instant::now() < until);
        lasts && !self.stopping && self.held.ended.is_none()
    }

    fn holds(&self, shard: Shard, epoch: u64) -> bool {
        self.is_valid() && self.held.shards.get(&shard) == Some(&epoch)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread knows.
struct Keeper<S> {
    store: S,
    /// Name of the replica and of this process: a restarted container has the name of the one before.
    process: String,
    shared: Arc<Shared>,
    /// The versions of the leases of all replicas, and since when, by our own clock: clocks of others are not read.
    seen: BTreeMap<String, (String, Instant)>,
    renewals: u32,
    /// Whether our lease was ever written.
    joined: bool,
    /// After so long without a question the loop stands still for good.
    stuck: Duration,
    clock: SystemClock,
    log: Log,
    /// The last error, said once.
    said: Option<String>,
}

impl<S: Store> Keeper<S> {
    fn run(&mut self) {
        let lease = self.shared.replica.lease;
        loop {
            let turn = self.turn();
            let pause = match &turn {
                Ok(true) => lease / 3,
                // Something is about to become free.
                Ok(false) => lease / 15,
                Err(_) => lease / 6,
            };
            if let Err(trouble) = &turn {
                self.complain(trouble);
            }
            let state = self.shared.lock();
            if state.held.ended.is_some() || state.stopped {
                self.shared.changed.notify_all();
                return;
            }
            self.pause(state, pause, turn.is_err());
        }
    }

    /// Waits for something to do, at most so long.
    fn pause(&self, state: MutexGuard<'_, State>, most: Duration, failed: bool) {
        let stopping = state.stopping;
        let nothing = |state: &mut State| {
            if failed {
                // What was to be done could not be done; asked at once again, a server would never come to itself.
                return state.stopping == stopping;
            }
            let drained = state.held.leaving.iter().any(|s| state.drained.contains(s));
            !drained && state.outdated.is_empty() && !state.stopping
        };
        drop(self.shared.changed.wait_timeout_while(state, most, nothing));
    }

    /// Renews, takes and gives up; whether there is nothing to wait for.
    fn turn(&mut self) -> Result<bool, Trouble> {
        let replica = self.shared.replica.clone();
        let name = &replica.name;
        // What is found is at least as new as this. After a pause of the machine it may be old all the same.
        let asked = Instant::now();
        let found = self.store.list()?;
        let answered = Instant::now();
        let own = found.replicas.get(name);
        if self.joined && own.is_none_or(|member| member.process != self.process) {
            let ended = match own {
                Some(_) => format!("another process took the name `{name}` of this replica"),
                None => format!("the lease of this replica, `{name}`, was removed"),
            };
            self.shared.lock().held.ended = Some(ended);
            return Ok(true);
        }
        let (stopping, drained, outdated) = {
            let mut state = self.shared.lock();
            let outdated = std::mem::take(&mut state.outdated);
            (state.stopping, state.drained.clone(), outdated)
        };
        if stopping {
            self.give_up(&found)?;
            let mut state = self.shared.lock();
            state.held = Held::default();
            state.stopped = true;
            return Ok(true);
        }
        let heard = self.shared.lock().heard;
        if heard.is_some_and(|heard| heard.elapsed() > self.stuck) {
            // Renewed without end, nobody would ever follow these tenants.
            let seconds = self.stuck.as_secs();
            return Err(Trouble {
                said: format!("nothing was done for {seconds} s, so the leases are not renewed"),
                is_silent: false,
            });
        }
        let now = self.now();
        if !self.store.renew(&replica, &self.process, own, &now)? {
            return Ok(false);
        }
        self.joined = true;
        let mut state = self.shared.lock();
        let lapsed = state.until.take_if(|until| *until <= Instant::now());
        drop(state);
        if lapsed.is_some() {
            // Others could think that this process was dead, and take what was still its own when it asked.
            return Ok(false);
        }
        let alive = self.alive(&found.replicas, asked, answered);
        let steps = decide(&self.process, &alive, &found.shards);
        let mut held: BTreeMap<Shard, u64> = BTreeMap::new();
        let mut leaving = BTreeSet::new();
        let mut trouble = None;
        for lease in &found.shards {
            let shard = lease.shard;
            let is_ours = lease.holder.as_ref() == Some(&self.process);
            let above = outdated.get(&shard).filter(|e| **e > lease.epoch);
            if steps.take.contains(&shard) {
                if self.gives(lease, true, lease.epoch + 1, &mut trouble) == Some(true) {
                    held.insert(shard, lease.epoch + 1);
                }
                continue;
            }
            if !is_ours {
                continue;
            }
            let leaves = steps.leave.contains(&shard);
            let given = match above {
                _ if leaves && drained.contains(&shard) => {
                    self.gives(lease, false, lease.epoch, &mut trouble)
                }
                Some(above) if !leaves => {
                    let given = self.gives(lease, true, above + 1, &mut trouble);
                    held.extend((given == Some(true)).then_some((shard, above + 1)));
                    given
                }
                _ => None,
            };
            // Also what was refused to be given up is still ours.
            if given.is_none() {
                held.insert(shard, lease.epoch);
                leaving.extend(leaves.then_some(shard));
            }
        }
        self.tell(&held);
        let mut state = self.shared.lock();
        state.drained.retain(|shard| leaving.contains(shard));
        let is_done = steps.lacks == 0 && leaving.is_empty() && held.len() >= steps.take.len();
        state.held = Held {
            shards: held,
            leaving,
            ended: None,
        };
        state.until = Some(asked + replica.lease * 4 / 5);
        drop(state);
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        self.said = None;
        Ok(is_done)
    }

    /// The processes that renew their leases, ours among them. Leases of pods long gone are removed on the way.
    /// They were read between `asked` and `answered`.
    fn alive(
        &mut self,
        members: &BTreeMap<String, Member>,
        asked: Instant,
        answered: Instant,
    ) -> BTreeSet<String> {
        let mut alive = BTreeSet::from([self.process.clone()]);
        self.seen.retain(|name, _| members.contains_key(name));
        for (name, member) in members {
            if *name == self.shared.replica.name {
                continue;
            }
            let fresh = (member.version.clone(), answered);
            let seen = self
                .seen
                .entry(name.clone())
                .or_insert_with(|| fresh.clone());
            if seen.0 != member.version {
                *seen = fresh;
            }
            // As long as it was surely not renewed: a pause of ours between question and answer is no pause of theirs.
            let age = asked.saturating_duration_since(seen.1);
            let lease = Duration::from_secs(member.seconds);
            if age < lease {
                alive.insert(member.process.clone());
            } else if age > lease * FORGOTTEN {
                // Whoever removes it, it is gone; if nobody does, the next turn tries again.
                drop(self.store.remove(name, member));
            }
        }
        alive
    }

    fn give(&mut self, lease: &Lease, to_us: bool, epoch: u64) -> Result<bool, ApiError> {
        let now = self.now();
        let to = to_us.then_some(self.process.as_str());
        self.store.give(lease, to, epoch, &now)
    }

    /// Whether it was given, or was another one's meanwhile; `None` when it could not be written. One shard that is
    /// refused keeps no other; for a server that gives no answer nobody waits twice.
    fn gives(
        &mut self,
        lease: &Lease,
        to_us: bool,
        epoch: u64,
        trouble: &mut Option<Trouble>,
    ) -> Option<bool> {
        if trouble.as_ref().is_some_and(|trouble| trouble.is_silent) {
            return None;
        }
        match self.give(lease, to_us, epoch) {
            Ok(given) => Some(given),
            Err(error) => {
                *trouble = Some(Trouble {
                    is_silent: error.unreachable,
                    said: format!(
                        "the lease of shard {} was not written: {error}",
                        lease.shard
                    ),
                });
                None
            }
        }
    }

    fn give_up(&mut self, found: &Found) -> Result<(), ApiError> {
        // What cannot be given up becomes free with the lease of this replica.
        let mut trouble = None;
        for lease in &found.shards {
            if lease.holder.as_ref() == Some(&self.process) {
                self.gives(lease, false, lease.epoch, &mut trouble);
            }
        }
        let name = &self.shared.replica.name;
        match found.replicas.get(name) {
            Some(member) => self.store.remove(name, member),
            None => Ok(()),
        }
    }

    /// The time of day as Leases state it. The fraction counts: each renewal has to be a change, and nobody reads it.
    fn now(&mut self) -> String {
        self.renewals = (self.renewals + 1) % 1_000_000;
        let now = self.clock.now();
        format!("{}.{:06}Z", now.trim_end_matches('Z'), self.renewals)
    }

    /// Says what is held when that is something else than before.
    fn tell(&self, held: &BTreeMap<Shard, u64>) {
        let before = self.shared.lock().held.shards.clone();
        if before.keys().eq(held.keys()) {
            return;
        }
        let digits: String = held.keys().map(ToString::to_string).collect();
        let said = format!("follows {} of 16 shards: {digits}", held.len());
        self.log.line(Level::Info, About::default(), &said);
    }

    fn complain(&mut self, trouble: &Trouble) {
        if self.said.as_ref() != Some(&trouble.said) {
            self.log.line(Level::Error, About::default(), &trouble.said);
            self.said = Some(trouble.said.clone());
        }
    }
}

/// Why a turn did not do everything.
#[derive(Debug)]
struct Trouble {
    said: String,
    /// Whether the server gave no answer.
    is_silent: bool,
}

impl From<ApiError> for Trouble {
    fn from(error: ApiError) -> Self {
        Self {
            said: format!("the leases were not renewed: {error}"),
            is_silent: error.unreachable,
        }
    }
}

/// Eight hex digits that no other process has.
fn random() -> String {
    // Its keys are the standard library's way to randomness.
    let number = RandomState::new().build_hasher().finish();
    format!("{:08x}", number & 0xffff_ffff)
}

#[cfg(test)]
mod tests;
