//! The rights of the reconciler: exactly the kinds of the kind table, and its inventories.

use std::collections::BTreeMap;

use orz_core::kinds;
use orz_core::object::Object;
use serde_json::{Value, json};

use super::Subject;
use super::namespaces::{metadata, object};
use crate::apply::NAMESPACE;

/// The name of the reconciler and of everything that belongs to it.
pub(super) const NAME: &str = "orz-reconciler";
const RBAC: &str = "rbac.authorization.k8s.io";

/// Who writes the objects of releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    /// The reconciler.
    Us,
    /// Argo CD, under rights of its own.
    ArgoCd,
}

pub(super) fn objects(subject: &Subject, writer: Writer) -> Vec<Object> {
    let mut objects = Vec::new();
    if let Subject::ServiceAccount { namespace, name } = subject
        && namespace == NAMESPACE
    {
        objects.push(object(json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(Some(namespace), name),
        })));
    }
    let version = format!("{RBAC}/v1");
    objects.push(object(json!({
        "apiVersion": version, "kind": "ClusterRole", "metadata": metadata(None, NAME), "rules": cluster_rules(writer),
    })));
    objects.push(object(json!({
        "apiVersion": version, "kind": "ClusterRoleBinding", "metadata": metadata(None, NAME),
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": NAME}, "subjects": [subject_value(subject)],
    })));
    // Inventories are written as a whole, on the condition that they are as they were read, and removed with
    // the last object of a part.
    // Leases say which replica follows which tenants, where there are several.
    let rules = [
        rule("", &["configmaps"], &["get", "create", "update", "delete"]),
        rule(
            "coordination.k8s.io",
            &["leases"],
            &["list", "create", "update", "delete"],
        ),
    ];
    objects.push(role(&metadata(Some(NAMESPACE), NAME), &rules));
    objects.push(role_binding(&metadata(Some(NAMESPACE), NAME), subject));
    objects
}

pub(super) fn role(metadata: &Value, rules: &[Value]) -> Object {
    object(json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "Role", "metadata": metadata, "rules": rules,
    }))
}

/// Binds the Role of the same name.
pub(super) fn role_binding(metadata: &Value, subject: &Subject) -> Object {
    object(json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": NAME}, "subjects": [subject_value(subject)],
    }))
}

/// What a release may hold, the reconciler may read, apply and delete. Rights by kind cannot say whose object it
/// is: what is durable stands behind a second wall (`wall`), and only what is a tenant's passes it.
///
/// `escalate` and `bind`: Kubernetes lets nobody grant what they do not hold, and the roles of tenants grant
/// what the reconciler itself has no use for (reading logs, reading the tenant's Secret). Holding all of
/// that would be far more than being allowed to hand it out: which roles may be handed out is checked
/// before anything is applied (`orz_core::kinds::allowed_object`). `bind` is on Roles alone, so that no
/// ClusterRole can be bound.
///
/// `watch`: a hand edit is to be found at once.
///
/// Where Argo CD writes the objects, reading and deleting them is enough: a field that cannot be changed needs a
/// new object, and Argo CD does not make way for one; and what is durable it is told to leave alone.
fn cluster_rules(writer: Writer) -> Vec<Value> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for kind in kinds::all().iter().filter(|kind| !kind.parts.is_empty()) {
        groups.entry(kind.group).or_default().push(kind.plural);
    }
    let mut rules: Vec<Value> = groups
        .into_iter()
        .map(|(group, mut plurals)| {
            plurals.sort_unstable();
            let mut verbs = vec!["get", "list"];
            if writer == Writer::Us {
                verbs.extend(["watch", "create", "patch"]);
            }
            verbs.push("delete");
            rule(group, &plurals, &verbs)
        })
        .collect();
    if writer == Writer::Us {
        rules.push(rule(RBAC, &["roles"], &["escalate", "bind"]));
    }
    // Whether a volume that waits for its first pod is healthy is said by its class.
    rules.push(rule("storage.k8s.io", &["storageclasses"], &["list"]));
    // Why a workload is not healthy is said by its pods, and by events about both.
    rules.push(rule("", &["pods", "events"], &["list"]));
    rules
}

pub(super) fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
}

fn subject_value(subject: &Subject) -> Value {
    match subject {
        Subject::User(name) => json!({"apiGroup": RBAC, "kind": "User", "name": name}),
        Subject::Group(name) => json!({"apiGroup": RBAC, "kind": "Group", "name": name}),
        Subject::ServiceAccount { namespace, name } => {
            json!({"kind": "ServiceAccount", "namespace": namespace, "name": name})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_release_holds_and_nothing_else() {
        let may_under = |writer: Writer, verb: &str, resource: &str| {
            let rules = cluster_rules(writer);
            assert!(!json!(rules).to_string().contains('*'));
            rules.iter().any(|rule| {
                let has = |field: &str, value: &str| {
                    rule[field]
                        .as_array()
                        .is_some_and(|l| l.contains(&json!(value)))
                };
                has("verbs", verb) && has("resources", resource)
            })
        };
        let may = |verb: &str, resource: &str| may_under(Writer::Us, verb, resource);
        assert!(may("patch", "persistentvolumeclaims") && may("delete", "persistentvolumeclaims"));
        assert!(may("patch", "namespaces") && may("delete", "namespaces"));
        assert!(!may("delete", "persistentvolumes") && !may("deletecollection", "namespaces"));
        assert!(
            may("delete", "deployments")
                && may("escalate", "roles")
                && !may("escalate", "rolebindings")
        );
        assert!(!may("get", "secrets"), "a release holds no Secret");
        let may = |verb: &str, resource: &str| may_under(Writer::ArgoCd, verb, resource);
        assert!(may("list", "deployments") && may("delete", "deployments"));
        assert!(!may("patch", "deployments") && !may("create", "roles"));
        assert!(!may("escalate", "roles") && !may("patch", "namespaces"));
    }
}
