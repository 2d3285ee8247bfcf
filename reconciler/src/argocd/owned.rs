//! Pure: whether an Application or AppProject is exactly as it should be.
//!
//! Nobody else has anything to say in their specifications: a field that somebody adds there (another source,
//! parameters, what is to be ignored) changes what a pointer means. So the specification is compared
//! whole, and what is in addition is removed. Labels and annotations of others are theirs, but for those
//! below.

use orz_core::Value;
use serde_json::{Map, json};

use crate::apply::mark::{entries, is};

/// Makes Argo CD look away.
const SKIP: &str = "argocd.argoproj.io/skip-reconcile";
/// Makes Argo CD look now; Argo CD removes it.
pub(super) const REFRESH: &str = "argocd.argoproj.io/refresh";

/// Whether nothing needs to be written.
pub(super) fn is_as_wanted(live: &Value, wanted: &Value) -> bool {
    states(live, wanted) && removal(live, wanted).is_none()
}

/// Whether everything that is stated is there: if so, no apply is needed.
pub(super) fn states(live: &Value, wanted: &Value) -> bool {
    let in_metadata = |field: &str| {
        let pointer = format!("/metadata/{field}");
        let wanted = wanted.pointer(&pointer).and_then(Value::as_object);
        wanted.into_iter().flatten().all(|(key, value)| {
            live.pointer(&pointer).and_then(|live| live.get(key)) == Some(value)
        })
    };
    in_metadata("labels") && in_metadata("annotations") && covers(&live["spec"], &wanted["spec"])
}

/// A merge patch that takes away what somebody added; `None` when nobody did.
pub(super) fn removal(live: &Value, wanted: &Value) -> Option<Value> {
    let mut patch = Map::new();
    if let Some(spec) = additions(&live["spec"], &wanted["spec"]) {
        patch.insert("spec".to_owned(), spec);
    }
    let mut metadata = Map::new();
    // With one, deleting the Application would delete everything that it ever applied.
    if live
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array)
        .is_some_and(|finalizers| !finalizers.is_empty())
    {
        metadata.insert("finalizers".to_owned(), Value::Null);
    }
    let annotations = live.pointer("/metadata/annotations");
    if annotations.is_some_and(|annotations| annotations.get(SKIP).is_some()) {
        metadata.insert("annotations".to_owned(), json!({SKIP: null}));
    }
    if !metadata.is_empty() {
        patch.insert("metadata".to_owned(), Value::from(metadata));
    }
    (!patch.is_empty()).then(|| Value::from(patch))
}

/// Whether an apply of ours made it.
pub(super) fn is_ours(live: &Value) -> bool {
    entries(live).any(|entry| {
        is(entry, "manager", crate::apply::api::MANAGER) && is(entry, "operation", "Apply")
    })
}

/// Whether `live` states everything that `wanted` does, in the same words.
fn covers(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, wanted)| live.get(key).is_some_and(|live| covers(live, wanted))),
        (live, wanted) => live == wanted,
    }
}

/// What `live` states beyond `wanted`, as a patch that removes it; `None` when there is nothing.
fn additions(live: &Value, wanted: &Value) -> Option<Value> {
    let (Value::Object(live), Value::Object(wanted)) = (live, wanted) else {
        return None;
    };
    let mut patch = Map::new();
    for (key, live) in live {
        match wanted.get(key) {
            None => drop(patch.insert(key.clone(), Value::Null)),
            Some(wanted) => patch.extend(additions(live, wanted).map(|below| (key.clone(), below))),
        }
    }
    (!patch.is_empty()).then(|| Value::from(patch))
}
