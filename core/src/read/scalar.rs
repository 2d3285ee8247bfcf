//! What an unquoted YAML scalar means, where all readers agree.
//!
//! The readers that count are YAML 1.1 (PyYAML, Ansible), YAML 1.2 (its core schema) and the Go
//! library of Kubernetes, which mixes both. A scalar on which any two of them disagree is an error.

use serde_json::Number;

use super::number::{self, OutOfRange};

/// The length of `false`, the longest word that means something.
const LONGEST_WORD: usize = 5;

/// The meaning of an unquoted scalar.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    Number(Number),
    OutOfRange(OutOfRange),
    /// The merge key `<<`.
    Merge,
    String,
    Ambiguous {
        /// Who reads what; shown at the caret.
        label: &'static str,
        /// What else could be meant than a string.
        other: Option<String>,
    },
}

/// What the unquoted scalar `text` means.
pub(super) fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        "<<" => return Plain::Merge,
        "=" => return ambiguous("the default key of a map in YAML 1.1, a string elsewhere"),
        _ => {}
    }
    if text.len() <= LONGEST_WORD {
        match text.to_ascii_lowercase().as_str() {
            "y" | "yes" | "on" => return boolean("true"),
            "n" | "no" | "off" => return boolean("false"),
            word @ ("true" | "false" | "null") => {
                return Plain::Ambiguous {
                    label: "read as a string, although it looks like something else",
                    other: Some(format!("`{word}`")),
                };
            }
            _ => {}
        }
    }
    if text.starts_with('?') {
        return ambiguous("a key in some readers, a string in others");
    }
    if is_json_number(text) && !has_1_2_exponent(text) {
        return match number::number(text) {
            Ok(number) => Plain::Number(number),
            Err(out_of_range) => Plain::OutOfRange(out_of_range),
        };
    }
    if is_timestamp(text) {
        return ambiguous("a date in YAML 1.1, a string in YAML 1.2");
    }
    numeric(text).map_or(Plain::String, |(label, other)| Plain::Ambiguous {
        label,
        other,
    })
}

fn ambiguous(label: &'static str) -> Plain {
    Plain::Ambiguous { label, other: None }
}

fn boolean(word: &str) -> Plain {
    Plain::Ambiguous {
        label: "a boolean in YAML 1.1, a string in YAML 1.2",
        other: Some(format!("`{word}`")),
    }
}

/// Whether `text` is a number in the grammar of JSON.
pub(super) fn is_json_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let exponent = exponent.map(|e| e.strip_prefix(['+', '-']).unwrap_or(e));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}

/// Whether a JSON number has an exponent that YAML 1.1 does not know: without a sign, or without a fraction.
fn has_1_2_exponent(number: &str) -> bool {
    number
        .split_once(['e', 'E'])
        .is_some_and(|(mantissa, exponent)| {
            !mantissa.contains('.') || !exponent.starts_with(['+', '-'])
        })
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `2001-01-01`, with or without a time.
fn is_timestamp(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let day = rest.bytes().take_while(u8::is_ascii_digit).count();
    let short = |text: &str| digits(text) && text.len() <= 2;
    year.len() == 4 && digits(year) && short(month) && short(&rest[..day]) && {
        rest[day..].is_empty() || rest[day..].starts_with(['T', 't', ' ', '\t'])
    }
}

/// Who takes `text` for a number, although it is not one that all readers know.
fn numeric(text: &str) -> Option<(&'static str, Option<String>)> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    // YAML 1.1 and Go ignore underscores inside of numbers.
    let plain = unsigned.replace('_', "").to_ascii_lowercase();
    let all_of = |text: &str, allowed: fn(&u8) -> bool| {
        !text.is_empty() && text.bytes().all(|b| allowed(&b))
    };
    if matches!(plain.as_str(), ".inf" | ".nan") {
        return Some(("not a number, which JSON and Kubernetes do not have", None));
    }
    for (prefix, allowed, label) in [
        (
            "0x",
            u8::is_ascii_hexdigit as fn(&u8) -> bool,
            "a hexadecimal number in most readers",
        ),
        (
            "0o",
            |b| (b'0'..=b'7').contains(b),
            "an octal number in YAML 1.2, a string in YAML 1.1",
        ),
        (
            "0b",
            |b| matches!(b, b'0' | b'1'),
            "a binary number in YAML 1.1, a string in YAML 1.2",
        ),
    ] {
        if plain
            .strip_prefix(prefix)
            .is_some_and(|rest| all_of(rest, allowed) || rest.is_empty())
        {
            return Some((label, None));
        }
    }
    if plain.contains(':') {
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let sexagesimal = whole.split(':').all(digits) && all_of_or_empty(fraction);
        return sexagesimal.then_some((
            "a number to the base of 60 in YAML 1.1, a string in YAML 1.2",
            None,
        ));
    }
    let (mantissa, exponent) = match plain.split_once('e') {
        Some((mantissa, exponent)) => (
            mantissa,
            Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        ),
        None => (plain.as_str(), None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = all_of_or_empty(whole)
        && all_of_or_empty(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(digits);
    if !is_number {
        return None;
    }
    let label = if unsigned.contains('_') {
        "a number in YAML 1.1 and Kubernetes, a string in YAML 1.2"
    } else if whole.len() > 1 && whole.starts_with('0') && fraction.is_empty() && exponent.is_none()
    {
        "octal in YAML 1.1 and Kubernetes, decimal in YAML 1.2"
    } else if exponent.is_some() {
        "a number in YAML 1.2 and Kubernetes, a string in YAML 1.1"
    } else {
        "a number that JSON writes in another way"
    };
    Some((label, canonical(text.starts_with('-'), &plain, whole)))
}

fn all_of_or_empty(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// How to write the number that was probably meant; none where octal and decimal differ.
fn canonical(negative: bool, plain: &str, whole: &str) -> Option<String> {
    if whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    let sign = if negative { "-" } else { "" };
    let number = number::number(&format!("{sign}{plain}")).ok()?;
    Some(format!("`{}`", crate::emit::number(&number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_all_readers_agree_on_has_a_meaning() {
        let ambiguous = [
            "y",
            "Y",
            "n",
            "N",
            "yes",
            "Yes",
            "YES",
            "yEs",
            "no",
            "No",
            "NO",
            "on",
            "On",
            "ON",
            "off",
            "Off",
            "OFF",
            "tRue",
            "fALSE",
            "nuLL",
            "=",
            "?a",
            "012",
            "0755",
            "-012",
            "+1",
            "+1.5",
            "0o14",
            "0O7",
            "-0o7",
            "0x1f",
            "0X1F",
            "0b11",
            "0B1",
            "1_000",
            "0_0",
            "1__0",
            "1_",
            "0x_1",
            "1e3_0",
            "12:30:45",
            "1:30",
            "8080:22",
            "1:20.5",
            ".nan",
            ".NaN",
            ".inf",
            "-.inf",
            "+.INF",
            "1e3",
            "1E3",
            "1.5e3",
            "1e+3",
            "1.",
            ".5",
            "-.5",
            "01.5",
            "089",
            "2001-01-01",
            "2001-1-1",
            "2001-12-14t21:59:43.10-05:00",
            "2001-12-14 21:59:43.10 -5",
            "00",
            "1.e+3",
        ];
        for text in ambiguous {
            assert!(
                matches!(resolve(text), Plain::Ambiguous { .. }),
                "{text}: {:?}",
                resolve(text)
            );
        }
        let strings = [
            "a",
            "/x",
            "1.2.3",
            "250m",
            "1Gi",
            "v1",
            "nginx:1.27",
            "1.27.3",
            "10.0.0.1",
            "10.0.0.0/8",
            "-",
            "+",
            ".",
            "..",
            "...x",
            "_1",
            "e3",
            "1e",
            "1e+",
            "nan",
            "inf",
            "infinity",
            "0xg",
            "0o8x",
            "1:a",
            "a:1",
            "1:",
            "12h",
            "2001-01",
            "2001-001-01",
            "01-01-2001",
            "2001-01-01x",
            "yesterday",
            "nope",
            "not",
            "Nope",
            "0-1",
            "1-2",
            "1/2",
            "1 2",
            "é",
            "127.0.0.1:8080",
            "sha256:1",
            "<",
            "<<<",
            "==",
        ];
        for text in strings {
            assert_eq!(resolve(text), Plain::String, "{text}");
        }
        for (text, number) in [
            ("0", 0),
            ("-0", 0),
            ("12", 12),
            ("-7", -7),
            ("1.0", 1),
            ("1.5e+1", 15),
        ] {
            assert_eq!(resolve(text), Plain::Number(number.into()), "{text}");
        }
        for text in ["99999999999999999999", "1.0e+400"] {
            assert!(matches!(resolve(text), Plain::OutOfRange(_)), "{text}");
        }
    }
}
