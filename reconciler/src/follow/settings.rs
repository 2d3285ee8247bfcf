//! What the loop is told.

use std::time::Duration;

use orz_core::id::ClusterName;

use crate::judge::{BrakeLimits, Timings};

/// What the loop is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The cluster whose pointers are followed.
    pub cluster: ClusterName,
    /// How patient the judgement is.
    pub timings: Timings,
    /// When the brake is set.
    pub brake: BrakeLimits,
    /// How often the branches are looked at.
    pub poll: Duration,
    /// How often a part of which nothing is expected is looked at.
    pub drift: Duration,
    /// How often status is published at most.
    pub status: Duration,
}

impl Settings {
    /// The usual ones.
    pub fn new(cluster: ClusterName) -> Self {
        Self {
            cluster,
            timings: Timings::default(),
            brake: BrakeLimits::default(),
            poll: Duration::from_millis(200),
            drift: Duration::from_mins(1),
            status: Duration::from_mins(1),
        }
    }
}
