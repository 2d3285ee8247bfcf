//! The one read of the clock: everything below gets the time as text.

use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

use crate::error::CommandError;

/// The time at which this process started to work, read once.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    now: Timestamp,
    started: Instant,
}

impl Clock {
    /// Reads `ORZ_NOW` (RFC 3339), else `SOURCE_DATE_EPOCH` (seconds), else the system's clock.
    pub(crate) fn read() -> Result<Self, CommandError> {
        let fixed = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let now = if let Some(text) = fixed("ORZ_NOW") {
            instant("ORZ_NOW", &text)?
        } else if let Some(text) = fixed("SOURCE_DATE_EPOCH") {
            text.parse()
                .ok()
                .and_then(|seconds| Timestamp::from_second(seconds).ok())
                .ok_or_else(|| {
                    CommandError::usage(
                        "`SOURCE_DATE_EPOCH` is not a number of seconds since 1970-01-01T00:00:00Z",
                    )
                })?
        } else {
            Timestamp::try_from(SystemTime::now()).map_err(|error| {
                CommandError::internal(format!("the system's clock is not usable: {error}"))
            })?
        };
        Ok(Self {
            now,
            started: Instant::now(),
        })
    }

    /// Now, as RFC 3339 in UTC with whole seconds: `2026-01-31T12:00:00Z`.
    pub(crate) fn now(&self) -> String {
        to_text(self.now)
    }

    /// Seconds since the start of the process, for timings that people read.
    pub(crate) fn elapsed(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// A point in time given by a person: RFC 3339 (`2026-01-31T12:00:00Z`), or a span from now
    /// (`30m`, `12h`, `7d`); always in the future.
    pub(crate) fn until(&self, text: &str) -> Result<String, CommandError> {
        let at = match from_now(self.now, text) {
            Some(at) => at,
            None => instant("--until", text)?,
        };
        if at <= self.now {
            return Err(CommandError::usage(format!(
                "`--until {text}` is not in the future"
            )));
        }
        Ok(to_text(at))
    }
}

/// The point in time so many seconds after `at`, both RFC 3339 in UTC; `None` where `at` is none.
pub(crate) fn later(at: &str, seconds: u64) -> Option<String> {
    let at: Timestamp = at.parse().ok()?;
    let seconds = at.as_second().checked_add(i64::try_from(seconds).ok()?)?;
    Timestamp::from_second(seconds).ok().map(to_text)
}

fn to_text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn instant(what: &str, text: &str) -> Result<Timestamp, CommandError> {
    text.parse().map_err(|_| {
        CommandError::usage(format!(
            "`{what}` is `{}`, which is no point in time",
            text.escape_debug()
        ))
        .help(if what == "--until" {
            "write RFC 3339, such as `2026-01-31T12:00:00Z`, or a span from now, such as `12h` or `7d`"
        } else {
            "write RFC 3339, such as `2026-01-31T12:00:00Z`"
        })
    })
}

/// A span of time as people write it: `90s`, `30m`, `12h`, `7d`.
pub(crate) fn span(text: &str) -> Option<Duration> {
    seconds(text)
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map(Duration::from_secs)
}

fn seconds(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let count: i64 = text[..text.len() - 1].parse().ok()?;
    count.checked_mul(unit)
}

fn from_now(now: Timestamp, text: &str) -> Option<Timestamp> {
    let seconds = now.as_second().checked_add(seconds(text)?)?;
    Timestamp::from_second(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_written_in_utc_with_whole_seconds() {
        let now = "2026-01-31T12:00:00.75Z".parse().expect("valid");
        let clock = Clock {
            now,
            started: Instant::now(),
        };
        assert_eq!(clock.now(), "2026-01-31T12:00:00Z");
        for (given, expected) in [
            ("30m", Some("2026-01-31T12:30:00Z")),
            ("1d", Some("2026-02-01T12:00:00Z")),
            ("2026-02-01T01:00:00+02:00", Some("2026-01-31T23:00:00Z")),
            ("-5m", None),
            ("2020-01-01T00:00:00Z", None),
            ("tomorrow", None),
            ("9223372036854775807d", None),
            ("\u{e9}", None),
        ] {
            assert_eq!(clock.until(given).ok().as_deref(), expected, "{given}");
        }
        assert_eq!(
            later("2026-01-31T23:59:30Z", 40).as_deref(),
            Some("2026-02-01T00:00:10Z")
        );
        assert_eq!(later("2026-01-31T23:59:30Z", u64::MAX), None);
        assert_eq!(later("soon", 1), None);
    }
}
