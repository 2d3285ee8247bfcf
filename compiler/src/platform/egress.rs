//! `platform/egress.json`.

use std::collections::BTreeMap;

use orz_core::Value;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where pods may connect to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    /// Profile of an app that names none.
    pub default: String,
    /// Profile by name.
    pub profiles: BTreeMap<String, EgressProfile>,
}

/// A named set of places that pods may connect to, besides DNS.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EgressProfile {
    /// What it opens, in a few words.
    pub description: String,
    /// What is allowed; everything else is not.
    pub allow: Vec<EgressRule>,
}

/// Some ports of some addresses.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EgressRule {
    /// Addresses. Network policies only allow: what must stay closed is an `except` of every wide CIDR.
    #[schemars(length(min = 1))]
    pub to: Vec<IpBlock>,
    /// Ports. A closed port is the gap between two ranges.
    #[schemars(length(min = 1))]
    pub ports: Vec<EgressPort>,
}

/// A range of addresses with holes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IpBlock {
    /// The range.
    pub cidr: String,
    /// Holes, each strictly inside `cidr`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

/// A port or a range of ports.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EgressPort {
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Protocol,
    /// The port, or the first of the range.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// The last of the range.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65535))]
    pub end_port: Option<u16>,
}

/// A transport protocol as Kubernetes spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(transform = super::load::plain_enum)]
pub enum Protocol {
    /// Transmission Control Protocol.
    Tcp,
    /// User Datagram Protocol.
    Udp,
    /// Stream Control Transmission Protocol.
    Sctp,
}

impl EgressProfile {
    /// The `spec.egress` of a NetworkPolicy that opens exactly this profile.
    pub fn network_policy_rules(&self) -> Vec<Value> {
        self.allow
            .iter()
            .map(EgressRule::network_policy_rule)
            .collect()
    }
}

impl EgressRule {
    fn network_policy_rule(&self) -> Value {
        let to: Vec<Value> = self
            .to
            .iter()
            .map(|block| serde_json::json!({ "ipBlock": block }))
            .collect();
        let ports: Vec<Value> = self
            .ports
            .iter()
            .map(|port| {
                let mut out = serde_json::json!({ "protocol": port.protocol, "port": port.port });
                if let Some(end) = port.end_port {
                    out["endPort"] = end.into();
                }
                out
            })
            .collect();
        serde_json::json!({ "to": to, "ports": ports })
    }
}
