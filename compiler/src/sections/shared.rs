//! What several sections need: names, labels, ConfigMaps that never change.

use std::collections::BTreeMap;

use orz_core::Value;
use orz_core::diag::{Diagnostic, Diagnostics, Span, codes};
use orz_core::id::Digest;
use serde_json::json;

use super::{Entry, Scope};
use crate::resolve::Named;

/// The part of a name in a bundle that Kubernetes takes: `_` becomes `-`, letters become lower case.
pub(crate) fn kube_name(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// Reports entries whose names differ in the bundle and are one in Kubernetes.
pub(crate) fn refuse_collisions<T: Named>(
    section: &str,
    entries: &[Entry<T>],
    problems: &mut Diagnostics,
) {
    let mut seen: BTreeMap<String, &Entry<T>> = BTreeMap::new();
    for entry in entries {
        if let Some(first) = seen.insert(kube_name(entry.name()), entry) {
            problems.push(collision(
                (section, entry.name(), first.name()),
                entry.at("/name"),
                first.at("/name"),
            ));
        }
    }
}

/// `name-collision` of (section, name, earlier name) at the place of the name and of the earlier one.
pub(crate) fn collision(names: (&str, &str, &str), span: Span, first: Span) -> Diagnostic {
    let (section, name, earlier) = names;
    Diagnostic::error(
        &codes::section::NAME_COLLISION,
        span,
        format!("`{name}` and `{earlier}` of `{section}` are one name in Kubernetes"),
    )
    .label(format!("becomes `{}`", kube_name(name)))
    .related(first, "as does this")
    .help("rename one of the two")
}

/// `metadata` of an object of the unit at hand, with the labels that every object carries and `labels`.
pub(crate) fn metadata(scope: &Scope, name: &str, labels: &[(&str, &str)]) -> Value {
    let mut all = scope.labels();
    all.extend(
        labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
    );
    json!({ "name": name, "namespace": scope.unit.namespace, "labels": all })
}

/// An immutable ConfigMap `<base>-<8 hex digits of SHA-256 of its data>` that holds `content` as JSON
/// under `key`, and its name.
///
/// Its data can never change under its name, so a pod that names it sees what it was tested with, and
/// a rollback finds the old one.
pub(crate) fn frozen_config_map(
    scope: &Scope,
    base: &str,
    key: &str,
    content: &Value,
    labels: &[(&str, &str)],
) -> (String, Value) {
    let data = json!({ key: canonical_json(content) });
    let digest = Digest::of(data.to_string().as_bytes());
    let name = format!("{base}-{}", &digest.as_str()[..8]);
    let object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(scope, &name, labels),
        "immutable": true,
        "data": data,
    });
    (name, object)
}

/// JSON with sorted keys, two spaces a level and a final newline: equal values are equal texts, and a
/// change is a few lines in a review.
pub(crate) fn canonical_json(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value)
        .expect("a tree holds only string keys and finite numbers");
    text.push('\n');
    text
}

/// Milliseconds as the Gateway API writes a duration: `5s`, `1m30s`, `250ms`. At most 99,999 hours.
pub(crate) fn duration(ms: u32) -> String {
    let mut out = String::new();
    let mut rest = ms;
    for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest / size > 0 {
            out.push_str(&(rest / size).to_string());
            out.push_str(unit);
            rest %= size;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_fit_the_pattern_of_the_gateway_api() {
        for (ms, expected) in [
            (0, "0s"),
            (1, "1ms"),
            (250, "250ms"),
            (1_500, "1s500ms"),
            (5_000, "5s"),
            (90_000, "1m30s"),
            (120_000, "2m"),
            (3_661_001, "1h1m1s1ms"),
        ] {
            assert_eq!(duration(ms), expected);
        }
    }

    #[test]
    fn equal_values_are_equal_texts() {
        let (a, b) = (
            json!({"b": 1, "a": [1.50, "x"]}),
            json!({"a": [1.5, "x"], "b": 1}),
        );
        assert_eq!(canonical_json(&a), canonical_json(&b));
        assert_eq!(
            canonical_json(&a),
            "{\n  \"a\": [\n    1.5,\n    \"x\"\n  ],\n  \"b\": 1\n}\n"
        );
    }
}
