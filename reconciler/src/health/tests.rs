//! Every case is an object as a server would return it, named by the state that is expected of it.

use orz_core::object::Object;
use serde_json::{Value, json};

use super::{BindingMode, Health, Surroundings, of};

fn object(api_version: &str, kind: &str, rest: Value) -> Object {
    let mut value = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "namespace": "acme", "generation": 2}});
    merge(&mut value, rest);
    Object::new(value).expect("an object")
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": "2026-01-01T00:00:00Z"})
}

fn check(cases: Vec<(&str, Object, Health, &str)>) {
    let surroundings = Surroundings {
        storage_classes: [
            ("local".to_owned(), BindingMode::WaitForFirstConsumer),
            ("network".to_owned(), BindingMode::Immediate),
        ]
        .into(),
    };
    for (name, object, health, message) in cases {
        let verdict = of(&object, &surroundings);
        assert_eq!(
            (verdict.health, verdict.message.as_str()),
            (health, message),
            "{name}"
        );
    }
}

#[test]
fn jobs() {
    let job = |status: Value| {
        object(
            "batch/v1",
            "Job",
            json!({"spec": {"backoffLimit": 2}, "status": status}),
        )
    };
    let ended = |kind: &str, reason: &str, message: &str| json!({"conditions": [condition(kind, "True", reason, message)]});
    check(vec![
        ("new", job(json!({})), Health::Progressing, "has no pod yet"),
        (
            "pending",
            job(json!({"active": 1, "ready": 0})),
            Health::Progressing,
            "its pod does not run yet",
        ),
        (
            "running",
            job(json!({"active": 1, "ready": 1})),
            Health::Progressing,
            "runs",
        ),
        (
            "second try",
            job(json!({"active": 1, "ready": 1, "failed": 1})),
            Health::Progressing,
            "runs, 1 of 3 tries failed",
        ),
        (
            "pods are done, the job not yet",
            job(
                json!({"conditions": [condition("SuccessCriteriaMet", "True", "CompletionsReached", "")]}),
            ),
            Health::Progressing,
            "has no pod yet",
        ),
        (
            "complete",
            job(ended(
                "Complete",
                "CompletionsReached",
                "Reached expected number of succeeded pods",
            )),
            Health::Healthy,
            "",
        ),
        (
            "out of tries",
            job(ended(
                "Failed",
                "BackoffLimitExceeded",
                "Job has reached the specified backoff limit",
            )),
            Health::Degraded,
            "BackoffLimitExceeded: Job has reached the specified backoff limit",
        ),
        (
            "out of time",
            job(ended("Failed", "DeadlineExceeded", "")),
            Health::Degraded,
            "DeadlineExceeded",
        ),
        (
            "about to have failed",
            job(ended(
                "FailureTarget",
                "DeadlineExceeded",
                "Job was active longer than specified deadline",
            )),
            Health::Degraded,
            "DeadlineExceeded: Job was active longer than specified deadline",
        ),
        (
            "no longer failing",
            job(
                json!({"conditions": [condition("Failed", "False", "X", "")], "active": 1, "ready": 1}),
            ),
            Health::Progressing,
            "runs",
        ),
        (
            "suspended",
            job(ended("Suspended", "JobSuspended", "Job suspended")),
            Health::Suspended,
            "is suspended",
        ),
    ]);
}

#[test]
fn deployments() {
    let deployment = |spec: Value, status: Value| {
        object(
            "apps/v1",
            "Deployment",
            json!({"spec": spec, "status": status}),
        )
    };
    let three = json!({"replicas": 3});
    let progressing = condition("Progressing", "True", "ReplicaSetUpdated", "");
    check(vec![
        (
            "unseen",
            deployment(three.clone(), json!({})),
            Health::Progressing,
            "the deployment controller has not seen the newest change yet",
        ),
        (
            "all of the older generation were available",
            deployment(
                three.clone(),
                json!({"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}),
            ),
            Health::Progressing,
            "the deployment controller has not seen the newest change yet",
        ),
        (
            "done",
            deployment(
                three.clone(),
                json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}),
            ),
            Health::Healthy,
            "",
        ),
        (
            "scaled to zero",
            deployment(json!({"replicas": 0}), json!({"observedGeneration": 2})),
            Health::Healthy,
            "",
        ),
        (
            "rolling",
            deployment(
                three.clone(),
                json!({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 1, "availableReplicas": 3, "conditions": [progressing]}),
            ),
            Health::Progressing,
            "1 of 3 pods have the newest template",
        ),
        (
            "old pods left",
            deployment(
                three.clone(),
                json!({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 3, "availableReplicas": 4}),
            ),
            Health::Progressing,
            "1 pods of older templates are still there",
        ),
        (
            "not available",
            deployment(
                three.clone(),
                json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 1}),
            ),
            Health::Progressing,
            "1 of 3 pods are available",
        ),
        (
            "deadline",
            deployment(
                three.clone(),
                json!({"observedGeneration": 2, "conditions": [condition("Progressing", "False", "ProgressDeadlineExceeded", "ReplicaSet \"x\" has timed out progressing.")]}),
            ),
            Health::Degraded,
            "ReplicaSet \"x\" has timed out progressing.",
        ),
        (
            "quota, before the deadline",
            deployment(
                three.clone(),
                json!({"observedGeneration": 2, "conditions": [progressing, condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: plan")]}),
            ),
            Health::Progressing,
            "0 of 3 pods have the newest template: exceeded quota: plan",
        ),
        (
            "quota, after the deadline",
            deployment(
                three.clone(),
                json!({"observedGeneration": 2, "conditions": [condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out"), condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: plan")]}),
            ),
            Health::Degraded,
            "exceeded quota: plan",
        ),
        (
            "paused",
            deployment(
                json!({"replicas": 3, "paused": true}),
                json!({"observedGeneration": 2}),
            ),
            Health::Suspended,
            "is paused",
        ),
        (
            "being deleted",
            object(
                "apps/v1",
                "Deployment",
                json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["foregroundDeletion"]}}),
            ),
            Health::Progressing,
            "being deleted; waits for finalizer `foregroundDeletion`",
        ),
    ]);
}

#[test]
fn volumes() {
    let claim = |class: Value, phase: &str| {
        object(
            "v1",
            "PersistentVolumeClaim",
            json!({"spec": {"storageClassName": class}, "status": {"phase": phase}}),
        )
    };
    check(vec![
        (
            "bound",
            claim(json!("network"), "Bound"),
            Health::Healthy,
            "",
        ),
        (
            "lost",
            claim(json!("network"), "Lost"),
            Health::Degraded,
            "the volume that it was bound to is gone",
        ),
        (
            "waits by intent",
            claim(json!("local"), "Pending"),
            Health::Healthy,
            "is bound once a pod uses it",
        ),
        (
            "waits",
            claim(json!("network"), "Pending"),
            Health::Progressing,
            "waits for storage class `network` to provide a volume",
        ),
        (
            "class is missing",
            claim(json!("fast"), "Pending"),
            Health::Progressing,
            "waits for storage class `fast`, which does not exist",
        ),
        (
            "no class",
            claim(Value::Null, "Pending"),
            Health::Progressing,
            "waits for a default storage class",
        ),
    ]);
}

#[test]
fn routes_and_policies() {
    let gateway = "gateway.networking.k8s.io/v1";
    let route = |parents: Value| {
        object(
            gateway,
            "HTTPRoute",
            json!({"spec": {"parentRefs": [{"name": "public"}]}, "status": {"parents": parents}}),
        )
    };
    let answer =
        |condition: Value| json!([{"parentRef": {"name": "public"}, "conditions": [condition]}]);
    let mut stale = condition("Accepted", "True", "", "");
    stale["observedGeneration"] = json!(1);
    let policy = |ancestors: Value| {
        object(
            "gateway.envoyproxy.io/v1alpha1",
            "BackendTrafficPolicy",
            json!({"status": {"ancestors": ancestors}}),
        )
    };
    check(vec![
        (
            "no answer",
            route(json!([])),
            Health::Progressing,
            "gateway `public` has not accepted it yet",
        ),
        (
            "accepted",
            route(answer(condition("Accepted", "True", "", ""))),
            Health::Healthy,
            "",
        ),
        (
            "another gateway accepted",
            route(
                json!([{"parentRef": {"name": "other"}, "conditions": [condition("Accepted", "True", "", "")]}]),
            ),
            Health::Progressing,
            "gateway `public` has not accepted it yet",
        ),
        (
            "refused",
            route(answer(condition(
                "Accepted",
                "False",
                "NoMatchingListenerHostname",
                "no listener matches",
            ))),
            Health::Degraded,
            "gateway `public`: no listener matches",
        ),
        (
            "backend is missing",
            route(answer(condition(
                "ResolvedRefs",
                "False",
                "BackendNotFound",
                "",
            ))),
            Health::Degraded,
            "gateway `public`: BackendNotFound",
        ),
        (
            "accepted an older one",
            route(answer(stale)),
            Health::Progressing,
            "its gateway has not seen the newest change yet",
        ),
        (
            "policy without answer",
            policy(json!([])),
            Health::Progressing,
            "Envoy Gateway has not accepted it yet",
        ),
        (
            "policy accepted",
            policy(json!([{"conditions": [condition("Accepted", "True", "", "")]}])),
            Health::Healthy,
            "",
        ),
        (
            "policy refused",
            policy(
                json!([{"conditions": [condition("Accepted", "False", "Invalid", "timeout is invalid")]}]),
            ),
            Health::Degraded,
            "timeout is invalid",
        ),
        (
            "filter",
            object(
                "gateway.envoyproxy.io/v1alpha1",
                "HTTPRouteFilter",
                json!({}),
            ),
            Health::Healthy,
            "",
        ),
        (
            "unused backend",
            object("gateway.envoyproxy.io/v1alpha1", "Backend", json!({})),
            Health::Healthy,
            "",
        ),
        (
            "invalid backend",
            object(
                "gateway.envoyproxy.io/v1alpha1",
                "Backend",
                json!({"status": {"conditions": [condition("Accepted", "False", "Invalid", "no endpoint")]}}),
            ),
            Health::Degraded,
            "no endpoint",
        ),
    ]);
}

#[test]
fn secrets() {
    for kind in ["ExternalSecret", "SecretStore"] {
        let api = "external-secrets.io/v1";
        let with = |c: Value| object(api, kind, json!({"status": {"conditions": [c]}}));
        let fresh = if kind == "ExternalSecret" {
            "waits for its first synchronization"
        } else {
            "waits for its first validation"
        };
        check(vec![
            (
                "fresh",
                object(api, kind, json!({})),
                Health::Progressing,
                fresh,
            ),
            (
                "ready",
                with(condition("Ready", "True", "", "")),
                Health::Healthy,
                "",
            ),
            (
                "failed",
                with(condition(
                    "Ready",
                    "False",
                    "SecretSyncedError",
                    "could not get\n  secret data",
                )),
                Health::Degraded,
                "could not get secret data",
            ),
        ]);
    }
}

#[test]
fn the_rest() {
    let plain = |status: Value| object("example.com/v1", "Thing", json!({"status": status}));
    check(vec![
        (
            "configuration",
            object("v1", "ConfigMap", json!({"data": {}})),
            Health::Healthy,
            "",
        ),
        (
            "namespace",
            object("v1", "Namespace", json!({"status": {"phase": "Active"}})),
            Health::Healthy,
            "",
        ),
        (
            "namespace going",
            object(
                "v1",
                "Namespace",
                json!({"status": {"phase": "Terminating", "conditions": [condition("NamespaceContentRemaining", "True", "", "pods. has 1 resource instances")]}}),
            ),
            Health::Progressing,
            "being deleted: pods. has 1 resource instances",
        ),
        (
            "service",
            object("v1", "Service", json!({"spec": {"type": "ClusterIP"}})),
            Health::Healthy,
            "",
        ),
        (
            "load balancer",
            object("v1", "Service", json!({"spec": {"type": "LoadBalancer"}})),
            Health::Progressing,
            "waits for the address of its load balancer",
        ),
        (
            "behind",
            plain(json!({"observedGeneration": 1})),
            Health::Progressing,
            "its controller has not seen the newest change yet",
        ),
        (
            "ready",
            plain(
                json!({"observedGeneration": 2, "conditions": [condition("Ready", "True", "", "")]}),
            ),
            Health::Healthy,
            "",
        ),
        (
            "not ready",
            plain(json!({"conditions": [condition("Ready", "False", "Waiting", "for peers")]})),
            Health::Progressing,
            "for peers",
        ),
        (
            "failed and not ready",
            plain(
                json!({"conditions": [condition("Ready", "False", "", ""), condition("Failed", "True", "Broken", "")]}),
            ),
            Health::Degraded,
            "Broken",
        ),
    ]);
}

#[test]
fn the_gravest_of_several_wins() {
    let all = [
        Health::Healthy,
        Health::Suspended,
        Health::Unknown,
        Health::Progressing,
        Health::Missing,
        Health::Degraded,
    ];
    for (i, mild) in all.into_iter().enumerate() {
        for grave in &all[i..] {
            assert_eq!(mild.combine(*grave), *grave);
            assert_eq!(grave.combine(mild), *grave);
        }
    }
}
