//! A release job that never ends: whoever waits for it is called off, and it is not run again.

use std::time::Instant;

use orz_cluster_tests::Ref;
use orz_cluster_tests::standin::Outcome;
use orz_core::format::Phase;
use orz_core::id::{Part, ReleaseId};
use orz_scenario_tests::{App, Engine, TestResult, World, image};
use orz_test_tools::say;
use serde_json::{Value, json};

#[test]
fn a_hanging_job_is_left_behind_with_apply() -> TestResult {
    let world = World::start(Engine::Apply)?;
    a_person_takes_it_back(&world)?;
    it_comes_back_by_itself(&world)
}

#[test]
fn a_hanging_job_is_left_behind_with_argocd() -> TestResult {
    let world = World::start(Engine::ArgoCd)?;
    a_person_takes_it_back(&world)?;
    it_comes_back_by_itself(&world)
}

/// A person rolls back while the job hangs. Nobody helps: the old release is in place and healthy again. The job
/// is not run a second time by that, nor by its release when it comes again after the job has ended.
fn a_person_takes_it_back(world: &World) -> TestResult {
    let _running = world.reconciler(&[])?;
    let first = world.deploy("ann", &[App::new("web", "1")])?;
    world.until_phase("ann", Part::Work, &first, Phase::Verified)?;

    world.pods("ann-migrate", "2", Outcome::NeverReady);
    let job = json!({
        "name": "migrate", "image": image("ann-migrate", "2"), "timeout_seconds": 3600, "reversible": true,
    });
    let app = App::new("web", "2").with("release_jobs", json!([job]));
    let second = world.deploy("ann", &[app])?;
    world.until("the job of ann runs", || {
        Ok(jobs(world, "ann")?
            .iter()
            .any(|job| job["status"]["active"] == 1))
    })?;
    let before = jobs(world, "ann")?;
    assert_eq!(before.len(), 1);

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
        "the same job, and no other"
    );

    // Its program ends after all, and its release is wanted again.
    world.pods("ann-migrate", "2", Outcome::Runs);
    world.until("the job of ann is complete", || {
        Ok(jobs(world, "ann")?
            .iter()
            .any(|job| job["status"]["succeeded"] == 1))
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
        "it ran once and for all"
    );
    Ok(())
}

/// The job's own time ends. What can be undone is undone by a commit that names the job; what cannot calls a
/// person, and stays.
fn it_comes_back_by_itself(world: &World) -> TestResult {
    let _running = world.reconciler(&[])?;
    let tenants = [("bob", true), ("cid", false)];
    let mut first = Vec::new();
    for (tenant, _) in tenants {
        first.push(world.deploy(tenant, &[App::new("web", "1")])?);
    }
    for ((tenant, _), release) in tenants.into_iter().zip(&first) {
        world.until_phase(tenant, Part::Work, release, Phase::Verified)?;
    }
    for (tenant, reversible) in tenants {
        let program = format!("{tenant}-migrate");
        world.pods(&program, "2", Outcome::NeverReady);
        let job = json!({
            "name": "migrate", "image": image(&program, "2"), "timeout_seconds": 5, "reversible": reversible,
        });
        let app = App::new("web", "2").with("release_jobs", json!([job]));
        let second = world.deploy(tenant, &[app])?;
        if reversible {
            world.until("taken back", || {
                Ok(world.live(tenant, Part::Work)? == first[0])
            })?;
            let items = world.automatic(tenant)?;
            let cause = items[0].cause.as_ref().ok_or("no cause")?;
            assert!(
                cause.object.starts_with("Job bob/web-migrate-"),
                "{cause:?}"
            );
            world.until_phase(tenant, Part::Work, &first[0], Phase::Verified)?;
            assert_eq!(world.automatic(tenant)?.len(), 1);
        } else {
            world.until_phase(tenant, Part::Work, &second, Phase::Failed)?;
            let status = world.status(tenant, Part::Work)?.ok_or("no status")?;
            let reason = status.reason.unwrap_or_default();
            assert!(reason.contains("not reversible"), "{reason}");
            assert_eq!(world.live(tenant, Part::Work)?, second, "it stays");
            assert!(world.automatic(tenant)?.is_empty());
            assert!(
                world.log().contains("is not reversible"),
                "a person is called"
            );
        }
        assert_eq!(
            world.image(tenant, "web")?,
            Some(image("web", "1")),
            "the job came first"
        );
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
        let status = world.status(tenant, Part::Work)?;
        let observed = status.and_then(|status| status.observed);
        return Ok(rolled_out && observed.as_ref() == Some(release));
    }
    let application = world.application(tenant, Part::Work)?;
    let status = &application["status"];
    Ok(rolled_out
        && status["sync"]["revision"] == release.as_str()
        && status["sync"]["status"] == "Synced"
        && status["health"]["status"] == "Healthy"
        && status["operationState"]["phase"] != "Running")
}

fn jobs(world: &World, namespace: &str) -> TestResult<Vec<Value>> {
    Ok(world.server.list("batch/v1", "Job", namespace)?)
}

fn uids(jobs: &[Value]) -> Vec<&Value> {
    jobs.iter().map(|job| &job["metadata"]["uid"]).collect()
}
