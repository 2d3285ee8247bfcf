//! Two writers at once, and writers that were killed.

use orz_cluster_tests::Ref;
use orz_core::id::Part;
use orz_reconciler::{Engine, EngineError};
use serde_json::json;

use crate::world::{PATIENCE, TestResult, World, app, apps, look, tenancy};

/// Of two writers the slower one changes nothing; a writer that was killed is taken up where it was.
#[test]
fn stale_and_killed_writers() -> TestResult {
    let world = World::start()?;
    world.publish(Part::Tenancy, &tenancy("acme"), &[])?;
    world.applied()?;
    let [web, worker] = [
        ("web", "registry.example/web:1"),
        ("worker", "registry.example/worker:1"),
    ];
    world.publish(Part::Work, &apps(&[web]), &[])?;

    // Both look, then both write.
    let (mut slow, mut fast) = (world.engine()?, world.engine()?);
    let (desired, seen_by_slow, plan_of_slow) = look(&world, &mut slow, Part::Work)?;
    let (_, seen_by_fast, plan_of_fast) = look(&world, &mut fast, Part::Work)?;
    fast.apply(&desired, seen_by_fast, &plan_of_fast)?;
    let (error, writes) =
        world.writes_of(|| Ok(slow.apply(&desired, seen_by_slow, &plan_of_slow).err()))?;
    assert!(
        matches!(error, Some(EngineError::Stale { .. })),
        "{error:?}"
    );
    assert!(
        writes
            .iter()
            .all(|w| w.code == 409 && w.name.is_empty() | w.name.starts_with("inventory-")),
        "{writes:?}"
    );

    // The same with an inventory that exists.
    world.publish(Part::Work, &apps(&[web, worker]), &[])?;
    let (desired, seen_by_slow, plan_of_slow) = look(&world, &mut slow, Part::Work)?;
    world.publish(Part::Work, &apps(&[worker]), &[])?;
    world.applied()?;
    let (error, writes) =
        world.writes_of(|| Ok(slow.apply(&desired, seen_by_slow, &plan_of_slow).err()))?;
    assert!(
        matches!(error, Some(EngineError::Stale { .. })),
        "{error:?}"
    );
    assert_eq!(writes.iter().map(|w| w.code).collect::<Vec<_>>(), [409]);
    assert!(
        !world.exists(&app("web", "x")[3])?,
        "the slow writer did not bring it back"
    );

    // Killed between the intent and its last object: the inventory names all, some exist, none has a `uid`.
    // Then the pointer moves on to a release without them.
    world.publish(Part::Work, &apps(&[web, worker]), &[])?;
    let second_half = app("web", "registry.example/web:1");
    let (desired, observation, steps) = look(&world, &mut fast, Part::Work)?;
    // A quota that refuses the Deployment stops the chain in the middle, as a kill would.
    world.objects.apply(&json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "stop", "namespace": "acme"},
        "spec": {"hard": {"count/deployments.apps": "1"}},
    }))?;
    world.objects.wait_for(
        "counted",
        &Ref::new("v1", "ResourceQuota", "acme", "stop"),
        PATIENCE,
        |q| q["status"]["used"]["count/deployments.apps"] == "1",
    )?;
    let error = fast
        .apply(&desired, observation, &steps)
        .err()
        .ok_or("the quota did not refuse")?;
    assert!(
        error
            .to_string()
            .contains("Deployment acme/web: Forbidden (403)")
            && error.to_string().contains("exceeded quota"),
        "{error}"
    );
    let inventory = world.inventory(Part::Work)?;
    assert!(
        !inventory.complete && inventory.objects.len() == 8,
        "{inventory:?}"
    );
    assert!(world.exists(&second_half[2])?);
    world
        .objects
        .delete(&Ref::new("v1", "ResourceQuota", "acme", "stop"))?;
    forget_uids(&world, Part::Work)?;
    world.publish(Part::Work, &apps(&[worker]), &[])?;
    let changes = world.applied()?;
    assert_eq!(changes[&Part::Work].pruned.len(), 3, "{changes:?}");
    for object in &second_half {
        assert!(!world.exists(object)?, "{}", Ref::of(object));
    }
    assert!(world.inventory(Part::Work)?.complete);

    // An inventory that somebody deleted is made again, without touching what it named.
    world.objects.delete(&Ref::new(
        "v1",
        "ConfigMap",
        "orz-system",
        "inventory-acme-work",
    ))?;
    world.applied()?;
    assert_eq!(world.inventory(Part::Work)?.objects.len(), 4);
    let ((), writes) = world.writes_of(|| world.applied().map(drop))?;
    assert_eq!(writes, []);
    Ok(())
}

/// An inventory as it is when its writer is killed right after its first write.
fn forget_uids(world: &World, part: Part) -> TestResult {
    let mut inventory = world.inventory(part)?;
    for item in &mut inventory.objects {
        (item.uid, item.applied, item.live) = (None, None, None);
    }
    let text = String::from_utf8(orz_core::format::to_bytes(&inventory))?;
    let name = format!("inventory-acme-{part}");
    world.objects.merge(
        &Ref::new("v1", "ConfigMap", "orz-system", &name),
        &json!({"data": {"inventory.json": text}}),
    )?;
    Ok(())
}
