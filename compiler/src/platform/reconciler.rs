//! `platform/reconciler.json`.

use orz_core::format::{BrakeSettings, Interval, ReconcilerSettings};
use schemars::JsonSchema;
use serde::Deserialize;

/// How patient the reconciler is, and when it stops. Durations are numbers with the units `h`, `m`, `s` and `ms`:
/// `2m`, `1h30m`.
///
/// What a release of an app asks for itself (its progress deadline, the timeout of a release job) only ever gives
/// that release more time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reconciler {
    /// How long a release must have been healthy without a break to be verified.
    pub soak: Interval,
    /// How long a release may be unhealthy before it is taken back.
    pub deadline: Interval,
    /// When so many activations fail that it is an outage, and nothing is taken back any more.
    pub brake: Brake,
    /// How often a part of which nothing is expected is looked at, to put right what somebody changed.
    pub drift_interval: Interval,
    /// How often status is published at most.
    pub status_interval: Interval,
}

/// When the brake is set: more failures within the window than `min`, and than `percent` of the activations.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Brake {
    /// How far back activations count.
    pub window: Interval,
    /// So many failures never set it.
    #[schemars(range(max = 1_000_000))]
    pub min: u64,
    /// So many of a hundred activations never set it.
    #[schemars(range(max = 100))]
    pub percent: u64,
}

impl Reconciler {
    /// As the reconciler reads them.
    pub fn settings(&self) -> ReconcilerSettings {
        ReconcilerSettings {
            soak: self.soak,
            deadline: self.deadline,
            brake: BrakeSettings {
                window: self.brake.window,
                min: self.brake.min,
                percent: self.brake.percent,
            },
            drift_interval: self.drift_interval,
            status_interval: self.status_interval,
        }
    }
}
