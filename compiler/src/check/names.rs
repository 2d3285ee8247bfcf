//! Names, labels and annotations that the API server would refuse.

use orz_core::Value;
use orz_core::diag::codes;

use super::Check;

pub(super) fn check(check: &mut Check) {
    name(check);
    let object = &check.draft.object;
    for keys in [
        &["metadata", "labels"][..],
        &["spec", "template", "metadata", "labels"],
        &["spec", "selector", "matchLabels"],
    ] {
        let Some(labels) = object.at(keys).and_then(Value::as_object) else {
            continue;
        };
        for (key, value) in labels {
            let value = value.as_str();
            if !is_label_key(key) || !value.is_some_and(is_label_value) {
                let shown = value.unwrap_or_default().escape_debug();
                let message = format!(
                    "`{}: {shown}` is not a label that Kubernetes accepts",
                    key.escape_debug()
                );
                let pointer = format!("/{}", keys.join("/"));
                check.report(&codes::object::INVALID_LABEL, &pointer, message);
            }
        }
    }
    if let Some(annotations) = object
        .at(&["metadata", "annotations"])
        .and_then(Value::as_object)
    {
        for (key, value) in annotations {
            if !is_label_key(key) || !value.is_string() {
                let message = format!(
                    "`{}` is not an annotation that Kubernetes accepts",
                    key.escape_debug()
                );
                check.report(
                    &codes::object::INVALID_LABEL,
                    "/metadata/annotations",
                    message,
                );
            }
        }
    }
}

fn name(check: &mut Check) {
    let object = &check.draft.object;
    let (legal, rule): (fn(&str) -> bool, &str) = match (object.group(), object.kind()) {
        ("", "Service" | "Namespace") => (
            is_dns_label,
            "a DNS label: at most 63 lower-case letters, digits and `-`, starting with a letter",
        ),
        ("rbac.authorization.k8s.io", _) => (
            is_path_segment,
            "a path segment: not `.`, `..`, and without `/` or `%`",
        ),
        _ => (
            is_dns_subdomain,
            "a DNS name: at most 253 lower-case letters, digits, `-` and `.`",
        ),
    };
    if !legal(object.name()) {
        let message = format!("{} must be {rule}", object.key().to_string().escape_debug());
        check.report(
            &codes::object::INVALID_OBJECT_NAME,
            "/metadata/name",
            message,
        );
    }
}

/// RFC 1035: what a Service may be called.
pub(super) fn is_dns_label(name: &str) -> bool {
    is_rfc1123_label(name) && name.as_bytes()[0].is_ascii_lowercase()
}

/// RFC 1123: what most names inside an object may be.
pub(super) fn is_rfc1123_label(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// RFC 1123 labels joined by dots.
pub(super) fn is_dns_subdomain(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

fn is_path_segment(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name != "."
        && name != ".."
        && !name.contains(['/', '%'])
}

fn is_label_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => {
            is_dns_subdomain(prefix) && !name.is_empty() && is_label_value(name)
        }
        None => !key.is_empty() && is_label_value(key),
    }
}

/// At most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends; or nothing.
fn is_label_value(value: &str) -> bool {
    let bytes = value.as_bytes();
    let edge = |b: Option<&u8>| b.is_none_or(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && edge(bytes.first())
        && edge(bytes.last())
}
