use std::cmp::Ordering;

use orz_core::Value;
use orz_core::kinds::{Duration, Quantity};

/// The API server keeps no amount beyond 2^63.
const MAX_AMOUNT: f64 = 9.2e18;
/// As many digits are read in any unit; of more, some amounts are refused although the API server rounds them.
const MAX_DIGITS: usize = 18;

/// Amounts are read as their arithmetic says, ordered by size, and a quantity is printed as what it is.
///
/// The input is two texts with a zero byte between them.
pub fn quantity_duration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (a, b) = text.split_once('\0').unwrap_or((text, text));
    quantities(a, b);
    durations(a, b);
}

fn quantities(a: &str, b: &str) {
    let read = |text: &str| {
        let quantity = text.parse::<Quantity>().ok();
        let through_value = Quantity::from_value(&Value::String(text.to_owned()));
        assert_eq!(quantity, through_value, "{text:?}");
        match (quantity, quantity_oracle(text)) {
            (None, None) => {}
            (None, Some(amount)) => assert!(
                amount.abs() > MAX_AMOUNT || significant_digits(text) > MAX_DIGITS,
                "{text:?} is a quantity of {amount}, but refused"
            ),
            (Some(quantity), None) => panic!("{text:?} is no quantity, but read as {quantity}"),
            (Some(quantity), Some(amount)) => close(text, quantity.nanos(), amount * 1e9),
        }
        quantity
    };
    let (Some(x), y) = (read(a), read(b)) else {
        return;
    };
    let printed = x.to_string();
    assert_eq!(printed.parse(), Ok(x), "{a:?} is printed as {printed}");
    assert_eq!(
        x.nanos() == 0,
        printed == "0",
        "{a:?} is printed as {printed}"
    );
    assert_eq!(
        printed.parse::<Quantity>().map(|again| again.to_string()),
        Ok(printed.clone()),
        "the printed form is not the shortest"
    );
    if !a.starts_with(['+', '-']) {
        let negative: Quantity = format!("-{a}").parse().expect("a sign may stand before it");
        assert_eq!(negative.nanos(), -x.nanos(), "{a:?}");
    }
    if let Some(y) = y {
        assert_eq!(x.cmp(&y), x.nanos().cmp(&y.nanos()), "{a:?} and {b:?}");
        assert_eq!(x == y, x.cmp(&y) == Ordering::Equal);
        assert_eq!(x.checked_add(y), y.checked_add(x), "{a:?} and {b:?}");
        if let Some(sum) = x.checked_add(y) {
            assert_eq!(sum.nanos(), x.nanos() + y.nanos(), "{a:?} and {b:?}");
        }
    }
}

fn durations(a: &str, b: &str) {
    let read = |text: &str| {
        let duration = text.parse::<Duration>().ok();
        match (duration, duration_oracle(text)) {
            (None, None) => {}
            (None, Some(nanos)) => {
                assert!(
                    nanos.abs() > MAX_AMOUNT,
                    "{text:?} is {nanos} ns, but refused"
                );
            }
            (Some(duration), None) => {
                panic!(
                    "{text:?} is no duration, but read as {} ns",
                    duration.nanos()
                );
            }
            (Some(duration), Some(nanos)) => close(text, duration.nanos(), nanos),
        }
        duration
    };
    let (Some(x), y) = (read(a), read(b)) else {
        return;
    };
    assert_eq!(
        format!("{}ns", x.nanos()).parse(),
        Ok(x),
        "{a:?} in nanoseconds"
    );
    let Some(y) = y else { return };
    assert_eq!(x.cmp(&y), x.nanos().cmp(&y.nanos()), "{a:?} and {b:?}");
    let signed = |text: &str| text.starts_with(['+', '-']);
    if a != "0" && b != "0" && !signed(a) && !signed(b) {
        let sum = format!("{a}{b}").parse::<Duration>().ok();
        assert_eq!(
            sum.map(Duration::nanos),
            x.nanos().checked_add(y.nanos()),
            "{a:?} and {b:?}"
        );
    }
}

/// Nothing is off by more than the last digit that is kept and what a float cannot hold.
fn close(text: &str, exact: i128, float: f64) {
    #[expect(clippy::cast_precision_loss, reason = "compared with a float")]
    let ours = exact as f64;
    let off = 64.0 + float.abs() * 1e-9;
    assert!(
        (ours - float).abs() <= off,
        "{text:?} is {float}, but read as {exact}"
    );
}

/// What the grammar of Kubernetes says, in floats: sign, digits with a point, suffix or exponent.
fn quantity_oracle(text: &str) -> Option<f64> {
    let (sign, rest) = unsigned(text);
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, suffix) = rest.split_at(end.unwrap_or(rest.len()));
    let number: f64 = number.parse().ok()?;
    let binary = |power: i32| 1024_f64.powi(power);
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            let (_, digits) = unsigned(exponent);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            // Beyond a hundred it is nothing or more than anything, whatever the digits before it.
            10_f64.powi(exponent.parse::<i32>().ok()?.clamp(-400, 400))
        }
    };
    Some(if number == 0.0 {
        0.0
    } else {
        sign * number * factor
    })
}

/// What Go's `ParseDuration` says, in floats.
fn duration_oracle(text: &str) -> Option<f64> {
    let (sign, mut rest) = unsigned(text);
    if rest == "0" {
        return Some(0.0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        // The longer units come first: `m` begins `ms`.
        let (unit, nanos) = [
            ("ns", 1.0),
            ("us", 1e3),
            ("µs", 1e3),
            ("μs", 1e3),
            ("ms", 1e6),
            ("s", 1e9),
            ("m", 6e10),
            ("h", 3.6e12),
        ]
        .into_iter()
        .find(|(unit, _)| tail.starts_with(unit))?;
        total += number.parse::<f64>().ok()? * nanos;
        rest = &tail[unit.len()..];
    }
    Some(sign * total)
}

fn significant_digits(text: &str) -> usize {
    let digits = text.chars().filter(char::is_ascii_digit);
    digits.skip_while(|digit| *digit == '0').count()
}

fn unsigned(text: &str) -> (f64, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (-1.0, &text[1..]),
        Some(b'+') => (1.0, &text[1..]),
        _ => (1.0, text),
    }
}
