//! The status that Envoy Gateway v1.9.0 writes. Files named here are its own.

use serde_json::{Value, json};

use super::operators::{Row, World, nothing, selects};
use crate::kube_api::{items, text};

const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";
const ENVOY_API: &str = "gateway.envoyproxy.io/v1alpha1";

/// `api/v1alpha1/envoygateway_types.go`: `GatewayControllerName`.
const CONTROLLER: &str = "gateway.envoyproxy.io/gatewayclass-controller";

pub(super) const GATEWAY_CLASS: Row = Row {
    api_version: GATEWAY_API,
    kind: "GatewayClass",
    status: gateway_class,
    creates: nothing,
};

pub(super) const GATEWAY: Row = Row {
    api_version: GATEWAY_API,
    kind: "Gateway",
    status: gateway,
    creates: nothing,
};

pub(super) const HTTP_ROUTE: Row = Row {
    api_version: GATEWAY_API,
    kind: "HTTPRoute",
    status: http_route,
    creates: nothing,
};

pub(super) const BACKEND: Row = Row {
    api_version: ENVOY_API,
    kind: "Backend",
    status: backend,
    creates: nothing,
};

pub(super) const BACKEND_TRAFFIC_POLICY: Row = Row {
    api_version: ENVOY_API,
    kind: "BackendTrafficPolicy",
    status: policy,
    creates: nothing,
};

pub(super) const SECURITY_POLICY: Row = Row {
    api_version: ENVOY_API,
    kind: "SecurityPolicy",
    status: policy,
    creates: nothing,
};

/// `internal/gatewayapi/status/gatewayclass.go`: `MsgValidGatewayClass`.
fn gateway_class(class: &Value, world: &World) -> Option<Value> {
    (text(class, "/spec/controllerName") == CONTROLLER).then(|| {
        json!({"conditions": [
            world.condition(class, "Accepted", true, "Accepted", "Valid GatewayClass"),
        ]})
    })
}

/// Conditions: `internal/gatewayapi/status/gateway.go` (scheduled, `messageFmtProgrammed`);
/// listeners: `internal/gatewayapi/validate.go`, `validateListenerConditions`.
fn gateway(gateway: &Value, world: &World) -> Option<Value> {
    if !is_ours(gateway, world) {
        return None;
    }
    let listeners: Vec<Value> = items(gateway, "/spec/listeners")
        .iter()
        .map(|listener| {
            let attached = world
                .all(HTTP_ROUTE.kind)
                .iter()
                .filter(|route| attaches(route, gateway, listener, world))
                .count();
            let condition = |kind, message| world.condition(gateway, kind, true, kind, message);
            let kinds: &[&str] = match text(listener, "/protocol") {
                "HTTP" | "HTTPS" => &["HTTPRoute", "GRPCRoute"],
                "TLS" => &["TLSRoute"],
                "TCP" => &["TCPRoute"],
                _ => &["UDPRoute"],
            };
            let kinds: Vec<Value> = kinds
                .iter()
                .map(|kind| json!({"group": "gateway.networking.k8s.io", "kind": kind}))
                .collect();
            json!({
                "name": text(listener, "/name"),
                "attachedRoutes": attached,
                "supportedKinds": kinds,
                "conditions": [
                    condition("Programmed", "Sending translated listener configuration to the data plane"),
                    condition("Accepted", "Listener has been successfully translated"),
                    condition("ResolvedRefs", "Listener references have been resolved"),
                ],
            })
        })
        .collect();
    Some(json!({
        "addresses": [{"type": "IPAddress", "value": "192.0.2.10"}],
        "conditions": [
            world.condition(gateway, "Accepted", true, "Accepted", "The Gateway has been scheduled by Envoy Gateway"),
            world.condition(gateway, "Programmed", true, "Programmed", "Address assigned to the Gateway, 1/1 envoy replicas available"),
        ],
        "listeners": listeners,
    }))
}

/// `internal/gatewayapi/route.go`: `processAllowedListenersForParentRefs` (the first three
/// refusals) and `processHTTPRouteParentRefs` (host names, references). A parent that is no
/// Gateway of ours gets no status at all. Not modelled: ReferenceGrants.
fn http_route(route: &Value, world: &World) -> Option<Value> {
    let mut parents = Vec::new();
    for parent in items(route, "/spec/parentRefs") {
        let Some(gateway) = gateway_of(route, parent, world) else {
            continue;
        };
        let refused = refusal(route, parent, gateway, world);
        let mut conditions = vec![match refused {
            Some((reason, message)) => world.condition(route, "Accepted", false, reason, message),
            None => world.condition(route, "Accepted", true, "Accepted", "Route is accepted"),
        }];
        conditions.push(match unresolved(route, world) {
            Some((reason, message)) => {
                world.condition(route, "ResolvedRefs", false, reason, &message)
            }
            None => world.condition(
                route,
                "ResolvedRefs",
                true,
                "ResolvedRefs",
                "Resolved all the Object references for the Route",
            ),
        });
        parents.push(json!({
            "parentRef": parent,
            "controllerName": CONTROLLER,
            "conditions": conditions,
        }));
    }
    (!parents.is_empty()).then(|| json!({ "parents": parents }))
}

/// `internal/gatewayapi/status/backend.go`: `computeBackendAcceptedCondition`.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature of the table; every backend is accepted"
)]
fn backend(backend: &Value, world: &World) -> Option<Value> {
    Some(json!({"conditions": [
        world.condition(backend, "Accepted", true, "Accepted", "The Backend was accepted"),
    ]}))
}

/// `internal/gatewayapi/status/policy.go`: `SetAcceptedForPolicyAncestor`; the ancestors are the
/// Gateways behind the targets (`internal/gatewayapi/helpers.go`: `getAncestorRefForPolicy`). A
/// policy without a target that exists gets no status.
fn policy(policy: &Value, world: &World) -> Option<Value> {
    let namespace = text(policy, "/metadata/namespace");
    let mut gateways: Vec<&Value> = Vec::new();
    for target in items(policy, "/spec/targetRefs") {
        let (kind, name) = (text(target, "/kind"), text(target, "/name"));
        let Some(found) = world.find(kind, namespace, name) else {
            continue;
        };
        if kind == GATEWAY.kind {
            gateways.push(found);
        } else {
            let parents = items(found, "/spec/parentRefs").iter();
            gateways.extend(parents.filter_map(|parent| gateway_of(found, parent, world)));
        }
    }
    gateways.dedup();
    let ancestors: Vec<Value> = gateways
        .into_iter()
        .filter(|gateway| is_ours(gateway, world))
        .map(|gateway| {
            json!({
                "ancestorRef": {
                    "group": "gateway.networking.k8s.io",
                    "kind": "Gateway",
                    "namespace": text(gateway, "/metadata/namespace"),
                    "name": text(gateway, "/metadata/name"),
                },
                "controllerName": CONTROLLER,
                "conditions": [
                    world.condition(policy, "Accepted", true, "Accepted", "Policy has been accepted."),
                ],
            })
        })
        .collect();
    (!ancestors.is_empty()).then(|| json!({ "ancestors": ancestors }))
}

fn is_ours(gateway: &Value, world: &World) -> bool {
    world
        .find(
            GATEWAY_CLASS.kind,
            "",
            text(gateway, "/spec/gatewayClassName"),
        )
        .is_some_and(|class| text(class, "/spec/controllerName") == CONTROLLER)
}

fn gateway_of<'a>(route: &Value, parent: &Value, world: &'a World) -> Option<&'a Value> {
    let namespace = match text(parent, "/namespace") {
        "" => text(route, "/metadata/namespace"),
        namespace => namespace,
    };
    let is_gateway = matches!(text(parent, "/kind"), "" | "Gateway");
    world
        .find(GATEWAY.kind, namespace, text(parent, "/name"))
        .filter(|gateway| is_gateway && is_ours(gateway, world))
}

/// Whether a route is attached to a listener.
fn attaches(route: &Value, gateway: &Value, listener: &Value, world: &World) -> bool {
    items(route, "/spec/parentRefs").iter().any(|parent| {
        gateway_of(route, parent, world) == Some(gateway)
            && is_section(parent, listener)
            && allows(listener, gateway, route, world)
            && hosts_meet(listener, route)
    })
}

/// Why a Gateway does not accept a route.
fn refusal(
    route: &Value,
    parent: &Value,
    gateway: &Value,
    world: &World,
) -> Option<(&'static str, &'static str)> {
    let mut listeners: Vec<&Value> = items(gateway, "/spec/listeners").iter().collect();
    listeners.retain(|listener| is_section(parent, listener));
    if listeners.is_empty() {
        return Some(("NoMatchingParent", "No listeners match this parent ref"));
    }
    listeners.retain(|listener| allows(listener, gateway, route, world));
    if listeners.is_empty() {
        return Some((
            "NotAllowedByListeners",
            "No listeners included by this parent ref allowed this attachment.",
        ));
    }
    if !listeners.iter().any(|listener| hosts_meet(listener, route)) {
        return Some((
            "NoMatchingListenerHostname",
            "There were no hostname intersections between the HTTPRoute and this parent ref's Listener(s).",
        ));
    }
    None
}

/// What a route refers to and is not there.
fn unresolved(route: &Value, world: &World) -> Option<(&'static str, String)> {
    let own = text(route, "/metadata/namespace");
    for (rule_index, rule) in items(route, "/spec/rules").iter().enumerate() {
        for filter in items(rule, "/filters") {
            let name = text(filter, "/extensionRef/name");
            let kind = text(filter, "/extensionRef/kind");
            if kind == "HTTPRouteFilter" && world.find(kind, own, name).is_none() {
                let message = format!("Reference {own}/{name} not found for filter type: {kind}.");
                return Some(("UnsupportedValue", message));
            }
        }
        for (index, backend) in items(rule, "/backendRefs").iter().enumerate() {
            let (kind, shown) = match text(backend, "/kind") {
                "Backend" => ("Backend", "Backend"),
                _ => ("Service", "service"),
            };
            let namespace = match text(backend, "/namespace") {
                "" => own,
                namespace => namespace,
            };
            let name = text(backend, "/name");
            if world.find(kind, namespace, name).is_none() {
                let message = format!(
                    "Failed to process route rule {rule_index} backendRef {index}: \
                     {shown} {namespace}/{name} not found."
                );
                return Some(("BackendNotFound", message));
            }
        }
    }
    None
}

fn is_section(parent: &Value, listener: &Value) -> bool {
    let section = text(parent, "/sectionName");
    let port = &parent["port"];
    (section.is_empty() || section == text(listener, "/name"))
        && (port.is_null() || *port == listener["port"])
}

/// `allowedRoutes.namespaces` of the listener; its default is the Gateway's own namespace.
fn allows(listener: &Value, gateway: &Value, route: &Value, world: &World) -> bool {
    let from = &listener["allowedRoutes"]["namespaces"];
    let namespace = text(route, "/metadata/namespace");
    match text(from, "/from") {
        "All" => true,
        "Selector" => world
            .find("Namespace", "", namespace)
            .is_some_and(|found| selects(&from["selector"], &found["metadata"]["labels"])),
        "None" => false,
        _ => namespace == text(gateway, "/metadata/namespace"),
    }
}

fn hosts_meet(listener: &Value, route: &Value) -> bool {
    let offered = text(listener, "/hostname");
    let hosts = items(route, "/spec/hostnames");
    offered.is_empty()
        || hosts.is_empty()
        || hosts.iter().filter_map(Value::as_str).any(|host| {
            let covers = |pattern: &str, host: &str| {
                pattern == host
                    || pattern
                        .strip_prefix('*')
                        .is_some_and(|suffix| host.ends_with(suffix))
            };
            covers(offered, host) || covers(host, offered)
        })
}
