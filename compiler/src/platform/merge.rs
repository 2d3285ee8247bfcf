//! RFC 7396, JSON Merge Patch, on documents that know their places.

use orz_core::Value;
use orz_core::diag::Span;
use orz_core::read::{Data, Entry, Node};

/// Applies `patch` to `target`: maps merge key by key, `null` removes a key, all else replaces.
///
/// A map that both have takes the place of the patch's, because that is the one people can edit.
pub(super) fn merge(target: Node, patch: Node) -> Node {
    let Data::Map(patch_entries) = patch.data else {
        return patch;
    };
    let mut entries = match target.data {
        Data::Map(entries) => entries,
        _ => Vec::new(),
    };
    for entry in patch_entries {
        let old = entries
            .iter()
            .position(|e| e.key == entry.key)
            .map(|at| entries.remove(at));
        if entry.value.data != Data::Null {
            let old = old.map_or(
                Node {
                    span: entry.value.span,
                    data: Data::Null,
                },
                |old| old.value,
            );
            entries.push(Entry {
                value: merge(old, entry.value),
                ..entry
            });
        }
    }
    Node {
        span: patch.span,
        data: Data::Map(entries),
    }
}

/// A tree all of whose places are `span`: what ships has no place that people can edit.
pub(super) fn placed(value: &Value, span: Span) -> Node {
    let data = match value {
        Value::Null => Data::Null,
        Value::Bool(value) => Data::Bool(*value),
        Value::Number(number) => Data::Number(number.clone()),
        Value::String(text) => Data::String(text.clone()),
        Value::Array(items) => Data::List(items.iter().map(|item| placed(item, span)).collect()),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| Entry {
                key: key.clone(),
                key_span: span,
                value: placed(value, span),
            };
            Data::Map(map.iter().map(entry).collect())
        }
    };
    Node { span, data }
}

#[cfg(test)]
mod tests {
    use orz_core::diag::Sources;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_cases_of_the_rfc() {
        let span = Span {
            file: Sources::new().add("a.json", ""),
            start: 0,
            end: 0,
        };
        for (target, patch, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": "b"}),
                json!({"b": "c"}),
                json!({"a": "b", "b": "c"}),
            ),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (
                json!({"a": "b", "b": "c"}),
                json!({"a": null}),
                json!({"b": "c"}),
            ),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (
                json!({"a": [{"b": "c"}]}),
                json!({"a": [1]}),
                json!({"a": [1]}),
            ),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (
                json!({"e": null}),
                json!({"a": 1}),
                json!({"e": null, "a": 1}),
            ),
            (
                json!([1, 2]),
                json!({"a": "b", "c": null}),
                json!({"a": "b"}),
            ),
            (
                json!({}),
                json!({"a": {"bb": {"ccc": null}}}),
                json!({"a": {"bb": {}}}),
            ),
        ] {
            let merged = merge(placed(&target, span), placed(&patch, span));
            assert_eq!(merged.to_value(), expected, "{target} + {patch}");
        }
    }
}
