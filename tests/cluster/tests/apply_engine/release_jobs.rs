//! Release jobs: once, before everything else, never again for a rollback; a failed one stops its release.

use std::collections::BTreeMap;
use std::time::Duration;

use orz_cluster_tests::standin::{Outcome as Fate, StandIns};
use orz_cluster_tests::{AuditEntry, ControlPlane, Crds, Options, Ref};
use orz_compiler::{Inputs, Platform, compile};
use orz_core::Value;
use orz_core::id::Part;
use orz_core::object::ObjectKey;
use orz_reconciler::{Health, Outcome, Report, TenantReport};
use serde_json::json;

use crate::examples::releases;
use crate::world::{PATIENCE, TestResult, World, failed, names, request};

const JOB: &str = "Job acme/web-migrate-";

/// App `web` of this tag, with a migration that runs from its own image and needs a secret and a config.
fn publish(world: &World, web: u32, migration: &str) -> TestResult {
    let bundle = json!({
        "tenant": { "name": "acme" },
        "apps": [{
            "name": "web",
            "image": format!("registry.example.com/acme/web:{web}"),
            "release_jobs": [{
                "name": "migrate",
                "image": format!("registry.example.com/acme/migration:{migration}"),
                "secrets": { "DATABASE_URL": "db_url" },
                "configs": ["schema"],
                "timeout_seconds": if migration == "endless" { 2 } else { 600 },
            }],
        }],
        "secret_refs": [{ "name": "db_url", "ref": "env://DATABASE_URL" }],
        "configs": [{ "name": "schema", "version": "v1", "data": { "a": 1 }, "activate": true }],
    });
    let platform = Platform::load(&BTreeMap::new());
    let platform = platform.value.ok_or("the platform data does not load")?;
    let file = (
        "tenants/acme/bundle.json".to_owned(),
        bundle.to_string().into_bytes(),
    );
    let compiled = compile(&Inputs {
        tenant: "acme".parse()?,
        files: BTreeMap::from([file]),
        platform: &platform,
        at: None,
    });
    let output = compiled
        .output
        .ok_or_else(|| format!("{:?}", compiled.diagnostics))?;
    world
        .repo
        .publish(releases(output), true, &request("publish"))?;
    Ok(())
}

/// A pass that waits in itself until everything is in place, or cannot be.
fn patient(world: &World) -> TestResult<Report> {
    let options = orz_reconciler::Options {
        wait: PATIENCE,
        ..orz_reconciler::Options::new("in-cluster".parse()?)
    };
    Ok(orz_reconciler::reconcile(
        &world.repo.view()?,
        &mut world.engine()?,
        &options,
    )?)
}

fn work(report: Report) -> TestResult<TenantReport> {
    let found = report
        .tenants
        .into_iter()
        .find(|entry| entry.part == Some(Part::Work));
    Ok(found.ok_or("no part `work`")?)
}

/// Passes without patience until the part waits for something else than `awaited` now, or no longer.
fn past(world: &World, awaited: &str) -> TestResult<TenantReport> {
    for _ in 0..200 {
        let entry = work(world.pass()?)?;
        match &entry.outcome {
            Outcome::Waiting { awaits } if awaits[0].key.to_string().starts_with(awaited) => {
                std::thread::sleep(Duration::from_millis(100));
            }
            _ => return Ok(entry),
        }
    }
    Err(format!("still waits for {awaited}").into())
}

fn jobs(world: &World) -> TestResult<Vec<Value>> {
    Ok(world.objects.list("batch/v1", "Job", "acme")?)
}

fn web() -> Ref {
    Ref::new("apps/v1", "Deployment", "acme", "web")
}

fn image(world: &World) -> TestResult<Value> {
    let found = world.objects.get(&web())?.ok_or("no Deployment")?;
    Ok(found["spec"]["template"]["spec"]["containers"][0]["image"].clone())
}

fn created_jobs(keys: &[ObjectKey]) -> usize {
    keys.iter().filter(|key| key.kind == "Job").count()
}

/// The resources that were written to, each at its first write, without the inventory's.
fn resources(writes: &[AuditEntry]) -> Vec<&str> {
    let mut seen: Vec<&str> = Vec::new();
    for write in writes.iter().filter(|write| write.namespace == "acme") {
        if !seen.contains(&write.resource.as_str()) {
            seen.push(&write.resource);
        }
    }
    seen
}

#[test]
fn release_jobs() -> TestResult {
    let plane = ControlPlane::start(&Options {
        crds: Crds::Platform,
    })?;
    let world = World::on(plane)?;

    // Without operators the secret is never there: what the job needs is, the job is not, nor is anything else.
    publish(&world, 1, "1")?;
    let entry = work(world.pass()?)?;
    let Outcome::Waiting { awaits } = &entry.outcome else {
        return Err(format!("{entry:?}").into());
    };
    assert_eq!(awaits[0].key.to_string(), "ExternalSecret acme/db-url");
    assert_eq!(jobs(&world)?, Vec::<Value>::new());
    assert!(world.objects.get(&web())?.is_none());
    assert!(!world.inventory(Part::Work)?.complete);
    let (_, writes) = world.writes_of(|| world.pass())?;
    assert_eq!(writes, [], "waiting writes nothing");

    // With them, the job runs, and only then comes the rest.
    let standins = StandIns::start(&world.plane)?;
    let (entry, writes) = world.writes_of(|| {
        let entry = past(&world, "ExternalSecret")?;
        let Outcome::Waiting { awaits } = &entry.outcome else {
            return Err(format!("{entry:?}").into());
        };
        assert!(awaits[0].key.to_string().starts_with(JOB), "{awaits:?}");
        past(&world, JOB)
    })?;
    let Outcome::Applied(changes) = &entry.outcome else {
        return Err(format!("{entry:?}").into());
    };
    assert!(
        names(&changes.created).contains(&"Deployment acme/web".to_owned()),
        "{changes:?}"
    );
    let order = resources(&writes);
    assert_eq!(order.first(), Some(&"jobs"), "{order:?}");
    let first = jobs(&world)?;
    assert_eq!(first.len(), 1);
    let (ended, begun) = (
        first[0]["status"]["completionTime"].as_str(),
        world.objects.get(&web())?.ok_or("no Deployment")?["metadata"]["creationTimestamp"].clone(),
    );
    assert!(
        ended.is_some() && ended <= begun.as_str(),
        "{ended:?} {begun}"
    );
    assert!(world.inventory(Part::Work)?.complete);
    let (_, writes) = world.writes_of(|| world.applied())?;
    assert_eq!(writes, [], "a pass after it is in place");

    // The next version: its job runs while the version before it still serves.
    publish(&world, 2, "2")?;
    let entry = past(&world, "ExternalSecret")?;
    assert!(
        matches!(entry.outcome, Outcome::Waiting { .. }),
        "{entry:?}"
    );
    assert_eq!(image(&world)?, "registry.example.com/acme/web:1");
    let entry = past(&world, JOB)?;
    let Outcome::Applied(changes) = &entry.outcome else {
        return Err(format!("{entry:?}").into());
    };
    assert_eq!(names(&changes.updated), ["Deployment acme/web"]);
    assert_eq!(
        names(&changes.kept_jobs),
        [format!(
            "Job acme/{}",
            first[0]["metadata"]["name"].as_str().unwrap_or_default()
        )]
    );
    assert!(
        changes.pruned.is_empty() && changes.kept.is_empty(),
        "{changes:?}"
    );
    assert_eq!(image(&world)?, "registry.example.com/acme/web:2");

    // Back: in one pass, without any job.
    let before = jobs(&world)?;
    let tenant = "acme".parse()?;
    world
        .repo
        .rollback(&tenant, &[Part::Work], None, &request("2 is bad"))?;
    let (changes, writes) = world.writes_of(|| world.applied())?;
    assert_eq!(
        names(&changes[&Part::Work].updated),
        ["Deployment acme/web"]
    );
    assert_eq!(changes[&Part::Work].kept_jobs.len(), 1);
    assert_eq!(resources(&writes), ["deployments"]);
    assert_eq!(image(&world)?, "registry.example.com/acme/web:1");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(jobs(&world)?, before, "no job was touched");
    world
        .repo
        .release_hold(&tenant, &[Part::Work], &request("done"))?;

    // A job that fails, and one that never ends: the release stops there, and says why.
    for (tag, fate, reason) in [
        ("broken", Fate::Exits(3), "BackoffLimitExceeded: "),
        ("endless", Fate::NeverReady, "DeadlineExceeded: "),
    ] {
        standins
            .kubelet
            .set_outcome(&format!("registry.example.com/acme/migration:{tag}"), fate);
        publish(&world, 3, tag)?;
        let entry = work(patient(&world)?)?;
        let error = failed(&entry)?;
        assert!(
            error.starts_with(JOB) && error.contains(&format!(" failed: {reason}")),
            "{error}"
        );
        assert_eq!(entry.overall_health(), Some(Health::Degraded));
        assert_eq!(image(&world)?, "registry.example.com/acme/web:1");
        assert!(!world.inventory(Part::Work)?.complete);
        let (_, writes) = world.writes_of(|| world.pass())?;
        assert_eq!(writes, [], "nothing more is tried");
    }

    // The fix goes live in one patient pass, which reports all of it.
    publish(&world, 4, "4")?;
    let entry = work(patient(&world)?)?;
    let Outcome::Applied(changes) = &entry.outcome else {
        return Err(format!("{entry:?}").into());
    };
    assert_eq!(created_jobs(&changes.created), 1, "{changes:?}");
    assert_eq!(names(&changes.updated), ["Deployment acme/web"]);
    assert_eq!(changes.kept_jobs.len(), 4);
    assert_eq!(jobs(&world)?.len(), 5);
    assert_eq!(image(&world)?, "registry.example.com/acme/web:4");
    assert_eq!(standins.kubelet.problems(), Vec::<String>::new());
    Ok(())
}
