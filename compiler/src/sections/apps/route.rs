//! The HTTPRoute of an app with domains, and the claim of each hostname.

use std::collections::BTreeMap;

use orz_core::diag::{Diagnostic, Diagnostics, Span, codes};
use orz_core::format::ClaimKey;
use orz_core::id::Part;
use serde_json::json;

use super::App;
use super::settled::Settled;
use crate::resolve::Scope;
use crate::sections::{Entry, Objects, policies};

/// Kind of claim of a hostname.
const HOSTNAME: &str = "hostname";

pub(super) fn lower(scope: &Scope, app: &Settled, out: &mut Objects) {
    let entry = app.entry;
    let (Some(gateway), Some(port)) = (&scope.cluster.gateway, app.http_port()) else {
        return;
    };
    if entry.domains.is_empty() {
        return;
    }
    let mut parent = json!({
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": gateway.name,
        "namespace": gateway.namespace,
    });
    if let Some(listener) = &gateway.listener {
        parent["sectionName"] = listener.as_str().into();
    }
    let matches: Vec<_> = paths(entry)
        .iter()
        .map(|path| json!({ "path": { "type": "PathPrefix", "value": path } }))
        .collect();
    let mut rule = json!({
        "matches": matches,
        "backendRefs": [{ "group": "", "kind": "Service", "name": entry.name, "port": port.port, "weight": 1 }],
    });
    let policy = entry
        .policy
        .as_ref()
        .and_then(|name| scope.unit.bundle.policies.iter().find(|p| p.name == *name));
    if let Some(timeouts) = policy.and_then(|policy| policies::route_timeouts(policy)) {
        rule["timeouts"] = timeouts;
    }
    let name = entry.name.as_str();
    let route = json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": scope.meta(name, scope.app_labels(name)),
        "spec": { "parentRefs": [parent], "hostnames": sorted(&entry.domains), "rules": [rule] },
    });
    out.add(Part::Work, entry.span(), &route)
        .because("/metadata/name", entry.at("/name"))
        .because("/spec/hostnames", entry.at("/domains"));
    if let Some(policy) = policy {
        let target = policies::Target {
            name,
            route: name,
            rules: &[],
            idempotent: false,
            global_rate_limit: false,
        };
        if let Some(mut object) = policies::traffic_policy(scope, policy, &target) {
            object["metadata"]["labels"] = json!(scope.app_labels(name));
            out.add(Part::Work, entry.at("/policy"), &object);
        }
    }
    for (i, domain) in entry.domains.iter().enumerate() {
        let key = ClaimKey {
            kind: HOSTNAME.to_owned(),
            value: domain.clone(),
        };
        out.claim(Part::Work, key, entry.at(&format!("/domains/{i}")));
    }
}

/// Reports what two apps of the tenant both answer for. Apps of other namespaces count too: a hostname is
/// claimed by the tenant, not by one of its namespaces.
pub(super) fn conflicts(scope: &Scope, problems: &mut Diagnostics) {
    let mut taken: BTreeMap<(&str, &str), Span> = BTreeMap::new();
    for unit in scope.units {
        let at_hand = unit.namespace == scope.unit.namespace;
        for app in &unit.bundle.apps {
            for (i, domain) in app.domains.iter().enumerate() {
                let span = app.at(&format!("/domains/{i}"));
                for path in paths(app) {
                    if let Some(first) = taken.get(&(domain.as_str(), path))
                        && at_hand
                    {
                        problems.push(conflict(app, domain, path, span, *first));
                    }
                    taken.entry((domain, path)).or_insert(span);
                }
            }
        }
        if at_hand {
            return;
        }
    }
}

fn conflict(app: &Entry<App>, domain: &str, path: &str, span: Span, first: Span) -> Diagnostic {
    let message = format!(
        "app `{}` answers for `{}{path}`, and so does another app",
        app.name,
        domain.escape_debug()
    );
    Diagnostic::error(&codes::reference::ROUTE_CONFLICT, span, message)
        .label("claimed again")
        .related(first, "claimed first")
        .help("give the apps different hostnames or different `paths`")
}

fn paths(app: &App) -> Vec<&str> {
    if app.paths.is_empty() {
        vec!["/"]
    } else {
        app.paths.iter().map(super::RoutePath::as_str).collect()
    }
}

fn sorted(domains: &[String]) -> Vec<&str> {
    let mut domains: Vec<&str> = domains.iter().map(String::as_str).collect();
    domains.sort_unstable();
    domains
}
