//! The walk over two trees that finds the fields that differ.

use std::collections::BTreeSet;

use crate::Value;
use crate::kinds::{Duration, Field, Key, Order, Quantity, Shape};

use super::FieldChange;
use super::path::{Step, display, matches};

/// The fields that differ in meaning.
pub(super) fn fields(shapes: &[Field], before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut walk = Walk {
        shapes,
        steps: Vec::new(),
        found: Vec::new(),
    };
    walk.value(before, after);
    walk.found
}

struct Walk<'a> {
    shapes: &'a [Field],
    steps: Vec<Step>,
    found: Vec<FieldChange>,
}

impl Walk<'_> {
    fn value(&mut self, before: &Value, after: &Value) {
        if before == after {
            return;
        }
        let shape = self
            .shapes
            .iter()
            .find(|field| matches(field.path, &self.steps))
            .map(|field| &field.shape);
        match (shape, before, after) {
            (Some(Shape::Quantity), ..) if same(before, after, Quantity::from_value) => {}
            (Some(Shape::Duration), ..) if same(before, after, Duration::from_value) => {}
            (_, Value::Object(old), Value::Object(new)) => {
                let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
                for key in keys {
                    let present = |value: Option<&Value>| value.filter(|v| !v.is_null()).cloned();
                    self.optional(
                        Step::Key(key.clone()),
                        present(old.get(key)),
                        present(new.get(key)),
                    );
                }
            }
            (Some(Shape::Keyed(keys, order)), Value::Array(old), Value::Array(new)) => {
                match (keyed(keys, old), keyed(keys, new)) {
                    (Some(old), Some(new)) => self.keyed(*order, &old, &new),
                    _ => self.by_position(old, new),
                }
            }
            (Some(Shape::Set), Value::Array(old), Value::Array(new)) => self.set(old, new),
            (_, Value::Array(old), Value::Array(new)) => {
                // A list of plain values (a command line) says more whole than item by item.
                if old
                    .iter()
                    .chain(new)
                    .any(|item| item.is_object() || item.is_array())
                {
                    self.by_position(old, new);
                } else {
                    self.push(Some(before.clone()), Some(after.clone()));
                }
            }
            _ => self.push(Some(before.clone()), Some(after.clone())),
        }
    }

    fn optional(&mut self, step: Step, before: Option<Value>, after: Option<Value>) {
        self.steps.push(step);
        match (before, after) {
            (Some(before), Some(after)) => self.value(&before, &after),
            (None, None) => {}
            (before, after) => self.push(before, after),
        }
        self.steps.pop();
    }

    fn by_position(&mut self, old: &[Value], new: &[Value]) {
        for i in 0..old.len().max(new.len()) {
            self.optional(Step::Index(i), old.get(i).cloned(), new.get(i).cloned());
        }
    }

    fn keyed(&mut self, order: Order, old: &[Item], new: &[Item]) {
        let find = |items: &[Item], key: &[(&'static str, String)]| {
            items
                .iter()
                .find(|item| item.key == key)
                .map(|item| item.value.clone())
        };
        let keys: BTreeSet<&[(&'static str, String)]> =
            old.iter().chain(new).map(|item| &item.key[..]).collect();
        for key in keys {
            self.optional(Step::Item(key.to_vec()), find(old, key), find(new, key));
        }
        let significant = match order {
            Order::Ignored => false,
            Order::Significant => true,
            Order::WithReferences => old.iter().chain(new).any(Item::refers),
        };
        let shared = |items: &[Item], other: &[Item]| -> Vec<Value> {
            let shared = items
                .iter()
                .filter(|item| other.iter().any(|o| o.key == item.key));
            shared.map(|item| item.text().into()).collect()
        };
        let (before, after) = (shared(old, new), shared(new, old));
        if significant && before != after {
            self.push(Some(before.into()), Some(after.into()));
        }
    }

    fn set(&mut self, old: &[Value], new: &[Value]) {
        self.steps.push(Step::Element);
        let mut unmatched: Vec<&Value> = new.iter().collect();
        let mut gone = Vec::new();
        for item in old {
            match unmatched
                .iter()
                .position(|candidate| self.is_same(item, candidate))
            {
                Some(i) => {
                    unmatched.remove(i);
                }
                None => gone.push(item),
            }
        }
        // One item for one: what changed inside it says more than two whole items. Which of several
        // became which is anybody's guess.
        if let ([item], [candidate]) = (&gone[..], &unmatched[..])
            && item.is_object()
        {
            self.value(item, candidate);
        } else {
            for item in gone {
                self.push(Some(item.clone()), None);
            }
            for item in unmatched {
                self.push(None, Some(item.clone()));
            }
        }
        self.steps.pop();
    }

    /// Whether two values at the present place mean the same.
    fn is_same(&self, before: &Value, after: &Value) -> bool {
        let mut walk = Walk {
            shapes: self.shapes,
            steps: self.steps.clone(),
            found: Vec::new(),
        };
        walk.value(before, after);
        walk.found.is_empty()
    }

    fn push(&mut self, before: Option<Value>, after: Option<Value>) {
        self.found.push(FieldChange {
            path: display(&self.steps),
            before,
            after,
            steps: self.steps.clone(),
        });
    }
}

/// An item of a keyed list.
struct Item {
    key: Vec<(&'static str, String)>,
    /// The item with its key fields filled in, so that a default that is spelled out is no change.
    value: Value,
}

impl Item {
    /// Whether a variable refers to another one.
    fn refers(&self) -> bool {
        self.value
            .get("value")
            .and_then(Value::as_str)
            .is_some_and(|text| text.contains("$("))
    }

    fn text(&self) -> String {
        self.key
            .iter()
            .map(|(_, value)| value.as_str())
            .collect::<Vec<_>>()
            .join("/")
    }
}

/// The items with their keys; `None` if one lacks a key or two share one.
fn keyed(keys: &'static [Key], items: &[Value]) -> Option<Vec<Item>> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        let mut value = item.as_object()?.clone();
        let mut parts = Vec::with_capacity(keys.len());
        for key in keys {
            let part = match (value.get(key.field), key.default) {
                (Some(Value::String(text)), _) => text.clone(),
                (Some(Value::Number(number)), _) => number.to_string(),
                (None | Some(Value::Null), Some(default)) => {
                    value.insert(key.field.to_owned(), default.into());
                    default.to_owned()
                }
                _ => return None,
            };
            parts.push((key.field, part));
        }
        if !seen.insert(parts.clone()) {
            return None;
        }
        out.push(Item {
            key: parts,
            value: Value::Object(value),
        });
    }
    Some(out)
}

/// Whether both are amounts, and the same.
fn same<T: PartialEq>(before: &Value, after: &Value, read: impl Fn(&Value) -> Option<T>) -> bool {
    read(before).is_some_and(|before| read(after).is_some_and(|after| before == after))
}
