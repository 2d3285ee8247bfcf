//! Release jobs under Argo CD: once, before everything else, not again for a rollback; and what failed once and
//! stays is no stain on the releases after it.

use std::time::Instant;

use orz_cluster_tests::standin::Outcome as Fate;
use orz_core::Value;
use orz_core::id::{Part, ReleaseId};
use orz_gitops::ActivateOptions;
use orz_reconciler::plan::{Action, Kept, plan};
use orz_reconciler::{Engine as _, Health};
use serde_json::json;

use crate::world::{
    ONE, PATIENCE, TWO, TestResult, World, app, application, release_job, request, say, tenancy,
    web,
};

const BROKEN: &str = "registry.example/broken:1";

fn jobs(world: &World) -> TestResult<Vec<Value>> {
    Ok(world.objects.list("batch/v1", "Job", "acme")?)
}

fn uids(jobs: &[Value]) -> Vec<Value> {
    let mut uids: Vec<Value> = jobs.iter().map(|j| j["metadata"]["uid"].clone()).collect();
    uids.sort_by_key(Value::to_string);
    uids
}

fn with_job(image: &str, job: &str) -> Vec<Value> {
    let mut objects = app("acme", image);
    let mut job = release_job("acme", "migrate", job);
    job["spec"]["backoffLimit"] = json!(0);
    objects.push(job);
    objects
}

fn back(world: &mut World, to: &ReleaseId, what: &str) -> TestResult {
    let insist = ActivateOptions {
        override_hold: true,
        ..ActivateOptions::default()
    };
    world
        .repo
        .activate(&"acme".parse()?, Part::Work, to, insist, &request("back"))?;
    world.settled("acme", Part::Work, to, what)?;
    let healthy = |found: &Value| found["status"]["health"]["status"] == "Healthy";
    let name = application("acme", Part::Work);
    world
        .objects
        .wait_for("a healthy Application", &name, PATIENCE, healthy)?;
    Ok(())
}

#[test]
fn release_jobs() -> TestResult {
    let mut world = World::start()?;
    world.standins.kubelet.set_outcome(BROKEN, Fate::Exits(3));
    let tenancy = world.publish("acme", Part::Tenancy, &tenancy("acme"))?;
    world.settled("acme", Part::Tenancy, &tenancy, "tenancy")?;

    let one = world.publish("acme", Part::Work, &with_job(ONE, ONE))?;
    world.settled("acme", Part::Work, &one, "a release with a job")?;
    let first = jobs(&world)?;
    let deployment = world.objects.get(&web("acme"))?.ok_or("no Deployment")?;
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or("no time");
    let (ended, began) = (
        text(&first[0]["status"]["completionTime"])?,
        text(&deployment["metadata"]["creationTimestamp"])?,
    );
    assert!(ended <= began, "the job comes first: {ended} {began}");

    let two = world.publish("acme", Part::Work, &with_job(TWO, TWO))?;
    world.settled("acme", Part::Work, &two, "the next release and its job")?;
    let both = uids(&jobs(&world)?);
    assert_eq!(both.len(), 2);
    back(&mut world, &one, "a rollback beside two kept jobs")?;
    back(&mut world, &two, "and forward again")?;
    assert_eq!(uids(&jobs(&world)?), both, "nothing ran again");

    // A job that fails stops its release before anything else, and says why.
    world.publish("acme", Part::Work, &with_job(ONE, BROKEN))?;
    let degraded = |health: &[orz_reconciler::ObjectHealth]| {
        let mut jobs = health.iter().filter(|o| o.key.kind == "Job");
        jobs.any(|job| job.health == Health::Degraded)
    };
    let seen = world.until("acme", Part::Work, "a failed job", |seen| {
        degraded(&seen.health)
    })?;
    let failed = seen.health.iter().find(|o| o.key.kind == "Job");
    let failed = failed.ok_or("no job")?;
    assert!(
        failed.message.starts_with("BackoffLimitExceeded"),
        "{failed:?}"
    );
    let details = seen.details.get(&failed.key).cloned().unwrap_or_default();
    assert!(details.join("; ").contains('3'), "{details:?}");
    assert_eq!(world.image("acme")?, json!(TWO), "nothing else was touched");

    // It stays, and the Application is healthy all the same.
    let started = Instant::now();
    back(&mut world, &two, "back from a failed job")?;
    say(&format!(
        "healthy beside a failed job after {:.2} s",
        started.elapsed().as_secs_f64()
    ))?;
    assert_eq!(jobs(&world)?.len(), 3);

    // What is collected does not come back.
    let desired = world.desired("acme", Part::Work)?;
    let observation = world.engine.observe(&desired)?;
    let planned = plan(&desired.release, &desired.objects, &observation);
    let mut planned = planned.map_err(|refusals| format!("{refusals:?}"))?;
    for step in &mut planned.steps {
        if step.action == Action::Keep(Kept::ReleaseJob) {
            step.action = Action::Prune;
        }
    }
    world.engine.apply(&desired, observation, &planned)?;
    assert_eq!(jobs(&world)?.len(), 1, "that of the live release");
    back(&mut world, &two, "nothing is missing")?;
    assert_eq!(jobs(&world)?.len(), 1);
    Ok(())
}
