//! What an object may say where its content would reach beyond the tenant: other namespaces, nodes, addresses
//! of the cluster, stores of other tenants.
//!
//! This is no list of good practice: policies say what a tenant should do. Here stands what no release says,
//! because it would be taken from somebody else.

use serde_json::Map;

use crate::Value;
use crate::id::TenantName;
use crate::object::Object;

use super::allowed::SECRETS_NAMESPACE;

const ESO: &str = "external-secrets.io";
const GATEWAY: &str = "gateway.networking.k8s.io";
const ENVOY: &str = "gateway.envoyproxy.io";

/// Label of a Namespace by which everything else knows whose it is.
const TENANT: &str = "orz.dev/tenant";
/// Label of a Namespace by which the API server refuses pods that could leave their sandbox.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
const RESTRICTED: &str = "restricted";
/// Providers of secrets whose address and login the platform chooses.
const PROVIDERS: [&str; 3] = ["aws", "kubernetes", "vault"];

/// What in this object reaches beyond its tenant, in words, with the path.
pub(super) fn check(tenant: &TenantName, object: &Object) -> Result<(), String> {
    let value = object.value();
    for field in ["finalizers", "ownerReferences"] {
        if is_there(value, &format!("/metadata/{field}")) {
            return Err(format!("`metadata.{field}` belongs to controllers"));
        }
    }
    match (object.group(), object.kind()) {
        ("", "Namespace") => namespace(tenant, value),
        ("", "Service") => service(value),
        ("", "PersistentVolumeClaim") => claim(value),
        (ESO, "SecretStore") => secret_store(tenant, value),
        (ESO, "ExternalSecret") => stores(value.get("spec"), "spec"),
        (GATEWAY, "HTTPRoute") => route(tenant, value),
        (ENVOY, "Backend") => backend(value),
        _ => Ok(()),
    }
}

fn namespace(tenant: &TenantName, value: &Value) -> Result<(), String> {
    for (label, expected) in [(TENANT, tenant.as_str()), (ENFORCE, RESTRICTED)] {
        let found = value
            .pointer("/metadata/labels")
            .and_then(|labels| labels.get(label))
            .and_then(Value::as_str);
        if found != Some(expected) {
            return Err(format!("label `{label}` must be `{expected}`"));
        }
    }
    Ok(())
}

/// A Service on the address of another one, of a node or of the internet takes what is meant for that.
fn service(value: &Value) -> Result<(), String> {
    let kind = value.pointer("/spec/type").and_then(Value::as_str);
    if is_there(value, "/spec/type") && kind != Some("ClusterIP") {
        return Err("`spec.type` must be `ClusterIP`".to_owned());
    }
    for field in ["externalIPs", "externalName"] {
        if is_there(value, &format!("/spec/{field}")) {
            return Err(format!("`spec.{field}` is outside of the namespace"));
        }
    }
    Ok(())
}

fn claim(value: &Value) -> Result<(), String> {
    if is_there(value, "/spec/volumeName") {
        return Err("`spec.volumeName` could be the volume of another tenant".to_owned());
    }
    if is_there(value, "/spec/dataSourceRef/namespace") {
        return Err("`spec.dataSourceRef.namespace` is outside of the namespace".to_owned());
    }
    Ok(())
}

fn secret_store(tenant: &TenantName, value: &Value) -> Result<(), String> {
    let empty = Map::new();
    let providers = value
        .pointer("/spec/provider")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    if let Some(other) = providers.keys().find(|p| !PROVIDERS.contains(&p.as_str())) {
        return Err(format!(
            "`spec.provider` may not be `{}`",
            other.escape_debug()
        ));
    }
    let Some(kubernetes) = providers.get("kubernetes") else {
        return Ok(());
    };
    let remote = kubernetes.get("remoteNamespace").and_then(Value::as_str);
    if !remote.is_some_and(|name| name == SECRETS_NAMESPACE || tenant.owns_namespace(name)) {
        return Err(format!(
            "`spec.provider.kubernetes.remoteNamespace` must be a namespace of `{tenant}`, or `{SECRETS_NAMESPACE}`"
        ));
    }
    if is_there(kubernetes, "/server/url") {
        return Err(
            "`spec.provider.kubernetes.server.url` would get the token of the store".to_owned(),
        );
    }
    Ok(())
}

/// No reference to what all tenants share, however deep: stores and generators of the whole cluster.
fn stores(value: Option<&Value>, at: &str) -> Result<(), String> {
    match value {
        Some(Value::Object(map)) => map.iter().try_for_each(|(key, value)| {
            let at = format!("{at}.{}", key.escape_debug());
            let kind = value.get("kind").and_then(Value::as_str);
            let shared = match key.as_str() {
                "secretStoreRef" | "storeRef" => kind.is_some_and(|kind| kind != "SecretStore"),
                "generatorRef" => kind == Some("ClusterGenerator"),
                _ => false,
            };
            if shared {
                return Err(format!("`{at}` must be of the namespace"));
            }
            stores(Some(value), &at)
        }),
        Some(Value::Array(items)) => items
            .iter()
            .enumerate()
            .try_for_each(|(i, item)| stores(Some(item), &format!("{at}[{i}]"))),
        _ => Ok(()),
    }
}

/// A route without hostnames, or with a wildcard, takes the requests of all who share the Gateway.
fn route(tenant: &TenantName, value: &Value) -> Result<(), String> {
    let hostnames = value.pointer("/spec/hostnames").and_then(Value::as_array);
    let named = hostnames.is_some_and(|names| {
        let is_name = |name: &Value| {
            name.as_str()
                .is_some_and(|n| !n.is_empty() && !n.contains('*'))
        };
        !names.is_empty() && names.iter().all(is_name)
    });
    if !named {
        return Err("`spec.hostnames` must name each hostname".to_owned());
    }
    backends(tenant, value.pointer("/spec/rules"), "spec.rules")
}

/// Requests go to the tenant's own namespaces, also copies of them.
fn backends(tenant: &TenantName, value: Option<&Value>, at: &str) -> Result<(), String> {
    match value {
        Some(Value::Object(map)) => map.iter().try_for_each(|(key, value)| {
            let at = format!("{at}.{}", key.escape_debug());
            let refs = match (key.as_str(), value) {
                ("backendRefs", Value::Array(refs)) => refs.as_slice(),
                ("backendRef", one) => std::slice::from_ref(one),
                _ => &[],
            };
            let foreign = |one: &Value| {
                one.get("namespace")
                    .is_some_and(|name| !name.as_str().is_some_and(|n| tenant.owns_namespace(n)))
            };
            if refs.iter().any(foreign) {
                return Err(format!("`{at}` is outside of the namespaces of `{tenant}`"));
            }
            backends(tenant, Some(value), &at)
        }),
        Some(Value::Array(items)) => items
            .iter()
            .enumerate()
            .try_for_each(|(i, item)| backends(tenant, Some(item), &format!("{at}[{i}]"))),
        _ => Ok(()),
    }
}

/// The proxies that reach a Backend stand in a namespace of the platform: an address would be one that
/// they see, and a resolver any.
fn backend(value: &Value) -> Result<(), String> {
    let kind = value.pointer("/spec/type").and_then(Value::as_str);
    if is_there(value, "/spec/type") && kind != Some("Endpoints") {
        return Err("`spec.type` must be `Endpoints`".to_owned());
    }
    let endpoints = value.pointer("/spec/endpoints").and_then(Value::as_array);
    for (i, endpoint) in endpoints.into_iter().flatten().enumerate() {
        let by_name = endpoint.get("fqdn").is_some()
            && !["ip", "unix"].iter().any(|k| endpoint.get(*k).is_some());
        if !by_name {
            return Err(format!("`spec.endpoints[{i}]` must be a name, as `fqdn`"));
        }
    }
    Ok(())
}

/// Whether anything stands at `pointer`: what is empty says nothing.
fn is_there(value: &Value, pointer: &str) -> bool {
    match value.pointer(pointer) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::id::Part;
    use crate::kinds::allowed_object;

    /// What is said about an object of tenant `acme` with this content.
    fn said(part: Part, version: &str, kind: &str, content: &Value) -> Option<String> {
        let mut metadata = json!({ "name": "acme", "namespace": "acme" });
        if kind == "Namespace" {
            metadata = json!({ "name": "acme" });
        }
        let mut value = json!({ "apiVersion": version, "kind": kind, "metadata": metadata });
        for (key, found) in content.as_object().expect("a map") {
            match (key.as_str(), found) {
                ("metadata", Value::Object(more)) => {
                    let metadata = value["metadata"].as_object_mut().expect("a map");
                    metadata.extend(more.clone());
                }
                _ => value[key] = found.clone(),
            }
        }
        let object = Object::new(value).expect("an object");
        let tenant = "acme".parse().expect("valid");
        allowed_object(part, &tenant, &object)
            .err()
            .map(|e| e.to_string())
    }

    fn each(part: Part, version: &str, kind: &str, cases: &[(Value, Option<&str>)]) {
        for (content, expected) in cases {
            let name = format!("{kind} `acme`: ");
            let expected = expected.map(|reason| name + reason);
            assert_eq!(said(part, version, kind, content), expected, "{content}");
        }
    }

    #[test]
    fn a_namespace_says_whose_it_is_and_stays_restricted() {
        let labels = |tenant: &str, level: &str| json!({ "metadata": { "labels": { TENANT: tenant, ENFORCE: level } } });
        let restricted = Some("label `pod-security.kubernetes.io/enforce` must be `restricted`");
        let tenant = Some("label `orz.dev/tenant` must be `acme`");
        each(
            Part::Tenancy,
            "v1",
            "Namespace",
            &[
                (labels("acme", "restricted"), None),
                (labels("acme", "privileged"), restricted),
                (labels("acme", "baseline"), restricted),
                (
                    json!({ "metadata": { "labels": { TENANT: "acme" } } }),
                    restricted,
                ),
                (labels("other", "restricted"), tenant),
                (json!({}), tenant),
            ],
        );
    }

    #[test]
    fn a_service_stays_inside_its_namespace() {
        let spec = |spec: Value| json!({ "spec": spec });
        let kind = Some("`spec.type` must be `ClusterIP`");
        each(
            Part::Work,
            "v1",
            "Service",
            &[
                (spec(json!({ "ports": [] })), None),
                (
                    spec(json!({ "type": "ClusterIP", "externalIPs": [] })),
                    None,
                ),
                (spec(json!({ "type": "LoadBalancer" })), kind),
                (spec(json!({ "type": "NodePort" })), kind),
                (
                    spec(json!({ "type": "ExternalName", "externalName": "x.org" })),
                    kind,
                ),
                (spec(json!({ "type": 1 })), kind),
                (
                    spec(json!({ "externalIPs": ["10.0.0.1"] })),
                    Some("`spec.externalIPs` is outside of the namespace"),
                ),
            ],
        );
    }

    #[test]
    fn a_claim_takes_no_volume_of_others() {
        let spec = |spec: Value| json!({ "spec": spec });
        each(
            Part::Data,
            "v1",
            "PersistentVolumeClaim",
            &[
                (spec(json!({ "storageClassName": "standard" })), None),
                (
                    spec(json!({ "volumeName": "pv-1" })),
                    Some("`spec.volumeName` could be the volume of another tenant"),
                ),
                (
                    spec(json!({ "dataSourceRef": { "name": "x", "namespace": "other" } })),
                    Some("`spec.dataSourceRef.namespace` is outside of the namespace"),
                ),
            ],
        );
    }

    #[test]
    fn secrets_come_from_stores_of_the_tenant() {
        let store = |provider: Value| json!({ "spec": { "provider": provider } });
        let remote = |name: &str| store(json!({ "kubernetes": { "remoteNamespace": name } }));
        let foreign = Some(
            "`spec.provider.kubernetes.remoteNamespace` must be a namespace of `acme`, or `orz-secrets`",
        );
        each(
            Part::Tenancy,
            "external-secrets.io/v1",
            "SecretStore",
            &[
                (remote("acme--shop"), None),
                (remote("orz-secrets"), None),
                (store(json!({ "vault": { "path": "kv" } })), None),
                (remote("other"), foreign),
                (store(json!({ "kubernetes": {} })), foreign),
                (
                    store(json!({ "webhook": { "url": "http://169.254.169.254" } })),
                    Some("`spec.provider` may not be `webhook`"),
                ),
                (
                    store(json!({ "kubernetes": {
                        "remoteNamespace": "acme", "server": { "url": "https://evil.org" },
                    } })),
                    Some("`spec.provider.kubernetes.server.url` would get the token of the store"),
                ),
            ],
        );
        let secret = |spec: Value| json!({ "spec": spec });
        let cluster = json!({ "kind": "ClusterSecretStore", "name": "vault" });
        each(
            Part::Work,
            "external-secrets.io/v1",
            "ExternalSecret",
            &[
                (
                    secret(json!({ "secretStoreRef": { "kind": "SecretStore", "name": "env" } })),
                    None,
                ),
                (secret(json!({ "secretStoreRef": { "name": "env" } })), None),
                (
                    secret(json!({ "secretStoreRef": cluster })),
                    Some("`spec.secretStoreRef` must be of the namespace"),
                ),
                (
                    secret(json!({ "data": [{ "sourceRef": { "storeRef": cluster } }] })),
                    Some("`spec.data[0].sourceRef.storeRef` must be of the namespace"),
                ),
                (
                    secret(json!({ "dataFrom": [{ "sourceRef": {
                        "generatorRef": { "kind": "ClusterGenerator", "name": "x" },
                    } }] })),
                    Some("`spec.dataFrom[0].sourceRef.generatorRef` must be of the namespace"),
                ),
            ],
        );
    }

    #[test]
    fn requests_come_by_name_and_stay_inside() {
        let route = |hostnames: Value, rule: Value| json!({ "spec": { "hostnames": hostnames, "rules": [rule] } });
        let named = Some("`spec.hostnames` must name each hostname");
        let own = json!(["a.example.com"]);
        let to = |namespace: &str| json!({ "name": "web", "namespace": namespace });
        each(
            Part::Work,
            "gateway.networking.k8s.io/v1",
            "HTTPRoute",
            &[
                (
                    route(own.clone(), json!({ "backendRefs": [{ "name": "web" }] })),
                    None,
                ),
                (
                    route(own.clone(), json!({ "backendRefs": [to("acme--shop")] })),
                    None,
                ),
                (route(json!([]), json!({})), named),
                (route(json!(["*.example.com"]), json!({})), named),
                (json!({ "spec": {} }), named),
                (
                    route(own.clone(), json!({ "backendRefs": [to("other")] })),
                    Some("`spec.rules[0].backendRefs` is outside of the namespaces of `acme`"),
                ),
                (
                    route(
                        own,
                        json!({ "filters": [{ "requestMirror": { "backendRef": to("other") } }] }),
                    ),
                    Some(
                        "`spec.rules[0].filters[0].requestMirror.backendRef` is outside of the namespaces of `acme`",
                    ),
                ),
            ],
        );
        let backend = |endpoint: Value| json!({ "spec": { "endpoints": [endpoint] } });
        let name = Some("`spec.endpoints[0]` must be a name, as `fqdn`");
        let fqdn = json!({ "hostname": "api.example.com", "port": 443 });
        each(
            Part::Work,
            "gateway.envoyproxy.io/v1alpha1",
            "Backend",
            &[
                (backend(json!({ "fqdn": fqdn })), None),
                (
                    backend(json!({ "ip": { "address": "169.254.169.254" } })),
                    name,
                ),
                (backend(json!({ "unix": { "path": "/run/x" } })), name),
                (backend(json!({ "fqdn": fqdn, "ip": {} })), name),
                (
                    json!({ "spec": { "type": "DynamicResolver" } }),
                    Some("`spec.type` must be `Endpoints`"),
                ),
            ],
        );
    }

    #[test]
    fn nothing_holds_on_to_an_object() {
        for field in ["finalizers", "ownerReferences"] {
            let reason = format!("`metadata.{field}` belongs to controllers");
            let cases = [
                (json!({ "metadata": { field: [] } }), None),
                (
                    json!({ "metadata": { field: ["x"] } }),
                    Some(reason.as_str()),
                ),
            ];
            each(Part::Work, "v1", "ConfigMap", &cases);
        }
    }
}
