//! A span of time as it stands in documents.

use std::fmt;
use std::str::FromStr;
use std::time;

use serde::{Deserialize, Serialize};

use crate::kinds::Duration;

/// A span of time in whole milliseconds, between [`Interval::LEAST`] and [`Interval::MOST`].
///
/// Reads numbers with the units `h`, `m`, `s` and `ms` (`2m`, `1h30m`), the durations of the Gateway API, and
/// writes the same span always in the same way: `120s` becomes `2m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Interval(u64);

/// Why a text is no [`Interval`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntervalError {
    /// Not numbers with units.
    #[error("`{}` is not a duration such as `500ms`, `30s` or `1h30m`", .0.escape_debug())]
    Shape(String),
    /// Too short to be meant, or so long that it never ends.
    #[error("`{0}` is not between `{least}` and `{most}`", least = Interval::LEAST, most = Interval::MOST)]
    Range(String),
}

/// What every interval matches: at most four numbers with units.
const PATTERN: &str = "^([0-9]{1,5}(h|m|s|ms)){1,4}$";

impl Interval {
    /// The shortest: below it, looking is all that anything would do.
    pub const LEAST: Self = Self(10);
    /// The longest: a year of 365 days.
    pub const MOST: Self = Self(365 * 24 * 3_600_000);

    /// As the standard library has it.
    pub const fn duration(self) -> time::Duration {
        time::Duration::from_millis(self.0)
    }
}

impl FromStr for Interval {
    type Err = IntervalError;

    fn from_str(text: &str) -> Result<Self, IntervalError> {
        let shape = || IntervalError::Shape(text.chars().take(40).collect());
        if !is_shaped(text) {
            return Err(shape());
        }
        let nanos = text.parse::<Duration>().map_err(|_| shape())?.nanos();
        u64::try_from(nanos / 1_000_000)
            .ok()
            .map(Self)
            .filter(|interval| (Self::LEAST..=Self::MOST).contains(interval))
            .ok_or_else(|| IntervalError::Range(text.to_owned()))
    }
}

/// Whether the text is as [`PATTERN`] says.
fn is_shaped(text: &str) -> bool {
    let mut rest = text;
    for _ in 0..4 {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if !(1..=5).contains(&digits) {
            return false;
        }
        let (_, tail) = rest.split_at(digits);
        // The longest first: `ms` begins as `m` does.
        let Some(next) = ["ms", "h", "m", "s"]
            .iter()
            .find_map(|unit| tail.strip_prefix(unit))
        else {
            return false;
        };
        if next.is_empty() {
            return true;
        }
        rest = next;
    }
    false
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Interval {
    type Error = IntervalError;
    fn try_from(text: String) -> Result<Self, IntervalError> {
        text.parse()
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.to_string()
    }
}

impl schemars::JsonSchema for Interval {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Interval".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": PATTERN,
            "x-rule": "be a duration from `10ms` to `8760h`: `30s`, `2m`, `1h30m`",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_span_is_written_in_one_way() {
        for (text, expected) in [
            ("2m", "2m"),
            ("120s", "2m"),
            ("90s", "1m30s"),
            ("1h30m", "1h30m"),
            ("0h0m30s", "30s"),
            ("1500ms", "1s500ms"),
            ("10ms", "10ms"),
            ("8760h", "8760h"),
        ] {
            let interval: Interval = text.parse().expect(text);
            assert_eq!(interval.to_string(), expected);
            assert_eq!(expected.parse(), Ok(interval), "{expected} is read back");
        }
        let soak: Interval = "2m".parse().expect("valid");
        assert_eq!(soak.duration(), time::Duration::from_mins(2));
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for bad in [
            "",
            "2",
            "m",
            "-2m",
            "+2m",
            "2 m",
            "1.5h",
            "2d",
            "2M",
            "1h30",
            "123456s",
            "1us",
            "1h1m1s1ms1ms",
        ] {
            let found = bad.parse::<Interval>();
            assert!(matches!(found, Err(IntervalError::Shape(_))), "{bad:?}");
        }
        for bad in ["0s", "9ms", "8760h1ms", "99999h"] {
            let error = bad.parse::<Interval>().expect_err(bad);
            assert_eq!(
                error.to_string(),
                format!("`{bad}` is not between `10ms` and `8760h`")
            );
        }
    }
}
