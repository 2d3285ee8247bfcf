//! Each check against objects that no section makes: one field of a sound object is broken at a time.

use orz_core::Value;
use orz_core::diag::{Diagnostics, Sources, Span};
use orz_core::id::Part;
use serde_json::{Map, json};

use super::check_objects;
use crate::lower::Objects;

const CONTAINER: &str = "/spec/template/spec/containers/0";

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "acme", "labels": { "orz.dev/app": "web" } },
        "spec": {
            "selector": { "matchLabels": { "orz.dev/app": "web" } },
            "template": {
                "metadata": { "labels": { "orz.dev/app": "web" } },
                "spec": {
                    "containers": [{
                        "name": "web",
                        "image": "registry.example.com/web:1",
                        "ports": [{ "name": "http", "containerPort": 8080 }],
                        "env": [{ "name": "A", "value": "1" }],
                        "resources": { "requests": { "cpu": "100m" }, "limits": { "cpu": "1" } },
                        "readinessProbe": { "httpGet": { "port": "http" } },
                        "volumeMounts": [{ "name": "tmp", "mountPath": "/tmp" }],
                    }],
                    "volumes": [{ "name": "tmp", "emptyDir": {} }],
                },
            },
        },
    })
}

/// `value` with the field at `pointer` replaced, or added to its parent.
fn with(mut value: Value, pointer: &str, new: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    match value.pointer_mut(parent).expect("the parent exists") {
        Value::Object(map) => {
            map.insert(key.to_owned(), new);
        }
        Value::Array(items) => match key.parse::<usize>() {
            Ok(i) if i < items.len() => items[i] = new,
            _ => items.push(new),
        },
        _ => panic!("{parent} holds nothing"),
    }
    value
}

/// `code manifest#pointer: message` of everything that the checks say about objects of tenant `acme`.
fn found(objects: &[(Part, Value)]) -> Vec<String> {
    let mut all = Objects::default();
    for (part, value) in objects {
        all.add(*part, None, value);
    }
    let mut problems = Diagnostics::new();
    check_objects(&all, &"acme".parse().expect("valid"), &mut problems);
    problems
        .iter()
        .map(|d| {
            format!(
                "{} {}: {}",
                d.code.name,
                d.object.as_deref().unwrap_or_default(),
                d.message
            )
        })
        .collect()
}

#[test]
fn a_sound_deployment_passes() {
    assert_eq!(found(&[(Part::Work, deployment())]), Vec::<String>::new());
}

#[test]
fn pods_that_cannot_be() {
    let container = |field: &str| format!("{CONTAINER}{field}");
    let twice = |field: &str| {
        let whole = deployment();
        let items = whole
            .pointer(field)
            .and_then(Value::as_array)
            .expect("a list");
        with(whole.clone(), field, json!([items[0], items[0]]))
    };
    for (object, expected) in [
        (
            twice("/spec/template/spec/containers"),
            "two containers are named `web`",
        ),
        (
            twice("/spec/template/spec/volumes"),
            "two volumes are named `tmp`",
        ),
        (
            twice(&container("/env")),
            "environment variable `A` is there twice",
        ),
        (
            twice(&container("/volumeMounts")),
            "two volumes are mounted at `/tmp`",
        ),
        (twice(&container("/ports")), "two ports are named `http`"),
        (
            with(deployment(), &container("/name"), json!("Web")),
            "`Web` is no name of a container",
        ),
        (
            with(deployment(), "/spec/template/spec/containers", json!([])),
            "the pod has no container",
        ),
        (
            with(deployment(), "/spec/template", json!({})),
            "the template has no pod",
        ),
        (
            with(
                deployment(),
                &container("/volumeMounts/0/name"),
                json!("data"),
            ),
            "`/tmp` mounts volume `data`, which the pod does not have",
        ),
        (
            with(
                deployment(),
                &container("/volumeMounts/0/mountPath"),
                json!("tmp"),
            ),
            "`tmp` is no path to mount at",
        ),
        (
            with(
                deployment(),
                "/spec/template/spec/volumes/0/hostPath",
                json!({ "path": "/" }),
            ),
            "volume `tmp` must have exactly one source",
        ),
        (
            with(
                deployment(),
                &container("/readinessProbe/httpGet/port"),
                json!("admin"),
            ),
            "`readinessProbe` asks port `admin`, which the container does not have",
        ),
        (
            with(
                deployment(),
                &container("/readinessProbe/httpGet/port"),
                json!(9090),
            ),
            "`readinessProbe` asks port `9090`, which the container does not have",
        ),
        (
            with(
                deployment(),
                &container("/readinessProbe"),
                json!({ "periodSeconds": 1 }),
            ),
            "`readinessProbe` must have exactly one of `exec`, `grpc`, `httpGet`, `tcpSocket`",
        ),
        (
            with(deployment(), &container("/ports/0/containerPort"), json!(0)),
            "0 is no port",
        ),
        (
            with(deployment(), &container("/env/0/name"), json!("A-B")),
            "`A-B` is no name of an environment variable",
        ),
        (
            with(deployment(), &container("/env/0/valueFrom"), json!({})),
            "environment variable `A` has two values",
        ),
        (
            with(
                deployment(),
                &container("/resources/requests/cpu"),
                json!("2"),
            ),
            "requests 2 of cpu, and its limit is 1",
        ),
        (
            with(
                deployment(),
                &container("/resources/limits/cpu"),
                json!("much"),
            ),
            "`much` is no amount of cpu",
        ),
        (
            with(
                deployment(),
                "/spec/template/spec/restartPolicy",
                json!("Never"),
            ),
            "`restartPolicy` must be `Always` here, not `Never`",
        ),
        (
            with(
                deployment(),
                "/spec/template/spec/activeDeadlineSeconds",
                json!(60),
            ),
            "pods that run for ever have no deadline",
        ),
        (
            with(
                deployment(),
                "/spec/selector/matchLabels",
                json!({ "orz.dev/app": "api" }),
            ),
            "the selector does not select the template's own pods",
        ),
    ] {
        let all = found(&[(Part::Work, object)]);
        let first = all.first().cloned().unwrap_or_default();
        assert!(
            first.starts_with("invalid-pod deployment.apps_acme_web.yaml#/spec/"),
            "{expected}: {all:?}"
        );
        assert!(
            all.iter().any(|d| d.ends_with(&format!(": {expected}"))),
            "{expected}: {all:?}"
        );
    }
}

#[test]
fn objects_that_may_not_be() {
    let config_map = |data: Value| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c", "namespace": "acme" }, "data": data });
    let metadata =
        |pointer: &str, value: Value| with(deployment(), &format!("/metadata{pointer}"), value);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "s", "namespace": "acme" }, "stringData": { "password": "x" },
    });
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "v", "namespace": "acme" },
    });
    let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "1st", "namespace": "acme" } });
    let long = "x".repeat(64);
    for (part, object, expected) in [
        (
            Part::Work,
            metadata("/namespace", json!("other")),
            "foreign-namespace deployment.apps_other_web.yaml#/metadata/namespace",
        ),
        (
            Part::Work,
            metadata("/name", json!("Web")),
            "invalid-object-name deployment.apps_acme_%57eb.yaml#/metadata/name",
        ),
        (
            Part::Work,
            service,
            "invalid-object-name service_acme_1st.yaml#/metadata/name",
        ),
        (
            Part::Work,
            metadata("/labels/x", json!("a b")),
            "invalid-label deployment.apps_acme_web.yaml#/metadata/labels",
        ),
        (
            Part::Work,
            metadata("/labels/x", json!(long)),
            "invalid-label deployment.apps_acme_web.yaml#/metadata/labels",
        ),
        (
            Part::Work,
            metadata("/labels/a~b", json!("x")),
            "invalid-label deployment.apps_acme_web.yaml#/metadata/labels",
        ),
        (
            Part::Work,
            metadata("/annotations", json!({ "a": 1 })),
            "invalid-label deployment.apps_acme_web.yaml#/metadata/annotations",
        ),
        (
            Part::Work,
            secret,
            "secret-with-data secret_acme_s.yaml#/stringData",
        ),
        (
            Part::Work,
            volume,
            "kind-not-allowed persistentvolumeclaim_acme_v.yaml#",
        ),
        (
            Part::Data,
            deployment(),
            "kind-not-allowed deployment.apps_acme_web.yaml#",
        ),
        (
            Part::Work,
            config_map(json!({ "a": "x".repeat((1 << 20) + 1) })),
            "object-too-large configmap_acme_c.yaml#/data",
        ),
        (
            Part::Work,
            metadata("/annotations", json!({ "a": "x".repeat(256 << 10) })),
            "object-too-large deployment.apps_acme_web.yaml#/metadata/annotations",
        ),
    ] {
        let all = found(&[(part, object)]);
        assert!(
            all.iter().any(|d| d.starts_with(&format!("{expected}: "))),
            "{expected}: {all:?}"
        );
    }
}

#[test]
fn an_object_is_there_once_whatever_its_part() {
    let policy = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "web", "namespace": "acme" },
    });
    let all = found(&[(Part::Tenancy, policy.clone()), (Part::Work, policy)]);
    let expected = "duplicate-object networkpolicy.networking.k8s.io_acme_web.yaml#: two entries make NetworkPolicy acme/web";
    assert_eq!(all, [expected]);
}

#[test]
fn the_narrowest_cause_is_named() {
    let mut sources = Sources::new();
    let file = sources.add("bundle.json", "0123456789");
    let span = |start| Span {
        file,
        start,
        end: start + 1,
    };
    let mut objects = Objects::default();
    let draft = objects.add(
        Part::Work,
        span(0),
        &Value::Object(Map::clone(deployment().as_object().expect("a map"))),
    );
    draft
        .because(CONTAINER, span(1))
        .because(format!("{CONTAINER}/env/0"), span(2));
    for (pointer, expected) in [
        (format!("{CONTAINER}/env/0/name"), 2),
        (format!("{CONTAINER}/env/01"), 1),
        (CONTAINER.to_owned(), 1),
        ("/spec/replicas".to_owned(), 0),
        (String::new(), 0),
    ] {
        assert_eq!(draft.cause_of(&pointer), Some(span(expected)), "{pointer}");
    }
}
