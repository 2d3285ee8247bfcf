//! Stand-in for operators: a table of kinds and the status that the operator of each writes.

use std::collections::{BTreeMap, BTreeSet};

use kube::api::ListParams;
use serde_json::{Value, json};

use super::{Work, Worker, now, unless_outrun};
use super::{envoy_gateway, external_secrets};
use crate::kube_api::{KubeApi, items, text};
use crate::{ClusterError, ControlPlane, Ref};

/// What the outside world of the operators is like.
#[derive(Clone, Debug, Default)]
pub struct OperatorsOptions {
    /// Keys that the secret stores do not hold: an ExternalSecret that asks for one fails.
    pub absent_remote_keys: BTreeSet<String>,
}

/// Writes the status of the kinds of absent operators, and makes the Secrets of ExternalSecrets
/// with a placeholder for each value, so that pods that need them can start.
///
/// A kind whose CRD is not installed is left alone until it is.
pub struct Operators {
    worker: Worker,
}

impl Operators {
    /// Starts it.
    pub fn start(plane: &ControlPlane, options: OperatorsOptions) -> Result<Self, ClusterError> {
        let kinds: Vec<&str> = TABLE.iter().map(|row| row.kind).collect();
        let does = format!("write the status of {}", kinds.join(", "));
        let work = OperatorsWork { options };
        let worker = Worker::start(plane, "operators", &does, work)?;
        Ok(Self { worker })
    }

    /// What went wrong so far.
    pub fn problems(&self) -> Vec<String> {
        self.worker.problems()
    }
}

/// One kind and what its operator does.
pub(super) struct Row {
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    /// The status that the operator writes now; none when it leaves the object alone.
    pub(super) status: fn(&Value, &World) -> Option<Value>,
    /// The object that the operator makes for this one.
    pub(super) creates: fn(&Value, &World) -> Option<Value>,
}

/// The rows; where each status comes from stands at its function. `HTTPRouteFilter` is absent
/// because it has no status: its CRD has no status subresource, and what is wrong with it shows
/// at the routes.
const TABLE: &[Row] = &[
    envoy_gateway::GATEWAY_CLASS,
    envoy_gateway::GATEWAY,
    envoy_gateway::HTTP_ROUTE,
    envoy_gateway::BACKEND,
    envoy_gateway::BACKEND_TRAFFIC_POLICY,
    envoy_gateway::SECURITY_POLICY,
    external_secrets::SECRET_STORE,
    external_secrets::CLUSTER_SECRET_STORE,
    external_secrets::EXTERNAL_SECRET,
];

/// Kinds that the rows look at besides their own.
const ALSO: [(&str, &str); 4] = [
    ("v1", "Namespace"),
    ("v1", "Service"),
    ("v1", "Secret"),
    ("gateway.envoyproxy.io/v1alpha1", "HTTPRouteFilter"),
];

/// What the operators see of the cluster.
pub(super) struct World {
    objects: BTreeMap<&'static str, Vec<Value>>,
    pub(super) options: OperatorsOptions,
    /// As `metav1.Time`.
    pub(super) now: String,
}

impl World {
    /// All objects of a kind.
    pub(super) fn all(&self, kind: &str) -> &[Value] {
        self.objects.get(kind).map_or(&[], Vec::as_slice)
    }

    /// An object by kind, namespace (empty for a cluster-scoped kind) and name.
    pub(super) fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.all(kind).iter().find(|object| {
            text(object, "/metadata/namespace") == namespace
                && text(object, "/metadata/name") == name
        })
    }

    /// A condition as `metav1.Condition`, for the generation of an object.
    pub(super) fn condition(
        &self,
        object: &Value,
        kind: &str,
        holds: bool,
        reason: &str,
        message: &str,
    ) -> Value {
        json!({
            "type": kind,
            "status": if holds { "True" } else { "False" },
            "reason": reason,
            "message": message,
            "observedGeneration": object.pointer("/metadata/generation"),
            "lastTransitionTime": self.now,
        })
    }
}

/// For rows whose operator makes nothing.
pub(super) fn nothing(_: &Value, _: &World) -> Option<Value> {
    None
}

struct OperatorsWork {
    options: OperatorsOptions,
}

impl Work for OperatorsWork {
    async fn round(&mut self, api: &KubeApi) -> Result<(), ClusterError> {
        let cached = ListParams::default().match_any();
        let mut world = World {
            objects: BTreeMap::new(),
            options: self.options.clone(),
            now: now(),
        };
        let kinds = TABLE
            .iter()
            .map(|row| (row.api_version, row.kind))
            .chain(ALSO);
        for (api_version, kind) in kinds {
            let listed = api.list(api_version, kind, "", &cached).await?;
            world.objects.insert(kind, listed.unwrap_or_default());
        }
        for row in TABLE {
            for object in world.all(row.kind) {
                unless_outrun(tend(api, row, object, &world).await)?;
            }
        }
        Ok(())
    }
}

async fn tend(api: &KubeApi, row: &Row, object: &Value, world: &World) -> Result<(), ClusterError> {
    if let Some(made) = (row.creates)(object, world) {
        api.apply("operator", &made).await?;
    }
    match (row.status)(object, world) {
        Some(status) if !says(&object["status"], &status) => {
            api.merge_status(&Ref::of(object), &status).await
        }
        _ => Ok(()),
    }
}

/// Whether a status already says what is wanted, but for moments and defaults of the server.
fn says(have: &Value, want: &Value) -> bool {
    match (have, want) {
        (Value::Object(have), Value::Object(want)) => want.iter().all(|(key, want)| {
            matches!(key.as_str(), "lastTransitionTime" | "refreshTime")
                || have.get(key).is_some_and(|have| says(have, want))
        }),
        (Value::Array(have), Value::Array(want)) => {
            have.len() == want.len() && have.iter().zip(want).all(|(have, want)| says(have, want))
        }
        (have, want) => have == want,
    }
}

/// Whether a list of `metav1` label selector terms, or of equalities, selects the labels.
pub(super) fn selects(selector: &Value, labels: &Value) -> bool {
    let equal = selector["matchLabels"].as_object().is_none_or(|wanted| {
        wanted
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
    });
    let terms = items(selector, "/matchExpressions").iter().all(|term| {
        let label = labels.get(text(term, "/key"));
        let listed = label.is_some_and(|label| items(term, "/values").contains(label));
        match text(term, "/operator") {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => label.is_some(),
            _ => label.is_none(),
        }
    });
    equal && terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_what_is_wanted_despite_moments_and_defaults() {
        let want = json!({"conditions": [{"type": "Ready", "lastTransitionTime": "2"}]});
        let have = json!({"conditions": [{"type": "Ready", "lastTransitionTime": "1", "more": 1}], "x": 1});
        assert!(says(&have, &want));
        assert!(!says(&json!({"conditions": []}), &want));
        assert!(!says(&Value::Null, &want));
    }

    #[test]
    fn selectors_select_by_equality_and_terms() {
        let labels = json!({"a": "1"});
        for (selector, selected) in [
            (json!({}), true),
            (json!({"matchLabels": {"a": "1"}}), true),
            (json!({"matchLabels": {"a": "2"}}), false),
            (
                json!({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}),
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "b", "operator": "Exists"}]}),
                false,
            ),
            (
                json!({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}),
                true,
            ),
        ] {
            assert_eq!(selects(&selector, &labels), selected, "{selector}");
        }
    }
}
