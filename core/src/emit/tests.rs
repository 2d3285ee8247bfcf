use serde_json::json;

use super::*;

#[test]
fn the_canonical_form() {
    let value = json!({
        "b": [],
        "a": { "list": [1, [2, { "k": "v", "l": [] }], "x"], "text": "one\n\n  two\n", "cut": "one\ntwo" },
        "": null,
        "no": "no",
        "port": "8080",
        "image": "ghcr.io/acme/web:1.2@sha256:0a",
        "float": 1e21,
    });
    let expected = r#""": null
a:
  cut: |-
    one
    two
  list:
  - 1
  - - 2
    - k: v
      l: []
  - x
  text: |
    one

      two
b: []
float: 1.0e+21
image: ghcr.io/acme/web:1.2@sha256:0a
"no": "no"
port: "8080"
"#;
    assert_eq!(yaml(&value), expected);
}

#[test]
fn numbers_are_written_as_every_reader_reads_them() {
    for (number, expected) in [
        (json!(0), "0"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!(i64::MIN), "-9223372036854775808"),
        (json!(1.0), "1.0"),
        (json!(-0.0), "-0.0"),
        (json!(0.1), "0.1"),
        (json!(1e15), "1000000000000000.0"),
        (json!(1e16), "1.0e+16"),
        (json!(1.5e300), "1.5e+300"),
        (json!(1e-5), "0.00001"),
        (json!(1e-7), "1.0e-7"),
        (json!(f64::MIN_POSITIVE), "2.2250738585072014e-308"),
    ] {
        assert_eq!(yaml(&number), format!("{expected}\n"));
    }
}

/// Cargo turns a feature on for all packages if one of them asks for it. With `preserve_order` equal
/// values would give other bytes; with `arbitrary_precision` numbers would be kept as text.
#[test]
fn serde_json_sorts_keys_and_keeps_numbers_as_numbers() -> Result<(), serde_json::Error> {
    let value: Value = serde_json::from_str(r#"{"b": 1, "a": 1.10, "c": 1E2}"#)?;
    assert_eq!(value.to_string(), r#"{"a":1.1,"b":1,"c":100.0}"#);
    assert_eq!(yaml(&value), "a: 1.1\nb: 1\nc: 100.0\n");
    Ok(())
}

#[test]
fn what_cannot_be_seen_is_escaped() {
    for (c, escaped) in [
        ('\u{a0}', "\\u00A0"),
        ('\u{85}', "\\u0085"),
        ('\u{7f}', "\\u007F"),
        ('\u{200b}', "\\u200B"),
        ('\u{202e}', "\\u202E"),
        ('\u{2028}', "\\u2028"),
        ('\u{feff}', "\\uFEFF"),
        ('\u{e0041}', "\\U000E0041"),
        ('\0', "\\u0000"),
        ('\r', "\\r"),
        ('\t', "\\t"),
        ('\u{1f600}', "\u{1f600}"),
    ] {
        assert_eq!(yaml(&json!(format!("a {c}"))), format!("\"a {escaped}\"\n"));
    }
}
