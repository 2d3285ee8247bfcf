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
    pub(super) uid: String,
}

/// Where the Leases are.
pub(super) trait Store {
    /// All of them.
    fn list(&self) -> Result<Found, ApiError>;

    /// Renews the lease of a replica. `false`: another process did something to it meanwhile.
    fn renew(
        &self,
        replica: &Replica,
        process: &str,
        known: Option<&Member>,
        now: &str,
    ) -> Result<bool, ApiError>;

    /// Writes who holds a shard, if it is as it was read. `false`: it is not.
    fn give(
        &self,
        lease: &Lease,
        to: Option<&str>,
        epoch: u64,
        now: &str,
    ) -> Result<bool, ApiError>;

    /// Removes the lease of a replica, if nobody has renewed it since it was read.
    fn remove(&self, name: &str, member: &Member) -> Result<(), ApiError>;
}

impl Store for Api {
    fn list(&self) -> Result<Found, ApiError> {
        list(self)
    }

    fn renew(
        &self,
        replica: &Replica,
        process: &str,
        known: Option<&Member>,
        now: &str,
    ) -> Result<bool, ApiError> {
        let version = known.map(|member| member.version.as_str());
        let body = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": metadata(&format!("{REPLICA}{}", replica.name), version),
            "spec": {
                "holderIdentity": process,
                "leaseDurationSeconds": replica.lease.as_secs().max(1),
                "renewTime": now,
            },
        });
        write(self, &body, known.is_some())
    }

    fn give(
        &self,
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
        write(self, &body, lease.version.is_some())
    }

    fn remove(&self, name: &str, member: &Member) -> Result<(), ApiError> {
        let name = format!("{REPLICA}{name}");
        let call = Call::Delete {
            name: &name,
            uid: &member.uid,
            version: Some(&member.version),
        };
        match self.send(&collection(), &call) {
            Err(error) if !matches!(error.code, 404 | 409) => Err(error),
            _ => Ok(()),
        }
    }
}

fn list(api: &Api) -> Result<Found, ApiError> {
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
        Err(error) if error.code == 409 || (error.code == 404 && exists) => Ok(false),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::apply::api::tests::server;

    fn replica() -> Replica {
        Replica {
            name: "r-1".to_owned(),
            lease: Duration::from_secs(15),
        }
    }

    fn status(reason: &str) -> String {
        json!({"kind": "Status", "reason": reason}).to_string()
    }

    #[test]
    fn where_no_lease_can_be_is_an_error_and_no_delay() {
        let member = Member {
            process: "r-1/a".to_owned(),
            seconds: 15,
            version: "7".to_owned(),
            uid: "u".to_owned(),
        };
        for (code, known, expected) in [
            // Its namespace is missing.
            (404, None, Err(404)),
            (404, Some(&member), Ok(false)),
            (409, None, Ok(false)),
            (409, Some(&member), Ok(false)),
            (403, None, Err(403)),
        ] {
            let (api, _requests) = server(vec![(code, status("x"))]);
            let renewed = api.renew(&replica(), "r-1/a", known, "2027-01-31T00:00:00Z");
            let renewed = renewed.map_err(|error| error.code);
            assert_eq!(renewed, expected, "{code}");
        }
    }

    #[test]
    fn only_a_lease_that_nobody_renewed_is_removed() {
        let member = Member {
            process: "r-1/a".to_owned(),
            seconds: 15,
            version: "7".to_owned(),
            uid: "u".to_owned(),
        };
        let (api, requests) = server(vec![(409, status("Conflict"))]);
        api.remove("r-1", &member).expect("it lives");
        let asked = requests.join().expect("ends");
        let body: Value = serde_json::from_str(&asked[0].body).expect("JSON");
        assert_eq!(
            body["preconditions"],
            json!({"uid": "u", "resourceVersion": "7"})
        );
    }
}
