//! Whose object it is: the mark that every object of ours carries.
//!
//! The mark is the label by which an ApplySet knows its members, so that other tools see which objects
//! belong together, and with it our entry in `metadata.managedFields`, which only an apply of ours makes:
//! a label alone is copied too easily.

use orz_core::Value;
use orz_core::format::Inventory;
use orz_core::id::{Digest, Part, TenantName};
use serde_json::json;

use super::api::MANAGER;

/// The namespace of the inventories.
pub const NAMESPACE: &str = orz_core::kinds::SYSTEM_NAMESPACE;
/// The label of every member.
pub(crate) const MEMBER: &str = "applyset.kubernetes.io/part-of";

/// The name of the ConfigMap that holds the inventory of a part.
///
/// No part has a `-` in its name, so that two pairs never give the same name.
pub fn inventory_name(tenant: &TenantName, part: Part) -> String {
    format!("inventory-{tenant}-{part}")
}

/// The id of a part as an ApplySet: `applyset-<base64url(sha256(<name>.<namespace>.<kind>.<group>))>-v1`
/// of the object that holds its inventory.
pub(crate) fn id(tenant: &TenantName, part: Part) -> String {
    let parent = format!("{}.{NAMESPACE}.ConfigMap.", inventory_name(tenant, part));
    format!("applyset-{}-v1", base64url(&Digest::of(parent.as_bytes())))
}

/// What the ConfigMap of an inventory carries so that other tools know it as the parent of an ApplySet.
pub(crate) fn parent(inventory: &Inventory) -> (Value, Value) {
    let mut kinds: Vec<String> = inventory
        .objects
        .iter()
        .map(|item| {
            let object = &item.object;
            if object.group.is_empty() {
                object.kind.clone()
            } else {
                format!("{}.{}", object.kind, object.group)
            }
        })
        .collect();
    kinds.sort();
    kinds.dedup();
    let mut namespaces: Vec<&str> = inventory
        .objects
        .iter()
        .filter_map(|i| i.object.namespace.as_deref())
        .filter(|n| *n != NAMESPACE)
        .collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let labels = json!({
        "applyset.kubernetes.io/id": id(&inventory.tenant, inventory.part),
        "app.kubernetes.io/managed-by": MANAGER,
        "orz.dev/tenant": inventory.tenant,
        "orz.dev/part": inventory.part,
    });
    let annotations = json!({
        "applyset.kubernetes.io/tooling": concat!("orz/v", env!("CARGO_PKG_VERSION")),
        "applyset.kubernetes.io/contains-group-kinds": kinds.join(","),
        "applyset.kubernetes.io/additional-namespaces": namespaces.join(","),
    });
    (labels, annotations)
}

/// Whether an object carries the mark `id`.
pub(crate) fn carries(object: &Value, id: &str) -> bool {
    let label = object
        .pointer("/metadata/labels")
        .and_then(|labels| labels.get(MEMBER))
        .and_then(Value::as_str);
    label == Some(id)
        && entries(object)
            .any(|entry| is(entry, "manager", MANAGER) && is(entry, "operation", "Apply"))
}

/// Who else wrote to an object, without those that only report its status.
pub(crate) fn others(object: &Value) -> Vec<String> {
    let mut managers: Vec<String> = entries(object)
        .filter(|entry| entry.get("subresource").is_none())
        .filter_map(|entry| entry.get("manager")?.as_str())
        .filter(|manager| *manager != MANAGER)
        .map(str::to_owned)
        .collect();
    managers.sort();
    managers.dedup();
    managers
}

/// Who changed an object last, without those that only report its status and without us.
pub(crate) fn last_editor(object: &Value) -> String {
    let text = |entry: &Value, field: &str| {
        let text = entry.get(field).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let newest = entries(object)
        .filter(|entry| !is(entry, "subresource", "status") && !is(entry, "manager", MANAGER))
        .max_by_key(|entry| text(entry, "time"));
    match newest.map(|entry| text(entry, "manager")) {
        Some(manager) if !manager.is_empty() => manager,
        _ => "somebody".to_owned(),
    }
}

/// The entries of `metadata.managedFields`.
pub(crate) fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    object
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

pub(crate) fn is(entry: &Value, field: &str, value: &str) -> bool {
    entry.get(field).and_then(Value::as_str) == Some(value)
}

/// Base64 with the alphabet for URLs and without padding, of the 32 bytes of a digest.
fn base64url(digest: &Digest) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: Vec<bool> = digest
        .as_str()
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .flat_map(|digit| (0..4).rev().map(move |bit| digit >> bit & 1 == 1))
        .collect();
    bits.chunks(6)
        .map(|six| {
            let value = (0..6).fold(0, |value, i| {
                value << 1 | usize::from(six.get(i).copied().unwrap_or(false))
            });
            char::from(ALPHABET[value])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf %s inventory-acme-work.orz-system.ConfigMap. | openssl dgst -sha256 -binary | basenc --base64url`
    #[test]
    fn the_id_is_that_of_an_apply_set() {
        let tenant = "acme".parse().expect("valid");
        assert_eq!(
            id(&tenant, Part::Work),
            "applyset-rLDY-YlP8p6vbTr4FDw-UZCVzVs81fFg3Luv6698gdc-v1"
        );
    }

    #[test]
    fn a_copied_label_is_not_our_mark() {
        let id = id(&"acme".parse().expect("valid"), Part::Work);
        let object = |manager: &str, operation: &str| {
            json!({"metadata": {
                "labels": {MEMBER: id},
                "managedFields": [{"manager": manager, "operation": operation}, {"manager": "kubelet", "subresource": "status"}],
            }})
        };
        assert!(carries(&object("orz", "Apply"), &id));
        assert!(!carries(&object("orz", "Apply"), "applyset-other-v1"));
        assert!(!carries(&object("kubectl", "Apply"), &id));
        assert!(!carries(&object("orz", "Update"), &id));
        assert_eq!(others(&object("kubectl", "Apply")), ["kubectl"]);
    }

    #[test]
    fn the_newest_entry_names_the_last_editor() {
        let entry = |manager: &str, time: &str| json!({"manager": manager, "time": time});
        let scale =
            json!({"manager": "kubectl", "subresource": "scale", "time": "2026-01-01T00:00:02Z"});
        let status =
            json!({"manager": "kubelet", "subresource": "status", "time": "2026-01-01T00:00:09Z"});
        let ours = entry(MANAGER, "2026-01-01T00:00:08Z");
        let old = entry("helm", "2026-01-01T00:00:01Z");
        let object = |entries: &[&Value]| json!({"metadata": {"managedFields": entries}});
        assert_eq!(
            last_editor(&object(&[&old, &scale, &status, &ours])),
            "kubectl"
        );
        assert_eq!(last_editor(&object(&[&status, &ours])), "somebody");
    }
}
