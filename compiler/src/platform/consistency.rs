//! What no schema can say about platform data: names in one file that another must have.

use std::collections::BTreeMap;
use std::net::IpAddr;

use orz_core::Value;
use orz_core::diag::{Diagnostic, Diagnostics, Span, codes};

use super::json_schema;
use super::load::File;
use super::{Clusters, ConnectorType, Egress, Plans, Settings, Volumes};
use crate::resolve::unknown_reference;

/// The files that name things of one another.
pub(super) struct Parts {
    pub(super) settings: File<Settings>,
    pub(super) plans: File<Plans>,
    pub(super) clusters: File<Clusters>,
    pub(super) egress: File<Egress>,
    pub(super) volumes: File<Volumes>,
    pub(super) connector_types: BTreeMap<String, File<ConnectorType>>,
}

/// What a broken reference between two files points at: the override that has it, else the override
/// that took away what it names. What ships fits together, so one of them is overridden.
fn blame(spans: [Option<Span>; 2]) -> Span {
    spans
        .into_iter()
        .flatten()
        .next()
        .expect("what ships is consistent")
}

pub(super) fn check(parts: &Parts, problems: &mut Diagnostics) {
    let Parts {
        settings,
        plans,
        clusters,
        egress,
        volumes,
        ..
    } = parts;
    let known_plans = || plans.value.plans.keys().map(String::as_str);
    let known_profiles = || egress.value.profiles.keys().map(String::as_str);
    let known_classes = || volumes.value.classes.keys().map(String::as_str);

    let plan = &settings.value.default_plan;
    if !plans.value.plans.contains_key(plan) {
        let span = blame([settings.at("/default_plan"), plans.at("/plans")]);
        problems.push(unknown_reference("plan", plan, span, known_plans()));
    }
    let cluster = &settings.value.default_cluster;
    if !clusters.value.clusters.contains_key(cluster) {
        let span = blame([settings.at("/default_cluster"), clusters.at("/clusters")]);
        let known = clusters
            .value
            .clusters
            .keys()
            .map(orz_core::id::ClusterName::as_str);
        problems.push(unknown_reference("cluster", cluster.as_str(), span, known));
    }
    if !egress.value.profiles.contains_key(&egress.value.default) {
        let span = blame([egress.at("/default"), None]);
        problems.push(unknown_reference(
            "egress profile",
            &egress.value.default,
            span,
            known_profiles(),
        ));
    }
    if !volumes.value.classes.contains_key(&volumes.value.default) {
        let span = blame([volumes.at("/default"), None]);
        problems.push(unknown_reference(
            "volume class",
            &volumes.value.default,
            span,
            known_classes(),
        ));
    }
    for (name, plan) in &plans.value.plans {
        for (i, class) in plan.volume_classes.iter().enumerate() {
            if !volumes.value.classes.contains_key(class) {
                let span = blame([
                    plans.at(&format!("/plans/{name}/volume_classes/{i}")),
                    volumes.at("/classes"),
                ]);
                problems.push(unknown_reference(
                    "volume class",
                    class,
                    span,
                    known_classes(),
                ));
            }
        }
        for (i, profile) in plan.egress_profiles.iter().enumerate() {
            if !egress.value.profiles.contains_key(profile) {
                let span = blame([
                    plans.at(&format!("/plans/{name}/egress_profiles/{i}")),
                    egress.at("/profiles"),
                ]);
                problems.push(unknown_reference(
                    "egress profile",
                    profile,
                    span,
                    known_profiles(),
                ));
            }
        }
    }
    check_addresses(egress, problems);
    check_dns(clusters, problems);
    for (name, file) in &parts.connector_types {
        check_connector_type(name, file, problems);
    }
}

/// Network policies with a malformed range are refused by the API server, which is late.
fn check_addresses(egress: &File<Egress>, problems: &mut Diagnostics) {
    let mut refuse = |pointer: String, message: String, help: &str| {
        problems.push(
            Diagnostic::error(&codes::model::INVALID_VALUE, egress.at(&pointer), message)
                .label("not valid here")
                .help(help.to_owned()),
        );
    };
    for (name, profile) in &egress.value.profiles {
        for (r, rule) in profile.allow.iter().enumerate() {
            for (p, port) in rule.ports.iter().enumerate() {
                if port.end_port.is_some_and(|end| end < port.port) {
                    refuse(
                        format!("/profiles/{name}/allow/{r}/ports/{p}/end_port"),
                        "the range of ports ends before it begins".to_owned(),
                        "give the smaller port as `port`",
                    );
                }
            }
            for (b, block) in rule.to.iter().enumerate() {
                let at = format!("/profiles/{name}/allow/{r}/to/{b}");
                let Some(outer) = cidr(&block.cidr) else {
                    refuse(
                        format!("{at}/cidr"),
                        format!("`{}` is no range of addresses", block.cidr.escape_debug()),
                        "write the first address and the length of the prefix: `10.0.0.0/8`",
                    );
                    continue;
                };
                for (e, hole) in block.except.iter().enumerate() {
                    if !cidr(hole).is_some_and(|inner| strictly_inside(inner, outer)) {
                        refuse(
                            format!("{at}/except/{e}"),
                            format!(
                                "`{}` is no smaller range inside `{}`",
                                hole.escape_debug(),
                                block.cidr
                            ),
                            "an exception must be a part of the range that it is an exception of",
                        );
                    }
                }
            }
        }
    }
}

/// The DNS is open to every pod of every tenant: to servers by their labels and addresses, not to all that
/// stands beside them.
fn check_dns(clusters: &File<Clusters>, problems: &mut Diagnostics) {
    for (name, cluster) in &clusters.value.clusters {
        let at = |field: &str| clusters.at(&format!("/clusters/{name}/dns/{field}"));
        let mut refuse = |field: &str, message: String, help: &str| {
            problems.push(
                Diagnostic::error(&codes::model::INVALID_VALUE, at(field), message)
                    .label("not valid here")
                    .help(help.to_owned()),
            );
        };
        if cluster.dns.pod_labels.is_empty() {
            refuse(
                "pod_labels",
                "no labels select every pod of the namespace".to_owned(),
                "give the labels of the DNS pods: `{ \"k8s-app\": \"kube-dns\" }`",
            );
        }
        for (i, range) in cluster.dns.cidrs.iter().enumerate() {
            let is_server = cidr(range).is_some_and(|(_, prefix, total)| prefix + 8 >= total);
            if !is_server {
                refuse(
                    &format!("cidrs/{i}"),
                    format!("`{}` is no range of DNS servers", range.escape_debug()),
                    "write the address of each server as a range of its own: `169.254.20.10/32`",
                );
            }
        }
    }
}

/// A range as (bits, length of the prefix, total bits); `None` unless it is its own first address.
fn cidr(text: &str) -> Option<(u128, u32, u32)> {
    let (address, length) = text.split_once('/')?;
    let (bits, total) = match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        // The API server takes these for IPv4, and so for no part of any IPv6 range.
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => return None,
        IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    let prefix: u32 = length
        .parse()
        .ok()
        .filter(|p: &u32| *p <= total && length == p.to_string())?;
    let host_bits = total - prefix;
    let host = if host_bits == 128 {
        bits
    } else {
        bits & ((1 << host_bits) - 1)
    };
    (host == 0).then_some((bits, prefix, total))
}

fn strictly_inside(inner: (u128, u32, u32), outer: (u128, u32, u32)) -> bool {
    let shift = outer.2 - outer.1;
    inner.2 == outer.2
        && inner.1 > outer.1
        && (shift == 128 || inner.0 >> shift == outer.0 >> shift)
}

fn check_connector_type(name: &str, file: &File<ConnectorType>, problems: &mut Diagnostics) {
    let connector_type = &file.value;
    if connector_type.name != name {
        problems.push(
            Diagnostic::error(
                &codes::model::INVALID_VALUE,
                file.at("/type"),
                format!(
                    "this file is connector type `{name}`, but says `{}`",
                    connector_type.name
                ),
            )
            .label("another name than the file's")
            .help(format!("write `\"type\": \"{name}\"`, or rename the file")),
        );
    }
    let mut schema = |pointer: String, schema: &Value| {
        problems.extend(
            json_schema::problem(schema, |inner| file.at(&format!("{pointer}{inner}")))
                .into_iter()
                .collect(),
        );
    };
    schema("/config_schema".to_owned(), &connector_type.config_schema);
    schema("/secret_schema".to_owned(), &connector_type.secret_schema);
    for (i, operation) in connector_type.operations.iter().enumerate() {
        schema(
            format!("/operations/{i}/payload_schema"),
            &operation.payload_schema,
        );
        schema(
            format!("/operations/{i}/output_schema"),
            &operation.output_schema,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_addresses() {
        for (text, valid) in [
            ("0.0.0.0/0", true),
            ("10.0.0.0/8", true),
            ("10.0.0.1/8", false),
            ("10.0.0.0/33", false),
            ("10.0.0.0/08", false),
            ("10.0.0.0", false),
            ("::/0", true),
            ("fc00::/7", true),
            ("fe80::1/128", true),
            ("10.0.0/8", false),
            ("::ffff:0:0/96", false),
            ("", false),
        ] {
            assert_eq!(cidr(text).is_some(), valid, "{text}");
        }
        for (inner, outer, expected) in [
            ("10.0.0.0/8", "0.0.0.0/0", true),
            ("10.0.0.0/8", "10.0.0.0/8", false),
            ("10.1.0.0/16", "10.0.0.0/8", true),
            ("11.0.0.0/16", "10.0.0.0/8", false),
            ("fc00::/7", "::/0", true),
            ("fc00::/7", "0.0.0.0/0", false),
        ] {
            let (a, b) = (cidr(inner).expect("valid"), cidr(outer).expect("valid"));
            assert_eq!(strictly_inside(a, b), expected, "{inner} in {outer}");
        }
    }
}
