//! Every key and value is where the tree says it is.

use super::*;
use crate::read::Data;

/// Each key and value of the tree with the text at its place, in order.
fn places(node: &Node, input: &str, out: &mut Vec<String>) {
    out.push(input[node.span.start..node.span.end].to_owned());
    match &node.data {
        Data::List(items) => items.iter().for_each(|item| places(item, input, out)),
        Data::Map(entries) => {
            for entry in entries {
                out.push(input[entry.key_span.start..entry.key_span.end].to_owned());
                places(&entry.value, input, out);
            }
        }
        _ => {}
    }
}

#[test]
fn spans_cover_what_was_written() {
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "a.yaml",
            "\"- > #\": |\n  x\n? a\n:b: c\n",
            &[
                "\"- > #\": |\n  x\n? a\n:b: c",
                "\"- > #\"",
                "|\n  x",
                "a",
                "",
                ":b",
                "c",
            ],
        ),
        (
            "a.json",
            "\r\n {\t\"\u{e9}\u{1f600}\" : [ 1.50,\r\n\"\\ud83d\\ude00\\n\" ,true]\r\n}\r\n",
            &[
                "{\t\"\u{e9}\u{1f600}\" : [ 1.50,\r\n\"\\ud83d\\ude00\\n\" ,true]\r\n}",
                "\"\u{e9}\u{1f600}\"",
                "[ 1.50,\r\n\"\\ud83d\\ude00\\n\" ,true]",
                "1.50",
                "\"\\ud83d\\ude00\\n\"",
                "true",
            ],
        ),
        (
            "a.yaml",
            "{\t\"\u{e9}\u{1f600}\" : [ 1.50,\r\n \"\\ud83d\\ude00\\n\" ,true]\r\n}\r\n",
            &[
                "{\t\"\u{e9}\u{1f600}\" : [ 1.50,\r\n \"\\ud83d\\ude00\\n\" ,true]\r\n}",
                "\"\u{e9}\u{1f600}\"",
                "[ 1.50,\r\n \"\\ud83d\\ude00\\n\" ,true]",
                "1.50",
                "\"\\ud83d\\ude00\\n\"",
                "true",
            ],
        ),
        (
            "a.yaml",
            "# \u{1f600}\r\n\u{e9}: 'x'\r\nb:\r\n- \tc # d\r\n-\r\n  - 1\r\n  -\r\n\r\n",
            &[
                "\u{e9}: 'x'\r\nb:\r\n- \tc # d\r\n-\r\n  - 1\r\n  -",
                "\u{e9}",
                "'x'",
                "b",
                "- \tc # d\r\n-\r\n  - 1\r\n  -",
                "c",
                "- 1\r\n  -",
                "1",
                "",
            ],
        ),
        (
            "a.yaml",
            "a: |\n  x\n\n  y\n\nb: >- # |\n  z\nc:\nd: {e: , f}\n? g h\n: one\n  two\n",
            &[
                "a: |\n  x\n\n  y\n\nb: >- # |\n  z\nc:\nd: {e: , f}\n? g h\n: one\n  two",
                "a",
                "|\n  x\n\n  y",
                "b",
                ">- # |\n  z",
                "c",
                "",
                "d",
                "{e: , f}",
                "e",
                "",
                "f",
                "",
                "g h",
                "one\n  two",
            ],
        ),
        (
            "a.yaml",
            "---\n[a: b, \"c\": {d: 1}]\n",
            &[
                "[a: b, \"c\": {d: 1}]",
                "a: b",
                "a",
                "b",
                "\"c\": {d: 1}",
                "\"c\"",
                "{d: 1}",
                "d",
                "1",
            ],
        ),
    ];
    for (path, input, expected) in cases {
        let node = read(path, input.as_bytes()).unwrap_or_else(|told| panic!("{input:?}\n{told}"));
        let mut found = Vec::new();
        places(&node, input, &mut found);
        assert_eq!(&found, expected, "{input:?}");
    }
}

#[test]
fn pointers_find_values_keys_and_what_is_nearest() -> Result<(), String> {
    let input = "{ \"a/b\": { \"~\": [10, { \"c\": 20 }] }, \"0\": 30 }";
    let node = read("a.json", input.as_bytes())?;
    let text = |span: crate::diag::Span| &input[span.start..span.end];
    for (pointer, value, key, nearest) in [
        ("", Some(input), None, input),
        ("/0", Some("30"), Some("\"0\""), "30"),
        ("/a~1b/~0/0", Some("10"), None, "10"),
        ("/a~1b/~0/1/c", Some("20"), Some("\"c\""), "20"),
        ("/a~1b/~0/2", None, None, "[10, { \"c\": 20 }]"),
        ("/a~1b/~0/00", None, None, "[10, { \"c\": 20 }]"),
        ("/a~1b/~0/-", None, None, "[10, { \"c\": 20 }]"),
        ("/a~1b/x/y", None, None, "{ \"~\": [10, { \"c\": 20 }] }"),
        ("/0/x", None, None, "30"),
        ("0", None, None, input),
    ] {
        assert_eq!(
            node.at(pointer).map(|node| text(node.span)),
            value,
            "{pointer}"
        );
        assert_eq!(node.key_span_at(pointer).map(text), key, "{pointer}");
        assert_eq!(text(node.nearest(pointer)), nearest, "{pointer}");
    }
    Ok(())
}
