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
    let text = |pointer: &str| {
        let map = object.value().pointer(pointer).and_then(Value::as_object);
        map.into_iter()
            .flatten()
            .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
            .sum::<usize>()
    };
    let annotations = text("/metadata/annotations");
    let data = text("/data") + text("/binaryData");
    let whole = object.value().to_string().len();
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

fn too_large(check: &mut Check, pointer: &str, found: usize, limit: usize) {
    let message = format!(
        "{} has {found} bytes, and Kubernetes takes {limit}",
        check.draft.object.key()
    );
    check.report(&codes::object::OBJECT_TOO_LARGE, pointer, message);
}
