//! Quantities of Kubernetes (`500m`, `1Gi`), compared by what they mean.

use std::fmt;
use std::str::FromStr;

use crate::Value;

/// An amount of a resource, exact to a billionth of its unit.
///
/// `0.5` equals `500m`, `1Gi` equals `1024Mi`. What is finer than a billionth is rounded away from
/// zero, as the API server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i128);

/// A text that is no quantity, or one beyond what a cluster can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a quantity such as `500m`, `1.5` or `2Gi`", .0.escape_debug())]
pub struct QuantityError(String);

const NANO: i128 = 1_000_000_000;

impl Quantity {
    /// The quantity that a field holds: a string, or a number as in `cpu: 1`.
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.to_string().parse().ok(),
            _ => None,
        }
    }

    /// The amount in billionths of the unit.
    pub const fn nanos(self) -> i128 {
        self.0
    }

    /// The sum, unless it is beyond what a cluster can hold.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The product with a count, unless it is beyond what a cluster can hold.
    pub fn checked_mul(self, count: u32) -> Option<Self> {
        self.0.checked_mul(i128::from(count)).map(Self)
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        parse(text)
            .map(Self)
            .ok_or_else(|| QuantityError(text.chars().take(80).collect()))
    }
}

impl fmt::Display for Quantity {
    /// The shortest exact form: a binary suffix where one divides the amount, else a decimal one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BINARY: [(&str, u32); 6] = [
            ("Ei", 60),
            ("Pi", 50),
            ("Ti", 40),
            ("Gi", 30),
            ("Mi", 20),
            ("Ki", 10),
        ];
        let whole = self.0 % NANO == 0;
        for (suffix, bits) in BINARY {
            let unit = NANO << bits;
            if whole && self.0 != 0 && self.0 % unit == 0 {
                return write!(f, "{}{suffix}", self.0 / unit);
            }
        }
        for (suffix, unit) in [("", NANO), ("m", NANO / 1_000), ("u", NANO / 1_000_000)] {
            if self.0 % unit == 0 {
                return write!(f, "{}{suffix}", self.0 / unit);
            }
        }
        write!(f, "{}n", self.0)
    }
}

/// Grammar: sign, digits with at most one point, then a suffix or a decimal exponent.
fn parse(text: &str) -> Option<i128> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let number_end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(number_end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let mantissa: i128 = if digits.is_empty() {
        0
    } else {
        digits.parse().ok()?
    };
    let places = i32::try_from(fraction.len()).ok()?;

    let (factor, exponent) = unit(suffix)?;
    // The amount in billionths is mantissa × factor × 10^(exponent + 9 - places).
    let mut amount = mantissa.checked_mul(factor)?;
    let shift = exponent.checked_add(9)?.checked_sub(places)?;
    if mantissa == 0 {
        return Some(0);
    }
    if shift >= 0 {
        amount = amount.checked_mul(10_i128.checked_pow(shift.unsigned_abs())?)?;
    } else {
        amount = match 10_i128.checked_pow(shift.unsigned_abs()) {
            Some(divisor) => amount / divisor + i128::from(amount % divisor != 0),
            None => 1,
        };
    }
    Some(sign * amount)
}

/// Binary factor and decimal exponent of a suffix.
fn unit(suffix: &str) -> Option<(i128, i32)> {
    Some(match suffix {
        "" => (1, 0),
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1 << 60, 0),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            (1, exponent.parse().ok()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_amounts_are_equal() {
        for (a, b) in [
            ("0.5", "500m"),
            ("1Gi", "1024Mi"),
            ("1Gi", "1073741824"),
            ("1", "1000m"),
            (".5", "0.500"),
            ("1.", "1"),
            ("1E", "1000P"),
            ("1E3", "1k"),
            ("1e3", "1000"),
            ("1.5Gi", "1536Mi"),
            ("100e-3", "100m"),
            ("+2", "2"),
            ("0", "0Gi"),
            ("0e99999", "0"),
            ("0.1n", "1n"),
            ("8Ei", "8192Pi"),
            ("0.00000000000000000000000000000000000001", "1n"),
        ] {
            assert_eq!(a.parse::<Quantity>(), b.parse(), "{a} and {b}");
            assert!(a.parse::<Quantity>().is_ok(), "{a}");
        }
    }

    #[test]
    fn order_is_by_amount() {
        let sorted = ["-1", "0", "999m", "1", "1M", "1Mi", "1G", "1Gi", "1Ti"];
        let amounts: Vec<Quantity> = sorted
            .iter()
            .map(|t| t.parse().expect("quantity"))
            .collect();
        assert!(amounts.is_sorted());
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for bad in [
            "", "-", ".", "1.2.3", "1 Gi", "1gi", "Gi", "1Kii", "1e", "1e+", "1e1.5", "1_000",
            "0x10", "NaN", "1E99", "٣",
        ] {
            assert!(bad.parse::<Quantity>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn display_is_read_back() {
        for text in [
            "500m", "1Gi", "1536Mi", "3", "0", "1n", "250u", "-500m", "1000", "1Ki",
        ] {
            let amount: Quantity = text.parse().expect("quantity");
            assert_eq!(amount.to_string(), text);
        }
    }
}
