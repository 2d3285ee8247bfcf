//! A short cut for what our own emitter wrote, which is nearly everything that a GitOps repository holds.
//!
//! It need not be trusted: what it understands is emitted again, and counts only if that gives the same
//! bytes. The emitter's text of a tree is read back as that tree by [`super::parse`], which tests hold;
//! so both readers agree wherever this one has an answer, and everything else is left to the other.

use serde_json::Map;

use super::{MAX_BYTES, MAX_DEPTH, MAX_VALUES, number, scalar};
use crate::Value;
use crate::emit;

/// The value of a YAML document that is written exactly as [`emit::yaml`] writes it; `None` for every other
/// text, valid or not, which [`super::parse`] has to judge.
pub fn canonical(bytes: &[u8]) -> Option<Value> {
    if bytes.len() > MAX_BYTES {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let mut reader = Reader {
        rest: text,
        values: 0,
    };
    let value = reader.block(0, 0)?;
    (reader.rest.is_empty() && emit::yaml(&value) == text).then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
    values: usize,
}

impl Reader<'_> {
    /// A collection or scalar whose first line begins here, behind its indentation or a `- `.
    fn block(&mut self, indent: usize, depth: usize) -> Option<Value> {
        self.values += 1;
        // Stricter than the other reader, which counts keys too, so that nothing passes here only.
        if depth + 1 >= MAX_DEPTH || self.values > MAX_VALUES / 2 {
            return None;
        }
        if self.rest.starts_with("- ") {
            return self.list(indent, depth);
        }
        match self.key() {
            Some(key) => self.map(key, indent, depth),
            // The lines of a block are indented even where nothing is above it.
            None => self.scalar(indent.max(2)),
        }
    }

    /// The entries of a map whose first key was read already.
    fn map(&mut self, first: String, indent: usize, depth: usize) -> Option<Value> {
        let mut map = Map::new();
        let mut key = first;
        loop {
            let value = if let Some(rest) = self.rest.strip_prefix('\n') {
                // A list stands below its key, a map deeper by two.
                let list = rest.get(indent..).is_some_and(|r| r.starts_with("- "));
                let below = if list { indent } else { indent + 2 };
                self.rest = rest;
                self.indented(below)?;
                self.block(below, depth + 1)?
            } else {
                self.rest = self.rest.strip_prefix(' ')?;
                self.values += 1;
                self.scalar(indent + 2)?
            };
            map.insert(key, value);
            if !self.stands_at(indent) {
                return Some(Value::Object(map));
            }
            self.indented(indent)?;
            key = self.key()?;
        }
    }

    fn list(&mut self, indent: usize, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        loop {
            self.rest = self.rest.strip_prefix("- ")?;
            items.push(self.block(indent + 2, depth + 1)?);
            // A key at this column ends a list that stands below its own key.
            let next = self.rest.get(indent..).is_some_and(|r| r.starts_with("- "));
            if !(next && self.stands_at(indent)) {
                return Some(Value::Array(items));
            }
            self.indented(indent)?;
        }
    }

    /// Whether the next line begins at this column.
    fn stands_at(&self, indent: usize) -> bool {
        let spaces = self.rest.bytes().take_while(|b| *b == b' ').count();
        spaces == indent && self.rest.len() > indent
    }

    fn indented(&mut self, indent: usize) -> Option<()> {
        if !self.stands_at(indent) {
            return None;
        }
        self.rest = &self.rest[indent..];
        Some(())
    }

    /// A key and its `:`, if one stands here; otherwise nothing is read.
    fn key(&mut self) -> Option<String> {
        let before = self.rest;
        let key = if before.starts_with('"') {
            self.quoted()
        } else {
            let end = before.find([' ', '\n'])?;
            let word = before[..end].strip_suffix(':')?;
            self.rest = &before[word.len()..];
            Some(word.to_owned())
        };
        match (key, self.rest.strip_prefix(':')) {
            (Some(key), Some(rest)) if rest.starts_with([' ', '\n']) => {
                self.rest = rest;
                Some(key)
            }
            _ => {
                self.rest = before;
                None
            }
        }
    }

    /// A scalar or an empty collection, and the end of its line.
    fn scalar(&mut self, indent: usize) -> Option<Value> {
        if self.rest.starts_with('"') {
            let text = self.quoted()?;
            self.rest = self.rest.strip_prefix('\n')?;
            return Some(Value::String(text));
        }
        let (word, rest) = self.rest.split_once('\n')?;
        self.rest = rest;
        Some(match word {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "[]" => Value::Array(Vec::new()),
            "{}" => Value::Object(Map::new()),
            "|" => Value::String(self.literal(indent) + "\n"),
            "|-" => Value::String(self.literal(indent)),
            _ if word.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                if !scalar::is_json_number(word) {
                    return None;
                }
                Value::Number(number::number(word).ok()?)
            }
            _ => Value::String(word.to_owned()),
        })
    }

    /// The lines of a literal block, without a final line break.
    fn literal(&mut self, indent: usize) -> String {
        let mut lines = Vec::new();
        while let Some((line, rest)) = self.rest.split_once('\n') {
            let deep = line.len() >= indent && line.bytes().take(indent).all(|b| b == b' ');
            match (deep, line.is_empty()) {
                (true, false) => lines.push(&line[indent..]),
                (_, true) => lines.push(""),
                (false, false) => break,
            }
            self.rest = rest;
        }
        lines.join("\n")
    }

    /// A string in double quotes, all on one line.
    fn quoted(&mut self) -> Option<String> {
        let mut rest = self.rest.strip_prefix('"')?;
        let mut text = String::new();
        loop {
            let end = rest.find(['"', '\\', '\n'])?;
            text.push_str(&rest[..end]);
            let mut after = rest[end..].chars();
            match after.next()? {
                '"' => {
                    self.rest = after.as_str();
                    return Some(text);
                }
                '\\' => {
                    let digits = match after.next()? {
                        'n' => {
                            text.push('\n');
                            0
                        }
                        't' => {
                            text.push('\t');
                            0
                        }
                        'r' => {
                            text.push('\r');
                            0
                        }
                        c @ ('"' | '\\') => {
                            text.push(c);
                            0
                        }
                        'u' => 4,
                        'U' => 8,
                        _ => return None,
                    };
                    rest = after.as_str();
                    if digits > 0 {
                        let code = u32::from_str_radix(rest.get(..digits)?, 16).ok()?;
                        text.push(char::from_u32(code)?);
                        rest = &rest[digits..];
                    }
                }
                _ => return None,
            }
        }
    }
}
