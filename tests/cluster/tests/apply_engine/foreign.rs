//! What somebody else made stays theirs.

use orz_cluster_tests::Ref;
use orz_core::Value;
use orz_core::id::Part;
use orz_reconciler::{Engine, Outcome};
use serde_json::json;

use crate::world::{PATIENCE, TestResult, World, apps, failed, look, names, namespace, tenancy};

/// What somebody else made is named and left alone, and its tenant delays nobody.
#[test]
fn nothing_is_taken_over() -> TestResult {
    let world = World::start()?;
    world.objects.apply_as("kubectl", &namespace("acme"))?;
    world.publish(Part::Tenancy, &tenancy("acme"), &[])?;
    world.publish_for("beta", Part::Tenancy, &tenancy("beta"), &[])?;
    let (report, writes) = world.writes_of(|| world.pass())?;
    assert_eq!(
        failed(&report.tenants[0])?,
        "Namespace acme exists and is not ours: `kubectl` wrote it"
    );
    assert!(
        matches!(&report.tenants[1].outcome, Outcome::Applied(c) if c.created.len() == 8),
        "{report:?}"
    );
    assert!(
        writes
            .iter()
            .all(|w| !w.name.contains("acme") && w.namespace != "acme"),
        "{writes:?}"
    );
    world.objects.delete(&Ref::of(&namespace("acme")))?;
    world
        .objects
        .wait_gone(&Ref::of(&namespace("acme")), PATIENCE)?;
    world.applied()?;

    // The same for a namespaced object, even where it equals what we want.
    let web = apps(&[("web", "registry.example/web:1")]);
    let foreign = world.objects.apply_as("helm", &web[2])?;
    world.publish(Part::Work, &web, &[])?;
    let report = world.pass()?;
    assert_eq!(
        failed(&report.tenants[1])?,
        "Service acme/web exists and is not ours: `helm` wrote it"
    );
    assert_eq!(world.objects.get(&Ref::of(&web[2]))?, Some(foreign));
    assert!(!world.exists(&web[3])?, "nothing of the part is applied");
    world.objects.delete(&Ref::of(&web[2]))?;
    world.applied()?;

    // An object of ours that somebody deleted and made again is theirs: neither changed nor pruned.
    world.objects.delete(&Ref::of(&web[1]))?;
    let again = world.objects.apply_as("helm", &web[1])?;
    world.publish(Part::Work, &web[2..], &[])?;
    let left: Vec<_> = world
        .applied()?
        .values()
        .flat_map(|c| names(&c.left))
        .collect();
    assert_eq!(left, ["ConfigMap acme/web"]);
    assert_eq!(world.objects.get(&Ref::of(&web[1]))?, Some(again));

    // Somebody who is faster than we: made between our look and our write, named, and left without our marks.
    world.publish(
        Part::Work,
        &[
            web[1..].to_vec(),
            vec![{
                let mut other = web[1].clone();
                other["metadata"]["name"] = json!("late");
                other
            }],
        ]
        .concat()[1..],
        &[],
    )?;
    let mut engine = world.engine()?;
    let late = Ref::new("v1", "ConfigMap", "acme", "late");
    let (desired, observation, steps) = look(&world, &mut engine, Part::Work)?;
    let theirs = world.objects.apply_as("helm", &json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late", "namespace": "acme"}, "data": {"theirs": "1"},
    }))?;
    let error = engine
        .apply(&desired, observation, &steps)
        .err()
        .ok_or("it was taken over")?;
    assert!(
        error
            .to_string()
            .starts_with("ConfigMap acme/late: Conflict (409)"),
        "{error}"
    );
    let after = world.objects.get(&late)?.ok_or("gone")?;
    assert_eq!(
        (&after["data"], &after["metadata"]["labels"]),
        (&theirs["data"], &Value::Null)
    );
    Ok(())
}
