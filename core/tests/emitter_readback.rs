//! What the emitter writes is read back unchanged by our own reader and by the readers that see our
//! manifests: Go's (kubectl, the API server), PyYAML's two and ruamel.yaml as YAML 1.1 and 1.2.
//!
//! Every reader has a test of its own. One that is not installed is told on standard error; Go's must
//! be there when `CI` is `true`.

mod nasty;
mod readers;

use orz_core::diag::{Diagnostics, RenderOptions, Sources, render};
use orz_core::{Value, emit, read};
use orz_test_tools::yaml::{Library, Reader};
use orz_test_tools::{ToolError, say};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use readers::{GO, present, python, same};
use serde_json::{Map, json};

/// How many random trees each reader reads.
const RANDOM_TREES: usize = 600;

/// Which depths and lengths of keys a reader is given.
#[derive(Clone, Copy)]
enum Sizes {
    /// Depths 1 to 200, keys of 1 to 2,000 characters.
    All,
    /// Those at which something changes, for readers that take milliseconds a document.
    Edges,
}

impl Sizes {
    fn lists(self) -> (Vec<usize>, Vec<usize>) {
        match self {
            Self::All => ((1..=200).collect(), (1..=2_000).collect()),
            Self::Edges => (
                (1..=4)
                    .chain((16..=200).step_by(23))
                    .chain(30..=35)
                    .chain(62..=66)
                    .chain([199, 200])
                    .collect(),
                (1..=6)
                    .chain((100..2_000).step_by(211))
                    .chain(1_015..=1_032)
                    .chain([2_000])
                    .collect(),
            ),
        }
    }
}

#[test]
fn go_reads_back_what_is_written() {
    check_all(GO, Library::Go.prepare(), Sizes::All);
}

#[test]
fn pyyaml_on_libyaml_reads_back_what_is_written() {
    check_all("PyYAML (libyaml)", python("pyyaml-c"), Sizes::All);
}

#[test]
fn pyyaml_in_python_reads_back_what_is_written() {
    check_all("PyYAML (Python)", python("pyyaml-python"), Sizes::Edges);
}

#[test]
fn ruamel_as_yaml_1_1_reads_back_what_is_written() {
    check_all("ruamel.yaml (1.1)", python("ruamel-1.1"), Sizes::Edges);
}

#[test]
fn ruamel_as_yaml_1_2_reads_back_what_is_written() {
    check_all("ruamel.yaml (1.2)", python("ruamel-1.2"), Sizes::Edges);
}

#[test]
fn our_own_reader_reads_back_what_is_written() {
    for value in documents(Sizes::All) {
        if depth(&value) <= read::MAX_DEPTH {
            assert_own(&value);
        }
    }
}

#[test]
fn no_line_ends_in_white_space() {
    for value in documents(Sizes::All) {
        let text = emit::yaml(&value);
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text:?}");
        for line in text.lines() {
            assert!(
                !line.ends_with([' ', '\t']),
                "white space at the end of {line:?}"
            );
        }
    }
}

proptest! {
    #[test]
    fn any_tree_is_read_back_by_our_own_reader(value in tree()) {
        assert_own(&value);
    }
}

/// Lets `reader` read all documents, and shows the first that it reads as something else.
fn check_all(name: &str, reader: Result<Reader, ToolError>, sizes: Sizes) {
    let Some(reader) = present(name, reader) else {
        return;
    };
    let mut values = documents(sizes);
    values.extend(random_trees());
    let texts: Vec<String> = values.iter().map(emit::yaml).collect();
    // As text, because `serde_json` reads only 128 levels.
    let answers = reader
        .read_text(&texts)
        .expect("the reader reads on after every document");
    let mut wrong = Vec::new();
    for ((value, text), answer) in values.iter().zip(&texts).zip(answers) {
        if let Some(reason) = difference(value, answer) {
            wrong.push(format!("{text:.300}\n=> {reason:.300}"));
        }
    }
    let shown = wrong
        .iter()
        .take(10)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    assert!(
        wrong.is_empty(),
        "{name} reads {} of {} documents as something else:\n{shown}",
        wrong.len(),
        texts.len()
    );
    say(&format!(
        "{name} reads back all of {} documents",
        texts.len()
    ));
}

/// Why `answer` is not `value`.
fn difference(value: &Value, answer: Result<String, String>) -> Option<String> {
    let json = match answer {
        Ok(json) => json,
        Err(reason) => return Some(format!("refused: {reason}")),
    };
    let written = value.to_string();
    if json == written {
        return None;
    }
    match serde_json::from_str::<Value>(&json) {
        Ok(read) if same(value, &read) => None,
        _ => Some(json),
    }
}

fn assert_own(value: &Value) {
    let text = emit::yaml(value);
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    let read = read::parse(text.as_bytes(), "a.yaml", &mut sources, &mut diagnostics);
    let told = render(&diagnostics, &sources, RenderOptions::default());
    assert!(diagnostics.is_empty(), "{text:.500}\n{told}");
    let read = read.expect("there is no error").to_value();
    assert!(same(value, &read), "{text:.500}\n=> {read}");
    // The short cut answers whenever the value comes back exactly, and never anything else.
    let expected =
        (emit::yaml(&read) == text && !has_long_key(value) && depth(value) + 1 < read::MAX_DEPTH)
            .then_some(&read);
    let short = read::canonical(text.as_bytes());
    assert!(
        short.is_none() || short.as_ref() == Some(&read),
        "{text:.500}\n=> {short:?}"
    );
    assert!(
        expected.is_none() || short.as_ref() == expected,
        "{text:.500}"
    );
}

/// Whether a key may stand behind a `? `.
fn has_long_key(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_long_key),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| key.len() > 80 || has_long_key(value)),
        _ => false,
    }
}

/// The matrix: nasty strings in four positions, depths, lengths of keys, numbers.
fn documents(sizes: Sizes) -> Vec<Value> {
    let mut all = Vec::new();
    let strings = nasty::strings();
    assert!(strings.len() >= 258);
    for text in &strings {
        all.push(json!({ "k": text, "l": 1 }));
        all.push(json!([text, 1]));
        all.push(json!({ "k": [{ "a": text, "b": text }, { "b": [text] }] }));
        all.push(json!({ text: { text: [text] } }));
        all.push(json!(text));
    }
    all.extend(["a", "a b ", "é\u{1f600}", "line\n"].map(|piece| json!([piece.repeat(20_000)])));
    let (depths, lengths) = sizes.lists();
    all.extend(depths.into_iter().flat_map(deep));
    all.extend(lengths.into_iter().map(long_keys));
    all.extend(
        numbers()
            .into_iter()
            .flat_map(|number| [json!({ "k": number }), json!([[number]])]),
    );
    all.extend([
        json!({}),
        json!([]),
        json!(null),
        json!(true),
        json!({ "a": {}, "b": [], "c": [[], {}] }),
    ]);
    all
}

/// Values nested `depth` deep: of maps, of lists, and of both in turn, with a block of text inside.
fn deep(depth: usize) -> [Value; 4] {
    let nest = |leaf: &str, wrap: fn(usize, Value) -> Value| {
        (0..depth).fold(json!(leaf), |inner, level| wrap(level, inner))
    };
    let in_turn = |level: usize, inner| {
        if level.is_multiple_of(2) {
            json!([inner, level])
        } else {
            json!({ "a": inner, "b": level })
        }
    };
    [
        nest("text", |_, inner| json!({ "a": inner })),
        nest("text", |_, inner| json!([inner])),
        nest("one\n  two\n", in_turn),
        nest("a\nb", |level, inner| {
            if level % 3 == 0 {
                json!({ "a": inner })
            } else {
                json!([1, inner])
            }
        }),
    ]
}

/// Keys of `length` characters that are plain, quoted or not ASCII, over every kind of value.
fn long_keys(length: usize) -> Value {
    let (piece, last) = [("k", "k"), ("k", " "), ("é", "é")][length % 3];
    let base = format!("{}{last}", piece.repeat(length.saturating_sub(2)));
    let values = [
        json!("text"),
        json!({ "x": 1, "y": [1] }),
        json!([1, { "z": 2 }, [3]]),
        json!("one\ntwo\n"),
        json!([]),
    ];
    let keys = ["a", "b", "c", "d", "e"]
        .map(|mark| format!("{mark}{}", if length == 1 { "" } else { &base }));
    let map: Map<String, Value> = keys.into_iter().zip(values).collect();
    if length.is_multiple_of(2) {
        json!([map, 1])
    } else {
        json!({ "in": map })
    }
}

fn numbers() -> Vec<Value> {
    let floats = [
        0.0,
        1.0,
        -1.5,
        0.1,
        1e-5,
        1e-7,
        1e15,
        1e16,
        1e17,
        1e21,
        1.5e21,
        123_456_789.123,
        1e100,
        -2.5e-10,
        5e-324,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        f64::EPSILON,
        4_503_599_627_370_496.5,
        9_007_199_254_740_993.0,
    ];
    let integers = [
        0,
        1,
        -1,
        8,
        10,
        64,
        755,
        i64::from(i32::MAX),
        i64::MAX,
        i64::MIN,
    ];
    let mut all: Vec<Value> = floats.into_iter().map(Value::from).collect();
    all.extend(integers.into_iter().map(Value::from));
    all.extend([json!(u64::MAX), json!(1_u64 << 63)]);
    all
}

/// The same trees on every run, so that a failure can be looked at again.
fn random_trees() -> Vec<Value> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = tree();
    (0..RANDOM_TREES)
        .map(|_| {
            strategy
                .new_tree(&mut runner)
                .expect("trees are never refused")
                .current()
        })
        .collect()
}

/// Any tree: texts of pieces that are special to YAML, keys of them, numbers, empty collections.
fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => proptest::num::f64::NORMAL.prop_map(Value::from),
        6 => text().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(text(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => proptest::sample::select(vec!["a", "b1", " ", "\n", "\t", ":", ": ", " #", "-", "- ", "?", "0", "'", "\"", "\\", "|", "é"])
            .prop_map(str::to_owned),
        1 => proptest::sample::select(nasty::FIXED).prop_map(str::to_owned),
        1 => proptest::sample::select(nasty::SPECIAL.to_vec()).prop_map(String::from),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// How many collections stand inside each other.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}
