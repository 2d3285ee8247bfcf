//! Sizes that the API server or etcd would refuse.

use orz_core::Value;
use orz_core::diag::codes;

use super::Check;

/// What the API server lets a ConfigMap hold: keys and values together.
const CONFIG_MAP_BYTES: usize = 1 << 20;
/// etcd takes 1.5 MiB a request; the server adds managed fields of its own.
const OBJECT_BYTES: usize = 1_400_000;
/// What the API server lets all annotations of an object hold.
const ANNOTATION_BYTES: usize = 256 << 10;

pub(super) fn check(check: &mut Check) {
    let object = &check.draft.object;
    let text = |keys: &[&str]| {
        let map = object.at(keys).and_then(Value::as_object);
        map.into_iter()
            .flatten()
            .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
            .sum::<usize>()
    };
    let annotations = text(&["metadata", "annotations"]);
    let data = text(&["data"]) + text(&["binaryData"]);
    // Writing an object only to count its bytes costs as much as emitting it; hardly any comes near the limit.
    let whole = match at_most(object.value()) {
        bound if bound <= OBJECT_BYTES => bound,
        _ => object.value().to_string().len(),
    };
    if object.kind() == "ConfigMap" && data > CONFIG_MAP_BYTES {
        too_large(check, "/data", data, CONFIG_MAP_BYTES);
    } else if whole > OBJECT_BYTES {
        too_large(check, "", whole, OBJECT_BYTES);
    }
    if annotations > ANNOTATION_BYTES {
        too_large(
            check,
            "/metadata/annotations",
            annotations,
            ANNOTATION_BYTES,
        );
    }
}

/// No fewer bytes than the value takes as JSON: every byte of a text may be escaped, as `\u001f`.
fn at_most(value: &Value) -> usize {
    const ESCAPED: usize = 6;
    const QUOTES_AND_COMMA: usize = 4;
    const NUMBER: usize = 32;
    match value {
        Value::String(text) => text.len() * ESCAPED + QUOTES_AND_COMMA,
        Value::Array(items) => {
            QUOTES_AND_COMMA + items.iter().map(|v| 1 + at_most(v)).sum::<usize>()
        }
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| {
                key.len() * ESCAPED + QUOTES_AND_COMMA + at_most(value)
            };
            QUOTES_AND_COMMA + map.iter().map(entry).sum::<usize>()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => NUMBER,
    }
}

fn too_large(check: &mut Check, pointer: &str, found: usize, limit: usize) {
    let message = format!(
        "{} has {found} bytes, and Kubernetes takes {limit}",
        check.draft.object.key()
    );
    check.report(&codes::object::OBJECT_TOO_LARGE, pointer, message);
}
