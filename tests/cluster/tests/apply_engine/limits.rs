//! What cannot be done, or not at once.

use orz_cluster_tests::Ref;
use orz_core::Value;
use orz_core::id::Part;
use orz_reconciler::{Outcome, Report};
use serde_json::json;

use crate::world::{PATIENCE, TestResult, World, apps, failed, names, tenancy, volume};

/// The order between parts, replacement, finalizers, missing kinds, and what the server refuses.
#[test]
fn what_cannot_be_done_at_once() -> TestResult {
    let world = World::start()?;
    let web = apps(&[("web", "registry.example/web:1")]);
    world.publish(Part::Tenancy, &tenancy("acme"), &[])?;
    // Equal manifests are the same release, and its first entry stays: what requires more differs in more.
    world.publish(
        Part::Work,
        &apps(&[("web", "registry.example/web:0")]),
        &[(Part::Data, &volume())],
    )?;
    let report = world.pass()?;
    let waits = |report: &Report| match &report.tenants[1].outcome {
        Outcome::Waiting { awaits } => {
            names(&awaits.iter().map(|a| a.key.clone()).collect::<Vec<_>>())
        }
        _ => Vec::new(),
    };
    assert_eq!(waits(&report), ["PersistentVolumeClaim acme/disk"]);
    world.publish(Part::Work, &web, &[])?;
    world.applied()?;

    // A frozen field of what can be made again: deleted and created.
    let mut moved = web.clone();
    let labels = json!({"orz.dev/app": "web", "orz.dev/new": "1"});
    moved[3]["spec"]["selector"]["matchLabels"] = labels.clone();
    moved[3]["spec"]["template"]["metadata"]["labels"] = labels;
    let before = world.objects.get(&Ref::of(&web[3]))?.ok_or("gone")?;
    world.publish(Part::Work, &moved, &[])?;
    assert_eq!(
        names(&world.applied()?[&Part::Work].replaced),
        ["Deployment acme/web"]
    );
    let after = world.objects.get(&Ref::of(&web[3]))?.ok_or("gone")?;
    assert_ne!(before["metadata"]["uid"], after["metadata"]["uid"]);

    // The same of what cannot: refused, nothing is touched.
    world.publish(Part::Data, &[volume()], &[])?;
    world.applied()?;
    let mut other = volume();
    other["spec"]["storageClassName"] = json!("other");
    world.publish(Part::Data, &[other], &[])?;
    let report = world.pass()?;
    assert!(
        failed(&report.tenants[1])?.starts_with("PersistentVolumeClaim acme/disk is durable"),
        "{report:?}"
    );
    world.publish(Part::Data, &[volume()], &[])?;
    world.applied()?;

    // A removed object with a finalizer stays known until it is gone, without a write in every pass.
    let config = Ref::of(&web[1]);
    world.objects.merge(
        &config,
        &json!({"metadata": {"finalizers": ["example.com/stop"]}}),
    )?;
    let without: Vec<Value> = [&moved[..1], &moved[2..]].concat();
    world.publish(Part::Work, &without, &[])?;
    world.applied()?;
    let (changes, writes) = world.writes_of(|| world.applied())?;
    assert_eq!(
        (names(&changes[&Part::Work].awaiting), writes),
        (vec!["ConfigMap acme/web".to_owned()], Vec::new())
    );
    // Back again while it is going: it is made again once it is gone.
    world.publish(Part::Work, &moved, &[])?;
    world.applied()?;
    world
        .objects
        .merge(&config, &json!({"metadata": {"finalizers": null}}))?;
    world.objects.wait_gone(&config, PATIENCE)?;
    assert_eq!(
        names(&world.applied()?[&Part::Work].created),
        ["ConfigMap acme/web"]
    );

    // A kind that the cluster does not have: named before anything is applied.
    let backend = json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "Backend", "metadata": {"name": "x", "namespace": "acme"},
        "spec": {"endpoints": [{"fqdn": {"hostname": "example.com", "port": 443}}]},
    });
    world.publish(Part::Work, &[moved.clone(), vec![backend]].concat(), &[])?;
    let (report, writes) = world.writes_of(|| world.pass())?;
    assert_eq!(
        failed(&report.tenants[2])?,
        "the cluster does not serve `Backend` of `gateway.envoyproxy.io/v1alpha1`"
    );
    assert_eq!(writes, []);

    // What the server refuses is named with its reason; a misspelt field is refused, not dropped.
    let mut misspelt = moved.clone();
    misspelt[2]["spec"]["selektor"] = json!({});
    world.publish(Part::Work, &misspelt, &[])?;
    let report = world.pass()?;
    let error = failed(&report.tenants[2])?;
    assert!(
        error.starts_with("Service acme/web: ") && error.contains("selektor"),
        "{error}"
    );
    Ok(())
}
