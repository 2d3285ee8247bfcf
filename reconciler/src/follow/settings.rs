//! What the loop is told: on the command line, by the platform's own release, or by nobody.

use std::fmt;
use std::time::Duration;

use orz_core::format::ReconcilerSettings;
use orz_core::id::ClusterName;

use crate::judge::{BrakeLimits, Timings};

/// What the loop is told.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// What no release of the platform changes.
    pub given: Given,
}

/// What was stated where the process was started, and therefore holds whatever a release says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// See [`Timings::soak`].
    pub soak: Option<Duration>,
    /// See [`Timings::deadline`].
    pub deadline: Option<Duration>,
    /// See [`BrakeLimits::window`].
    pub brake_window: Option<Duration>,
    /// See [`BrakeLimits::least`].
    pub brake_min: Option<u64>,
    /// See [`Settings::drift`].
    pub drift: Option<Duration>,
    /// See [`Settings::status`].
    pub status: Option<Duration>,
}

impl Settings {
    /// The usual ones: what the platform data that ships says too.
    pub fn new(cluster: ClusterName) -> Self {
        Self {
            cluster,
            timings: Timings::default(),
            brake: BrakeLimits::default(),
            poll: Duration::from_millis(50),
            drift: Duration::from_mins(10),
            status: Duration::from_mins(1),
            given: Given::default(),
        }
    }

    /// The usual ones, but for what is given.
    pub fn given(cluster: ClusterName, given: Given) -> Self {
        let mut settings = Self {
            given,
            ..Self::new(cluster)
        };
        settings.take(given);
        settings
    }

    /// These, but for what a release of the platform says. What is given stays.
    #[must_use]
    pub fn with(&self, platform: &ReconcilerSettings) -> Self {
        let mut settings = self.clone();
        let brake = &platform.brake;
        settings.brake.percent = brake.percent;
        settings.take(Given {
            soak: Some(platform.soak.duration()),
            deadline: Some(platform.deadline.duration()),
            brake_window: Some(brake.window.duration()),
            brake_min: Some(brake.min),
            drift: Some(platform.drift_interval.duration()),
            status: Some(platform.status_interval.duration()),
        });
        settings.take(self.given);
        settings
    }

    fn take(&mut self, given: Given) {
        fn set<T>(field: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *field = value;
            }
        }
        set(&mut self.timings.soak, given.soak);
        set(&mut self.timings.deadline, given.deadline);
        set(&mut self.brake.window, given.brake_window);
        set(&mut self.brake.least, given.brake_min);
        set(&mut self.drift, given.drift);
        set(&mut self.status, given.status);
    }
}

impl fmt::Display for Settings {
    /// What the platform's data can change, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { timings, brake, .. } = self;
        write!(
            f,
            "soak {:?}, deadline {:?}, brake {} or {} % within {:?}, drift {:?}, status {:?}",
            timings.soak,
            timings.deadline,
            brake.least,
            brake.percent,
            brake.window,
            self.drift,
            self.status,
        )
    }
}

#[cfg(test)]
mod tests {
    use orz_core::format::BrakeSettings;

    use super::*;

    #[test]
    fn what_is_given_holds_and_the_platform_says_the_rest() {
        let platform = ReconcilerSettings {
            soak: "10s".parse().expect("valid"),
            deadline: "20s".parse().expect("valid"),
            brake: BrakeSettings {
                window: "30s".parse().expect("valid"),
                min: 7,
                percent: 8,
            },
            drift_interval: "40s".parse().expect("valid"),
            status_interval: "50s".parse().expect("valid"),
        };
        let cluster: ClusterName = "in-cluster".parse().expect("valid");
        let usual = Settings::new(cluster.clone());
        assert_eq!(
            usual.with(&platform).to_string(),
            "soak 10s, deadline 20s, brake 7 or 8 % within 30s, drift 40s, status 50s"
        );
        let given = Given {
            soak: Some(Duration::from_secs(1)),
            brake_min: Some(2),
            ..Given::default()
        };
        let started = Settings::given(cluster, given);
        assert_eq!(
            started.to_string(),
            "soak 1s, deadline 600s, brake 2 or 5 % within 600s, drift 600s, status 60s"
        );
        assert_eq!(
            started.with(&platform).to_string(),
            "soak 1s, deadline 20s, brake 2 or 8 % within 30s, drift 40s, status 50s"
        );
    }
}
