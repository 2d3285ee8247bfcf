//! Where passes run: in threads, each with an engine of its own, so that a slow tenant delays none of the others.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use orz_core::id::{Part, TenantName};

use super::pass::{Pass, Task, pass};
use crate::engine::{Engine, EngineError};

/// A part of a tenant.
pub type Key = (TenantName, Part);

/// A pass that came to an end.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) key: Key,
    pub(super) task: Task,
    pub(super) result: Result<Pass, EngineError>,
    pub(super) took: Duration,
}

/// What the loop waits for.
#[derive(Debug)]
pub(super) enum Event {
    Done(Box<Done>),
    /// Somebody saw that something of these parts changed.
    Touched(BTreeSet<Key>),
}

/// Something that runs passes.
pub(super) trait Runner {
    /// How many more passes may be given to it now.
    fn room(&self) -> usize;
    fn submit(&mut self, key: Key, task: Task);
    /// What has happened; waits at most so long for the first of it.
    fn wait(&mut self, patience: Duration) -> Vec<Event>;
}

/// Threads.
pub(super) struct Pool {
    jobs: Sender<(Key, Task)>,
    events: Receiver<Event>,
    sender: Sender<Event>,
    free: usize,
}

impl Pool {
    pub(super) fn start(engines: Vec<Box<dyn Engine + Send>>) -> Self {
        let (jobs, queue) = channel::<(Key, Task)>();
        let (sender, events) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let free = engines.len();
        for mut engine in engines {
            let (queue, sender) = (Arc::clone(&queue), sender.clone());
            thread::spawn(move || {
                loop {
                    let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    // The loop has ended.
                    let Ok((key, task)) = job else { return };
                    let done = run(engine.as_mut(), key, task);
                    if sender.send(Event::Done(Box::new(done))).is_err() {
                        return;
                    }
                }
            });
        }
        Self {
            jobs,
            events,
            sender,
            free,
        }
    }

    /// Where others report parts that have to be looked at.
    pub(super) fn touches(&self) -> Sender<Event> {
        self.sender.clone()
    }
}

impl Runner for Pool {
    fn room(&self) -> usize {
        self.free
    }

    fn submit(&mut self, key: Key, task: Task) {
        self.free -= 1;
        self.jobs
            .send((key, task))
            .expect("the threads live as long as this sender");
    }

    fn wait(&mut self, patience: Duration) -> Vec<Event> {
        let mut events = match self.events.recv_timeout(patience) {
            Ok(event) => vec![event],
            Err(RecvTimeoutError::Timeout) => Vec::new(),
            Err(RecvTimeoutError::Disconnected) => unreachable!("a sender is kept here"),
        };
        events.extend(self.events.try_iter());
        let done = events.iter().filter(|e| matches!(e, Event::Done(_)));
        self.free += done.count();
        events
    }
}

/// One pass. A panic is a bug of ours in one tenant's way, and ends nobody else's.
pub(super) fn run(engine: &mut dyn Engine, key: Key, task: Task) -> Done {
    let started = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| pass(engine, &task)))
        .unwrap_or_else(|_| Err(EngineError::Desired("a pass over it panicked".to_owned())));
    Done {
        key,
        task,
        result,
        took: started.elapsed(),
    }
}
