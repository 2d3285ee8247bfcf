//! The way of a connector's calls through the platform's egress Gateway.
//!
//! No NetworkPolicy opens that Gateway to the tenant's pods. All tenants share it, and it puts the secret into
//! whatever reaches a route: who may call must be known before anyone can.

use orz_core::Value;
use orz_core::diag::{Diagnostic, codes};
use orz_core::id::Part;
use serde_json::json;

use super::base_url::BaseUrl;
use super::{Connector, Objects, Resolved, Scope};
use crate::platform::{EgressGateway, Operation};
use crate::sections::shared::{kube_name, metadata};
use crate::sections::{Entry, Policy, policies, secret_refs};

const ENVOY: &str = "gateway.envoyproxy.io";
/// The key of a Secret that Envoy Gateway reads a credential from.
const CREDENTIAL_KEY: &str = "credential";

pub(super) fn lower(scope: &Scope, connector: &Resolved, url: &BaseUrl, out: &mut Objects) {
    let gateway = scope
        .cluster
        .egress_gateway
        .as_ref()
        .expect("resolve refused endpoints without a Gateway");
    let entry = connector.entry;
    let name = format!("connector-{}", kube_name(&entry.name));
    let at_url = entry.at("/config/base_url");

    out.add(Part::Work, entry.span(), &backend(scope, &name, url))
        .because("/spec", at_url);
    if let Some(secret) = connector.secret {
        let prefix = match entry.setting("/auth/scheme") {
            Some("bearer") => Some("Bearer "),
            Some("basic") => Some("Basic "),
            _ => None,
        };
        let copy = secret_refs::Copy {
            name: &name,
            key: CREDENTIAL_KEY,
            prefix,
            cause: entry.at("/secret_ref"),
        };
        secret_refs::external_secret(scope, secret, &copy, out);
        let header = entry.setting("/auth/header").unwrap_or("Authorization");
        out.add(
            Part::Work,
            entry.at("/secret_ref"),
            &credential(scope, &name, header),
        );
    }
    let route = http_route(scope, connector, &name, url, gateway);
    out.add(Part::Work, entry.span(), &route)
        .because("/spec/rules", entry.at("/operations"));
    if let Some(policy) = connector.policy {
        traffic(scope, connector, policy, &name, gateway, out);
    }
}

/// The name by which programs of the platform call a connector; it holds the namespace, because all tenants
/// share the Gateway.
pub(super) fn hostname(scope: &Scope, entry: &Connector, gateway: &EgressGateway) -> String {
    format!(
        "{}.{}.{}",
        kube_name(&entry.name),
        scope.unit.namespace,
        gateway.hostname_suffix
    )
}

fn backend(scope: &Scope, name: &str, url: &BaseUrl) -> Value {
    json!({
        "apiVersion": format!("{ENVOY}/v1alpha1"),
        "kind": "Backend",
        "metadata": metadata(scope, name, &[]),
        "spec": {
            "endpoints": [{ "fqdn": { "hostname": url.host, "port": url.port } }],
            "tls": { "wellKnownCACertificates": "System", "sni": url.host },
        },
    })
}

/// Puts the secret into a header on the way; it overwrites what the caller sends there.
fn credential(scope: &Scope, name: &str, header: &str) -> Value {
    json!({
        "apiVersion": format!("{ENVOY}/v1alpha1"),
        "kind": "HTTPRouteFilter",
        "metadata": metadata(scope, name, &[]),
        "spec": { "credentialInjection": {
            "header": header,
            "overwrite": true,
            "credential": { "valueRef": { "name": name } },
        } },
    })
}

fn http_route(
    scope: &Scope,
    connector: &Resolved,
    name: &str,
    url: &BaseUrl,
    gateway: &EgressGateway,
) -> Value {
    let operations = connector.entry.operations(connector.connector_type);
    let rules: Vec<Value> = operations
        .iter()
        .map(|operation| rule(connector, operation, name, url))
        .collect();
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata(scope, name, &[]),
        "spec": {
            "parentRefs": [{
                "group": "gateway.networking.k8s.io",
                "kind": "Gateway",
                "name": gateway.name,
                "namespace": gateway.namespace,
            }],
            "hostnames": [hostname(scope, connector.entry, gateway)],
            "rules": rules,
        },
    })
}

fn rule(connector: &Resolved, operation: &Operation, name: &str, url: &BaseUrl) -> Value {
    let mut matched = json!({ "path": { "type": "PathPrefix", "value": operation.path } });
    if let Some(method) = operation.method {
        matched["method"] = json!(method);
    }
    let mut rewrite = json!({ "hostname": url.host });
    if !url.path.is_empty() {
        let whole = format!("{}{}", url.path, operation.path.trim_end_matches('/'));
        rewrite["path"] = json!({ "type": "ReplacePrefixMatch", "replacePrefixMatch": whole });
    }
    let mut filters = vec![json!({ "type": "URLRewrite", "urlRewrite": rewrite })];
    if connector.secret.is_some() {
        let filter = json!({ "group": ENVOY, "kind": "HTTPRouteFilter", "name": name });
        filters.push(json!({ "type": "ExtensionRef", "extensionRef": filter }));
    }
    let mut rule = json!({
        "name": kube_name(&operation.operation_id),
        "matches": [matched],
        "filters": filters,
        "backendRefs": [{ "group": ENVOY, "kind": "Backend", "name": name, "weight": 1 }],
    });
    if let Some(timeouts) = connector
        .policy
        .and_then(|policy| policies::route_timeouts(policy))
    {
        rule["timeouts"] = timeouts;
    }
    rule
}

/// What the policy says about calls. Operations that may be sent twice have a BackendTrafficPolicy of their
/// own, because only their answers may be retried: the other one is for the whole route.
fn traffic(
    scope: &Scope,
    connector: &Resolved,
    policy: &Entry<Policy>,
    route: &str,
    gateway: &EgressGateway,
    out: &mut Objects,
) {
    let operations = connector.entry.operations(connector.connector_type);
    let cause = connector.entry.at("/policy");
    let (twice, once): (Vec<&Operation>, Vec<&Operation>) = operations
        .iter()
        .partition(|operation| operation.is_idempotent());
    let target = |name, rules, idempotent| policies::Target {
        name,
        route,
        rules,
        idempotent,
        global_rate_limit: gateway.global_rate_limit,
    };
    let whole = policies::traffic_policy(scope, policy, &target(route, &[], once.is_empty()));
    if let Some(whole) = whole {
        out.add(Part::Work, cause, &whole);
    }
    let retried = policy
        .retry_json
        .as_ref()
        .is_some_and(|retry| retry.attempts > 1);
    if !retried || once.is_empty() {
        return;
    }
    if !twice.is_empty() {
        let own = format!("{route}.idempotent");
        let rules: Vec<String> = twice
            .iter()
            .map(|operation| kube_name(&operation.operation_id))
            .collect();
        if let Some(object) = policies::traffic_policy(scope, policy, &target(&own, &rules, true)) {
            out.add(Part::Work, cause, &object);
        }
    }
    if policies::retries_answers(policy) {
        let ids: Vec<String> = once
            .iter()
            .map(|operation| format!("`{}`", operation.operation_id))
            .collect();
        out.note(
            Diagnostic::note(
                &codes::section::LOSSY,
                cause,
                format!(
                    "connector `{}`: answers to {} are not retried, because the request may not be sent twice",
                    connector.entry.name,
                    ids.join(", ")
                ),
            )
            .label("retried only when nothing was sent")
            .help("set `\"idempotent\": true` at an operation that may be sent twice"),
        );
    }
}
