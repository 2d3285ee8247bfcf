//! Somebody who kills the reconciler again and again, at instants that a seed decides.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use orz_test_tools::say;

use crate::TestResult;
use crate::program::{Launch, Running};

/// Keeps a reconciler running and kills it. Between two rounds of kills one is left alive.
#[derive(Debug)]
pub struct Killer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Kills that were asked for and not done yet.
    left: AtomicUsize,
    over: AtomicBool,
    done: Mutex<Done>,
}

#[derive(Debug, Default)]
struct Done {
    killed: Killed,
    error: Option<String>,
}

/// What was done to the reconcilers.
#[derive(Clone, Debug, Default)]
pub struct Killed {
    /// After some milliseconds: while it started or read what was there.
    pub early: usize,
    /// After up to some seconds: anywhere.
    pub late: usize,
    /// With its programs, while a branch or a status was being moved.
    pub moving: usize,
    /// Just after a branch had moved.
    pub moved: usize,
    /// How often a lock of Git stood afterwards: left behind, or held a moment longer by a `git` that outlived us.
    pub locks: usize,
}

impl Killed {
    /// All of them.
    pub fn count(&self) -> usize {
        self.early + self.late + self.moving + self.moved
    }
}

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills: {} early, {} late, {} while a branch moved, {} just after one had; a lock of Git stood after {}",
            self.count(),
            self.early,
            self.late,
            self.moving,
            self.moved,
            self.locks
        )
    }
}

/// How long one waits for the instant that it wants.
const PATIENCE: Duration = Duration::from_secs(5);

impl Killer {
    /// Starts the first reconciler. `ORZ_SCENARIO_SEED` repeats the instants of an earlier run.
    pub fn start(launch: Launch, gitops: &Path) -> TestResult<Self> {
        let seed = match std::env::var("ORZ_SCENARIO_SEED") {
            Ok(seed) => seed.parse()?,
            Err(_) => u64::from(
                SystemTime::now()
                    .duration_since(SystemTime::UNIX_EPOCH)?
                    .subsec_nanos(),
            ),
        };
        say(&format!("kills: ORZ_SCENARIO_SEED={seed}"));
        let shared = Arc::new(Shared::default());
        let work = Work {
            launch,
            gitops: gitops.to_owned(),
            random: Random(seed),
            shared: Arc::clone(&shared),
        };
        let first = work.launch.start_apart()?;
        let thread = thread::spawn(move || work.run(first));
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Asks for so many kills from now on.
    pub fn ask(&self, kills: usize) {
        self.shared.left.fetch_add(kills, Ordering::SeqCst);
    }

    /// Whether all that were asked for are done. Fails when a reconciler ended by itself.
    pub fn is_done(&self) -> TestResult<bool> {
        let done = self.shared.done.lock();
        let done = done.unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = &done.error {
            return Err(error.clone().into());
        }
        Ok(self.shared.left.load(Ordering::SeqCst) == 0)
    }

    /// Ends the last reconciler; what was done to all of them.
    pub fn end(mut self) -> TestResult<Killed> {
        self.is_done()?;
        self.stop();
        let done = self.shared.done.lock();
        Ok(done.unwrap_or_else(PoisonError::into_inner).killed.clone())
    }

    fn stop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // A panic there was printed, and what it did not do is missed by whoever waits.
            drop(thread.join());
        }
    }
}

impl Drop for Killer {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Work {
    launch: Launch,
    gitops: PathBuf,
    random: Random,
    shared: Arc<Shared>,
}

impl Work {
    fn run(mut self, mut running: Running) {
        while !self.shared.over.load(Ordering::SeqCst) {
            let outcome = if self.shared.left.load(Ordering::SeqCst) > 0 {
                self.kill(running).and_then(|()| self.launch.start_apart())
            } else {
                thread::sleep(Duration::from_millis(5));
                running.check().map(|()| running)
            };
            match outcome {
                Ok(next) => running = next,
                Err(error) => {
                    let done = self.shared.done.lock();
                    done.unwrap_or_else(PoisonError::into_inner).error = Some(error.to_string());
                    return;
                }
            }
        }
    }

    /// Waits for an instant and kills it then.
    fn kill(&mut self, mut running: Running) -> TestResult {
        let started = Instant::now();
        let kind = self.random.below(4);
        match kind {
            0 => thread::sleep(self.random.spread(3, 300)),
            1 => thread::sleep(self.random.spread(300, 4_000)),
            2 => {
                while !self.is_locked() && started.elapsed() < PATIENCE {
                    thread::sleep(Duration::from_micros(200));
                }
            }
            _ => {
                let before = self.heads();
                while self.heads() == before && started.elapsed() < PATIENCE {
                    thread::sleep(Duration::from_millis(1));
                }
                thread::sleep(Duration::from_millis(self.random.below(40)));
            }
        }
        running.check()?;
        if kind == 2 {
            running.kill_all()?;
        } else {
            drop(running);
        }
        // A program of somebody else may hold one for a moment.
        let locked = self.is_locked() && {
            thread::sleep(Duration::from_millis(20));
            self.is_locked()
        };
        let done = self.shared.done.lock();
        let killed = &mut done.unwrap_or_else(PoisonError::into_inner).killed;
        match kind {
            0 => killed.early += 1,
            1 => killed.late += 1,
            2 => killed.moving += 1,
            _ => killed.moved += 1,
        }
        killed.locks += usize::from(locked);
        self.shared.left.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }

    /// Whether something of Git is about to move.
    fn is_locked(&self) -> bool {
        [
            "HEAD.lock",
            "refs/heads/main.lock",
            "refs/heads/releases.lock",
            "refs/orz/status/in-cluster/0.lock",
        ]
        .iter()
        .any(|lock| self.gitops.join(lock).exists())
    }

    fn heads(&self) -> Vec<Option<String>> {
        ["refs/heads/main", "refs/orz/status/in-cluster/0"]
            .iter()
            .map(|name| std::fs::read_to_string(self.gitops.join(name)).ok())
            .collect()
    }
}

/// SplitMix64: the same seed, the same instants.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// From `least` milliseconds on, longer ones ever more seldom, about `most` at most.
    fn spread(&mut self, least: u64, most: u64) -> Duration {
        let mut length = least;
        while length < most && self.below(4) > 0 {
            length = length.saturating_mul(3) / 2;
        }
        Duration::from_millis(length.min(most) + self.below(least))
    }
}
