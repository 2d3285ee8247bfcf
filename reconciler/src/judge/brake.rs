//! The brake: so many activations failed that this is an outage and no bad release.

use std::collections::VecDeque;
use std::time::Duration;

/// When the brake is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrakeLimits {
    /// How far back activations count.
    pub window: Duration,
    /// So many failures are always bad releases.
    pub least: u64,
    /// So many of a hundred recent activations are always bad releases.
    pub percent: u64,
}

impl Default for BrakeLimits {
    fn default() -> Self {
        Self {
            window: Duration::from_mins(10),
            least: 5,
            percent: 5,
        }
    }
}

/// Counts activations and failures of one cluster by a clock that never goes back.
///
/// What happened before the process started is counted too, by how long ago it was: an outage that also kills the
/// reconciler is none the less one.
#[derive(Clone, Debug, Default)]
pub struct Brake {
    begun: VecDeque<Duration>,
    failed: VecDeque<Duration>,
}

/// Lies before the start of the clock, so that there are times before it: longer than any window.
const EPOCH: Duration = Duration::from_hours(2 * 366 * 24);

/// How many activations failed, of how many recent ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tripped {
    /// Failures within the window.
    pub failed: u64,
    /// Activations within the window.
    pub recent: u64,
}

impl Brake {
    /// An activation began at `now`.
    pub fn begun(&mut self, now: Duration) {
        self.begun_before(now, Duration::ZERO);
    }

    /// An activation began at an `age` before `now`.
    pub fn begun_before(&mut self, now: Duration, age: Duration) {
        note(&mut self.begun, now, age);
    }

    /// An activation failed at an `age` before `now`. Nothing follows from it before the next failure.
    pub fn failed_before(&mut self, now: Duration, age: Duration) {
        note(&mut self.failed, now, age);
    }

    /// An activation failed at `now`; says whether that is one too many.
    pub fn failed(&mut self, now: Duration, limits: &BrakeLimits) -> Option<Tripped> {
        self.failed_before(now, Duration::ZERO);
        for times in [&mut self.begun, &mut self.failed] {
            while times
                .front()
                .is_some_and(|then| (EPOCH + now).saturating_sub(*then) > limits.window)
            {
                times.pop_front();
            }
        }
        let count = |times: &VecDeque<Duration>| u64::try_from(times.len()).unwrap_or(u64::MAX);
        let failed = count(&self.failed);
        // What failed had begun, perhaps before the window or before this process.
        let recent = count(&self.begun).max(failed);
        let allowed = limits
            .least
            .max(recent.saturating_mul(limits.percent) / 100);
        (failed > allowed).then_some(Tripped { failed, recent })
    }

    /// Forgets the failures: a person has lifted the brake.
    pub fn lifted(&mut self) {
        self.failed.clear();
    }
}

fn note(times: &mut VecDeque<Duration>, now: Duration, age: Duration) {
    let then = (EPOCH + now).saturating_sub(age);
    let after = times.partition_point(|other| *other <= then);
    times.insert(after, then);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_least_and_more_than_the_share() {
        let limits = BrakeLimits::default();
        for (begun, tolerated) in [(0, 5), (20, 5), (100, 5), (120, 6), (1_000, 50)] {
            let mut brake = Brake::default();
            for _ in 0..begun {
                brake.begun(Duration::ZERO);
            }
            for failure in 1..=tolerated {
                assert_eq!(
                    brake.failed(Duration::from_secs(1), &limits),
                    None,
                    "{failure} of {begun}"
                );
            }
            let tripped = Tripped {
                failed: tolerated + 1,
                recent: begun.max(tolerated + 1),
            };
            assert_eq!(brake.failed(Duration::from_secs(2), &limits), Some(tripped));
            brake.lifted();
            assert_eq!(brake.failed(Duration::from_secs(3), &limits), None);
        }
    }

    #[test]
    fn old_failures_are_forgotten() {
        let limits = BrakeLimits {
            window: Duration::from_secs(10),
            least: 1,
            percent: 0,
        };
        let mut brake = Brake::default();
        for second in [0, 11, 22, 33] {
            assert_eq!(brake.failed(Duration::from_secs(second), &limits), None);
        }
        assert!(brake.failed(Duration::from_secs(40), &limits).is_some());
    }

    #[test]
    fn what_was_before_the_start_counts_by_its_age() {
        let limits = BrakeLimits {
            window: Duration::from_secs(10),
            least: 1,
            percent: 0,
        };
        let second = Duration::from_secs;
        for (ages, expected) in [
            (vec![], None),
            (vec![9], Some(2)),
            (vec![10, 3], Some(2)),
            (vec![3, 10, 4], Some(3)),
            (vec![11, 12], None),
        ] {
            let mut brake = Brake::default();
            for age in &ages {
                brake.failed_before(Duration::ZERO, second(*age));
                brake.begun_before(Duration::ZERO, second(*age));
            }
            let tripped = brake.failed(second(1), &limits);
            assert_eq!(tripped.map(|t| t.failed), expected, "{ages:?}");
        }
    }
}
