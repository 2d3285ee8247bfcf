//! What the installation brings, and what it does not grant.

use std::thread;
use std::time::Duration;

use orz_cluster_tests::{ControlPlane, Objects, Options, PRODUCT_USER, Ref};
use orz_reconciler::apply::Connection;
use orz_reconciler::install::{InstallChange, Subject, install};
use serde_json::json;

use crate::wall::until_the_wall_stands;
use crate::world::{PATIENCE, TestResult};

/// Installing again changes nothing, and nobody is granted more than the kinds of the table.
#[test]
fn installation() -> TestResult {
    let plane = ControlPlane::start(&Options::default())?;
    let objects = Objects::connect(&plane.harness_kubeconfig())?;
    let admin = Connection {
        kubeconfig: Some(plane.harness_kubeconfig()),
        context: None,
    };
    let subject = Subject::User(PRODUCT_USER.to_owned());
    let taken = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "orz-secrets", "labels": {"x": "y"}}});
    objects.apply_as("kubectl", &taken)?;
    let error = install(&admin, &subject).err().ok_or("it was taken over")?;
    assert_eq!(
        error.to_string(),
        "Namespace orz-secrets exists and is not ours: `kubectl` wrote it"
    );
    assert!(
        objects
            .get(&Ref::new("v1", "Namespace", "", "orz-system"))?
            .is_none(),
        "nothing was changed"
    );
    objects.delete(&Ref::of(&taken))?;
    objects.wait_gone(&Ref::of(&taken), PATIENCE)?;

    let first = install(&admin, &subject)?;
    assert!(
        first
            .iter()
            .all(|done| done.change == InstallChange::Created),
        "{first:?}"
    );
    let second = install(&admin, &subject)?;
    assert!(
        second
            .iter()
            .all(|done| done.change == InstallChange::Unchanged),
        "{second:?}"
    );

    // The product's user can do none of this.
    let product = Objects::connect(&plane.product_kubeconfig())?;
    let role = |kind: &str, namespace: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "x", "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "User", "name": "orz", "apiGroup": "rbac.authorization.k8s.io"}],
        })
    };
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": "orz-secrets"}});
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "default"},
        "spec": {"containers": [{"name": "x", "image": "x"}]},
    });
    for forbidden in [
        role("ClusterRoleBinding", ""),
        role("RoleBinding", "kube-system"),
        secret,
        pod,
    ] {
        wait_until_installed(&product)?;
        let status = product
            .apply(&forbidden)
            .err()
            .and_then(|error| error.status());
        assert_eq!(status, Some(403), "{}", Ref::of(&forbidden));
    }
    until_the_wall_stands(&product)?;
    let status = product
        .delete(&Ref::new("v1", "Namespace", "", "orz-system"))
        .err()
        .and_then(|error| error.status());
    assert_eq!(status, Some(403));
    Ok(())
}

/// Rights take effect a moment after they were granted.
fn wait_until_installed(product: &Objects) -> TestResult {
    for _ in 0..100 {
        if product
            .get(&Ref::new("v1", "ConfigMap", "orz-system", "x"))
            .is_ok()
        {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err("the rights do not work".into())
}
