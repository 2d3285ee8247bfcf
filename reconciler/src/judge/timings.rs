//! How patient the judgement is.

use std::time::Duration;

/// How patient the judgement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// How long a release must have been healthy without a break to be verified.
    pub soak: Duration,
    /// How long a release may be unhealthy, all together, before it has failed.
    pub deadline: Duration,
    /// The most that one interval between two observations counts. Longer ones were not watched: the process
    /// or the machine stood still, or a clock jumped.
    pub interval_max: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            soak: Duration::from_mins(2),
            deadline: Duration::from_mins(10),
            interval_max: Duration::from_secs(15),
        }
    }
}
