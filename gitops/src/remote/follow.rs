//! Fetching again and again, beside whoever reads the mirror.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Remote, Shared};
use crate::Repo;
use crate::error::{Error, Result};

/// What is worth saying about the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchEvent {
    /// It cannot be fetched any more; what was fetched stays in use. Said once, not at every attempt.
    Down {
        /// Why.
        message: String,
    },
    /// It can be fetched again.
    Back,
    /// Something that was not an error.
    Note(String),
}

/// A thread that fetches; it ends with this value.
#[derive(Debug)]
pub struct Fetching {
    wake: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

/// The longest pause while the remote cannot be reached.
const PAUSE_MAX: Duration = Duration::from_mins(1);

impl Fetching {
    /// Fetches at once: somebody heard that the remote has something new.
    pub fn now(&self) {
        if let Some(wake) = &self.wake {
            // If the thread has ended there is nothing to wake.
            let _ = wake.send(());
        }
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.wake = None;
        self.shared.kept.store(false, Ordering::Relaxed);
        // Not waited for: it may be in the middle of a fetch, and holds nothing that anybody else needs.
        drop(self.thread.take());
    }
}

impl Repo {
    /// Fetches about every `every` from now on, in a thread of its own, so that a slow remote holds up nobody who
    /// reads. While the remote cannot be reached the pauses grow, and a write says so at once instead of waiting.
    pub fn keep_fetching(
        &self,
        every: Duration,
        mut say: impl FnMut(FetchEvent) + Send + 'static,
    ) -> Result<Fetching> {
        let remote = self.remote.as_ref().ok_or(Error::NoRemote)?;
        let (url, options) = (remote.url.clone(), remote.options.clone());
        let shared = Arc::clone(&remote.shared);
        shared.kept.store(true, Ordering::Relaxed);
        let (wake, woken) = channel();
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let remote = Remote::new(&url, &options);
            let mut failed = 0;
            loop {
                match woken.recv_timeout(wait(every, failed)) {
                    Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                // What came together is one fetch.
                while woken.try_recv().is_ok() {}
                let message = remote.fetch().err().map(|error| error.to_string());
                for note in remote.notes.take() {
                    say(FetchEvent::Note(note));
                }
                failed = if message.is_some() { failed + 1 } else { 0 };
                let before = of_thread.set_down(message.clone());
                match (before, message) {
                    (None, Some(message)) => say(FetchEvent::Down { message }),
                    (Some(_), None) => say(FetchEvent::Back),
                    _ => {}
                }
            }
        });
        Ok(Fetching {
            wake: Some(wake),
            thread: Some(thread),
            shared,
        })
    }
}

impl Shared {
    /// Sets why the remote cannot be reached; the answer is what stood there before.
    fn set_down(&self, down: Option<String>) -> Option<String> {
        let mut standing = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut standing, down)
    }
}

/// The pause before a fetch: between three and five quarters of what was asked for, so that many who follow one
/// remote do not come at once, and twice as long after each failure.
fn wait(every: Duration, failed: u32) -> Duration {
    let grown = every.saturating_mul(1 << failed.min(10));
    let pause = if failed == 0 {
        every
    } else {
        grown.min(PAUSE_MAX.max(every))
    };
    let random = RandomState::new().build_hasher().finish();
    let percent = 75 + u32::try_from(random % 51).unwrap_or(25);
    pause.saturating_mul(percent) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_vary_and_grow_to_a_bound() {
        let every = Duration::from_secs(4);
        for (failed, least, most) in [(0, 3, 5), (1, 6, 10), (2, 12, 20), (30, 45, 75)] {
            for _ in 0..50 {
                let pause = wait(every, failed);
                assert!(pause >= Duration::from_secs(least), "{failed}: {pause:?}");
                assert!(pause <= Duration::from_secs(most), "{failed}: {pause:?}");
            }
        }
    }
}
