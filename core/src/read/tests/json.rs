//! The JSON parser accepts what `serde_json` accepts, apart from what the reader refuses on purpose,
//! and gives the same values.

use proptest::prelude::*;

use super::*;
use crate::Value;
use crate::read::{chars, has_json_name};

/// What the reader refuses although it is JSON.
const ON_PURPOSE: [&str; 6] = [
    "duplicate-key",
    "number-out-of-range",
    "control-character",
    "hidden-character",
    "byte-order-mark",
    "nesting-too-deep",
];

fn assert_like_serde_json(text: &str) -> Result<(), TestCaseError> {
    let theirs = serde_json::from_str::<Value>(text);
    match (read("a.json", text.as_bytes()), theirs) {
        (Ok(node), Ok(value)) => prop_assert!(
            same(&node.to_value(), &value),
            "{text:?}: {:?}",
            node.to_value()
        ),
        (Ok(node), Err(error)) => prop_assert!(
            false,
            "{text:?} is not JSON ({error}), but read as {}",
            node.to_value()
        ),
        (Err(told), Ok(_)) => {
            let errors: Vec<&str> = told
                .split("error[")
                .skip(1)
                .map(|rest| rest.split(']').next().unwrap_or(""))
                .collect();
            prop_assert!(
                errors.iter().all(|code| ON_PURPOSE.contains(code)),
                "{text:?} is JSON\n{told}"
            );
        }
        (Err(_), Err(_)) => {}
    }
    Ok(())
}

/// Equal to JSON, which does not tell `1` from `1.0`.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || (a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64()
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && same(a, b))
        }
        _ => a == b,
    }
}

/// Pieces of JSON and of what people write instead of it.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => proptest::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"a\"", "\"b\": ", "\"c\":1", "1", "-0", "0.5", "1e5", "true", "null", " ", "\n", "\r\n", "\t",
        ]),
        2 => proptest::sample::select(vec![
            "\"", "\\", "\"\\u00e9\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\\ude00\"", "\"\\/\\b\"", "\"\\q\"", "\"\\u12\"", "\"\t\"",
            "'a'", "a", "// x\n", "/* */", "#", "01", "+1", ".5", "1.", "1e", "-", "NaN", "True", "é", "\u{1f600}", "\"é\u{1f600}\"",
            "\u{7f}", "\u{0}", "\u{feff}", "\r", "18446744073709551615", "-9223372036854775808", "1E400", "5e-324",
        ]),
    ];
    proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

/// Any tree as JSON with random white space, possibly cut or with one character replaced.
fn damaged() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(5, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    (
        tree,
        any::<bool>(),
        any::<prop::sample::Index>(),
        any::<Option<char>>(),
        0..4_u8,
    )
        .prop_map(|(value, pretty, at, new, damage)| {
            let text = if pretty {
                format!("{value:#}")
            } else {
                value.to_string()
            };
            let at = at.index(text.chars().count() + 1);
            let (head, tail): (String, String) = (
                text.chars().take(at).collect(),
                text.chars().skip(at + 1).collect(),
            );
            match damage {
                0 => head,
                1 => format!("{head}{}{tail}", new.map(String::from).unwrap_or_default()),
                _ => text,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn pieces_of_json_are_read_like_serde_json_does(text in soup()) {
        assert_like_serde_json(&text)?;
    }

    #[test]
    fn trees_are_read_like_serde_json_does(text in damaged()) {
        assert_like_serde_json(&text)?;
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..64), text in any::<String>()) {
        for path in ["a.json", "a.yaml"] {
            let _ = read(path, &bytes);
            let _ = read(path, text.as_bytes());
        }
    }

    #[test]
    fn what_is_told_cannot_drive_a_terminal(text in "[\\x00-\\x1f\\x7f-\\u{9f}\\u{202a}-\\u{202e}{}\\[\\]\",:&*!a-z \\n]{0,40}") {
        for path in ["a.json", "a.yaml", "\u{1b}[2J\n.json"] {
            if let Err(told) = read(path, text.as_bytes()) {
                prop_assert!(told.chars().all(|c| c == '\n' || chars::unseen(c).is_none() && c != '\r'), "{told:?}");
            }
        }
    }
}

#[test]
fn the_name_of_a_file_says_how_it_is_read() {
    for (path, json) in [
        ("a.json", true),
        ("a.JSON", true),
        ("a/b.json", true),
        ("a.yaml", false),
        ("a.yml", false),
        ("json", false),
    ] {
        assert_eq!(has_json_name(path), json, "{path}");
    }
    assert!(read("a.yml", b"a: 1").is_ok() && read("a.json", b"a: 1").is_err());
}

#[test]
fn numbers_keep_their_value() -> Result<(), String> {
    let node = read(
        "a.json",
        b"[-0, 1.0, 1e3, 18446744073709551615, -9223372036854775808, 0.1, 1e21]",
    )?;
    assert_eq!(
        node.to_value().to_string(),
        "[0,1,1000,18446744073709551615,-9223372036854775808,0.1,1e+21]"
    );
    Ok(())
}
