//! A tenant follows its pointers.

use orz_cluster_tests::Ref;
use orz_cluster_tests::standin::{Kubelet, KubeletOptions, Provisioner};
use orz_core::Value;
use orz_core::id::Part;
use orz_reconciler::Health;
use serde_json::json;

use crate::world::{
    PATIENCE, TestResult, World, apps, deny, names, namespace, request, tenancy, volume,
};

/// Create, be silent, change, prune, roll back; corrected by hand in between.
#[test]
fn a_tenant_follows_its_pointers() -> TestResult {
    let world = World::start()?;
    let kubelet = Kubelet::start(&world.plane, KubeletOptions::default())?;
    world.objects.apply(&json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "local"},
        "provisioner": "example.com/none", "volumeBindingMode": "WaitForFirstConsumer",
    }))?;
    let tenancy = tenancy("acme");
    world.publish(Part::Tenancy, &tenancy, &[])?;
    world.publish(
        Part::Data,
        &[volume()],
        &[(Part::Tenancy, &namespace("acme"))],
    )?;
    let both = apps(&[
        ("web", "registry.example/web:1"),
        ("worker", "registry.example/worker:1"),
    ]);
    let first = world.publish(Part::Work, &both, &[(Part::Data, &volume())])?;

    // A fresh tenant is live after one pass.
    let changes = world.applied()?;
    assert_eq!(changes[&Part::Tenancy].created.len(), tenancy.len());
    assert_eq!(changes[&Part::Work].created.len(), both.len());
    for object in tenancy.iter().chain(&both).chain([&volume()]) {
        assert!(world.exists(object)?, "{}", Ref::of(object));
    }
    let web = Ref::new("apps/v1", "Deployment", "acme", "web");
    let worker = Ref::new("apps/v1", "Deployment", "acme", "worker");
    for deployment in [&web, &worker] {
        world
            .objects
            .wait_for("available", deployment, PATIENCE, |d| {
                d["status"]["availableReplicas"] == 1
            })?;
    }

    // Nothing changed, so nothing is written; and now everything is healthy, the waiting volume included.
    let (report, writes) = world.writes_of(|| world.pass())?;
    assert_eq!(writes, [], "a pass without changes");
    assert!(report.is_ok() && !report.changed(), "{report:?}");
    for entry in &report.tenants {
        assert_eq!(entry.overall_health(), Some(Health::Healthy), "{entry:?}");
    }

    // What controllers add to an object is no reason to write either.
    let provisioner = Provisioner::start(&world.plane)?;
    // No pod of this test uses the volume, so that no scheduler says where it is to be.
    let chosen = json!({"volume.kubernetes.io/selected-node": "somewhere"});
    world.objects.merge(
        &Ref::of(&volume()),
        &json!({"metadata": {"annotations": chosen}}),
    )?;
    world
        .objects
        .wait_for("bound", &Ref::of(&volume()), PATIENCE, |claim| {
            claim["status"]["phase"] == "Bound" && !claim["spec"]["volumeName"].is_null()
        })?;
    let ((), writes) = world.writes_of(|| world.applied().map(drop))?;
    assert_eq!(writes, [], "a pass after the volume was bound");

    // What people do by hand to what is ours is taken back; a copy that somebody made is theirs.
    let mut stranger = both[1].clone();
    stranger["metadata"]["name"] = json!("stranger");
    stranger["metadata"]["labels"] =
        json!({"applyset.kubernetes.io/part-of": "applyset-copied-v1"});
    world.objects.apply_as("kubectl", &stranger)?;
    let edits = [
        (&web, json!({"spec": {"replicas": 3}})),
        (
            &web,
            json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "registry.example/evil:1"}]}}}}),
        ),
        (
            &Ref::new("v1", "Service", "acme", "web"),
            json!({"spec": {"selector": {"other": "app"}}}),
        ),
        (&Ref::of(&deny("acme")), json!({"spec": {"ingress": [{}]}})),
        (
            &Ref::of(&deny("acme")),
            json!({"spec": {"podSelector": {"matchLabels": {"none": "none"}}}}),
        ),
        (
            &Ref::of(&both[1]),
            json!({"data": {"a": "2", "b": "added"}}),
        ),
        (
            &Ref::of(&namespace("acme")),
            json!({"metadata": {"labels": {"orz.dev/tenant": null}}}),
        ),
        (
            &Ref::new(
                "rbac.authorization.k8s.io/v1",
                "RoleBinding",
                "acme",
                "reader",
            ),
            json!({"subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "everybody"}]}),
        ),
    ];
    let live = |object: &Ref| -> TestResult<Value> {
        let mut found = world
            .objects
            .get(object)?
            .ok_or_else(|| format!("{object} is gone"))?;
        if let Some(found) = found.as_object_mut() {
            found.remove("status");
        }
        for noise in [
            "managedFields",
            "resourceVersion",
            "generation",
            "annotations",
        ] {
            if let Some(metadata) = found["metadata"].as_object_mut() {
                metadata.remove(noise);
            }
        }
        Ok(found)
    };
    for (object, patch) in edits {
        let before = live(object)?;
        world.objects.merge(object, &patch)?;
        assert_ne!(live(object)?, before, "{patch}");
        let drifted: Vec<String> = world
            .applied()?
            .values()
            .flat_map(|c| names(&c.drifted))
            .collect();
        assert_eq!(drifted.len(), 1, "{patch}: {drifted:?}");
        assert_eq!(live(object)?, before, "{patch}");
        let ((), writes) = world.writes_of(|| world.applied().map(drop))?;
        assert_eq!(writes, [], "after {patch}");
    }
    world.objects.delete(&Ref::of(&both[2]))?;
    let changes = world.applied()?;
    assert_eq!(names(&changes[&Part::Work].created), ["Service acme/web"]);

    // Removing an app removes exactly its objects.
    let second = world.publish(
        Part::Work,
        &apps(&[("web", "registry.example/web:2")]),
        &[(Part::Data, &volume())],
    )?;
    let (changes, writes) = world.writes_of(|| world.applied())?;
    let work = &changes[&Part::Work];
    assert_eq!(names(&work.updated), ["Deployment acme/web"]);
    assert!(
        work.drifted.is_empty() && work.created.is_empty(),
        "{work:?}"
    );
    assert_eq!(
        names(&work.pruned),
        [
            "Deployment acme/worker",
            "Service acme/worker",
            "ConfigMap acme/worker",
            "ServiceAccount acme/worker"
        ]
    );
    let deleted: Vec<_> = writes
        .iter()
        .filter(|w| w.verb == "delete")
        .map(|w| (w.resource.as_str(), w.name.as_str()))
        .collect();
    assert_eq!(
        deleted,
        [
            ("deployments", "worker"),
            ("services", "worker"),
            ("configmaps", "worker"),
            ("serviceaccounts", "worker")
        ]
    );
    let verbs: Vec<_> = writes
        .iter()
        .map(|w| (w.verb.as_str(), w.resource.as_str()))
        .collect();
    assert_eq!(
        (verbs[0], verbs[verbs.len() - 1]),
        (("update", "configmaps"), ("update", "configmaps")),
        "the inventory, first and last"
    );
    assert!(world.exists(&stranger)?);
    assert_eq!(world.inventory(Part::Work)?.release, second);

    // Back to the older release: the same objects as before, and the newer release still stands.
    world.repo.rollback(
        &"acme".parse()?,
        &[Part::Work],
        None,
        &request("worker is needed"),
    )?;
    let changes = world.applied()?;
    assert_eq!(changes[&Part::Work].created.len(), 4);
    for object in &both {
        assert!(world.exists(object)?, "{}", Ref::of(object));
    }
    let image = "/spec/template/spec/containers/0/image";
    assert_eq!(
        live(&web)?.pointer(image),
        Some(&json!("registry.example/web:1"))
    );
    assert_eq!(world.inventory(Part::Work)?.release, first);
    assert!(
        world
            .repo
            .view()?
            .entry(&"acme".parse()?, Part::Work, &second)?
            .is_some()
    );

    // A durable object that is dropped stays, and stays known.
    world
        .repo
        .release_hold(&"acme".parse()?, &[Part::Work], &request("done"))?;
    world.publish(Part::Work, &both, &[])?;
    world.publish(Part::Data, &[], &[])?;
    let changes = world.applied()?;
    assert_eq!(
        names(&changes[&Part::Data].kept),
        ["PersistentVolumeClaim acme/disk"]
    );
    assert!(world.exists(&volume())?);
    assert!(world.inventory(Part::Data)?.objects[0].kept);
    let ((), writes) = world.writes_of(|| world.applied().map(drop))?;
    assert_eq!(writes, []);

    // What other tools read.
    let parent = world
        .objects
        .get(&Ref::new(
            "v1",
            "ConfigMap",
            "orz-system",
            "inventory-acme-work",
        ))?
        .ok_or("gone")?;
    let member = world.objects.get(&web)?.ok_or("gone")?;
    assert_eq!(
        parent["metadata"]["labels"]["applyset.kubernetes.io/id"],
        member["metadata"]["labels"]["applyset.kubernetes.io/part-of"]
    );
    assert_eq!(
        parent["metadata"]["annotations"]["applyset.kubernetes.io/contains-group-kinds"],
        "ConfigMap,Deployment.apps,Service,ServiceAccount"
    );
    assert_eq!(provisioner.problems(), Vec::<String>::new());
    assert_eq!(kubelet.problems(), Vec::<String>::new());
    Ok(())
}
