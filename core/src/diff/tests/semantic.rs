//! What differs in bytes but not in meaning, and how what differs in meaning is named.

use super::*;

/// The content of a Deployment with one container.
fn pod(container: &Value) -> Value {
    json!({ "spec": { "template": { "spec": { "containers": [container] } } } })
}

#[test]
fn equal_meanings_are_no_change() {
    let cases = [
        (
            "Deployment",
            pod(
                &json!({ "name": "web", "resources": { "requests": { "cpu": "0.5", "memory": "1Gi" }, "limits": { "cpu": 1 } } }),
            ),
            pod(
                &json!({ "name": "web", "resources": { "requests": { "cpu": "500m", "memory": "1024Mi" }, "limits": { "cpu": "1" } } }),
            ),
        ),
        (
            "Deployment",
            pod(
                &json!({ "name": "web", "env": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }] }),
            ),
            pod(
                &json!({ "name": "web", "env": [{ "name": "B", "value": "2" }, { "name": "A", "value": "1" }] }),
            ),
        ),
        (
            "Deployment",
            pod(
                &json!({ "name": "web", "ports": [{ "containerPort": 53, "protocol": "UDP" }, { "containerPort": 53 }] }),
            ),
            pod(
                &json!({ "name": "web", "ports": [{ "containerPort": 53, "protocol": "TCP" }, { "containerPort": 53, "protocol": "UDP" }] }),
            ),
        ),
        (
            "Deployment",
            json!({ "spec": { "template": { "spec": { "volumes": [{ "name": "a", "emptyDir": { "sizeLimit": "1Gi" } }, { "name": "b" }] } } } }),
            json!({ "spec": { "template": { "spec": { "volumes": [{ "name": "b" }, { "name": "a", "emptyDir": { "sizeLimit": "1024Mi" } }] } } } }),
        ),
        (
            "Service",
            json!({ "spec": { "ports": [{ "port": 80, "protocol": "TCP" }, { "port": 443 }] } }),
            json!({ "spec": { "ports": [{ "port": 443 }, { "port": 80 }] } }),
        ),
        (
            "HTTPRoute",
            json!({ "spec": { "hostnames": ["a.example", "b.example"], "rules": [{ "timeouts": { "request": "5s" } }] } }),
            json!({ "spec": { "hostnames": ["b.example", "a.example"], "rules": [{ "timeouts": { "request": "5000ms" } }] } }),
        ),
        (
            "BackendTrafficPolicy",
            json!({ "spec": { "retry": { "perRetry": { "timeout": "2s", "backOff": { "baseInterval": "100ms" } }, "retryOn": { "httpStatusCodes": [502, 503] } } } }),
            json!({ "spec": { "retry": { "perRetry": { "timeout": "2000ms", "backOff": { "baseInterval": "0.1s" } }, "retryOn": { "httpStatusCodes": [503, 502] } } } }),
        ),
        (
            "ExternalSecret",
            json!({ "spec": { "refreshInterval": "1h" } }),
            json!({ "spec": { "refreshInterval": "1h0m0s" } }),
        ),
        (
            "ResourceQuota",
            json!({ "spec": { "hard": { "requests.cpu": "1" } } }),
            json!({ "spec": { "hard": { "requests.cpu": "1000m" } } }),
        ),
        (
            "LimitRange",
            json!({ "spec": { "limits": [{ "type": "Pod" }, { "type": "Container", "default": { "cpu": "0.1" } }] } }),
            json!({ "spec": { "limits": [{ "type": "Container", "default": { "cpu": "100m" } }, { "type": "Pod" }] } }),
        ),
        (
            "NetworkPolicy",
            json!({ "spec": { "policyTypes": ["Ingress", "Egress"], "egress": [{ "ports": [{ "port": 53 }, { "port": 443 }] }, {}] } }),
            json!({ "spec": { "policyTypes": ["Egress", "Ingress"], "egress": [{}, { "ports": [{ "port": 443 }, { "port": 53 }] }] } }),
        ),
        (
            "Role",
            json!({ "rules": [{ "verbs": ["get", "list"] }, { "verbs": ["watch"], "resources": ["a", "b"] }] }),
            json!({ "rules": [{ "verbs": ["watch"], "resources": ["b", "a"] }, { "verbs": ["list", "get"] }] }),
        ),
        (
            "ConfigMap",
            json!({ "data": { "k": "v" }, "immutable": null }),
            json!({ "data": { "k": "v" } }),
        ),
    ];
    for (kind, before, after) in cases {
        assert_eq!(
            check(kind, &before, &after),
            (Change::Unchanged, Vec::new(), Vec::new()),
            "{kind} {before}"
        );
    }
}

#[test]
fn different_meanings_are_named_where_they_are() {
    let cases: Vec<(&str, Value, Value, &[&str])> = vec![
        (
            "Deployment",
            pod(
                &json!({ "name": "web", "image": "r/x:1", "resources": { "limits": { "memory": "128Mi" } } }),
            ),
            pod(
                &json!({ "name": "web", "image": "r/x:2", "resources": { "limits": { "memory": "256Mi" } }, "env": [{ "name": "A", "value": "1" }] }),
            ),
            &[
                r#"spec.template.spec.containers[name=web].env: none → [{"name":"A","value":"1"}]"#,
                r#"spec.template.spec.containers[name=web].image: "r/x:1" → "r/x:2""#,
                r#"spec.template.spec.containers[name=web].resources.limits.memory: "128Mi" → "256Mi""#,
            ],
        ),
        // A variable sees only those before it, so here the order means something.
        (
            "Deployment",
            pod(
                &json!({ "name": "web", "env": [{ "name": "B", "value": "b" }, { "name": "A", "value": "$(B)" }] }),
            ),
            pod(
                &json!({ "name": "web", "env": [{ "name": "A", "value": "$(B)" }, { "name": "B", "value": "b" }] }),
            ),
            &[r#"spec.template.spec.containers[name=web].env: ["B","A"] → ["A","B"]"#],
        ),
        (
            "Deployment",
            json!({ "spec": { "template": { "spec": { "initContainers": [{ "name": "a" }, { "name": "b" }] } } } }),
            json!({ "spec": { "template": { "spec": { "initContainers": [{ "name": "b" }, { "name": "a" }] } } } }),
            &[r#"spec.template.spec.initContainers: ["a","b"] → ["b","a"]"#],
        ),
        (
            "Deployment",
            pod(&json!({ "name": "web", "args": ["--a", "--b"] })),
            pod(&json!({ "name": "web", "args": ["--b", "--a"] })),
            &[r#"spec.template.spec.containers[name=web].args: ["--a","--b"] → ["--b","--a"]"#],
        ),
        // Two items share a key: by position, rather than losing one.
        (
            "Service",
            json!({ "spec": { "ports": [{ "port": 80, "name": "a" }, { "port": 80, "name": "b" }] } }),
            json!({ "spec": { "ports": [{ "port": 80, "name": "a" }, { "port": 80, "name": "c" }] } }),
            &[r#"spec.ports[1].name: "b" → "c""#],
        ),
        (
            "Service",
            json!({ "spec": { "ports": [{ "port": 80, "targetPort": "http" }] } }),
            json!({ "spec": { "ports": [{ "port": 80, "targetPort": 8080, "protocol": "TCP" }] } }),
            &[r#"spec.ports[port=80,protocol=TCP].targetPort: "http" → 8080"#],
        ),
        (
            "HTTPRoute",
            json!({ "spec": { "rules": [{ "timeouts": { "request": "5s" } }, { "name": "b" }], "hostnames": ["a.example"] } }),
            json!({ "spec": { "rules": [{ "name": "b" }, { "timeouts": { "request": "6s" } }], "hostnames": ["b.example"] } }),
            &[
                r#"spec.hostnames[]: "a.example" → none"#,
                r#"spec.hostnames[]: none → "b.example""#,
                r#"spec.rules[0].name: none → "b""#,
                r#"spec.rules[0].timeouts: {"request":"5s"} → none"#,
                r#"spec.rules[1].name: "b" → none"#,
                r#"spec.rules[1].timeouts: none → {"request":"6s"}"#,
            ],
        ),
        (
            "NetworkPolicy",
            json!({ "spec": { "egress": [{ "ports": [{ "port": 53 }] }, {}] } }),
            json!({ "spec": { "egress": [{}, { "ports": [{ "port": 54 }] }] } }),
            &["spec.egress[].ports[].port: 53 → 54"],
        ),
        // Looks like an amount, but stands where none is expected.
        (
            "ConfigMap",
            json!({ "data": { "k": "0.5" } }),
            json!({ "data": { "k": "500m" } }),
            &[r#"data.k: "0.5" → "500m""#],
        ),
        // Where one is expected, what is none is still compared.
        (
            "ResourceQuota",
            json!({ "spec": { "hard": { "pods": "x" } } }),
            json!({ "spec": { "hard": { "pods": "y" } } }),
            &[r#"spec.hard.pods: "x" → "y""#],
        ),
        (
            "Namespace",
            json!({ "metadata": { "name": "x", "labels": { "orz.dev/plan": "free" } } }),
            json!({ "metadata": { "name": "x", "labels": { "orz.dev/plan": "pro" } } }),
            &[r#"metadata.labels["orz.dev/plan"]: "free" → "pro""#],
        ),
    ];
    for (kind, before, after, expected) in cases {
        let (change, _, fields) = check(kind, &before, &after);
        assert_eq!(fields, expected, "{kind} {before}");
        assert_ne!(change, Change::Unchanged, "{kind} {before}");
    }
}
