//! What changes between two sets of objects, by what the objects mean.
//!
//! Fields are compared with the shapes of the kind table ([`crate::kinds::Field`]): keyed lists by
//! key, sets without order, quantities and durations by amount. A field that is `null` is absent.
//! Nothing is filled in: a field that the server would default is compared as it was written,
//! because both sides were written by the same compiler.
//!
//! The values of a Secret are compared, but never shown ([`HIDDEN`]).

mod frozen;
mod path;
mod walk;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Value;
use crate::kinds;
use crate::object::{Object, ObjectKey};

pub(crate) use path::Step;

/// What stands for a value of a Secret.
pub const HIDDEN: &str = "(hidden)";

/// What happens to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is new.
    Create,
    /// It changes in place.
    Update,
    /// A frozen field changes, so it has to be deleted and created again.
    Replace,
    /// It goes.
    Delete,
    /// It means the same.
    Unchanged,
}

impl Change {
    /// Whether something is lost that the change does not bring back by itself.
    pub const fn destroys(self) -> bool {
        matches!(self, Self::Replace | Self::Delete)
    }

    /// The sign that stands before an object in what people read.
    pub const fn symbol(self) -> char {
        match self {
            Self::Create => '+',
            Self::Update => '~',
            Self::Replace => '±',
            Self::Delete => '-',
            Self::Unchanged => ' ',
        }
    }
}

/// What happens to one object, and to which of its fields.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectChange {
    /// The object.
    pub key: ObjectKey,
    /// What happens to it.
    pub change: Change,
    /// The frozen fields that change, sorted; not empty exactly if this is a [`Change::Replace`].
    pub replace_paths: Vec<String>,
    /// The fields that differ, in the order of the walk (maps by key, lists by position); empty for
    /// objects that are created, deleted or unchanged.
    pub fields: Vec<FieldChange>,
    /// How many further objects go with it: for a Namespace that is deleted, everything in it.
    pub cascades: usize,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// Where: `spec.template.spec.containers[name=web].image`, `metadata.labels["orz.dev/app"]`,
    /// `spec.rules[0].timeouts.request`; an item of a set is `spec.policyTypes[]`.
    pub path: String,
    /// The value before, as written; `None` where there was none.
    pub before: Option<Value>,
    /// The value after, as written; `None` where there is none.
    pub after: Option<Value>,
    pub(crate) steps: Vec<Step>,
}

/// Compares two sets of objects, each without an object twice (of two, the last one counts).
///
/// Deletions come first, then replacements, then the rest, unchanged objects included; each group
/// is in the order of the object keys.
pub fn diff(before: &[Object], after: &[Object]) -> Vec<ObjectChange> {
    let by_key = |objects: &[Object]| -> BTreeMap<ObjectKey, usize> {
        objects
            .iter()
            .enumerate()
            .map(|(i, object)| (object.key(), i))
            .collect()
    };
    let (old, new) = (by_key(before), by_key(after));
    let mut changes: Vec<ObjectChange> = Vec::with_capacity(old.len().max(new.len()));
    for (key, i) in &old {
        changes.push(match new.get(key) {
            Some(j) => compare(key, &before[*i], &after[*j]),
            None => ObjectChange {
                cascades: cascades(key, before),
                ..whole(key, Change::Delete)
            },
        });
    }
    changes.extend(
        new.keys()
            .filter(|key| !old.contains_key(key))
            .map(|key| whole(key, Change::Create)),
    );
    let rank = |change: Change| match change {
        Change::Delete => 0,
        Change::Replace => 1,
        Change::Create | Change::Update | Change::Unchanged => 2,
    };
    changes.sort_by(|a, b| (rank(a.change), &a.key).cmp(&(rank(b.change), &b.key)));
    changes
}

/// How many of `objects` go with the object `key` when it is deleted: for a Namespace, what stands
/// in it; for anything else none.
pub fn cascades(key: &ObjectKey, objects: &[Object]) -> usize {
    if key.group.is_empty() && key.kind == "Namespace" {
        objects
            .iter()
            .filter(|object| object.namespace() == Some(key.name.as_str()))
            .count()
    } else {
        0
    }
}

/// A pair of trees of the same object in which the values of a Secret are hidden: equal values look
/// equal, different ones different. Objects of other kinds come back as they are.
pub(crate) fn without_secrets(
    before: Option<&Object>,
    after: Option<&Object>,
) -> (Option<Value>, Option<Value>) {
    let mut old = before.map(|object| object.value().clone());
    let mut new = after.map(|object| object.value().clone());
    if before
        .or(after)
        .is_none_or(|object| !(object.group().is_empty() && object.kind() == "Secret"))
    {
        return (old, new);
    }
    for section in ["data", "stringData"] {
        let entries =
            |object: Option<&Object>| object.and_then(|o| o.value().get(section)).cloned();
        let known = entries(before);
        hide(old.as_mut().and_then(|v| v.get_mut(section)), None);
        hide(
            new.as_mut().and_then(|v| v.get_mut(section)),
            known.as_ref(),
        );
    }
    (old, new)
}

fn hide(section: Option<&mut Value>, known: Option<&Value>) {
    let mask = |value: &mut Value, known: Option<&Value>| {
        let changed = known.is_some_and(|before| before != value);
        *value = if changed {
            format!("{HIDDEN}, changed").into()
        } else {
            HIDDEN.into()
        };
    };
    match section {
        Some(Value::Object(entries)) => {
            for (key, value) in entries {
                mask(value, known.and_then(|known| known.get(key)));
            }
        }
        Some(other) => mask(other, known),
        None => {}
    }
}

fn whole(key: &ObjectKey, change: Change) -> ObjectChange {
    ObjectChange {
        key: key.clone(),
        change,
        replace_paths: Vec::new(),
        fields: Vec::new(),
        cascades: 0,
    }
}

fn compare(key: &ObjectKey, before: &Object, after: &Object) -> ObjectChange {
    if before == after {
        return whole(key, Change::Unchanged);
    }
    let info = kinds::find(&key.group, &key.kind);
    let (old, new) = without_secrets(Some(before), Some(after));
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    let fields = walk::fields(info.map_or(&[], |info| info.fields), &old, &new);
    let replace_paths = info.map_or_else(Vec::new, |info| {
        frozen::violated(info.frozen, before.value(), after.value(), &fields)
    });
    let change = match (fields.is_empty(), replace_paths.is_empty()) {
        (true, _) => Change::Unchanged,
        (false, true) => Change::Update,
        (false, false) => Change::Replace,
    };
    ObjectChange {
        key: key.clone(),
        change,
        replace_paths,
        fields,
        cascades: 0,
    }
}

#[cfg(test)]
mod tests;
