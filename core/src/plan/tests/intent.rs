use super::*;

/// The phrases for a change of a container of app `web`.
fn container(before: &Value, after: &Value) -> String {
    phrases(&deployment("web", before), &deployment("web", after))
}

fn phrases(before: &Object, after: &Object) -> String {
    let changes = Changes::between(
        std::slice::from_ref(before),
        std::slice::from_ref(after),
        &[],
    );
    changes
        .changes
        .iter()
        .map(|change| change.summary.join(", "))
        .collect()
}

#[test]
fn containers() {
    let sha = "4f2a91c0d7e85b6a3c2f1e0d9b8a7c6d5e4f3a2b";
    let long = format!("registry:5000/x@sha256:{}", "ab".repeat(32));
    let amounts = |request: &str, limit: &str| json!({ "resources": { "requests": { "memory": request }, "limits": { "memory": limit } } });
    let env = |names: &[&str]| -> Value {
        let env: Vec<Value> = names
            .iter()
            .map(|name| json!({ "name": name, "value": "1" }))
            .collect();
        json!({ "env": env })
    };
    for (before, after, expected) in [
        (
            json!({ "image": "registry/x:1" }),
            json!({ "image": "registry/x:2" }),
            "image registry/x:1 → :2",
        ),
        (
            json!({ "image": "a/x:1" }),
            json!({ "image": "b/x:1" }),
            "image a/x:1 → b/x:1",
        ),
        (
            json!({ "image": "registry:5000/x" }),
            json!({ "image": "registry:5000/x:1" }),
            "image registry:5000/x → :1",
        ),
        (
            json!({ "image": format!("x:{sha}") }),
            json!({ "image": "x:1" }),
            "image x:4f2a91c0d7e8 → :1",
        ),
        (
            json!({ "image": "registry:5000/x:1" }),
            json!({ "image": long }),
            "image registry:5000/x:1 → @sha256:abababababab",
        ),
        (json!({ "image": "x:1" }), json!({}), "image x:1 → none"),
        (
            amounts("128Mi", "128Mi"),
            amounts("256Mi", "256Mi"),
            "memory 128Mi → 256Mi",
        ),
        (
            amounts("128Mi", "512Mi"),
            amounts("256Mi", "1Gi"),
            "memory request 128Mi → 256Mi, memory limit 512Mi → 1Gi",
        ),
        (
            amounts("128Mi", "128Mi"),
            amounts("128Mi", "256Mi"),
            "memory limit 128Mi → 256Mi",
        ),
        (env(&["A"]), env(&["A", "LOG_LEVEL"]), "+1 env LOG_LEVEL"),
        (env(&["A", "B", "C"]), env(&["C"]), "-2 env A, B"),
        (json!({}), env(&["A", "B", "C", "D", "E"]), "+5 env"),
        (
            env(&["A"]),
            json!({ "env": [{ "name": "A", "value": "2" }] }),
            "env A 1 → 2",
        ),
        (
            env(&["A"]),
            json!({ "env": [{ "name": "A", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } }] }),
            "env A 1 → none, +env A valueFrom",
        ),
        (
            json!({ "ports": [{ "containerPort": 80 }] }),
            json!({ "ports": [{ "containerPort": 80 }, { "containerPort": 53, "protocol": "UDP" }] }),
            "+1 port 53/UDP",
        ),
        (
            json!({ "command": ["a"] }),
            json!({ "command": ["b"] }),
            "command changed",
        ),
        (
            json!({ "readinessProbe": { "periodSeconds": 1 } }),
            json!({ "readinessProbe": { "periodSeconds": 2 } }),
            "readinessProbe.periodSeconds 1 → 2",
        ),
        (
            json!({}),
            json!({ "readinessProbe": { "periodSeconds": 2 } }),
            "+readinessProbe",
        ),
    ] {
        assert_eq!(container(&before, &after), expected, "{before} to {after}");
    }
}

#[test]
fn other_fields() {
    let set = |object: &Object, pointer: &str, field: &str, new: Value| {
        let mut value = object.value().clone();
        value
            .pointer_mut(pointer)
            .and_then(Value::as_object_mut)
            .expect("a map")
            .insert(field.to_owned(), new);
        Object::new(value).expect("an object")
    };
    let web = deployment("web", &json!({}));
    let sidecar = |image: &str| {
        set(
            &web,
            "/spec/template/spec",
            "containers",
            json!([{ "name": "proxy", "image": image }]),
        )
    };
    let quota = |cpu: &str| {
        object(json!({
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": { "name": "plan", "namespace": "acme" },
            "spec": { "hard": { "requests.cpu": cpu } },
        }))
    };
    for (before, after, expected) in [
        (
            web.clone(),
            set(&web, "/spec", "replicas", json!(3)),
            "replicas none → 3",
        ),
        (
            set(&web, "/spec", "replicas", json!(1)),
            set(&web, "/spec", "replicas", json!(3)),
            "replicas 1 → 3",
        ),
        (sidecar("p:1"), sidecar("p:2"), "proxy: image p:1 → :2"),
        (
            web.clone(),
            set(
                &set(&web, "/metadata/labels", "team", json!("a")),
                "/spec/template",
                "metadata",
                json!({ "labels": { "team": "a" } }),
            ),
            "+1 label team, +template.metadata",
        ),
        (
            web.clone(),
            set(
                &web,
                "/spec/template/spec",
                "volumes",
                json!([{ "name": "tmp", "emptyDir": {} }]),
            ),
            "+1 volume tmp",
        ),
        (
            config("a", "1"),
            set(&config("a", "1"), "/data", "more", json!("x")),
            "+1 key more",
        ),
        (config("a", "1"), config("a", "2"), "key text 1 → 2"),
        (
            config("a", "1"),
            config("a", &"x".repeat(100)),
            "key text changed",
        ),
        (config("a", "1"), config("a", "2\n3"), "key text changed"),
        (config("a", "1"), config("a", ""), "key text 1 → \"\""),
        (
            active("v1", "config-shop-v1-0000000a"),
            active("v2", "config-shop-v2-0000000b"),
            "active version v1 → v2",
        ),
        (quota("1"), quota("2"), "quota requests.cpu 1 → 2"),
        (
            service("web", 80),
            service("web", 81),
            "-1 port 80, +1 port 81",
        ),
        (
            set(
                &service("web", 80),
                "/spec/ports/0",
                "targetPort",
                json!(8080),
            ),
            set(
                &service("web", 80),
                "/spec/ports/0",
                "targetPort",
                json!("http"),
            ),
            "port 80 targetPort 8080 → http",
        ),
    ] {
        assert_eq!(phrases(&before, &after), expected);
    }
}

/// The pointer of a config to its active version.
fn active(version: &str, config_map: &str) -> Object {
    object(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "config-shop",
            "namespace": "acme",
            "labels": { "orz.dev/config": "shop" },
        },
        "data": { "version": version, "config_map": config_map },
    }))
}

#[test]
fn a_change_of_everything_is_not_told_in_full() {
    let data = |count: usize| {
        let data: std::collections::BTreeMap<String, String> = (0..count)
            .map(|i| (format!("k{i}"), format!("{count}")))
            .collect();
        let mut value = config("a", "").into_value();
        value["data"] = json!(data);
        object(value)
    };
    let text = phrases(&data(20), &data(21));
    assert_eq!(text.matches(", ").count(), 7, "{text}");
    assert!(text.ends_with(", 14 more"), "{text}");
}

#[test]
fn owners_come_from_labels() {
    let labelled = |labels: Value| {
        let mut value = config("a", "").into_value();
        value["metadata"]["labels"] = labels;
        Owner::of(&object(value)).map(|owner| owner.to_string())
    };
    assert_eq!(
        labelled(json!({ "orz.dev/app": "web" })).as_deref(),
        Some("app web")
    );
    assert_eq!(
        labelled(json!({ "orz.dev/connector": "stripe" })).as_deref(),
        Some("connector stripe")
    );
    assert_eq!(
        labelled(json!({ "orz.dev/config": "prices" })).as_deref(),
        Some("config prices")
    );
    assert_eq!(
        labelled(json!({ "orz.dev/app": "web", "orz.dev/volume": "data" })).as_deref(),
        Some("volume data")
    );
    assert_eq!(labelled(json!({ "orz.dev/tenant": "acme" })), None);
}
