//! How strings and numbers are written.

use std::fmt::Write as _;

use serde_json::Number;

use crate::read::chars::unseen;

/// Writes `text` as a key: on one line, whatever it holds.
pub(super) fn key(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
    } else {
        double_quoted(out, text);
    }
}

/// Writes `text` as a value; lines of a literal block are indented by `indent`.
pub(super) fn string(out: &mut String, text: &str, indent: usize) {
    if is_plain(text) {
        out.push_str(text);
    } else if is_literal(text) {
        literal(out, text, indent);
    } else {
        double_quoted(out, text);
    }
}

/// `number` as every reader reads it: floats have a point and a signed exponent, because YAML 1.1
/// takes `1e21` for a string and Go takes `1.0` for a number all the same.
pub(crate) fn number(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    let magnitude = float.abs();
    if magnitude == 0.0 || (1e-5..1e16).contains(&magnitude) {
        // Display never writes an exponent, Debug does from 1e-5 downwards.
        let decimal = float.to_string();
        return if decimal.contains('.') {
            decimal
        } else {
            format!("{decimal}.0")
        };
    }
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

/// Words that some reader takes for a boolean, null or a float.
const WORDS: [&str; 11] = [
    "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf",
];

/// Whether no reader takes the bare `text` for anything but this string.
fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(first) = bytes.first() else {
        return false;
    };
    if !(first.is_ascii_alphabetic() || *first == b'/') {
        return false;
    }
    // Inside of a word a colon is an ordinary character; at its end it makes a key of the word.
    let colon = |i: usize| bytes[i] == b':' && bytes.get(i + 1).is_some_and(|next| *next != b':');
    (0..bytes.len()).all(|i| PLAIN[usize::from(bytes[i])] || colon(i))
        && (text.len() > 5 || !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text)))
}

/// The bytes that may stand anywhere in a bare word. A table, because every byte of every string is looked up.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte as usize] = matches!(
            byte,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'/' | b'@' | b'%' | b'+' | b'=' | b'-'
        );
        byte += 1;
    }
    table
};

/// Writes so many spaces.
pub(super) fn spaces(out: &mut String, mut count: usize) {
    const SPACES: &str = "                                                                ";
    while count > 0 {
        let some = count.min(SPACES.len());
        out.push_str(&SPACES[..some]);
        count -= some;
    }
}

/// Whether a literal block keeps `text` in every reader.
fn is_literal(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\t', '\n'])
        && !text.ends_with("\n\n")
        && !text.split('\n').any(|line| line.ends_with([' ', '\t']))
        && !text
            .chars()
            .any(|c| c != '\n' && c != '\t' && needs_escape(c))
}

fn literal(out: &mut String, text: &str, indent: usize) {
    let body = text.strip_suffix('\n');
    out.push_str(if body.is_some() { "|" } else { "|-" });
    for line in body.unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            spaces(out, indent);
            out.push_str(line);
        }
    }
}

fn double_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if !needs_escape(c) => out.push(c),
            c => {
                let code = u32::from(c);
                // Never surrogate pairs: Go and libyaml refuse them.
                let written = if code > 0xffff {
                    write!(out, "\\U{code:08X}")
                } else {
                    write!(out, "\\u{code:04X}")
                };
                written.expect("writing to a string cannot fail");
            }
        }
    }
    out.push('"');
}

/// Whether `c` must not stand as it is: readers disagree about it, or a reviewer cannot see it.
fn needs_escape(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{a0}') || unseen(c).is_some()
}
