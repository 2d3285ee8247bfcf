//! The tree that the reader gives: a document with the place of every key and value.

use serde_json::{Map, Number};

use crate::Value;
use crate::diag::Span;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Covers the whole value; empty, after the `:`, for a YAML value that is left out.
    pub span: Span,
    /// The value.
    pub data: Data,
}

/// A value of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `null`, or a YAML value that is left out.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer within `i64` or `u64`, or a finite float that keeps every digit written.
    Number(Number),
    /// A string, with escapes resolved.
    String(String),
    /// The items in order.
    List(Vec<Node>),
    /// The entries in source order; no key occurs twice.
    Map(Vec<Entry>),
}

/// An entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key, with escapes resolved.
    pub key: String,
    /// The key with its quotes.
    pub key_span: Span,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// The same tree without places.
    pub fn to_value(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(value) => Value::Bool(*value),
            Data::Number(number) => Value::Number(number.clone()),
            Data::String(text) => Value::String(text.clone()),
            Data::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Data::Map(entries) => {
                let entry = |entry: &Entry| (entry.key.clone(), entry.value.to_value());
                Value::Object(entries.iter().map(entry).collect::<Map<_, _>>())
            }
        }
    }

    /// The value of `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`, if this is a map that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.data {
            Data::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The value that a JSON pointer (RFC 6901) names; the empty pointer names the whole document.
    pub fn at(&self, pointer: &str) -> Option<&Self> {
        let (node, rest) = self.descend(pointer);
        rest.is_empty().then_some(node)
    }

    /// The span of the last key of a JSON pointer; `None` if it is not there or is the index of a list.
    pub fn key_span_at(&self, pointer: &str) -> Option<Span> {
        let (parent, last) = pointer.rsplit_once('/')?;
        Some(self.at(parent)?.entry(&unescape(last))?.key_span)
    }

    /// The span of the deepest value on the way of a JSON pointer that is there.
    pub fn nearest(&self, pointer: &str) -> Span {
        self.descend(pointer).0.span
    }

    /// The deepest value on the way of `pointer` and what of the pointer is left.
    fn descend<'p>(&self, pointer: &'p str) -> (&Self, &'p str) {
        let mut node = self;
        let mut rest = pointer;
        while let Some(tail) = rest.strip_prefix('/') {
            let end = tail.find('/').unwrap_or(tail.len());
            let Some(child) = node.child(&unescape(&tail[..end])) else {
                break;
            };
            node = child;
            rest = &tail[end..];
        }
        (node, rest)
    }

    fn child(&self, token: &str) -> Option<&Self> {
        match &self.data {
            Data::List(items) => {
                let canonical = token == "0" || !token.starts_with(['0', '+']);
                items.get(token.parse::<usize>().ok().filter(|_| canonical)?)
            }
            _ => self.get(token),
        }
    }
}

fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}
