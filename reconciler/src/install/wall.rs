//! The second wall around what cannot be made again: admission policies of the API server itself.
//!
//! The reconciler may delete objects of the durable kinds, because a tenant that is destroyed has some, and
//! rights by kind cannot say whose. These policies can: whatever goes wrong in the reconciler, or whoever takes
//! its place, a Namespace or a volume that is not a tenant's is never deleted by it.

use orz_core::kinds::{self, KindInfo, Scope};
use orz_core::object::Object;
use serde_json::{Value, json};

use super::Subject;
use super::namespaces::{metadata, object};
use super::rights::NAME;
use crate::apply::mark::MEMBER;

pub(super) const ADMISSION: &str = "admissionregistration.k8s.io";
/// The label of everything that is a tenant's.
const TENANT: &str = "orz.dev/tenant";

/// The policies and their bindings; a binding comes after its policy.
pub(super) fn objects(subject: &Subject) -> Vec<Object> {
    let durable = |scope: Scope| {
        let kinds = kinds::all().iter();
        kinds
            .filter(move |kind| kind.durable && kind.scope == scope)
            .collect::<Vec<_>>()
    };
    // The one durable kind of the cluster: `namespaces` states what holds for its names alone.
    let spaces = durable(Scope::Cluster);
    let things = durable(Scope::Namespaced);
    [
        policy(
            "namespaces",
            subject,
            &spaces,
            &["DELETE", "UPDATE"],
            &namespaces(),
        ),
        policy("durable", subject, &things, &["DELETE"], &durables()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A Namespace is deleted only if it is a tenant's, and none is made a tenant's by a label put on it later.
fn namespaces() -> Value {
    let named = |object: &str| {
        format!(
            "has({object}.metadata.labels) && '{TENANT}' in {object}.metadata.labels && \
             ({object}.metadata.name == {object}.metadata.labels['{TENANT}'] || \
             {object}.metadata.name.startsWith({object}.metadata.labels['{TENANT}'] + '--'))"
        )
    };
    // No tenant has such a name, whatever the labels say.
    let reserved = "oldObject.metadata.name in ['default', 'argocd'] || oldObject.metadata.name.startsWith('kube-') || \
                    oldObject.metadata.name.startsWith('orz-')";
    // What somebody took the label from is put right by its mark; only deleting it is out of the question then.
    let marked =
        format!("has(oldObject.metadata.labels) && '{MEMBER}' in oldObject.metadata.labels");
    let (before, after) = (named("oldObject"), named("object"));
    json!([
        {
            "expression": format!("!({reserved})"),
            "reason": "Forbidden",
            "message": "the reconciler touches no namespace of the cluster or the platform",
        },
        {
            "expression": format!("request.operation != 'DELETE' || ({before})"),
            "reason": "Forbidden",
            "message": format!(
                "the reconciler deletes only namespaces of tenants: label `{TENANT}` must name the tenant whose namespace it is"
            ),
        },
        {
            "expression": format!("request.operation != 'UPDATE' || (({before} || {marked}) && {after})"),
            "reason": "Forbidden",
            "message": format!(
                "the reconciler changes only namespaces of tenants, and not whose they are: see label `{TENANT}`"
            ),
        },
    ])
}

/// A durable object goes only if it and its namespace are the same tenant's.
fn durables() -> Value {
    let own = format!(
        "has(oldObject.metadata.labels) && '{TENANT}' in oldObject.metadata.labels && \
         has(namespaceObject.metadata.labels) && '{TENANT}' in namespaceObject.metadata.labels && \
         oldObject.metadata.labels['{TENANT}'] == namespaceObject.metadata.labels['{TENANT}'] && \
         (namespaceObject.metadata.name == namespaceObject.metadata.labels['{TENANT}'] || \
         namespaceObject.metadata.name.startsWith(namespaceObject.metadata.labels['{TENANT}'] + '--'))"
    );
    json!([{
        "expression": own,
        "reason": "Forbidden",
        "message": format!(
            "the reconciler deletes only what is durable of tenants: label `{TENANT}` of the object and of its namespace must name the tenant"
        ),
    }])
}

/// A policy about what the subject does to these kinds, and its binding. What cannot be evaluated is refused.
fn policy(
    name: &str,
    subject: &Subject,
    kinds: &[&KindInfo],
    operations: &[&str],
    validations: &Value,
) -> [Object; 2] {
    let name = format!("{NAME}-{name}");
    let rules: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            json!({
                "apiGroups": [kind.group], "apiVersions": ["*"], "resources": [kind.plural], "operations": operations,
            })
        })
        .collect();
    let policy = object(json!({
        "apiVersion": format!("{ADMISSION}/v1"),
        "kind": "ValidatingAdmissionPolicy",
        "metadata": metadata(None, &name),
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": rules},
            "matchConditions": [{"name": "by-the-reconciler", "expression": is_subject(subject)}],
            "validations": validations,
        },
    }));
    let binding = object(json!({
        "apiVersion": format!("{ADMISSION}/v1"),
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": metadata(None, &name),
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }));
    [policy, binding]
}

/// Whether a request is the subject's.
fn is_subject(subject: &Subject) -> String {
    match subject {
        Subject::User(name) => format!("request.userInfo.username == {}", text(name)),
        Subject::Group(name) => format!(
            "has(request.userInfo.groups) && {} in request.userInfo.groups",
            text(name)
        ),
        Subject::ServiceAccount { namespace, name } => {
            let user = format!("system:serviceaccount:{namespace}:{name}");
            format!("request.userInfo.username == {}", text(&user))
        }
    }
}

/// A string of the policies' language; what JSON escapes, it escapes in the same way.
fn text(value: &str) -> String {
    json!(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_durable_kind_stands_behind_the_wall() {
        let walls = objects(&Subject::reconciler());
        let names: Vec<&str> = walls.iter().map(Object::name).collect();
        assert_eq!(
            names,
            [
                "orz-reconciler-namespaces",
                "orz-reconciler-namespaces",
                "orz-reconciler-durable",
                "orz-reconciler-durable"
            ]
        );
        for kind in kinds::all().iter().filter(|kind| kind.durable) {
            let stands = walls.iter().any(|wall| {
                let rules = wall.value().pointer("/spec/matchConstraints/resourceRules");
                rules.and_then(Value::as_array).is_some_and(|rules| {
                    rules.iter().any(|rule| {
                        rule["resources"] == json!([kind.plural])
                            && rule["apiGroups"] == json!([kind.group])
                            && rule["operations"][0] == "DELETE"
                    })
                })
            });
            assert!(stands, "{}", kind.kind);
        }
        let cluster_scoped = kinds::all()
            .iter()
            .filter(|kind| kind.durable && kind.scope == Scope::Cluster);
        let kinds: Vec<&str> = cluster_scoped.map(|kind| kind.kind).collect();
        assert_eq!(kinds, ["Namespace"], "the rules about names are theirs");
    }

    #[test]
    fn a_subject_is_recognised_whatever_it_is_called() {
        for (subject, expected) in [
            ("user:orz", r#"request.userInfo.username == "orz""#),
            (r#"user:a"b\c"#, r#"request.userInfo.username == "a\"b\\c""#),
            (
                "group:ops",
                r#"has(request.userInfo.groups) && "ops" in request.userInfo.groups"#,
            ),
            (
                "serviceaccount:orz-system/orz-reconciler",
                r#"request.userInfo.username == "system:serviceaccount:orz-system:orz-reconciler""#,
            ),
        ] {
            let subject: Subject = subject.parse().expect("valid");
            assert_eq!(is_subject(&subject), expected);
        }
    }
}
