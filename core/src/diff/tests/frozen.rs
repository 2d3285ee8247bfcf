//! One case for each way in which a frozen field may, or may not, change.

use super::*;

/// Kind, before, after, and the frozen fields that change; none of them: an update in place.
fn cases() -> Vec<(&'static str, Value, Value, &'static [&'static str])> {
    let labels =
        |app: &str| json!({ "spec": { "selector": { "matchLabels": { "orz.dev/app": app } } } });
    let job = |tag: &str| json!({ "spec": { "backoffLimit": 0, "template": { "spec": { "containers": [{ "name": "a", "image": tag }] } } } });
    let role = |name: &str| json!({ "roleRef": { "kind": "Role", "name": name }, "subjects": [] });
    let config =
        |immutable: Value, text: &str| json!({ "immutable": immutable, "data": { "k": text } });
    let binary = |text: &str| json!({ "immutable": true, "binaryData": { "k": text } });
    let typed = |text: &str| json!({ "type": text });
    let claim = |class: &str, storage: &str| {
        json!({ "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": class,
            "resources": { "requests": { "storage": storage } },
        } })
    };
    let with = |mut value: Value, pointer: &str, field: &str, new: Value| {
        value
            .pointer_mut(pointer)
            .and_then(Value::as_object_mut)
            .expect("a map")
            .insert(field.to_owned(), new);
        value
    };
    let small = || claim("fast", "1Gi");
    vec![
        (
            "Deployment",
            labels("web"),
            labels("api"),
            &["spec.selector"],
        ),
        ("Deployment", labels("web"), json!({}), &["spec.selector"]),
        (
            "Deployment",
            labels("web"),
            with(labels("web"), "/spec", "replicas", json!(2)),
            &[],
        ),
        ("Job", job("1"), job("2"), &["spec.template"]),
        (
            "Job",
            job("1"),
            with(job("1"), "/spec", "backoffLimit", json!(2)),
            &[],
        ),
        (
            "Job",
            job("1"),
            with(
                job("1"),
                "/spec",
                "podFailurePolicy",
                json!({ "rules": [] }),
            ),
            &["spec.podFailurePolicy"],
        ),
        (
            "Job",
            job("1"),
            with(job("1"), "/spec", "successPolicy", json!({ "rules": [] })),
            &["spec.successPolicy"],
        ),
        (
            "Job",
            job("1"),
            with(job("1"), "/spec", "selector", json!({ "matchLabels": {} })),
            &["spec.selector"],
        ),
        (
            "Job",
            job("1"),
            with(job("1"), "/spec", "completions", json!(2)),
            &["spec.completions"],
        ),
        (
            "Job",
            job("1"),
            with(job("1"), "/spec", "completionMode", json!("Indexed")),
            &["spec.completionMode"],
        ),
        (
            "Job",
            job("1"),
            with(job("1"), "/spec", "backoffLimitPerIndex", json!(1)),
            &["spec.backoffLimitPerIndex"],
        ),
        (
            "Job",
            job("1"),
            with(job("1"), "/spec", "managedBy", json!("example.com/x")),
            &["spec.managedBy"],
        ),
        ("RoleBinding", role("a"), role("b"), &["roleRef"]),
        (
            "RoleBinding",
            role("a"),
            with(role("a"), "", "subjects", json!([{ "name": "x" }])),
            &[],
        ),
        (
            "ConfigMap",
            config(json!(true), "1"),
            config(json!(true), "2"),
            &["data"],
        ),
        (
            "ConfigMap",
            config(json!(true), "1"),
            config(json!(false), "1"),
            &["immutable"],
        ),
        (
            "ConfigMap",
            config(json!(true), "1"),
            config(json!(null), "2"),
            &["data", "immutable"],
        ),
        (
            "ConfigMap",
            config(json!(false), "1"),
            config(json!(true), "2"),
            &[],
        ),
        (
            "ConfigMap",
            config(json!(null), "1"),
            config(json!(null), "2"),
            &[],
        ),
        ("ConfigMap", binary("MQ=="), binary("Mg=="), &["binaryData"]),
        (
            "Secret",
            typed("Opaque"),
            typed("kubernetes.io/tls"),
            &["type"],
        ),
        (
            "Secret",
            config(json!(true), "1"),
            config(json!(true), "2"),
            &["data"],
        ),
        ("PersistentVolumeClaim", small(), claim("fast", "2Gi"), &[]),
        (
            "PersistentVolumeClaim",
            small(),
            claim("fast", "512Mi"),
            &["spec.resources.requests"],
        ),
        (
            "PersistentVolumeClaim",
            small(),
            claim("slow", "2Gi"),
            &["spec.storageClassName"],
        ),
        (
            "PersistentVolumeClaim",
            small(),
            with(small(), "/spec", "accessModes", json!(["ReadWriteMany"])),
            &["spec.accessModes"],
        ),
        (
            "PersistentVolumeClaim",
            small(),
            with(small(), "/spec", "volumeAttributesClassName", json!("gold")),
            &[],
        ),
        (
            "PersistentVolumeClaim",
            small(),
            with(
                small(),
                "/spec/resources",
                "limits",
                json!({ "storage": "5Gi" }),
            ),
            &["spec.resources"],
        ),
        (
            "PersistentVolumeClaim",
            small(),
            with(small(), "/spec", "resources", json!({ "requests": {} })),
            &["spec.resources.requests"],
        ),
        (
            "PersistentVolumeClaim",
            small(),
            json!({}),
            &["spec", "spec.resources.requests"],
        ),
        (
            "PersistentVolumeClaim",
            small(),
            with(
                small(),
                "",
                "metadata",
                json!({ "name": "x", "namespace": "acme", "labels": { "a": "b" } }),
            ),
            &[],
        ),
        (
            "Service",
            json!({ "spec": { "clusterIP": "None" } }),
            json!({ "spec": { "ports": [] } }),
            &["spec.clusterIP"],
        ),
        (
            "Service",
            json!({ "spec": { "type": "ClusterIP" } }),
            json!({ "spec": { "type": "ClusterIP", "clusterIP": "None" } }),
            &["spec.clusterIP"],
        ),
        (
            "Service",
            json!({ "spec": { "clusterIPs": ["10.0.0.1"] } }),
            json!({ "spec": { "clusterIPs": ["10.0.0.2"] } }),
            &["spec.clusterIPs"],
        ),
        (
            "Service",
            json!({ "spec": { "clusterIP": "None" } }),
            json!({ "spec": { "type": "ExternalName", "externalName": "a.example" } }),
            &[],
        ),
        (
            "ResourceQuota",
            json!({ "spec": { "scopes": ["BestEffort"] } }),
            json!({ "spec": {} }),
            &["spec.scopes"],
        ),
        (
            "ResourceQuota",
            json!({ "spec": { "hard": { "pods": "1" } } }),
            json!({ "spec": { "hard": { "pods": "2" } } }),
            &[],
        ),
    ]
}

#[test]
fn a_frozen_field_replaces_the_object() {
    for (kind, before, after, expected) in cases() {
        let (change, frozen, fields) = check(kind, &before, &after);
        let expected_change = if expected.is_empty() {
            Change::Update
        } else {
            Change::Replace
        };
        assert_eq!(change, expected_change, "{kind} {before} to {after}");
        assert_eq!(frozen, expected, "{kind} {before} to {after}");
        assert!(!fields.is_empty(), "{kind} {before} to {after}");
    }
}

#[test]
fn every_frozen_field_has_a_case_that_replaces() {
    let cases = cases();
    for info in kinds::all() {
        for rule in info.frozen.iter().filter(|rule| rule.path != "stringData") {
            let covered = (info.kind, rule.path) == ("Secret", "immutable")
                || cases.iter().any(|(kind, .., paths)| {
                    *kind == info.kind && paths.iter().any(|path| path.starts_with(rule.path))
                });
            assert!(covered, "{} {}", info.kind, rule.path);
        }
    }
}
