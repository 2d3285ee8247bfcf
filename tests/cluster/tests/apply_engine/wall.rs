//! The wall of the API server around what cannot be made again: with every right that the installation grants,
//! the reconciler deletes nothing that is not a tenant's.

use std::path::PathBuf;
use std::thread;
use std::time::Instant;

use orz_cluster_tests::{ClusterError, Objects, PRODUCT_USER, Ref};
use orz_reconciler::install::{Subject, install};
use serde_json::{Value, json};

use crate::world::{PATIENCE, TestResult, World};

const TENANT: &str = "orz.dev/tenant";

fn namespace(name: &str, tenant: Option<&str>) -> Value {
    let mut namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    if let Some(tenant) = tenant {
        namespace["metadata"]["labels"] = json!({TENANT: tenant});
    }
    namespace
}

fn volume(namespace: &str, name: &str, tenant: Option<&str>) -> Value {
    let mut volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "none",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    });
    if let Some(tenant) = tenant {
        volume["metadata"]["labels"] = json!({TENANT: tenant});
    }
    volume
}

fn is_refused<T>(done: Result<T, ClusterError>, by: &str) -> TestResult {
    match done {
        Ok(_) => Err("it was allowed".into()),
        Err(error) if error.status() == Some(403) && error.to_string().contains(by) => Ok(()),
        Err(error) => Err(format!("refused for another reason: {error}").into()),
    }
}

/// Whatever the labels of others say, and whatever they are made to say.
#[test]
fn only_what_is_a_tenants_can_be_deleted() -> TestResult {
    let world = World::start()?;
    for object in [
        namespace("monitoring", None),
        namespace("kidnapped", Some("acme")),
        namespace("acme", Some("acme")),
        namespace("acme--shop", Some("acme")),
        namespace("acme-dev", Some("acme-dev")),
        volume("monitoring", "metrics", None),
        volume("monitoring", "dressed-up", Some("acme")),
        volume("kidnapped", "disk", Some("acme")),
        volume("acme", "of-nobody", None),
        volume("acme", "of-another", Some("acme-dev")),
        volume("acme", "disk", Some("acme")),
        volume("acme--shop", "disk", Some("acme")),
    ] {
        world.objects.apply(&object)?;
    }
    let product = Objects::connect(&world.plane.product_kubeconfig())?;
    let ns = |name: &str| Ref::new("v1", "Namespace", "", name);
    let pvc =
        |namespace: &str, name: &str| Ref::new("v1", "PersistentVolumeClaim", namespace, name);

    until_the_wall_stands(&product)?;
    are_well_typed(&world.objects)?;
    let unlabelled = json!({"metadata": {"labels": {TENANT: null}}});
    let whose = "not whose they are";
    for (name, labels, why) in [
        ("monitoring", json!({TENANT: "monitoring"}), whose),
        ("kidnapped", json!({TENANT: "kidnapped"}), whose),
        ("acme", json!({TENANT: "acme-dev"}), whose),
        (
            "monitoring",
            json!({"applyset.kubernetes.io/part-of": "x"}),
            whose,
        ),
        (
            "kube-system",
            json!({TENANT: "kube-system"}),
            "of the cluster or the platform",
        ),
        (
            "orz-secrets",
            json!({"x": "y"}),
            "of the cluster or the platform",
        ),
    ] {
        let patch = json!({"metadata": {"labels": labels}});
        is_refused(product.merge(&ns(name), &patch), why).map_err(|e| format!("{name}: {e}"))?;
    }
    is_refused(product.merge(&ns("acme"), &unlabelled), whose)?;
    // Its own it may change.
    product.merge(
        &ns("acme"),
        &json!({"metadata": {"labels": {"orz.dev/plan": "pro"}}}),
    )?;

    for (object, why) in [
        // Kubernetes itself protects some, the wall the others.
        (ns("kube-system"), "kube-system"),
        (ns("kube-node-lease"), "of the cluster or the platform"),
        (ns("orz-system"), "of the cluster or the platform"),
        (ns("orz-secrets"), "of the cluster or the platform"),
        (ns("monitoring"), "only namespaces of tenants"),
        (ns("kidnapped"), "only namespaces of tenants"),
        (
            pvc("monitoring", "metrics"),
            "only what is durable of tenants",
        ),
        (
            pvc("monitoring", "dressed-up"),
            "only what is durable of tenants",
        ),
        (pvc("kidnapped", "disk"), "only what is durable of tenants"),
        (pvc("acme", "of-nobody"), "only what is durable of tenants"),
        (pvc("acme", "of-another"), "only what is durable of tenants"),
    ] {
        is_refused(product.delete(&object), why).map_err(|e| format!("{object}: {e}"))?;
    }

    for object in [
        pvc("acme", "disk"),
        pvc("acme--shop", "disk"),
        ns("acme--shop"),
        ns("acme"),
        ns("acme-dev"),
    ] {
        product.delete(&object)?;
        world.objects.wait_gone(&object, PATIENCE)?;
    }
    // The wall stands around the reconciler alone.
    world.objects.delete(&pvc("monitoring", "metrics"))?;
    world.objects.delete(&ns("kidnapped"))?;
    Ok(())
}

/// A group and a service account are recognised as a user is.
#[test]
fn the_wall_knows_its_subject() -> TestResult {
    let world = World::start()?;
    for name in ["monitoring", "acme"] {
        let tenant = (name == "acme").then_some("acme");
        world.objects.apply(&namespace(name, tenant))?;
    }
    for (subject, user, group) in [
        (
            Subject::Group("ops \"on call\"".to_owned()),
            "ann",
            Some("ops \"on call\""),
        ),
        (
            Subject::reconciler(),
            "system:serviceaccount:orz-system:orz-reconciler",
            None,
        ),
    ] {
        install(&world.admin(), &subject)?;
        let them = Objects::connect(&impersonating(&world, user, group)?)?;
        until_the_wall_stands(&them)?;
        let foreign = Ref::new("v1", "Namespace", "", "monitoring");
        is_refused(them.delete(&foreign), "only namespaces of tenants")?;
        let patch = json!({"metadata": {"labels": {"orz.dev/plan": user.len().to_string()}}});
        them.merge(&Ref::new("v1", "Namespace", "", "acme"), &patch)?;
    }
    // Who is no longer the reconciler has no rights either.
    let product = Objects::connect(&world.plane.product_kubeconfig())?;
    let refused = product.delete(&Ref::new("v1", "Namespace", "", "acme"));
    is_refused(refused, PRODUCT_USER)
}

/// Kubernetes checks the expressions against the kinds that they are about, and found nothing.
fn are_well_typed(objects: &Objects) -> TestResult {
    for name in ["orz-reconciler-namespaces", "orz-reconciler-durable"] {
        let policy = Ref::new(
            "admissionregistration.k8s.io/v1",
            "ValidatingAdmissionPolicy",
            "",
            name,
        );
        let checked = objects.wait_for("checked", &policy, PATIENCE, |policy: &Value| {
            policy["status"]["observedGeneration"].is_number()
        })?;
        let warnings = &checked["status"]["typeChecking"]["expressionWarnings"];
        assert!(warnings.is_null(), "{warnings}");
    }
    Ok(())
}

/// Rights and policies take effect a moment after they were made. What is tried harms nobody if it is allowed.
pub(crate) fn until_the_wall_stands(them: &Objects) -> TestResult {
    let default = Ref::new("v1", "Namespace", "", "default");
    let patch = json!({"metadata": {"labels": {"x": "y"}}});
    let deadline = Instant::now() + PATIENCE;
    loop {
        let done = them.merge(&default, &patch).err();
        if done
            .as_ref()
            .is_some_and(|e| e.to_string().contains("of the cluster or the platform"))
        {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(format!("no wall: {done:?}").into());
        }
        thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// A kubeconfig of the administrator who acts as somebody else.
fn impersonating(world: &World, user: &str, group: Option<&str>) -> TestResult<PathBuf> {
    let own = std::fs::read(world.plane.harness_kubeconfig())?;
    let mut config: Value = serde_json::from_slice(&own)?;
    config["users"][0]["user"]["as"] = json!(user);
    if let Some(group) = group {
        config["users"][0]["user"]["as-groups"] = json!([group]);
    }
    let path = world.plane.folder().join(format!("as-{}.json", user.len()));
    std::fs::write(&path, serde_json::to_vec(&config)?)?;
    Ok(path)
}
