//! The Service in front of an app and the NetworkPolicy around it.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use orz_core::Value;
use orz_core::id::Part;
use serde_json::json;

use super::Port;
use super::release_jobs;
use super::settled::Settled;
use crate::lower::meta::Labels;
use crate::resolve::Scope;
use crate::sections::Objects;

pub(super) fn lower(scope: &Scope, app: &Settled, out: &mut Objects) {
    let name = app.entry.name.as_str();
    if !app.ports.is_empty() {
        out.add(Part::Work, app.entry.span(), &service(scope, app))
            .because("/metadata/name", app.entry.at("/name"));
    }
    let policy = |name: &str, selector: Labels, ingress: Vec<Value>| {
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": scope.meta(name, scope.app_labels(&app.entry.name)),
            "spec": {
                "podSelector": { "matchLabels": selector },
                "policyTypes": ["Ingress", "Egress"],
                "ingress": ingress,
                "egress": egress(scope, app),
            },
        })
    };
    let of_app = policy(name, scope.selector(name), ingress(scope, app));
    out.add(Part::Work, app.entry.span(), &of_app)
        .because("/metadata/name", app.entry.at("/name"));
    if release_jobs::any(scope, app.entry) {
        let of_jobs = policy(
            &format!("{name}-release-jobs"),
            release_jobs::selector(scope, name),
            Vec::new(),
        );
        out.add(Part::Work, app.entry.at("/release_jobs"), &of_jobs)
            .because("/metadata/name", app.entry.at("/name"));
    }
}

fn service(scope: &Scope, app: &Settled) -> Service {
    let name = app.entry.name.as_str();
    let port = |port: &Port| ServicePort {
        name: Some(port.name.clone()),
        port: i32::from(port.port),
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::String(port.name.clone())),
        ..ServicePort::default()
    };
    Service {
        metadata: scope.meta(name, scope.app_labels(name)),
        spec: Some(ServiceSpec {
            selector: Some(scope.selector(name)),
            ports: Some(app.ports.iter().map(port).collect()),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

/// Requests for its domains come from the Gateway's proxies to one port, calls of other apps to all.
fn ingress(scope: &Scope, app: &Settled) -> Vec<Value> {
    let mut rules = Vec::new();
    if let (Some(gateway), Some(port)) = (&scope.cluster.gateway, app.http_port())
        && !app.entry.domains.is_empty()
    {
        let namespace = json!({ "kubernetes.io/metadata.name": gateway.ingress_namespace });
        let from = json!([{ "namespaceSelector": { "matchLabels": namespace } }]);
        rules.push(json!({ "from": from, "ports": ports(std::slice::from_ref(port)) }));
    }
    let callers = scope
        .unit
        .bundle
        .apps
        .iter()
        .filter(|other| other.calls.contains(&app.entry.name));
    let mut from = Vec::new();
    for caller in callers {
        let pods = |selector: Labels| json!({ "podSelector": { "matchLabels": selector } });
        from.push(pods(scope.selector(&caller.name)));
        if release_jobs::any(scope, caller) {
            from.push(pods(release_jobs::selector(scope, &caller.name)));
        }
    }
    if !from.is_empty() && !app.ports.is_empty() {
        rules.push(json!({ "from": from, "ports": ports(&app.ports) }));
    }
    rules
}

/// What the profile opens, and the apps that this one calls.
fn egress(scope: &Scope, app: &Settled) -> Vec<Value> {
    let profile = scope.platform.egress.profiles.get(app.egress);
    let mut rules = profile
        .map(crate::platform::EgressProfile::network_policy_rules)
        .unwrap_or_default();
    for called in scope
        .unit
        .bundle
        .apps
        .iter()
        .filter(|other| app.entry.calls.contains(&other.name))
    {
        let called = Settled::new(scope, called);
        if !called.ports.is_empty() {
            let to =
                json!([{ "podSelector": { "matchLabels": scope.selector(&called.entry.name) } }]);
            rules.push(json!({ "to": to, "ports": ports(&called.ports) }));
        }
    }
    rules
}

fn ports(ports: &[Port]) -> Vec<Value> {
    ports
        .iter()
        .map(|port| json!({ "protocol": "TCP", "port": port.port }))
        .collect()
}
