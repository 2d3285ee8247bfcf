//! Durations as Kubernetes writes them (`1h30m`, `500ms`), compared by what they mean.

use std::str::FromStr;

use crate::Value;

/// A span of time, exact to a nanosecond.
///
/// Reads the durations of Go, of which those of the Gateway API (`[0-9]{1,5}(h|m|s|ms)`, up to four
/// of them) are a subset. `5s` equals `5000ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(i128);

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a duration such as `500ms`, `30s` or `1h30m`", .0.escape_debug())]
pub struct DurationError(String);

impl Duration {
    /// The duration that a field holds.
    pub fn from_value(value: &Value) -> Option<Self> {
        value.as_str()?.parse().ok()
    }

    /// The duration in nanoseconds.
    pub const fn nanos(self) -> i128 {
        self.0
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        parse(text)
            .map(Self)
            .ok_or_else(|| DurationError(text.chars().take(80).collect()))
    }
}

fn parse(text: &str) -> Option<i128> {
    let (sign, mut rest) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_end);
        rest = next;
        let unit: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let whole: i128 = if whole.is_empty() {
            0
        } else {
            whole.parse().ok()?
        };
        total = total.checked_add(whole.checked_mul(unit)?)?;
        // Eighteen places are finer than a nanosecond of an hour; Go truncates likewise.
        let fraction = &fraction[..fraction.len().min(18)];
        if !fraction.is_empty() {
            let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
            total = total.checked_add(fraction.parse::<i128>().ok()? * unit / scale)?;
        }
    }
    Some(sign * total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_spans_are_equal() {
        for (a, b) in [
            ("5s", "5000ms"),
            ("1h", "60m"),
            ("1h30m", "1.5h"),
            ("15m", "0h15m0s"),
            ("0", "0s"),
            (".5s", "500ms"),
            ("1us", "1µs"),
            ("1h0m0s", "3600s"),
        ] {
            assert_eq!(a.parse::<Duration>(), b.parse(), "{a} and {b}");
            assert!(a.parse::<Duration>().is_ok(), "{a}");
        }
        assert!("59s".parse::<Duration>().expect("valid") < "1m".parse().expect("valid"));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for bad in [
            "", "-", "5", "5 s", "s", "1.2.3s", ".s", "1d", "1h30", "5S", "1e3s",
        ] {
            assert!(bad.parse::<Duration>().is_err(), "{bad:?}");
        }
    }
}
