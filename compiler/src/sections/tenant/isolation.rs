//! NetworkPolicies that hold without any app: nothing goes in or out, except questions to the DNS.
//!
//! Network policies only ever allow. So everything is closed here once, and each consumer opens what it
//! needs in a policy of its own.

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use orz_core::diag::Span;
use orz_core::id::Part;

use super::{Objects, Scope};
use crate::lower::meta::labels;

const DNS_PORT: i32 = 53;

pub(super) fn lower(scope: &Scope, cause: Option<Span>, out: &mut Objects) {
    let policy = |name: &str, spec: NetworkPolicySpec| NetworkPolicy {
        metadata: scope.meta(name, scope.labels()),
        spec: Some(spec),
    };
    let deny = NetworkPolicySpec {
        pod_selector: Some(LabelSelector::default()),
        policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
        ..NetworkPolicySpec::default()
    };
    out.add(Part::Tenancy, cause, &policy("default-deny", deny));

    let dns = &scope.cluster.dns;
    let pods = NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector {
            match_labels: Some(labels([(
                "kubernetes.io/metadata.name",
                dns.namespace.as_str(),
            )])),
            ..LabelSelector::default()
        }),
        pod_selector: Some(LabelSelector {
            match_labels: Some(dns.pod_labels.clone()),
            ..LabelSelector::default()
        }),
        ..NetworkPolicyPeer::default()
    };
    let addresses = dns.cidrs.iter().map(|cidr| NetworkPolicyPeer {
        ip_block: Some(IPBlock {
            cidr: cidr.clone(),
            except: None,
        }),
        ..NetworkPolicyPeer::default()
    });
    let port = |protocol: &str| NetworkPolicyPort {
        protocol: Some(protocol.to_owned()),
        port: Some(IntOrString::Int(DNS_PORT)),
        end_port: None,
    };
    let allow_dns = NetworkPolicySpec {
        pod_selector: Some(LabelSelector::default()),
        policy_types: Some(vec!["Egress".to_owned()]),
        egress: Some(vec![NetworkPolicyEgressRule {
            to: Some(std::iter::once(pods).chain(addresses).collect()),
            ports: Some(vec![port("TCP"), port("UDP")]),
        }]),
        ..NetworkPolicySpec::default()
    };
    out.add(Part::Tenancy, cause, &policy("allow-dns", allow_dns));
}
