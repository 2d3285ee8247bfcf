//! Time as the loop needs it.

use std::time::{Duration, Instant};

/// The two clocks of the loop.
pub trait Clock {
    /// Time since some moment; it never goes back. What is decided is decided by this one alone.
    fn elapsed(&self) -> Duration;

    /// The time of day, RFC 3339 in UTC, for what people read and for ends that people set.
    fn now(&self) -> String;

    /// How long ago that time of day was; zero for what lies ahead, as after a clock was set back. `None` when it
    /// is no time.
    fn since(&self, then: &str) -> Option<Duration> {
        let now: jiff::Timestamp = self.now().parse().ok()?;
        let then: jiff::Timestamp = then.parse().ok()?;
        let seconds = now.as_second().saturating_sub(then.as_second());
        Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    }
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock(Instant);

impl SystemClock {
    /// Starts at zero.
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the time of day is read; nothing is judged by it"
    )]
    fn now(&self) -> String {
        // Whole seconds: nobody reads more.
        jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string()
    }
}
