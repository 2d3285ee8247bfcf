//! Numbers of JSON and YAML: what is written is what is kept.

use serde_json::Number;

/// The largest integer up to which every integer is a float of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Why a number cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OutOfRange {
    /// Shown at the caret.
    pub label: &'static str,
    /// What to write instead.
    pub help: String,
}

/// The number that `token` writes in the grammar of JSON.
///
/// A float without a fraction is an integer (`1.0`, `1e3`, `-0`), because JSON and Kubernetes do not
/// tell the two apart, and a typed reader must not either.
pub(super) fn number(token: &str) -> Result<Number, OutOfRange> {
    if !token.contains(['.', 'e', 'E']) {
        let signed = token.parse::<i64>().map(Number::from);
        return signed
            .or_else(|_| token.parse::<u64>().map(Number::from))
            .map_err(|_| OutOfRange {
                label: "does not fit into 64 bits",
                help: format!("write it as a string: `\"{token}\"`"),
            });
    }
    let float = token.parse::<f64>().unwrap_or(f64::INFINITY);
    if !float.is_finite() {
        return Err(OutOfRange {
            label: "larger than any 64-bit float",
            help: format!("write it as a string: `\"{token}\"`"),
        });
    }
    if decimal(token) != decimal(&format!("{float:e}")) {
        return Err(OutOfRange {
            label: "has more digits than a 64-bit float keeps",
            help: format!("write `{float:?}`, or a string: `\"{token}\"`"),
        });
    }
    if float.fract() == 0.0 && float.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "an integer within ±2^53")]
        return Ok(Number::from(float as i64));
    }
    Ok(Number::from_f64(float).expect("the float is finite"))
}

/// The value of a decimal number in one form: sign, digits without outer zeros, exponent of the last digit.
fn decimal(token: &str) -> (bool, String, i64) {
    let (negative, token) = match token.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, token),
    };
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    // An exponent beyond i64 is an infinity or, with a mantissa that is not zero, unequal to anything.
    let exponent = exponent.parse::<i64>().unwrap_or(i64::MIN);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0').trim_end_matches('0');
    if digits.is_empty() {
        return (false, String::new(), 0);
    }
    let dropped = all.len() - all.trim_end_matches('0').len();
    let length = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let exponent = exponent
        .saturating_sub(length(fraction.len()))
        .saturating_add(length(dropped));
    (negative, digits.to_owned(), exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_kept_or_refused() {
        let cases = [
            ("0", Some("0")),
            ("-0", Some("0")),
            ("-0.0", Some("0")),
            ("1.0", Some("1")),
            ("1e3", Some("1000")),
            ("9007199254740992.0", Some("9007199254740992")),
            ("9223372036854775807", Some("9223372036854775807")),
            ("-9223372036854775808", Some("-9223372036854775808")),
            ("18446744073709551615", Some("18446744073709551615")),
            ("18446744073709551616", None),
            ("-9223372036854775809", None),
            ("0.1", Some("0.1")),
            ("0.10", Some("0.1")),
            ("1.5E+2", Some("150")),
            ("1e21", Some("1e+21")),
            ("5e-324", Some("5e-324")),
            ("1e-400", None),
            ("0e-400", Some("0")),
            ("1e400", None),
            ("1e99999999999999999999", None),
            ("3.141592653589793", Some("3.141592653589793")),
            ("3.14159265358979323846", None),
            ("0.30000000000000004", Some("0.30000000000000004")),
        ];
        for (token, expected) in cases {
            let read = number(token).ok().map(|n| n.to_string());
            assert_eq!(read.as_deref(), expected, "{token}");
        }
    }
}
