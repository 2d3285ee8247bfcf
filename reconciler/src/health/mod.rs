//! Health of live objects: Argo CD's six words, judged by us in every engine.
//!
//! One file per kind; whatever has no file is judged by [`common`]. Every function is pure: it reads
//! one object (and, for volumes, the storage classes) and nothing else.

mod backend;
mod backend_traffic_policy;
mod common;
mod deployment;
mod external_secret;
mod fields;
mod http_route;
mod http_route_filter;
mod job;
mod namespace;
mod persistent_volume_claim;
mod secret_store;
mod service;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use orz_core::Value;
use orz_core::object::{Object, ObjectKey};

/// How a live object is doing, in Argo CD's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// It does what it is for, or waits by intent.
    Healthy,
    /// It is on its way; nothing says yet that it will not arrive.
    Progressing,
    /// It will not arrive without somebody doing something.
    Degraded,
    /// It was paused.
    Suspended,
    /// It should exist and does not.
    Missing,
    /// Nothing here can tell.
    Unknown,
}

impl Health {
    /// The word, spelled as Argo CD spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Progressing => "Progressing",
            Self::Degraded => "Degraded",
            Self::Suspended => "Suspended",
            Self::Missing => "Missing",
            Self::Unknown => "Unknown",
        }
    }

    /// The one word for several objects: the gravest.
    #[must_use]
    pub fn combine(self, other: Self) -> Self {
        const fn gravity(health: Health) -> u8 {
            match health {
                Health::Healthy => 0,
                Health::Suspended => 1,
                Health::Unknown => 2,
                Health::Progressing => 3,
                Health::Missing => 4,
                Health::Degraded => 5,
            }
        }
        if gravity(self) >= gravity(other) {
            self
        } else {
            other
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Health of one object with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The word.
    pub health: Health,
    /// Why, in one line; empty when there is nothing to say.
    pub message: String,
    /// Since when, RFC 3339, where the object itself says so.
    pub since: Option<String>,
}

impl Verdict {
    /// A verdict without a time.
    pub fn new(health: Health, message: impl Into<String>) -> Self {
        Self {
            health,
            message: message.into(),
            since: None,
        }
    }

    /// Healthy, with nothing to say.
    pub fn healthy() -> Self {
        Self::new(Health::Healthy, "")
    }

    /// The same verdict with the time the object gives for it.
    #[must_use]
    pub(crate) fn since(mut self, since: Option<&str>) -> Self {
        self.since = since.map(str::to_owned);
        self
    }

    /// This verdict about the object that `key` names.
    pub fn of(self, key: ObjectKey) -> ObjectHealth {
        ObjectHealth {
            key,
            health: self.health,
            message: self.message,
            since: self.since,
        }
    }
}

/// Health of one named object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectHealth {
    /// The object.
    pub key: ObjectKey,
    /// The word.
    pub health: Health,
    /// Why, in one line; empty when there is nothing to say.
    pub message: String,
    /// Since when, RFC 3339, where the object itself says so.
    pub since: Option<String>,
}

/// What besides the object itself decides its health.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Storage classes and whether they bind a volume only once a pod uses it.
    pub storage_classes: BTreeMap<String, BindingMode>,
}

/// When a storage class binds a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingMode {
    /// At once.
    Immediate,
    /// Once the first pod that uses it is scheduled.
    WaitForFirstConsumer,
}

/// How a live object is doing.
pub fn of(object: &Object, surroundings: &Surroundings) -> Verdict {
    let value = object.value();
    if let Some(at) = value
        .pointer("/metadata/deletionTimestamp")
        .and_then(Value::as_str)
    {
        return being_deleted(value).since(Some(at));
    }
    match (object.group(), object.kind()) {
        ("", "Namespace") => namespace::health(value),
        ("", "Service") => service::health(value),
        ("", "PersistentVolumeClaim") => persistent_volume_claim::health(value, surroundings),
        ("apps", "Deployment") => deployment::health(value),
        ("batch", "Job") => job::health(value),
        ("gateway.networking.k8s.io", "HTTPRoute") => http_route::health(value),
        ("gateway.envoyproxy.io", "Backend") => backend::health(value),
        ("gateway.envoyproxy.io", "BackendTrafficPolicy") => backend_traffic_policy::health(value),
        ("gateway.envoyproxy.io", "HTTPRouteFilter") => http_route_filter::health(value),
        ("external-secrets.io", "ExternalSecret") => external_secret::health(value),
        ("external-secrets.io", "SecretStore") => secret_store::health(value),
        _ => common::health(value),
    }
}

/// What an object that is being deleted waits for, as it says itself.
fn being_deleted(value: &Value) -> Verdict {
    let finalizers: Vec<_> = fields::list(value, "/metadata/finalizers")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut waits = Vec::new();
    if !finalizers.is_empty() {
        waits.push(format!("waits for finalizer `{}`", finalizers.join("`, `")));
    }
    if finalizers.contains(&IN_USE) {
        waits.push("it stays as long as a pod uses it".to_owned());
    }
    // What is left in a Namespace, and what that waits for.
    waits.extend(
        fields::conditions(value, "/status/conditions")
            .filter(|condition| condition.kind.starts_with("Namespace") && condition.is_true())
            .map(|condition| condition.why()),
    );
    let message = [String::from("being deleted")].into_iter().chain(waits);
    Verdict::new(Health::Progressing, message.collect::<Vec<_>>().join("; "))
}

/// Taken from a claim once no pod uses it.
const IN_USE: &str = "kubernetes.io/pvc-protection";
