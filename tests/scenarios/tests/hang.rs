//! A release job that never ends: whoever waits for it is called off, and it is not run again.

use std::time::Instant;

use orz_cluster_tests::Ref;
use orz_cluster_tests::standin::Outcome;
use orz_core::format::{Inventory, Phase, from_bytes};
use orz_core::id::{Part, ReleaseId};
use orz_scenario_tests::{App, Engine, TestResult, World, image, pointer_path};
use orz_test_tools::say;
use serde_json::{Value, json};

#[test]
fn a_hanging_job_is_left_behind_with_apply() -> TestResult {
    a_hanging_job_is_left_behind(Engine::Apply)
}

#[test]
fn a_hanging_job_is_left_behind_with_argocd() -> TestResult {
    a_hanging_job_is_left_behind(Engine::ArgoCd)
}

fn a_hanging_job_is_left_behind(engine: Engine) -> TestResult {
    let world = World::start(engine)?;
    a_person_takes_it_back(&world)?;
    its_own_time_ends(&world)
}

/// An app of which a version comes with a job that says of itself for how long it may run, in seconds.
fn with_job(tenant: &str, tag: &str, timeout: u32, reversible: bool) -> App {
    let job = json!({
        "name": "migrate", "image": image(&migration(tenant), tag),
        "timeout_seconds": timeout, "reversible": reversible,
    });
    App::new("web", tag).with("release_jobs", json!([job]))
}

/// The program of the job.
fn migration(tenant: &str) -> String {
    format!("{tenant}-migrate")
}

/// A person rolls back while the job hangs. Nobody helps: the old release is in place and healthy again. The job
/// is not run a second time by that, nor by its release when it comes again after the job has ended.
fn a_person_takes_it_back(world: &World) -> TestResult {
    let _running = world.reconciler(&[])?;
    let first = world.deploy("ann", &[with_job("ann", "1", 3_600, true)])?;
    world.until_phase("ann", Part::Work, &first, Phase::Verified)?;
    assert_eq!(jobs(world, "ann")?.len(), 1);

    world.pods(&migration("ann"), "2", Outcome::NeverReady);
    let second = world.deploy("ann", &[with_job("ann", "2", 3_600, true)])?;
    world.until("the job of ann runs", || {
        Ok(jobs(world, "ann")?
            .iter()
            .any(|job| job["status"]["active"] == 1))
    })?;
    world.until_phase("ann", Part::Work, &second, Phase::Progressing)?;
    let before = jobs(world, "ann")?;
    assert_eq!(before.len(), 2);

    let started = Instant::now();
    world.orzc(&["rollback", "ann", "--reason", "it hangs"], 0)?;
    world.until("the old release is in place again", || {
        in_place(world, "ann", &first)
    })?;
    let took = started.elapsed().as_secs_f64();
    say(&format!(
        "{}: rolled back out of a hanging sync in {took:.2} s; the goal is 5 s and the start of a pod",
        world.engine.name()
    ));
    world.until_phase("ann", Part::Work, &first, Phase::Verified)?;
    assert_eq!(world.image("ann", "web")?, Some(image("web", "1")));
    assert_eq!(
        uids(&jobs(world, "ann")?),
        uids(&before),
        "the same jobs, and no other"
    );
    assert!(world.automatic("ann")?.is_empty(), "a person was faster");

    // Its program ends after all, and its release is wanted again.
    world.pods(&migration("ann"), "2", Outcome::Runs);
    world.until("the jobs of ann are complete", || {
        Ok(jobs(world, "ann")?
            .iter()
            .all(|job| job["status"]["succeeded"] == 1))
    })?;
    let activate = [
        "activate",
        "ann",
        second.as_str(),
        "--override-hold",
        "--reason",
        "it works now",
    ];
    world.orzc(&activate, 0)?;
    world.until_phase("ann", Part::Work, &second, Phase::Verified)?;
    assert_eq!(world.image("ann", "web")?, Some(image("web", "2")));
    assert_eq!(
        uids(&jobs(world, "ann")?),
        uids(&before),
        "each ran once and for all"
    );
    Ok(())
}

/// The job's own time ends. What can be undone is undone by a commit that names the job; what cannot calls a
/// person, and stays.
fn its_own_time_ends(world: &World) -> TestResult {
    let _running = world.reconciler(&[])?;
    comes_back_by_itself(world, ["bob", "cid"], 5, "longer than specified deadline")
}

/// The job of the first tenant can be undone, that of the second cannot.
fn comes_back_by_itself(
    world: &World,
    [undone, stays]: [&str; 2],
    timeout: u32,
    why: &str,
) -> TestResult {
    let deploy = |tenant| {
        world.pods(&migration(tenant), "2", Outcome::NeverReady);
        world.deploy(tenant, &[App::new("web", "1")])
    };
    let first = [deploy(undone)?, deploy(stays)?];
    world.until_phase(undone, Part::Work, &first[0], Phase::Verified)?;
    world.until_phase(stays, Part::Work, &first[1], Phase::Verified)?;
    let bad = world.deploy(undone, &[with_job(undone, "2", timeout, true)])?;
    let stuck = world.deploy(stays, &[with_job(stays, "2", timeout, false)])?;

    world.until(format!("{undone} is taken back"), || {
        Ok(world.live(undone, Part::Work)? == first[0])
    })?;
    let job = format!("Job {undone}/web-migrate-");
    let items = world.automatic(undone)?;
    assert_eq!(items[0].from.as_ref(), Some(&bad));
    let cause = items[0].cause.as_ref().ok_or("no cause")?;
    assert!(cause.object.starts_with(&job), "{cause:?}");
    assert!(cause.message.contains(why), "{cause:?}");
    let pointer = pointer_path(undone, Part::Work)?;
    let commit = world.git_gitops(&["log", "-1", "--format=%B", "main", "--", &pointer])?;
    assert!(commit.contains(&job) && commit.contains(why), "{commit}");
    world.until(format!("{undone} has its old release in place"), || {
        in_place(world, undone, &first[0])
    })?;
    world.until_phase(undone, Part::Work, &first[0], Phase::Verified)?;
    assert_eq!(world.automatic(undone)?.len(), 1);

    world.until_phase(stays, Part::Work, &stuck, Phase::Failed)?;
    let status = world.status(stays, Part::Work)?.ok_or("no status")?;
    let reason = status.reason.unwrap_or_default();
    assert!(reason.contains("not reversible"), "{reason}");
    assert_eq!(world.live(stays, Part::Work)?, stuck, "it stays");
    assert!(world.automatic(stays)?.is_empty());
    let log = world.log();
    let mut alerts = log.lines().filter(|line| line.contains("level=alert"));
    let tenant = format!("tenant={stays} ");
    let called = |line: &str| line.contains(&tenant) && line.contains("is not reversible");
    assert!(alerts.any(called), "a person is called: {log}");
    for tenant in [undone, stays] {
        let still = world.image(tenant, "web")?;
        assert_eq!(still, Some(image("web", "1")), "the job came first");
    }
    Ok(())
}

/// Whether a release is what is live, all of it healthy, and nothing goes on any more.
fn in_place(world: &World, tenant: &str, release: &ReleaseId) -> TestResult<bool> {
    let deployment = Ref::new("apps/v1", "Deployment", tenant, "web");
    let found = world.server.get(&deployment)?.ok_or("no Deployment")?;
    let status = &found["status"];
    let rolled_out = status["observedGeneration"] == found["metadata"]["generation"]
        && status["updatedReplicas"] == 1
        && status["availableReplicas"] == 1;
    if world.engine == Engine::Apply {
        let name = format!("inventory-{tenant}-work");
        let found = world
            .server
            .get(&Ref::new("v1", "ConfigMap", "orz-system", &name))?;
        let found = found.ok_or("no inventory")?;
        let text = found["data"]["inventory.json"].as_str().unwrap_or_default();
        let inventory: Inventory = from_bytes(text.as_bytes())?;
        return Ok(rolled_out && inventory.release == *release && inventory.complete);
    }
    let application = world.application(tenant, Part::Work)?;
    let status = &application["status"];
    let phase = status["operationState"]["phase"].as_str();
    Ok(rolled_out
        && status["sync"]["revision"] == release.as_str()
        && status["sync"]["status"] == "Synced"
        && status["health"]["status"] == "Healthy"
        && !matches!(phase, Some("Running" | "Terminating")))
}

fn jobs(world: &World, namespace: &str) -> TestResult<Vec<Value>> {
    Ok(world.server.list("batch/v1", "Job", namespace)?)
}

fn uids(jobs: &[Value]) -> Vec<&Value> {
    jobs.iter().map(|job| &job["metadata"]["uid"]).collect()
}
