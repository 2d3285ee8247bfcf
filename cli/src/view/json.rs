//! For programs: exactly one JSON document on standard output, however the command ends.

use std::io;

use orz_core::Value;
use orz_core::diag::{Diagnostics, Sources, to_json};
use orz_core::format::API_VERSION;
use serde_json::{Map, json};

use super::{Present, View, write_stdout};
use crate::error::CommandError;

/// Collects diagnostics until the result or the error that carries them.
pub(super) struct Json {
    /// `None` as long as nothing was compiled.
    diagnostics: Option<Vec<Value>>,
}

impl Json {
    pub(super) fn new() -> Self {
        Self { diagnostics: None }
    }
}

/// A document: `apiVersion`, `kind`, then the fields of `body`.
///
/// `body` must be a JSON object; a document that already names its kind stays as it is.
fn envelope(kind: &str, body: Value) -> Value {
    let mut document = Map::new();
    document.insert("apiVersion".to_owned(), API_VERSION.into());
    document.insert("kind".to_owned(), kind.into());
    if let Value::Object(fields) = body {
        document.extend(fields);
    } else {
        debug_assert!(false, "the body of `{kind}` is no object");
    }
    Value::Object(document)
}

impl View for Json {
    fn result(&mut self, result: &dyn Present) -> io::Result<()> {
        let mut document = envelope(result.kind(), result.json());
        if let Some(diagnostics) = self.diagnostics.take() {
            document["diagnostics"] = Value::Array(diagnostics);
        }
        print(&document)
    }

    fn event(&mut self, event: &dyn Present) -> io::Result<()> {
        let mut document = envelope(event.kind(), event.json());
        if let Some(diagnostics) = self.diagnostics.take() {
            document["diagnostics"] = Value::Array(diagnostics);
        }
        write_stdout(&format!("{document}\n"))
    }

    fn diagnostics(&mut self, diagnostics: &Diagnostics, sources: &Sources) {
        if let Value::Array(items) = to_json(diagnostics, sources) {
            self.diagnostics.get_or_insert_default().extend(items);
        }
    }

    fn summary(&mut self, _line: &str) {}

    fn note(&mut self, _line: &str) {}

    fn progress(&mut self, _line: Option<&str>) {}

    fn error(&mut self, error: &CommandError) {
        let body = json!({
            "exitCode": error.exit.code(),
            "message": error.message,
            "help": error.help,
            "diagnostics": self.diagnostics.take().unwrap_or_default(),
        });
        // Standard output is gone; the exit code still tells.
        let _ = print(&envelope("Error", body));
    }
}

fn print(document: &Value) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(document)
        .expect("a JSON value has string keys and finite numbers");
    text.push('\n');
    write_stdout(&text)
}
