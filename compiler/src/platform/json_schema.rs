//! JSON Schemas that people write: connector types have them, and operations.

use jsonschema::PatternOptions;
use orz_core::Value;
use orz_core::diag::{Diagnostic, Span, codes};

/// Most that one pattern may take when compiled, in bytes: `\p{L}{1,64}` fits. A pattern of a few characters
/// takes as much as it is let, and as much time.
const PATTERN_BYTES: usize = 4 << 20;

/// What is wrong with a schema, if anything. `span` gives the place of a JSON pointer inside it.
pub(crate) fn problem(schema: &Value, span: impl Fn(&str) -> Option<Span>) -> Option<Diagnostic> {
    let refuse = |pointer: &str, message: String| {
        Some(
            Diagnostic::error(&codes::section::INVALID_SCHEMA, span(pointer), message)
                .label("not a valid schema")
                .help("use JSON Schema 2020-12, without references to other documents"),
        )
    };
    // What says nothing is valid; most operations say nothing about one of their two sides.
    if schema.as_object().is_some_and(serde_json::Map::is_empty) {
        return None;
    }
    if let Some(pointer) = foreign_reference(schema, "") {
        return refuse(
            &pointer,
            "a schema may not refer to another document".to_owned(),
        );
    }
    if let Err(error) = jsonschema::meta::validate(schema) {
        let at = error.instance_path().as_str();
        let keyword = at
            .rsplit('/')
            .find(|part| !part.is_empty())
            .unwrap_or("schema");
        return refuse(
            at,
            format!(
                "`{}` of a JSON Schema has a value that it cannot have",
                keyword.escape_debug()
            ),
        );
    }
    let patterns = PatternOptions::fancy_regex().size_limit(PATTERN_BYTES);
    match jsonschema::options()
        .with_pattern_options(patterns)
        .build(schema)
    {
        Ok(_) => None,
        Err(error) => refuse(
            error.instance_path().as_str(),
            format!("this JSON Schema cannot be used: {error}"),
        ),
    }
}

/// How many patterns there are in a schema; each has to be compiled.
pub(crate) fn patterns(schema: &Value) -> usize {
    match schema {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let own = match (key.as_str(), value) {
                    ("pattern", Value::String(_)) => 1,
                    ("patternProperties", Value::Object(map)) => map.len(),
                    _ => 0,
                };
                own + patterns(value)
            })
            .sum(),
        Value::Array(items) => items.iter().map(patterns).sum(),
        _ => 0,
    }
}

/// The pointer of the first `$ref` that leaves the document.
fn foreign_reference(schema: &Value, pointer: &str) -> Option<String> {
    match schema {
        Value::Object(map) => map.iter().find_map(|(key, value)| {
            let at = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
            match (key.as_str(), value) {
                ("$ref" | "$dynamicRef", Value::String(target)) if !target.starts_with('#') => {
                    Some(at)
                }
                _ => foreign_reference(value, &at),
            }
        }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(i, item)| foreign_reference(item, &format!("{pointer}/{i}"))),
        _ => None,
    }
}
