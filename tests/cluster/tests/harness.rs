//! The harness itself: what the other cluster tests take for granted.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use orz_cluster_tests::standin::{
    Kubelet, KubeletOptions, Operators, OperatorsOptions, Outcome, Provisioner,
};
use orz_cluster_tests::{ControlPlane, Crds, HARNESS_USER, Objects, Options, PRODUCT_USER, Ref};
use serde_json::{Value, json};

type TestResult = Result<(), Box<dyn Error>>;

const PATIENCE: Duration = Duration::from_mins(1);

/// The real controllers, with the stand-in for a node, take workloads where a cluster would.
#[test]
fn workloads_end_where_a_cluster_would_take_them() -> TestResult {
    let plane = ControlPlane::start(&Options::default())?;
    let outcomes = [
        ("registry.example/broken:1", Outcome::CannotPull),
        ("registry.example/fails:1", Outcome::Exits(3)),
    ];
    let kubelet = Kubelet::start(
        &plane,
        KubeletOptions {
            outcomes: outcomes
                .map(|(image, outcome)| (image.to_owned(), outcome))
                .into(),
        },
    )?;
    let provisioner = Provisioner::start(&plane)?;
    let objects = Objects::connect(&plane.harness_kubeconfig())?;

    // A deployment of an image that runs becomes available, with its pods behind its Service.
    let web = objects.apply(&deployment("web", "registry.example/web:1", 600))?;
    objects.apply(&json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }))?;
    let web = objects.wait_for("Available", &Ref::of(&web), PATIENCE, |found| {
        condition(found, "Available") == Some("True")
    })?;
    assert_eq!(web["status"]["readyReplicas"], 2);
    wait_until("two ready endpoints", || {
        let slices = objects.list("discovery.k8s.io/v1", "EndpointSlice", "default")?;
        let endpoints = slices
            .iter()
            .filter_map(|slice| slice["endpoints"].as_array())
            .flatten();
        Ok(endpoints
            .filter(|endpoint| endpoint["conditions"]["ready"] == true)
            .count()
            == 2)
    })?;

    // An image that cannot be pulled: the real controller gives up at the deadline; once the
    // image is there, the same pods go on.
    let broken = objects.apply(&deployment("broken", "registry.example/broken:1", 2))?;
    let broken = Ref::of(&broken);
    let found = objects.wait_for("given up", &broken, PATIENCE, |found| {
        condition(found, "Progressing") == Some("False")
    })?;
    assert!(
        found.to_string().contains("ProgressDeadlineExceeded"),
        "{found}"
    );
    let pods = objects.list("v1", "Pod", "default")?;
    assert!(
        pods.iter()
            .any(|pod| pod.to_string().contains("ImagePullBackOff")),
        "{pods:?}"
    );
    kubelet.set_outcome("registry.example/broken:1", Outcome::Runs);
    objects.wait_for("Available", &broken, PATIENCE, |found| {
        condition(found, "Available") == Some("True")
    })?;

    // Jobs end, well or not.
    for (name, image, expected) in [
        ("works", "registry.example/web:1", "Complete"),
        ("fails", "registry.example/fails:1", "Failed"),
    ] {
        let job = objects.apply(&job(name, image))?;
        objects.wait_for(expected, &Ref::of(&job), PATIENCE, |found| {
            condition(found, expected) == Some("True")
        })?;
    }

    // A claim is bound by the real controller, and only then does its pod start; the volume goes
    // with the claim.
    let claim = objects.apply(&json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }))?;
    let mut pod = pod("with-volume", "registry.example/web:1");
    pod["spec"]["volumes"] =
        json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    let pod = Ref::of(&objects.apply(&pod)?);
    objects.wait_for("running", &pod, PATIENCE, |found| {
        found["status"]["phase"] == "Running"
    })?;
    let claim = objects.wait_for("bound", &Ref::of(&claim), PATIENCE, |found| {
        found["status"]["phase"] == "Bound"
    })?;
    let volume = claim["spec"]["volumeName"].as_str().unwrap_or_default();
    objects.delete(&pod)?;
    objects.wait_gone(&pod, PATIENCE)?;
    objects.delete(&Ref::of(&claim))?;
    objects.wait_gone(&Ref::new("v1", "PersistentVolume", "", volume), PATIENCE)?;

    // A pod waits for what its variables come from, and says so.
    let mut needs = deployment("needs", "registry.example/web:1", 600);
    needs["spec"]["template"]["spec"]["containers"][0]["envFrom"] =
        json!([{"secretRef": {"name": "late"}}]);
    let needs = Ref::of(&objects.apply(&needs)?);
    wait_until("the pods' complaint", || {
        let pods = objects.list("v1", "Pod", "default")?;
        Ok(pods
            .iter()
            .any(|pod| pod.to_string().contains("secret \\\"late\\\" not found")))
    })?;
    objects.apply(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "late", "namespace": "default"},
    }))?;
    objects.wait_for("Available", &needs, PATIENCE, |found| {
        condition(found, "Available") == Some("True")
    })?;

    // Deleting removes the pods too.
    objects.delete(&needs)?;
    wait_until("the end of its pods", || {
        let pods = objects.list("v1", "Pod", "default")?;
        Ok(!pods
            .iter()
            .any(|pod| pod["metadata"]["labels"]["app"] == "needs"))
    })?;

    assert_eq!(kubelet.problems(), Vec::<String>::new());
    assert_eq!(provisioner.problems(), Vec::<String>::new());
    Ok(())
}

/// What the product did is told from what the test did, and a request that only asks from one
/// that writes.
#[test]
fn the_audit_log_tells_users_apart() -> TestResult {
    let plane = ControlPlane::start(&Options::default())?;
    let harness = Objects::connect(&plane.harness_kubeconfig())?;
    let product = Objects::connect(&plane.product_kubeconfig())?;
    assert!(
        harness
            .get_text("/version")?
            .contains("\"gitVersion\": \"v1.36")
    );

    let start = plane.audit_mark()?;
    let by_product = config_map("by-product", "1");
    let refused = product
        .apply(&by_product)
        .err()
        .and_then(|error| error.status());
    assert_eq!(refused, Some(403), "the product has no rights at first");

    harness.apply(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "product"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": PRODUCT_USER}],
    }))?;
    wait_until("the rights to work", || {
        Ok(product.apply(&by_product).is_ok())
    })?;
    harness.apply(&config_map("by-harness", "1"))?;

    let writes = plane.audit_writes_by(PRODUCT_USER, start)?;
    let first = writes.first().ok_or("no write was recorded")?;
    assert_eq!((first.verb.as_str(), first.code), ("patch", 403));
    for entry in &writes {
        assert_eq!(
            (entry.resource.as_str(), entry.name.as_str()),
            ("configmaps", "by-product")
        );
    }
    assert_eq!(writes.last().map(|entry| entry.code), Some(201));
    let harness_writes: Vec<String> = plane
        .audit_writes_by(HARNESS_USER, start)?
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    assert_eq!(harness_writes, ["product", "by-harness"]);

    // Reading is no write, and applying the same again is one.
    let later = plane.audit_mark()?;
    product.get(&Ref::of(&by_product))?;
    assert_eq!(plane.audit_writes_by(PRODUCT_USER, later)?, []);
    assert!(!plane.audit_entries_by(PRODUCT_USER, later)?.is_empty());
    product.apply(&by_product)?;
    assert_eq!(plane.audit_writes_by(PRODUCT_USER, later)?.len(), 1);
    Ok(())
}

/// Two run side by side and know nothing of each other; a panic ends the one that it hits.
#[test]
fn control_planes_are_apart_and_end_with_their_test() -> TestResult {
    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(|| ControlPlane::start(&Options::default()));
        let other = ControlPlane::start(&Options::default());
        (one.join(), other)
    });
    let one = one.map_err(|_| "the start panicked")??;
    let other = other?;
    assert_ne!(one.url(), other.url());
    let in_one = Objects::connect(&one.harness_kubeconfig())?;
    let in_other = Objects::connect(&other.harness_kubeconfig())?;
    let object = Ref::of(&in_one.apply(&config_map("only-here", "1"))?);
    assert!(in_other.get(&object)?.is_none());

    let address = one.url().trim_start_matches("https://").to_owned();
    let folder = one.folder().to_path_buf();
    let panic = catch_unwind(AssertUnwindSafe(move || {
        let _held = one;
        assert!(TcpStream::connect(&address).is_ok());
        std::panic::resume_unwind(Box::new(address));
    }));
    let address = panic
        .err()
        .and_then(|payload| payload.downcast::<String>().ok());
    let address = address.ok_or("the panic did not come through")?;
    assert!(
        TcpStream::connect(address.as_str()).is_err(),
        "the API server still listens"
    );
    assert!(!folder.exists());
    assert!(in_other.get_text("/readyz").is_ok());
    Ok(())
}

/// The platform's kinds are there from the start, checked strictly, and have operators.
#[test]
fn platform_kinds_have_schemas_and_operators() -> TestResult {
    let plane = ControlPlane::start(&Options {
        crds: Crds::Platform,
    })?;
    let kubelet = Kubelet::start(
        &plane,
        KubeletOptions {
            outcomes: BTreeMap::new(),
        },
    )?;
    let operators = Operators::start(
        &plane,
        OperatorsOptions {
            absent_remote_keys: ["apps/gone".to_owned()].into(),
        },
    )?;
    let objects = Objects::connect(&plane.harness_kubeconfig())?;

    let mut misspelt = route("misspelt", "web");
    misspelt["spec"]["hostname"] = json!(["shop.example"]);
    let refused = objects
        .apply(&misspelt)
        .err()
        .map(|error| error.to_string());
    assert!(
        refused
            .as_ref()
            .is_some_and(|text| text.contains("spec.hostname")),
        "{refused:?}"
    );

    for object in edge() {
        objects.apply(&object)?;
    }
    let accepted = |name: &str, kind: &'static str, status: &'static str, part: &'static str| {
        let route = Ref::new("gateway.networking.k8s.io/v1", "HTTPRoute", "default", name);
        objects.wait_for(kind, &route, PATIENCE, |found| {
            let parents = found["status"]["parents"].as_array();
            parents.is_some_and(|parents| {
                parents.iter().any(|parent| {
                    condition(&json!({"status": parent}), kind) == Some(status)
                        && parent.to_string().contains(part)
                })
            })
        })
    };
    objects.apply(&route("shop", "web"))?;
    accepted("shop", "ResolvedRefs", "True", "Route is accepted")?;
    objects.apply(&route("lost", "nowhere"))?;
    accepted(
        "lost",
        "ResolvedRefs",
        "False",
        "service default/nowhere not found",
    )?;
    let mut foreign = route("foreign", "web");
    foreign["spec"]["hostnames"] = json!(["elsewhere.test"]);
    objects.apply(&foreign)?;
    accepted("foreign", "Accepted", "False", "NoMatchingListenerHostname")?;
    let gateway = Ref::new("gateway.networking.k8s.io/v1", "Gateway", "edge", "edge");
    objects.wait_for("two routes", &gateway, PATIENCE, |found| {
        condition(found, "Programmed") == Some("True")
            && found["status"]["listeners"][0]["attachedRoutes"] == 2
    })?;
    for (kind, path) in [
        ("Backend", "/status/conditions/0/status"),
        (
            "BackendTrafficPolicy",
            "/status/ancestors/0/conditions/0/status",
        ),
    ] {
        let object = Ref::new("gateway.envoyproxy.io/v1alpha1", kind, "default", "shop");
        objects.wait_for("accepted", &object, PATIENCE, |found| {
            found.pointer(path) == Some(&json!("True"))
        })?;
    }

    // A secret store that holds what is asked for, and one key that it does not hold.
    let mut needs = deployment("needs", "registry.example/web:1", 600);
    needs["spec"]["template"]["spec"]["containers"][0]["env"] = json!([
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "value"}}},
    ]);
    let needs = Ref::of(&objects.apply(&needs)?);
    for (name, key, ready) in [
        ("token", "apps/token", "True"),
        ("gone", "apps/gone", "False"),
    ] {
        let secret = objects.apply(&external_secret(name, key))?;
        objects.wait_for("judged", &Ref::of(&secret), PATIENCE, |found| {
            condition(found, "Ready") == Some(ready)
        })?;
    }
    objects.wait_for("Available", &needs, PATIENCE, |found| {
        condition(found, "Available") == Some("True")
    })?;
    assert!(
        objects
            .get(&Ref::new("v1", "Secret", "default", "gone"))?
            .is_none()
    );

    // A stand-in that has said what it has to say is silent.
    thread::sleep(Duration::from_millis(500));
    let mark = plane.audit_mark()?;
    thread::sleep(Duration::from_secs(1));
    let mut writes = plane.audit_writes_by(orz_cluster_tests::STANDIN_USER, mark)?;
    writes.retain(|entry| entry.resource != "leases");
    assert_eq!(writes, []);
    assert_eq!(operators.problems(), Vec::<String>::new());
    assert_eq!(kubelet.problems(), Vec::<String>::new());
    Ok(())
}

fn wait_until(what: &str, condition: impl Fn() -> Result<bool, Box<dyn Error>>) -> TestResult {
    for _ in 0..600 {
        if condition()? {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Err(format!("{what}: not within a minute").into())
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    object["status"]["conditions"]
        .as_array()?
        .iter()
        .find(|condition| condition["type"] == kind)?["status"]
        .as_str()
}

fn config_map(name: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": {"value": value},
    })
}

fn deployment(name: &str, image: &str, deadline: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": 2,
            "progressDeadlineSeconds": deadline,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
    })
}

fn job(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "backoffLimit": 0,
            "template": {"spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "job", "image": image}],
            }},
        },
    })
}

fn pod(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [{"name": "app", "image": image}]},
    })
}

fn route(name: &str, service: &str) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "parentRefs": [{"name": "edge", "namespace": "edge"}],
            "hostnames": [format!("{name}.shop.example")],
            "rules": [{"backendRefs": [{"name": service, "port": 80}]}],
        },
    })
}

/// A Gateway as a platform has it, and what hangs on the route `shop`.
fn edge() -> Vec<Value> {
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "edge"}}),
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass",
            "metadata": {"name": "envoy"},
            "spec": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
        }),
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "edge", "namespace": "edge"},
            "spec": {
                "gatewayClassName": "envoy",
                "listeners": [{
                    "name": "http", "port": 80, "protocol": "HTTP", "hostname": "*.shop.example",
                    "allowedRoutes": {"namespaces": {"from": "Selector", "selector": {
                        "matchLabels": {"kubernetes.io/metadata.name": "default"},
                    }}},
                }],
            },
        }),
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"ports": [{"port": 80}]},
        }),
        json!({
            "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "Backend",
            "metadata": {"name": "shop", "namespace": "default"},
            "spec": {"endpoints": [{"fqdn": {"hostname": "api.example.com", "port": 443}}]},
        }),
        json!({
            "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "BackendTrafficPolicy",
            "metadata": {"name": "shop", "namespace": "default"},
            "spec": {
                "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "shop"}],
                "timeout": {"tcp": {"connectTimeout": "5s"}},
            },
        }),
        json!({
            "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
            "metadata": {"name": "store", "namespace": "default"},
            "spec": {"provider": {"fake": {"data": [{"key": "apps/token", "value": "x"}]}}},
        }),
    ]
}

fn external_secret(name: &str, key: &str) -> Value {
    json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "secretStoreRef": {"kind": "SecretStore", "name": "store"},
            "target": {"name": name, "creationPolicy": "Owner"},
            "data": [{"secretKey": "value", "remoteRef": {"key": key}}],
        },
    })
}
