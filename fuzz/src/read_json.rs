use orz_core::Value;
use orz_core::read::{Data, Node};

use super::reading::{MAX_INPUT, read, same};

/// What the reader refuses although it is JSON.
const ON_PURPOSE: [&str; 7] = [
    "byte-order-mark",
    "control-character",
    "document-too-large",
    "duplicate-key",
    "hidden-character",
    "nesting-too-deep",
    "number-out-of-range",
];

/// JSON is read as `serde_json` reads it, apart from what is refused on purpose; every place holds what it should;
/// and a document that is both JSON and YAML says the same in both.
pub fn read_json(data: &[u8]) {
    if data.len() > MAX_INPUT {
        return;
    }
    let reading = read("a.json", data);
    let theirs = serde_json::from_slice::<Value>(data);
    let node = match (&reading.node, theirs) {
        (None, Err(_)) => return,
        (None, Ok(_)) => {
            for code in reading.errors {
                assert!(
                    ON_PURPOSE.contains(&code),
                    "JSON is refused with `{code}`: {:?}",
                    String::from_utf8_lossy(data)
                );
            }
            return;
        }
        (Some(node), Err(error)) => panic!("{} is read, but is no JSON: {error}", node.to_value()),
        (Some(node), Ok(value)) => {
            assert!(
                same(&node.to_value(), &value),
                "we read {}, they read {value}",
                node.to_value()
            );
            node
        }
    };
    let text = std::str::from_utf8(data).expect("what is accepted is UTF-8");
    check_texts(text, node);
    if let Some(yaml) = read("a.yaml", data).node {
        assert_eq!(
            node.to_value(),
            yaml.to_value(),
            "another name, another value: {text:?}"
        );
    }
}

/// Every span covers exactly the text of its value.
fn check_texts(text: &str, node: &Node) {
    let own = |start: usize, end: usize| {
        serde_json::from_str::<Value>(&text[start..end]).expect("a span covers one value")
    };
    let written = &text[node.span.start..node.span.end];
    match &node.data {
        Data::List(items) => {
            assert!(
                written.starts_with('[') && written.ends_with(']'),
                "{written:?}"
            );
            for item in items {
                check_texts(text, item);
            }
        }
        Data::Map(entries) => {
            assert!(
                written.starts_with('{') && written.ends_with('}'),
                "{written:?}"
            );
            for entry in entries {
                let key = own(entry.key_span.start, entry.key_span.end);
                assert_eq!(key, Value::String(entry.key.clone()));
                check_texts(text, &entry.value);
            }
        }
        _ => {
            assert_eq!(written.trim(), written, "a span without white space");
            let theirs = own(node.span.start, node.span.end);
            assert!(same(&theirs, &node.to_value()), "{written:?}: {theirs}");
        }
    }
}
