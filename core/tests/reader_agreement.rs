//! Whatever our reader accepts, other readers understand in the same way, or refuse.
//!
//! Go's reader stands for kubectl, PyYAML for YAML 1.1, ruamel.yaml for YAML 1.2. One that is not
//! installed is told on standard error; Go's must be there when `CI` is `true`.

mod nasty;
mod readers;

use orz_core::diag::{Diagnostics, Sources};
use orz_core::{Value, read};
use orz_test_tools::yaml::{Library, Reader};
use orz_test_tools::{ToolError, say};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use readers::{GO, present, python, same};

/// How many random texts are read; our reader accepts about one in six.
const RANDOM_TEXTS: usize = 20_000;

#[test]
fn go_understands_what_we_understand() {
    check_all(GO, Library::Go.prepare());
}

#[test]
fn pyyaml_understands_what_we_understand() {
    check_all("PyYAML (libyaml)", python("pyyaml-c"));
}

#[test]
fn ruamel_understands_what_we_understand() {
    check_all("ruamel.yaml (1.2)", python("ruamel-1.2"));
}

fn check_all(name: &str, reader: Result<Reader, ToolError>) {
    let Some(reader) = present(name, reader) else {
        return;
    };
    let accepted: Vec<(String, Value)> = texts()
        .into_iter()
        .filter_map(|text| Some((own(&text)?, text)).map(|(value, text)| (text, value)))
        .collect();
    assert!(
        accepted.len() > 1_000,
        "only {} texts are accepted, which tells too little",
        accepted.len()
    );
    let documents: Vec<&str> = accepted.iter().map(|(text, _)| text.as_str()).collect();
    let answers = reader
        .read(&documents)
        .expect("the reader reads on after every document");
    let mut refused = 0;
    let mut wrong = Vec::new();
    for ((text, value), answer) in accepted.iter().zip(answers) {
        match answer {
            Err(_) => refused += 1,
            Ok(read) if same(value, &read) => {}
            Ok(read) => wrong.push(format!("{text:?}: we read {value}, they read {read}")),
        }
    }
    let shown = wrong
        .iter()
        .take(30)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    assert!(
        wrong.is_empty(),
        "{name} understands {} of {} texts in another way:\n{shown}",
        wrong.len(),
        accepted.len()
    );
    say(&format!(
        "{name} understands {} texts as we do and refuses {refused}",
        accepted.len() - refused
    ));
}

fn own(text: &str) -> Option<Value> {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    let node = read::parse(text.as_bytes(), "a.yaml", &mut sources, &mut diagnostics)?;
    Some(node.to_value())
}

#[test]
fn the_short_cut_for_our_own_text_understands_nothing_else() {
    let mut understood = 0;
    for text in texts() {
        if let Some(value) = read::canonical(text.as_bytes()) {
            assert_eq!(own(&text).as_ref(), Some(&value), "{text:?}");
            understood += 1;
        }
    }
    assert!(understood > 100, "only {understood} texts were understood");
}

/// Every nasty string without quotes in four places, and random texts of the pieces of YAML.
fn texts() -> Vec<String> {
    let mut all: Vec<String> = nasty::strings()
        .into_iter()
        .filter(|text| text.len() < 100)
        .flat_map(|text| {
            [
                format!("k: {text}\n"),
                format!("- {text}\n- b\n"),
                format!("{text}: 1\n"),
                format!("k: [{text}, 1]\n"),
                format!("k: {{{text}: 1}}\n"),
                format!("k: \"{text}\"\n"),
                format!("k: '{text}'\n"),
                format!("k: |\n  {text}\n"),
            ]
        })
        .collect();
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = soup();
    all.extend((0..RANDOM_TEXTS).map(|_| {
        strategy
            .new_tree(&mut runner)
            .expect("texts are never refused")
            .current()
    }));
    all
}

/// Lines that look like YAML, more or less.
fn soup() -> impl Strategy<Value = String> {
    let indent = proptest::sample::select(vec!["", "", "", "  ", "  ", "    ", " ", "\t"]);
    let lead = proptest::sample::select(vec![
        "a: ", "b: ", "c:", "d: ", "- ", "- ", "- a: ", "? ", ": ", "\"e\": ", "'f':  ", "",
    ]);
    let value = prop_oneof![
        4 => proptest::sample::select(vec![
            "", "", "x", "1", "-1.5", "true", "null", "~", "\"q\\n\"", "'s''t'", "[]", "{}", "[1, a]", "{g: 1, h: [2]}",
            "|", ">", "|-", ">+", "|2", "x # c", "# c", "x#y", "\"a", "b\"", "'", "[", "]", "{", "}", "x: y", "- z", "x y", "/p",
            "{g:1}", "[a: b]", "{\"g\":1}", "[\"a\":b]", "a,b", "[a,]", "{a: 1,}", "--- ", "...", "x:", "-", "0.5", "a\tb", "\tx",
        ]),
        1 => proptest::sample::select(nasty::FIXED),
    ];
    let end = proptest::sample::select(vec!["\n", "\n", "\n", "\n", "\r\n", "\n\n", " \n", ""]);
    let line = (indent, lead, value, end)
        .prop_map(|(indent, lead, value, end)| format!("{indent}{lead}{value}{end}"));
    proptest::collection::vec(line, 1..6).prop_map(|lines| lines.concat())
}
