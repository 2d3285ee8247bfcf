//! The Leases on the API server: one for each replica, which it renews, and one for each shard, which says whose it
//! is. A shard's lease is renewed by its holder's: one write keeps all of them.

use std::collections::BTreeMap;

use orz_core::Value;
use serde_json::json;

use super::decide::Lease;
use super::{Replica, Shard};
use crate::apply::NAMESPACE;
use crate::apply::api::{Api, ApiError, Call, Collection};

const REPLICA: &str = "orz-replica-";
const SHARD: &str = "orz-shard-";

/// All Leases of ours.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The replicas by name.
    pub(super) replicas: BTreeMap<String, Member>,
    /// The shards, all of them.
    pub(super) shards: Vec<Lease>,
}

/// The lease of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// The process that renews it.
    pub(super) process: String,
    /// After so many seconds without a renewal it is dead.
    pub(super) seconds: u64,
    /// Its version on the server, which each renewal changes.
    pub(super) version: String,
    uid: String,
}

pub(super) fn list(api: &Api) -> Result<Found, ApiError> {
    let mut found = Found {
        shards: Shard::all().map(free).collect(),
        ..Found::default()
    };
    for object in api.list(&collection())? {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str);
        let number = |path: &str| object.pointer(path).and_then(Value::as_u64);
        let version = text("/metadata/resourceVersion").unwrap_or_default();
        let name = text("/metadata/name").unwrap_or_default();
        let holder = text("/spec/holderIdentity").filter(|holder| !holder.is_empty());
        if let Some(replica) = name.strip_prefix(REPLICA) {
            let member = Member {
                process: holder.unwrap_or_default().to_owned(),
                seconds: number("/spec/leaseDurationSeconds").unwrap_or_default(),
                version: version.to_owned(),
                uid: text("/metadata/uid").unwrap_or_default().to_owned(),
            };
            found.replicas.insert(replica.to_owned(), member);
        } else if let Some(Ok(shard)) = name.strip_prefix(SHARD).map(str::parse::<Shard>) {
            let lease = &mut found.shards[shard.number() as usize];
            lease.holder = holder.map(str::to_owned);
            lease.epoch = number("/spec/leaseTransitions").unwrap_or_default();
            lease.version = Some(version.to_owned());
        }
    }
    Ok(found)
}

/// Renews the lease of a replica. `false`: another process did something to it meanwhile.
pub(super) fn renew(
    api: &Api,
    replica: &Replica,
    process: &str,
    known: Option<&Member>,
    now: &str,
) -> Result<bool, ApiError> {
    let body = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": metadata(&format!("{REPLICA}{}", replica.name), known.map(|member| member.version.as_str())),
        "spec": {
            "holderIdentity": process,
            "leaseDurationSeconds": replica.lease.as_secs().max(1),
            "renewTime": now,
        },
    });
    write(api, &body, known.is_some())
}

/// Writes who holds a shard, if it is as it was read. `false`: it is not.
pub(super) fn give(
    api: &Api,
    lease: &Lease,
    to: Option<&str>,
    epoch: u64,
    now: &str,
) -> Result<bool, ApiError> {
    let mut body = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": metadata(&format!("{SHARD}{}", lease.shard), lease.version.as_deref()),
        "spec": {"leaseTransitions": epoch, "acquireTime": now},
    });
    if let Some(to) = to {
        body["spec"]["holderIdentity"] = Value::from(to);
    }
    write(api, &body, lease.version.is_some())
}

/// Removes the lease of a replica.
pub(super) fn remove(api: &Api, name: &str, member: &Member) -> Result<(), ApiError> {
    let name = format!("{REPLICA}{name}");
    let call = Call::Delete {
        name: &name,
        uid: &member.uid,
    };
    match api.send(&collection(), &call) {
        Err(error) if !matches!(error.code, 404 | 409) => Err(error),
        _ => Ok(()),
    }
}

fn write(api: &Api, body: &Value, exists: bool) -> Result<bool, ApiError> {
    let name = body
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let call = if exists {
        Call::Replace { name, body }
    } else {
        Call::Create { body }
    };
    match api.send(&collection(), &call) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.code, 404 | 409) => Ok(false),
        Err(error) => Err(error),
    }
}

fn metadata(name: &str, version: Option<&str>) -> Value {
    let labels = json!({"app.kubernetes.io/managed-by": "orz-reconciler"});
    let mut metadata = json!({"name": name, "namespace": NAMESPACE, "labels": labels});
    if let Some(version) = version {
        metadata["resourceVersion"] = Value::from(version);
    }
    metadata
}

fn free(shard: Shard) -> Lease {
    Lease {
        shard,
        holder: None,
        epoch: 0,
        version: None,
    }
}

fn collection() -> Collection {
    let plural = "leases";
    Collection::read_only(
        "coordination.k8s.io",
        "v1",
        "Lease",
        plural,
        Some(NAMESPACE),
    )
}
