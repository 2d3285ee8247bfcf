//! The one canonical YAML emitter.
//!
//! Equal values give equal bytes, and every reader of YAML 1.1, YAML 1.2 and Kubernetes reads back
//! the value that was written. Only strings that no reader could take for anything else are plain;
//! all others are double-quoted, or literal blocks where that is safe. There is no other emitter in
//! the project: a second one would write other bytes for the same value.

mod scalar;

use serde_json::Map;

use crate::Value;

pub(crate) use scalar::number;

/// The longest written key, in bytes, that stands before its `:` on one line; YAML allows 1,024 characters.
const MAX_IMPLICIT_KEY: usize = 1_024;

/// Room for most manifests, so that their text is not moved while it grows.
const CAPACITY: usize = 2_048;

/// `value` as canonical YAML: keys sorted by their bytes, two spaces a level, lists not indented
/// under their key, a final newline.
pub fn yaml(value: &Value) -> String {
    let mut emitter = Emitter {
        out: String::with_capacity(CAPACITY),
    };
    match value {
        Value::Object(map) if !map.is_empty() => emitter.map(map, 0, false),
        Value::Array(items) if !items.is_empty() => emitter.list(items, 0, false),
        scalar => {
            emitter.scalar(scalar, 2);
            emitter.out.push('\n');
        }
    }
    emitter.out
}

struct Emitter {
    out: String,
}

impl Emitter {
    /// Every entry on lines of its own; the first without indentation if it stands behind a `- `.
    fn map(&mut self, map: &Map<String, Value>, indent: usize, inline: bool) {
        for (i, (key, value)) in map.iter().enumerate() {
            if i > 0 || !inline {
                self.indent(indent);
            }
            let start = self.out.len();
            scalar::key(&mut self.out, key);
            let explicit = self.out.len() - start > MAX_IMPLICIT_KEY;
            if explicit {
                self.out.insert_str(start, "? ");
                self.out.push('\n');
                self.indent(indent);
            }
            self.out.push(':');
            match value {
                Value::Object(map) if !map.is_empty() => {
                    self.out.push('\n');
                    self.map(map, indent + 2, false);
                }
                Value::Array(items) if !items.is_empty() => {
                    self.out.push('\n');
                    self.list(items, indent, false);
                }
                scalar => {
                    self.out.push(' ');
                    self.scalar(scalar, indent + 2);
                    self.out.push('\n');
                }
            }
        }
    }

    /// Every item on lines of its own; the first without indentation if it stands behind a `- `.
    fn list(&mut self, items: &[Value], indent: usize, inline: bool) {
        for (i, item) in items.iter().enumerate() {
            if i > 0 || !inline {
                self.indent(indent);
            }
            self.out.push_str("- ");
            match item {
                Value::Object(map) if !map.is_empty() => self.map(map, indent + 2, true),
                Value::Array(items) if !items.is_empty() => self.list(items, indent + 2, true),
                scalar => {
                    self.scalar(scalar, indent + 2);
                    self.out.push('\n');
                }
            }
        }
    }

    /// A scalar or an empty collection without a final newline; `indent` is that of a block's lines.
    fn scalar(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(true) => self.out.push_str("true"),
            Value::Bool(false) => self.out.push_str("false"),
            Value::Number(number) => self.out.push_str(&scalar::number(number)),
            Value::String(text) => scalar::string(&mut self.out, text, indent),
            Value::Array(_) => self.out.push_str("[]"),
            Value::Object(_) => self.out.push_str("{}"),
        }
    }

    fn indent(&mut self, columns: usize) {
        scalar::spaces(&mut self.out, columns);
    }
}

#[cfg(test)]
mod tests;
