//! What an object may say where its kind, place and name alone do not make it harmless: RBAC, Jobs, and what
//! reaches beyond the tenant.

use crate::Value;
use crate::format::ReconcilerSettings;
use crate::id::{Part, TenantName};
use crate::jobs;
use crate::object::Object;

use super::allowed::{NotAllowed, SECRETS_NAMESPACE, allowed};
use super::{find, reach};

const RBAC: &str = "rbac.authorization.k8s.io";
const READ_VERBS: [&str; 3] = ["get", "list", "watch"];
/// Verbs by which a Role would give more than it holds itself.
const ESCALATING_VERBS: [&str; 4] = ["*", "bind", "escalate", "impersonate"];
/// What fences a tenant in; its roles may look at these and no more. `*`: the whole group.
const FENCES: &[(&str, &str)] = &[
    (RBAC, "*"),
    ("", "resourcequotas"),
    ("", "limitranges"),
    ("networking.k8s.io", "networkpolicies"),
    // A Role of a namespace reaches the Namespace itself, and with it the label of its pods' sandbox.
    ("", "namespaces"),
    // What these may say is checked in a release; written past it, they could name any host or store.
    ("gateway.networking.k8s.io", "*"),
    ("gateway.envoyproxy.io", "*"),
    ("external-secrets.io", "*"),
];

/// Whether a release of `part` of `tenant` may hold this object: [`allowed`], and the content of
/// what could hand out rights.
///
/// - A Role in [`SECRETS_NAMESPACE`] grants `get` on the Secret with the tenant's name, and nothing
///   else; the RoleBinding there binds that Role to ServiceAccounts of the tenant's namespaces.
/// - A RoleBinding refers to a Role of its own namespace, never to a ClusterRole, and binds neither
///   ServiceAccounts of other tenants nor the users and groups that Kubernetes itself defines
///   (`system:…`).
/// - A Role holds no verb that gives more than the Role itself, and only reads what fences the
///   tenant in: RBAC, quota, limits, network policies, the Namespace itself, routes and secret stores.
/// - A Job is a release job ([`crate::jobs`]): named by what it runs, kept by every engine, without an end
///   after which it would run again.
/// - The ConfigMap of the platform's part holds settings that the reconciler can read.
/// - Nothing reaches beyond the tenant: a Namespace stays restricted, a Service inside its namespace, secrets
///   come from the tenant's stores, and requests by hostnames that the route names.
pub fn allowed_object(part: Part, tenant: &TenantName, object: &Object) -> Result<(), NotAllowed> {
    allowed(
        part,
        tenant,
        object.group(),
        object.kind(),
        object.namespace(),
        object.name(),
    )?;
    let value = object.value();
    let in_secrets = object.namespace() == Some(SECRETS_NAMESPACE);
    let (kind, checked) = match (object.group(), object.kind()) {
        (RBAC, "Role") if in_secrets => ("Role", secrets_role(tenant, value)),
        (RBAC, "Role") => ("Role", role(value)),
        (RBAC, "RoleBinding") => ("RoleBinding", role_binding(tenant, value, in_secrets)),
        ("batch", "Job") => ("Job", jobs::check(object)),
        ("", "ConfigMap") if part == Part::Platform => (
            "ConfigMap",
            ReconcilerSettings::from_object(object).map(drop),
        ),
        _ => {
            let info = find(object.group(), object.kind());
            (info.map_or("object", |info| info.kind), Ok(()))
        }
    };
    let checked = checked.and_then(|()| reach::check(tenant, object));
    checked.map_err(|reason| NotAllowed::Content {
        kind,
        name: object.name().to_owned(),
        reason,
    })
}

fn secrets_role(tenant: &TenantName, value: &Value) -> Result<(), String> {
    let expected = serde_json::json!([{
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": [tenant.as_str()],
        "verbs": ["get"],
    }]);
    if value.get("rules") == Some(&expected) {
        Ok(())
    } else {
        Err(format!(
            "`rules` may only grant `get` on the Secret `{tenant}`"
        ))
    }
}

fn role(value: &Value) -> Result<(), String> {
    if value.get("aggregationRule").is_some() {
        return Err("`aggregationRule` belongs to a ClusterRole".to_owned());
    }
    for (i, rule) in list(value, "rules", "rules")?.iter().enumerate() {
        let at = |field: &str| format!("rules[{i}].{field}");
        if rule.get("nonResourceURLs").is_some() {
            return Err(format!(
                "`{}` belongs to a ClusterRole",
                at("nonResourceURLs")
            ));
        }
        let verbs = texts(rule, "verbs", &at("verbs"))?;
        let groups = texts(rule, "apiGroups", &at("apiGroups"))?;
        let resources = texts(rule, "resources", &at("resources"))?;
        if let Some(verb) = verbs.iter().find(|verb| ESCALATING_VERBS.contains(verb)) {
            return Err(format!("`{}` may not hold `{verb}`", at("verbs")));
        }
        let Some(verb) = verbs.iter().find(|verb| !READ_VERBS.contains(verb)) else {
            continue;
        };
        for (group, resource) in FENCES {
            let covers = |texts: &[&str], wanted: &str| {
                texts.iter().any(|text| *text == "*" || *text == wanted)
            };
            // `networkpolicies/status` is guarded with what it belongs to, `*/scale` with everything.
            let reaches = resources.iter().any(|text| {
                let text = text.split('/').next().unwrap_or_default();
                *resource == "*" || text == "*" || text == *resource
            });
            if covers(&groups, group) && reaches {
                let what = if *resource == "*" { *group } else { *resource };
                return Err(format!(
                    "`rules[{i}]` may only read `{what}`, not `{}` it",
                    verb.escape_debug()
                ));
            }
        }
    }
    Ok(())
}

fn role_binding(tenant: &TenantName, value: &Value, in_secrets: bool) -> Result<(), String> {
    let text = |pointer: &str| {
        value
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    if text("/roleRef/apiGroup") != RBAC || text("/roleRef/kind") != "Role" {
        return Err("`roleRef` must name a Role of the same namespace".to_owned());
    }
    if in_secrets && text("/roleRef/name") != tenant.as_str() {
        return Err(format!("`roleRef` must name the Role `{tenant}`"));
    }
    for (i, subject) in list(value, "subjects", "subjects")?.iter().enumerate() {
        let text = |field: &str| {
            subject
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        match (text("kind"), text("apiGroup")) {
            ("ServiceAccount", "") => {
                if !tenant.owns_namespace(text("namespace")) {
                    return Err(format!(
                        "`subjects[{i}]` is a ServiceAccount outside the namespaces of `{tenant}`"
                    ));
                }
            }
            ("User" | "Group", RBAC) if in_secrets => {
                return Err(format!("`subjects[{i}]` must be a ServiceAccount"));
            }
            ("User" | "Group", RBAC) => {
                let name = text("name");
                if name.is_empty() || name.starts_with("system:") {
                    return Err(format!(
                        "`subjects[{i}]` may not be `{}`",
                        name.escape_debug()
                    ));
                }
            }
            _ => {
                return Err(format!(
                    "`subjects[{i}]` is neither a ServiceAccount nor a User or Group"
                ));
            }
        }
    }
    Ok(())
}

/// A list that may be absent.
fn list<'a>(value: &'a Value, field: &str, at: &str) -> Result<&'a [Value], String> {
    match value.get(field) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(format!("`{at}` is not a list")),
    }
}

/// A list of texts that may be absent. Anything else is refused: what is not read is not checked.
fn texts<'a>(value: &'a Value, field: &str, at: &str) -> Result<Vec<&'a str>, String> {
    list(value, field, at)?
        .iter()
        .map(|item| {
            item.as_str()
                .ok_or_else(|| format!("`{at}` holds something that is not text"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(
        part: Part,
        kind: &str,
        namespace: &str,
        name: &str,
        content: Value,
    ) -> Option<String> {
        let mut value = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": kind,
            "metadata": { "name": name, "namespace": namespace },
        });
        let Value::Object(content) = content else {
            panic!("content is a map")
        };
        value.as_object_mut().expect("a map").extend(content);
        let object = Object::new(value).expect("an object");
        let tenant = "acme".parse().expect("valid");
        allowed_object(part, &tenant, &object)
            .err()
            .map(|e| e.to_string())
    }

    #[test]
    fn the_platforms_config_map_must_be_readable_and_a_tenants_is_its_own_affair() {
        let object = |namespace: &str, data: Value| {
            Object::new(json!({
                "apiVersion": "v1", "kind": "ConfigMap", "data": data,
                "metadata": {"name": ReconcilerSettings::NAME, "namespace": namespace},
            }))
            .expect("an object")
        };
        let found = |tenant: &str, part, object: &Object| {
            allowed_object(part, &tenant.parse().expect("valid"), object)
                .err()
                .map(|e| e.to_string())
        };
        let odd = json!({"reconciler.json": "{}"});
        let settings = r#"{"apiVersion": "orz.dev/v1", "kind": "ReconcilerSettings", "soak": "2m", "deadline": "10m",
            "brake": {"window": "10m", "min": 5, "percent": 5}, "driftInterval": "1m", "statusInterval": "1m"}"#;
        let good = object("orz-system", json!({"reconciler.json": settings}));
        assert_eq!(found("orz-platform", Part::Platform, &good), None);
        let refused = found(
            "orz-platform",
            Part::Platform,
            &object("orz-system", odd.clone()),
        );
        assert!(refused.is_some_and(|said| {
            said.starts_with("ConfigMap `orz-reconciler-settings`: `data[reconciler.json]`")
        }),);
        assert_eq!(found("acme", Part::Work, &object("acme", odd)), None);
        assert!(found("acme", Part::Work, &good).is_some());
    }

    #[test]
    fn a_role_gives_no_more_than_it_holds() {
        let rule = |groups: &[&str], resources: &[&str], verbs: &[&str]| json!({ "rules": [{ "apiGroups": groups, "resources": resources, "verbs": verbs }] });
        for (content, expected) in [
            (
                rule(&[""], &["configmaps", "pods/log"], &["get", "patch"]),
                None,
            ),
            (
                rule(
                    &["apps", "batch"],
                    &["*"],
                    &["get", "list", "watch", "delete"],
                ),
                None,
            ),
            (rule(&["*"], &["*"], &["get"]), None),
            (json!({}), None),
            (
                rule(&[""], &["pods"], &["*"]),
                Some("`rules[0].verbs` may not hold `*`"),
            ),
            (
                rule(&[RBAC], &["roles"], &["bind"]),
                Some("`rules[0].verbs` may not hold `bind`"),
            ),
            (
                rule(&[""], &["users"], &["impersonate"]),
                Some("`rules[0].verbs` may not hold `impersonate`"),
            ),
            (
                rule(&["*"], &["roles"], &["create"]),
                Some("`rules[0]` may only read `rbac.authorization.k8s.io`, not `create` it"),
            ),
            (
                rule(&["", "apps"], &["*"], &["delete"]),
                Some("`rules[0]` may only read `resourcequotas`, not `delete` it"),
            ),
            (
                rule(
                    &["networking.k8s.io"],
                    &["networkpolicies"],
                    &["get", "patch"],
                ),
                Some("`rules[0]` may only read `networkpolicies`, not `patch` it"),
            ),
            (
                rule(&[""], &["namespaces"], &["patch"]),
                Some("`rules[0]` may only read `namespaces`, not `patch` it"),
            ),
            (
                rule(&["gateway.networking.k8s.io"], &["httproutes"], &["create"]),
                Some("`rules[0]` may only read `gateway.networking.k8s.io`, not `create` it"),
            ),
            (
                rule(&[""], &["*/status"], &["update"]),
                Some("`rules[0]` may only read `resourcequotas`, not `update` it"),
            ),
            (
                json!({ "rules": { "a": 1 } }),
                Some("`rules` is not a list"),
            ),
            (
                json!({ "rules": [{ "verbs": [1] }] }),
                Some("`rules[0].verbs` holds something that is not text"),
            ),
            (
                json!({ "rules": [{ "verbs": ["get"], "nonResourceURLs": ["/"] }] }),
                Some("`rules[0].nonResourceURLs` belongs to a ClusterRole"),
            ),
        ] {
            let found = check(Part::Work, "Role", "acme", "reader", content.clone());
            assert_eq!(
                found,
                expected.map(|e| format!("Role `reader`: {e}")),
                "{content}"
            );
        }
    }

    #[test]
    fn a_binding_stays_inside_the_tenant() {
        let binding = |kind: &str, subject: Value| {
            json!({
                "roleRef": { "apiGroup": RBAC, "kind": kind, "name": "reader" },
                "subjects": [subject],
            })
        };
        let account = |namespace: &str| json!({ "kind": "ServiceAccount", "name": "web", "namespace": namespace });
        let group = |name: &str| json!({ "kind": "Group", "apiGroup": RBAC, "name": name });
        for (content, expected) in [
            (binding("Role", account("acme--shop")), None),
            (binding("Role", group("oidc:support")), None),
            (
                binding("ClusterRole", account("acme")),
                Some("`roleRef` must name a Role of the same namespace"),
            ),
            (
                json!({}),
                Some("`roleRef` must name a Role of the same namespace"),
            ),
            (
                binding("Role", account("other")),
                Some("`subjects[0]` is a ServiceAccount outside the namespaces of `acme`"),
            ),
            (
                binding("Role", json!({ "kind": "ServiceAccount", "name": "web" })),
                Some("`subjects[0]` is a ServiceAccount outside the namespaces of `acme`"),
            ),
            (
                binding("Role", group("system:authenticated")),
                Some("`subjects[0]` may not be `system:authenticated`"),
            ),
            (
                binding("Role", json!({ "kind": "Robot", "name": "x" })),
                Some("`subjects[0]` is neither a ServiceAccount nor a User or Group"),
            ),
        ] {
            let found = check(Part::Work, "RoleBinding", "acme", "b", content.clone());
            assert_eq!(
                found,
                expected.map(|e| format!("RoleBinding `b`: {e}")),
                "{content}"
            );
        }
    }

    #[test]
    fn the_way_to_the_tenants_secret_is_exactly_one() {
        let role = |resources: &[&str], names: &[&str], verbs: &[&str]| {
            json!({ "rules": [{
                "apiGroups": [""], "resources": resources, "resourceNames": names, "verbs": verbs,
            }] })
        };
        let refused =
            Some("Role `acme`: `rules` may only grant `get` on the Secret `acme`".to_owned());
        for (content, expected) in [
            (role(&["secrets"], &["acme"], &["get"]), None),
            (role(&["secrets"], &["other"], &["get"]), refused.clone()),
            (
                role(&["secrets"], &["acme", "other"], &["get"]),
                refused.clone(),
            ),
            (role(&["secrets"], &[], &["get"]), refused.clone()),
            (
                role(&["secrets"], &["acme"], &["get", "list"]),
                refused.clone(),
            ),
            (
                role(&["secrets", "configmaps"], &["acme"], &["get"]),
                refused.clone(),
            ),
            (json!({ "rules": [] }), refused),
        ] {
            let found = check(
                Part::Tenancy,
                "Role",
                SECRETS_NAMESPACE,
                "acme",
                content.clone(),
            );
            assert_eq!(found, expected, "{content}");
        }

        let binding = |role: &str, subject: Value| json!({ "roleRef": { "apiGroup": RBAC, "kind": "Role", "name": role }, "subjects": [subject] });
        let store = json!({ "kind": "ServiceAccount", "name": "secrets", "namespace": "acme" });
        let person = json!({ "kind": "User", "apiGroup": RBAC, "name": "eve" });
        for (content, expected) in [
            (binding("acme", store.clone()), None),
            (
                binding("other", store),
                Some("RoleBinding `acme`: `roleRef` must name the Role `acme`"),
            ),
            (
                binding("acme", person),
                Some("RoleBinding `acme`: `subjects[0]` must be a ServiceAccount"),
            ),
        ] {
            let found = check(
                Part::Tenancy,
                "RoleBinding",
                SECRETS_NAMESPACE,
                "acme",
                content.clone(),
            );
            assert_eq!(found.as_deref(), expected, "{content}");
        }
    }
}
