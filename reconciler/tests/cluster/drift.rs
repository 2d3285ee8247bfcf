//! What somebody changes by hand is found by watches: the drift interval is an hour in every test here.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use orz_cluster_tests::{AuditEntry, Objects, PRODUCT_USER, Ref};
use orz_core::Value;
use orz_core::format::{HealthWord, Phase};
use orz_core::id::Part;
use serde_json::json;

use crate::world::{TestResult, World, app_objects};

const RARELY: [&str; 2] = ["--drift-interval", "1h"];
/// Nothing that is polled comes within so long.
const PROMPT: Duration = Duration::from_secs(30);
const HELM: &str = "helm";

fn web(tenant: &str) -> Ref {
    Ref::new("apps/v1", "Deployment", tenant, "web")
}

fn replicas(objects: &Objects, tenant: &str) -> TestResult<Value> {
    let found = objects.get(&web(tenant))?.ok_or("no Deployment")?;
    Ok(found["spec"]["replicas"].clone())
}

/// States the field under another manager's name, which takes it from us.
fn scale(objects: &Objects, tenant: &str, replicas: u32) -> TestResult {
    let edit = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": tenant},
        "spec": {"replicas": replicas},
    });
    objects.apply_as(HELM, &edit)?;
    Ok(())
}

fn say(line: &str) -> TestResult {
    writeln!(std::io::stderr(), "drift: {line}")?;
    Ok(())
}

/// Waits for what follows from `what`, and says how long that took.
fn promptly(world: &World, what: &str, is: impl Fn() -> TestResult<bool>) -> TestResult {
    let begun = Instant::now();
    world.until(what, is)?;
    let took = begun.elapsed();
    say(&format!("{what} after {:.2} s", took.as_secs_f64()))?;
    assert!(took < PROMPT, "{what} after {took:?}");
    Ok(())
}

/// What the program asked of the server, without its watches.
fn asked(world: &World, meanwhile: impl FnOnce() -> TestResult) -> TestResult<Vec<AuditEntry>> {
    let mark = world.plane.audit_mark()?;
    meanwhile()?;
    let mut entries = world.plane.audit_entries_by(PRODUCT_USER, mark)?;
    entries.retain(|entry| entry.verb != "watch");
    Ok(entries)
}

#[test]
fn an_edit_is_put_right_at_once_and_an_idle_cluster_is_left_alone() -> TestResult {
    let world = World::start()?;
    let objects = Objects::connect(&world.plane.harness_kubeconfig())?;
    world.tenant("acme")?;
    let _running = world.reconciler(&RARELY)?;
    let first = world.apps("acme", &[("web", "1")])?;
    world.until_phase("acme", &first, Phase::Verified)?;

    // What is verified is written down, and then nothing is asked any more.
    thread::sleep(Duration::from_secs(5));
    let idle = asked(&world, || {
        thread::sleep(Duration::from_secs(15));
        Ok(())
    })?;
    assert_eq!(idle, [], "an idle cluster");

    scale(&objects, "acme", 3)?;
    promptly(&world, "an edited field is put right", || {
        Ok(replicas(&objects, "acme")? == json!(1))
    })?;
    let account = Ref::new("v1", "ServiceAccount", "acme", "web");
    let before = objects.get(&account)?.ok_or("no ServiceAccount")?;
    objects.delete(&account)?;
    promptly(&world, "a deleted object is made again", || {
        let now = objects.get(&account)?;
        Ok(now.is_some_and(|now| now["metadata"]["uid"] != before["metadata"]["uid"]))
    })?;
    let label = "/metadata/labels/applyset.kubernetes.io~1part-of";
    objects.json_patch(&account, json!([{"op": "remove", "path": label}]))?;
    promptly(&world, "a lost mark is put back", || {
        let now = objects.get(&account)?.ok_or("no ServiceAccount")?;
        Ok(now.pointer(label).is_some())
    })?;

    // A kind that no part held before is watched from its first object on.
    let mut with_config = app_objects("acme", "web", "1");
    with_config.push(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "acme"}, "data": {"a": "1"},
    }));
    let second = world.publish("acme", Part::Work, &with_config)?;
    world.until_phase("acme", &second, Phase::Verified)?;
    let config = Ref::new("v1", "ConfigMap", "acme", "a");
    objects.merge(&config, &json!({"data": {"b": "2"}}))?;
    promptly(&world, "an added key is taken away", || {
        let now = objects.get(&config)?.ok_or("no ConfigMap")?;
        Ok(now["data"] == json!({"a": "1"}))
    })?;

    // How it is doing is seen at once too, of a release that was verified long ago.
    world.cannot_pull("web", "1");
    for pod in objects.list("v1", "Pod", "acme")? {
        objects.delete(&Ref::of(&pod))?;
    }
    let healthy = || {
        let status = world.status("acme")?;
        Ok(status.is_some_and(|s| s.health == HealthWord::Healthy && s.phase == Phase::Verified))
    };
    promptly(&world, "the status says that it is not well", || {
        healthy().map(|healthy: bool| !healthy)
    })?;
    let log = std::fs::read_to_string(world.log())?;
    assert!(!log.contains("again and again"), "{log}");
    assert!(!log.contains("is not watched"), "{log}");
    Ok(())
}

#[test]
fn who_does_it_again_and_again_is_named_and_answered_ever_more_seldom() -> TestResult {
    let world = World::start()?;
    let objects = Objects::connect(&world.plane.harness_kubeconfig())?;
    world.tenant("acme")?;
    world.tenant("good")?;
    let _running = world.reconciler(&RARELY)?;
    let release = world.apps("acme", &[("web", "1")])?;
    let other = world.apps("good", &[("web", "1")])?;
    world.until_phase("acme", &release, Phase::Verified)?;
    world.until_phase("good", &other, Phase::Verified)?;

    let ends = AtomicBool::new(false);
    let kubeconfig = world.plane.harness_kubeconfig();
    let writes = thread::scope(|scope| -> TestResult<Vec<AuditEntry>> {
        let stubborn = scope.spawn(|| {
            let theirs = Objects::connect(&kubeconfig);
            let theirs = theirs.map_err(|error| error.to_string())?;
            while !ends.load(Ordering::Relaxed) {
                scale(&theirs, "acme", 2).map_err(|error| error.to_string())?;
                thread::sleep(Duration::from_millis(100));
            }
            Ok::<_, String>(())
        });
        let fight = || {
            world.until("it is said", || {
                let status = world.status("acme")?;
                let reason = status.and_then(|s| s.reason).unwrap_or_default();
                Ok(reason.starts_with("`helm` changes Deployment acme/web again and again"))
            })?;
            scale(&objects, "good", 2)?;
            promptly(&world, "nobody else is kept waiting", || {
                Ok(replicas(&objects, "good")? == json!(1))
            })?;
            thread::sleep(Duration::from_secs(15));
            Ok(())
        };
        let asked = asked(&world, fight);
        ends.store(true, Ordering::Relaxed);
        stubborn.join().map_err(|_| "panicked")??;
        asked
    })?;
    let corrections = writes.iter().filter(|entry| {
        entry.is_write() && entry.resource == "deployments" && entry.namespace == "acme"
    });
    let corrections = corrections.count();
    say(&format!("{corrections} corrections in a dispute"))?;
    // At once at first, then after 1, 2, 4, 8 s and so on: at the pace of the other they would be hundreds.
    assert!((4..=14).contains(&corrections), "{corrections}");
    let log = std::fs::read_to_string(world.log())?;
    let said = "level=alert tenant=acme part=work";
    assert_eq!(log.matches("again and again").count(), 1, "{log}");
    assert!(
        log.lines().any(|l| l.starts_with(said) && l.contains(HELM)),
        "{log}"
    );

    // It ends as it was released.
    world.until("put right in the end", || {
        Ok(replicas(&objects, "acme")? == json!(1))
    })?;
    let status = world.status("acme")?.ok_or("no status")?;
    assert_eq!(status.phase, Phase::Verified, "no release is judged by it");
    Ok(())
}
