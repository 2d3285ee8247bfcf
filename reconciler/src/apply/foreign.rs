//! Pure: fields that somebody else added to objects in which nobody else has anything to say.
//!
//! Server-side apply corrects the fields that we state and leaves those that we do not. In most kinds that is
//! right: controllers fill them in. In the kinds below no controller writes anything, and an added field
//! can undo the whole object: `ingress: [{}]` in a policy that denies everything by stating no `ingress`.

use orz_core::Value;
use serde_json::{Map, json};

use super::api::MANAGER;
use super::mark::{entries, is};

/// Kinds in which every field beside the metadata is ours.
const CLOSED: [(&str, &str); 6] = [
    ("", "ConfigMap"),
    ("", "LimitRange"),
    ("", "ResourceQuota"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
];

/// The paths of fields that others own and we do not, sorted; none for kinds that are not closed.
pub(crate) fn fields(live: &Value) -> Vec<Vec<String>> {
    let api_version = live
        .get("apiVersion")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let kind = live.get("kind").and_then(Value::as_str).unwrap_or_default();
    if !CLOSED.contains(&(group, kind)) {
        return Vec::new();
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for entry in entries(live).filter(|entry| entry.get("subresource").is_none()) {
        let into = if is(entry, "manager", MANAGER) {
            &mut ours
        } else {
            &mut theirs
        };
        if let Some(Value::Object(owned)) = entry.get("fieldsV1") {
            leaves(owned, &mut Vec::new(), into);
        }
    }
    theirs.retain(|path| {
        !ours.contains(path) && path[0] != "metadata" && path[0] != "status" && exists(live, path)
    });
    theirs.sort();
    theirs.dedup();
    theirs
}

/// A merge patch that removes them; `None` when there are none.
pub(crate) fn removal(live: &Value) -> Option<Value> {
    let paths = fields(live);
    if paths.is_empty() {
        return None;
    }
    let mut patch = json!({});
    for path in paths {
        let mut at = &mut patch;
        for name in path {
            at = &mut at[name.as_str()];
        }
        *at = Value::Null;
    }
    Some(patch)
}

/// The fields of a managed set, down to where it stops naming fields: lists are taken whole, because a
/// merge patch can do no less.
fn leaves(owned: &Map<String, Value>, path: &mut Vec<String>, into: &mut Vec<Vec<String>>) {
    let mut is_leaf = true;
    for (key, below) in owned {
        let Some(name) = key.strip_prefix("f:") else {
            continue;
        };
        is_leaf = false;
        path.push(name.to_owned());
        match below {
            Value::Object(below) => leaves(below, path, into),
            _ => into.push(path.clone()),
        }
        path.pop();
    }
    if is_leaf && !path.is_empty() {
        into.push(path.clone());
    }
}

fn exists(live: &Value, path: &[String]) -> bool {
    path.iter()
        .try_fold(live, |at, name| at.get(name))
        .is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(spec: &Value, theirs: &Value) -> Value {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "default-deny", "managedFields": [
                {"manager": "orz", "operation": "Apply", "fieldsV1": {"f:spec": {"f:podSelector": {}, "f:policyTypes": {}}}},
                {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": theirs},
            ]},
            "spec": spec,
        })
    }

    #[test]
    fn a_hole_in_a_policy() {
        let opened = policy(
            &json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}),
            &json!({"f:spec": {"f:ingress": {}}, "f:metadata": {"f:labels": {"f:x": {}}}}),
        );
        assert_eq!(fields(&opened), [["spec", "ingress"]]);
        assert_eq!(removal(&opened), Some(json!({"spec": {"ingress": null}})));
    }

    #[test]
    fn what_we_own_too_is_not_foreign() {
        let shared = policy(
            &json!({"podSelector": {}}),
            &json!({"f:spec": {"f:podSelector": {}}}),
        );
        assert_eq!(removal(&shared), None);
    }

    #[test]
    fn other_kinds_are_open() {
        let mut service = policy(&json!({"x": 1}), &json!({"f:spec": {"f:x": {}}}));
        service["apiVersion"] = json!("v1");
        service["kind"] = json!("Service");
        assert_eq!(removal(&service), None);
        service["kind"] = json!("ConfigMap");
        assert_eq!(removal(&service), Some(json!({"spec": {"x": null}})));
    }
}
