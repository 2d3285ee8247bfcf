//! What holds for every document that the reader sees, accepted or not.

use std::collections::BTreeSet;

use orz_core::Value;
use orz_core::diag::{Diagnostics, RenderOptions, Severity, Sources, Span, render, to_json};
use orz_core::read::{self, Data, Node};

/// Longer inputs show nothing that shorter ones do not, and checking a tree costs more than reading it.
pub(crate) const MAX_INPUT: usize = 1 << 16;

/// Longer texts have so many pointers that checking them would take most of the time.
const MAX_POINTERS: usize = 512;

/// What came of reading one document.
pub(crate) struct Reading {
    /// The document, unless something is wrong with it.
    pub node: Option<Node>,
    /// The codes of all errors.
    pub errors: BTreeSet<&'static str>,
}

/// Reads `data` under the name `path` and checks everything that does not depend on what it says.
pub(crate) fn read(path: &str, data: &[u8]) -> Reading {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    let node = read::parse(data, path, &mut sources, &mut diagnostics);
    assert_eq!(
        node.is_none(),
        diagnostics.has_errors(),
        "a document is refused if and only if there is an error"
    );
    check_diagnostics(&diagnostics, &sources);
    if let Some(node) = &node {
        let text = &sources.file(node.span.file).text;
        assert_eq!(
            text.as_bytes(),
            data,
            "what is accepted is kept byte by byte"
        );
        check_places(text, node);
        if text.len() <= MAX_POINTERS {
            check_pointers(node, node, &mut String::new());
        }
    }
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(|diagnostic| diagnostic.code.name)
        .collect();
    Reading { node, errors }
}

/// The value of a document that we wrote, which must be readable without a word.
pub(crate) fn value_of(path: &str, text: &str) -> Value {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    let node = read::parse(text.as_bytes(), path, &mut sources, &mut diagnostics);
    let Some(node) = node.filter(|_| diagnostics.is_empty()) else {
        let told = render(&diagnostics, &sources, RenderOptions::default());
        panic!("{told}in\n{text}");
    };
    check_places(text, &node);
    node.to_value()
}

/// Every place is one, and what people and programs are shown is safe and complete.
pub(crate) fn check_diagnostics(diagnostics: &Diagnostics, sources: &Sources) {
    for diagnostic in diagnostics.iter() {
        let related = diagnostic.related.iter().map(|related| related.span);
        for span in diagnostic.span.into_iter().chain(related) {
            check_span(&sources.file(span.file).text, span);
        }
        assert!(!diagnostic.message.is_empty(), "a message says something");
        assert_ne!(
            diagnostic.code.name, "internal",
            "{}: {:?}",
            diagnostic.message, diagnostic.help
        );
    }
    for width in [0, 60] {
        let options = RenderOptions {
            color: false,
            width,
        };
        let shown = render(diagnostics, sources, options);
        if let Some(c) = shown.chars().find(|c| drives_a_terminal(*c)) {
            panic!("{c:?} is shown as it is:\n{shown:?}");
        }
        for diagnostic in diagnostics.iter() {
            assert!(
                shown.contains(&format!("[{}]", diagnostic.code.name)),
                "{} is left out",
                diagnostic.code.name
            );
        }
    }
    let json = to_json(diagnostics, sources);
    let shown = json.as_array().map_or(0, Vec::len);
    assert_eq!(
        shown,
        diagnostics.len(),
        "programs are told every diagnostic"
    );
}

/// Characters that a terminal obeys instead of showing them, and those that reorder the text around them.
fn drives_a_terminal(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t')
        || matches!(
            c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        )
        || matches!(c, '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

fn check_span(text: &str, span: Span) {
    assert!(
        span.start <= span.end && text.get(span.start..span.end).is_some(),
        "{span:?} is no range of characters in {} bytes",
        text.len()
    );
}

/// Children stand inside of their parent, in order, and do not overlap.
fn check_places(text: &str, node: &Node) {
    check_span(text, node.span);
    let mut from = node.span.start;
    let mut next = |span: Span| {
        check_span(text, span);
        assert!(
            span.start >= from && span.end <= node.span.end,
            "{span:?} after {from} is not inside of {:?} in {text:?}",
            node.span
        );
        from = span.end;
    };
    match &node.data {
        Data::List(items) => items.iter().for_each(|item| next(item.span)),
        Data::Map(entries) => {
            let mut keys = BTreeSet::new();
            for entry in entries {
                next(entry.key_span);
                next(entry.value.span);
                assert!(
                    keys.insert(&entry.key),
                    "the key {:?} occurs twice",
                    entry.key
                );
            }
        }
        _ => {}
    }
    children(node).for_each(|(_, child)| check_places(text, child));
}

/// Every value is found by its JSON pointer, and by no other name.
fn check_pointers(root: &Node, node: &Node, pointer: &mut String) {
    let found = root.at(pointer).expect("every value has a pointer");
    assert!(std::ptr::eq(found, node), "{pointer:?} names another value");
    assert_eq!(root.nearest(pointer), node.span, "{pointer:?}");
    for (token, child) in children(node) {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
        let key = node.entry(&token).map(|entry| entry.key_span);
        assert_eq!(root.key_span_at(pointer), key, "{pointer:?}");
        check_pointers(root, child, pointer);
        pointer.truncate(length);
    }
}

fn children(node: &Node) -> Box<dyn Iterator<Item = (String, &Node)> + '_> {
    match &node.data {
        Data::List(items) => Box::new(items.iter().enumerate().map(|(i, n)| (i.to_string(), n))),
        Data::Map(entries) => Box::new(entries.iter().map(|e| (e.key.clone(), &e.value))),
        _ => Box::new(std::iter::empty()),
    }
}

/// Whether two values are the same to JSON, which does not tell `1` from `1.0`.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
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
