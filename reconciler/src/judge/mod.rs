//! Judgement of activations: what an engine saw in, what to remember and what to do out.
//!
//! - [`begin`] makes the memory of an activation before its first change.
//! - [`decide`] says, after every observation, what that leads to.
//! - [`Brake`] tells an outage from bad releases.

mod brake;
mod decide;
mod memory;
mod seen;
#[cfg(test)]
mod tests;
mod timings;
mod workload;

use std::time::Duration;

use orz_core::format::HealthWord;

use crate::health::Health;

pub use brake::{Brake, BrakeLimits, Tripped};
pub use decide::{Action, Arrival, Blocked, Decision, Judged, Standing, decide};
pub use memory::{begin, is_news};
pub(crate) use seen::progress;
pub use seen::{Seen, Sync};
pub use timings::Timings;
pub use workload::is_workload;

/// Health as it stands in documents.
pub const fn word(health: Health) -> HealthWord {
    match health {
        Health::Healthy => HealthWord::Healthy,
        Health::Progressing => HealthWord::Progressing,
        Health::Degraded => HealthWord::Degraded,
        Health::Suspended => HealthWord::Suspended,
        Health::Missing => HealthWord::Missing,
        Health::Unknown => HealthWord::Unknown,
    }
}

/// Whole milliseconds; what no `u64` holds is for ever.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
