//! A tenant on its way out: Argo CD removes what goes, and keeps what stays.

use std::time::{Duration, Instant};

use orz_cluster_tests::Ref;
use orz_core::format::StateKind;
use orz_core::id::Part;
use orz_core::object::Object;
use orz_reconciler::judge::Sync;
use orz_reconciler::plan::{Action, plan};
use orz_reconciler::{Desired, Engine as _, Health};

use crate::world::{
    ONE, PATIENCE, STUCK, TestResult, World, app, application, config, project, release_job,
    tenancy, web,
};

#[test]
fn what_stays_is_shown_to_argo_cd_and_nothing_else() -> TestResult {
    let mut world = World::start()?;
    let release = world.publish("acme", Part::Tenancy, &tenancy("acme"))?;
    world.settled("acme", Part::Tenancy, &release, "tenancy")?;
    let mut objects = app("acme", ONE);
    objects.push(config("acme", "extra"));
    objects.push(release_job("acme", "migrate", "registry.example/job:1"));
    let release = world.publish("acme", Part::Work, &objects)?;
    world.settled("acme", Part::Work, &release, "work")?;

    let work = leaving(world.desired("acme", Part::Work)?, |_| false);
    gone(&mut world, &work)?;
    assert!(
        world
            .objects
            .get(&web("acme"))?
            .is_none_or(|found| is_ending(&found))
    );

    let jobs = world.objects.list("batch/v1", "Job", "acme")?;
    assert_eq!(jobs, [] as [serde_json::Value; 0]);

    let fence = |object: &Object| matches!(object.kind(), "Namespace" | "NetworkPolicy");
    let tenancy = leaving(world.desired("acme", Part::Tenancy)?, fence);
    gone(&mut world, &tenancy)?;
    let account = Ref::new("v1", "ServiceAccount", "acme", "secret-store");
    world.objects.wait_gone(&account, PATIENCE)?;
    let deny = Ref::new(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "acme",
        "default-deny",
    );
    assert!(world.objects.get(&deny)?.is_some());

    // The Application goes without taking anything along, and with the last one its project.
    for desired in [&work, &tenancy] {
        let observation = world.engine.observe(desired)?;
        world.engine.forget(desired, observation)?;
        world
            .objects
            .wait_gone(&application("acme", desired.part), PATIENCE)?;
    }
    world.objects.wait_gone(&project("acme"), PATIENCE)?;
    assert!(world.objects.get(&project("orz-tenancy"))?.is_some());
    assert!(world.objects.get(&deny)?.is_some());
    assert!(
        world
            .objects
            .get(&Ref::new("v1", "Namespace", "", "acme"))?
            .is_some()
    );
    let inventory = Ref::new("v1", "ConfigMap", "orz-system", "inventory-acme-work");
    assert_eq!(world.objects.get(&inventory)?, None);
    world.argo.check()?;
    Ok(())
}

/// A sync that waits for ever for a job of the very release that the pointer still names is no reason to stay.
#[test]
fn a_hanging_sync_keeps_nobody() -> TestResult {
    let mut world = World::start()?;
    let release = world.publish("acme", Part::Tenancy, &tenancy("acme"))?;
    world.settled("acme", Part::Tenancy, &release, "tenancy")?;
    let mut objects = app("acme", ONE);
    let job = release_job("acme", "migrate", STUCK);
    objects.push(job.clone());
    world.publish("acme", Part::Work, &objects)?;
    world.until("acme", Part::Work, "the job hangs", |seen| {
        seen.sync == Sync::Applying
            && seen
                .health
                .iter()
                .any(|object| object.key.kind == "Job" && object.health == Health::Progressing)
    })?;

    let work = leaving(world.desired("acme", Part::Work)?, |_| false);
    gone(&mut world, &work)?;
    world.objects.wait_gone(&Ref::of(&job), PATIENCE)?;
    assert_eq!(
        world.objects.get(&web("acme"))?,
        None,
        "it never came so far"
    );
    world.argo.check()?;
    Ok(())
}

fn leaving(desired: Desired, stays: impl Fn(&Object) -> bool) -> Desired {
    let mut desired = desired;
    desired.state = StateKind::Retiring;
    desired.objects.retain(|object| stays(object));
    desired
}

/// Applies until Argo CD is done and the inventory names nothing but what stays.
fn gone(world: &mut World, desired: &Desired) -> TestResult {
    let started = Instant::now();
    loop {
        let observation = world.engine.observe(desired)?;
        let mut steps = plan(&desired.release, &desired.objects, &observation)
            .map_err(|refusals| format!("{refusals:?}"))?;
        // Jobs that ran stay for good, but for a tenant that leaves.
        for step in &mut steps.steps {
            if step.key.kind == "Job" && matches!(step.action, Action::Keep(_)) {
                step.action = Action::Prune;
            }
        }
        let observation = world.engine.apply(desired, observation, &steps)?;
        let seen = world.engine.seen(desired, &observation)?;
        let inventory = observation.inventory.as_ref().ok_or("no inventory")?;
        if inventory.complete && inventory.objects.len() == desired.objects.len() {
            assert_eq!(seen.sync, Sync::Synced);
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("{seen:#?}\n{inventory:#?}").into());
        }
        world.engine.changes().wait(Duration::from_millis(200));
    }
}

fn is_ending(found: &serde_json::Value) -> bool {
    found["metadata"].get("deletionTimestamp").is_some()
}
