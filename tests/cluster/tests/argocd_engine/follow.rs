//! Tenants whose pointers move, and what people and releases do in between.

use orz_cluster_tests::standin::Outcome as PodOutcome;
use orz_core::format::StateKind;
use orz_core::id::{Part, ReleaseId};
use orz_reconciler::judge::Sync;
use orz_reconciler::{Health, Outcome};
use serde_json::json;

use crate::world::{
    ONE, PATIENCE, STUCK, TWO, TestResult, World, app, application, config, is_settled, project,
    release, release_job, request, tenancy,
};

#[test]
fn pointers_are_followed() -> TestResult {
    let mut world = World::start()?;
    world
        .standins
        .kubelet
        .set_outcome(STUCK, PodOutcome::CannotPull);
    let tenancy = world.publish("acme", Part::Tenancy, &tenancy("acme"))?;
    world.settled("acme", Part::Tenancy, &tenancy, "first tenancy")?;
    let one = first_release(&mut world)?;
    let two = move_and_rollback(&mut world, &one)?;
    hand_edits(&mut world, &one)?;
    frozen(&mut world, &one, &two)?;
    stuck_sync(&mut world, &one)?;
    failed_attempts(&mut world, &one, &two)?;
    fixed_field(&mut world)?;
    refused_release(&mut world)?;
    adopts_nothing(&mut world)?;
    world.argo.check()?;
    Ok(())
}

/// Release one has a ConfigMap that release two has not.
fn first_release(world: &mut World) -> TestResult<ReleaseId> {
    let mut objects = app("acme", ONE);
    objects.push(config("acme", "extra"));
    let one = world.publish("acme", Part::Work, &objects)?;
    world.settled("acme", Part::Work, &one, "first release of an app")?;
    // The last pass of those writes down that all of it is there.
    world.pass()?;
    let (report, writes) = world.writes_of(World::pass)?;
    assert!(report.is_ok() && !report.changed(), "{report:?}");
    assert_eq!(writes, []);
    Ok(one)
}

fn move_and_rollback(world: &mut World, one: &ReleaseId) -> TestResult<ReleaseId> {
    let two = world.publish("acme", Part::Work, &app("acme", TWO))?;
    let seen = world.seen("acme", Part::Work)?;
    assert!(
        !is_settled(&seen, &two),
        "nothing has been done yet: {seen:?}"
    );
    // Before anything is changed it is known what the release changes: only that is judged.
    let report = world.pass()?;
    let changes = report
        .tenants
        .iter()
        .find_map(|entry| match &entry.outcome {
            Outcome::Applied(changes) if entry.part == Some(Part::Work) => Some(changes),
            _ => None,
        });
    let changes = changes.ok_or_else(|| format!("{report:?}"))?;
    let name = |key: &orz_core::object::ObjectKey| key.to_string();
    let names: Vec<_> = changes.updated.iter().map(name).collect();
    assert_eq!(names, ["Deployment acme/web"]);
    let names: Vec<_> = changes.pruned.iter().map(name).collect();
    assert_eq!(names, ["ConfigMap acme/extra"]);
    world.until("acme", Part::Work, "pointer move live", |seen| {
        seen.release.as_ref() == Some(&two) && seen.sync == Sync::Synced
    })?;
    assert_eq!(world.image("acme")?, TWO);
    world.settled("acme", Part::Work, &two, "… and healthy, further")?;
    world.objects.wait_gone(&config_map("extra"), PATIENCE)?;

    // By a commit, with automated sync and self-heal on all the time.
    let tenant = "acme".parse()?;
    let moved = world
        .repo
        .rollback(&tenant, &[Part::Work], Some(one), &request("rollback"))?;
    assert_eq!(moved.len(), 1);
    world.settled("acme", Part::Work, one, "rollback settled")?;
    assert_eq!(world.image("acme")?, ONE);
    let live = world.objects.get(&application("acme", Part::Work))?;
    let live = live.ok_or("no Application")?;
    assert_eq!(
        live["spec"]["syncPolicy"]["automated"],
        json!({"prune": true, "selfHeal": true})
    );
    Ok(two)
}

/// Of an Application, of its project, and of an object.
fn hand_edits(world: &mut World, one: &ReleaseId) -> TestResult {
    let edits = [
        json!({"spec": {"source": {"targetRevision": "main"}}}),
        json!({"spec": {"syncPolicy": {"automated": null}}}),
        json!({"spec": {"ignoreDifferences": [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec"]}]}}),
        json!({"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}}),
        json!({"metadata": {"annotations": {"argocd.argoproj.io/compare-options": null}}}),
    ];
    let name = application("acme", Part::Work);
    let metadata = |found: &serde_json::Value| {
        let metadata = &found["metadata"];
        (
            metadata["finalizers"].clone(),
            metadata["annotations"]["argocd.argoproj.io/compare-options"].clone(),
        )
    };
    let before = world.objects.get(&name)?.ok_or("no Application")?;
    for edit in edits {
        world.objects.merge(&name, &edit)?;
        world.until("acme", Part::Work, &format!("{edit} undone"), |seen| {
            is_settled(seen, one)
        })?;
        let after = world.objects.get(&name)?.ok_or("no Application")?;
        assert_eq!(after["spec"], before["spec"], "{edit}");
        assert_eq!(metadata(&after), metadata(&before), "{edit}");
    }

    let wide = json!({"spec": {"destinations": [{"server": "*", "namespace": "*"}]}});
    let before = world.objects.get(&project("acme"))?.ok_or("no project")?;
    world.objects.merge(&project("acme"), &wide)?;
    world
        .engine
        .changes()
        .wait(std::time::Duration::from_secs(1));
    world.pass()?;
    let after = world.objects.get(&project("acme"))?.ok_or("no project")?;
    assert_eq!(after["spec"], before["spec"]);
    Ok(())
}

fn frozen(world: &mut World, one: &ReleaseId, two: &ReleaseId) -> TestResult {
    let tenant = "acme".parse()?;
    world
        .repo
        .freeze(&tenant, &[Part::Work], None, &request("freeze"))?;
    assert_eq!(world.desired("acme", Part::Work)?.state, StateKind::Frozen);
    world.publish("acme", Part::Work, &app("acme", TWO))?;
    activate(world, two)?;
    world.until("acme", Part::Work, "frozen and out of sync", |seen| {
        seen.sync == Sync::OutOfSync
    })?;
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(world.image("acme")?, ONE, "a frozen part was changed");
    let live = world.objects.get(&application("acme", Part::Work))?;
    let live = live.ok_or("no Application")?;
    assert_eq!(live["spec"]["syncPolicy"].get("automated"), None);

    world.repo.thaw(&tenant, &[Part::Work], &request("thaw"))?;
    world.settled("acme", Part::Work, two, "thawed")?;
    assert_eq!(world.image("acme")?, TWO);
    world
        .repo
        .rollback(&tenant, &[Part::Work], Some(one), &request("rollback"))?;
    world.settled("acme", Part::Work, one, "rolled back again")?;
    Ok(())
}

/// A sync that never ends is ended by moving the pointer back.
fn stuck_sync(world: &mut World, one: &ReleaseId) -> TestResult {
    let mut objects = app("acme", TWO);
    objects.push(release_job("acme", "migrate", STUCK));
    let stuck = release("acme", Part::Work, &objects)?;
    let published = world
        .repo
        .publish(vec![stuck], false, &request("publish"))?;
    let stuck = published.items[0].release.clone();
    activate(world, &stuck)?;
    let tenant = "acme".parse()?;
    let name = application("acme", Part::Work);
    world.pass()?;
    let waits_for_job = |found: &serde_json::Value| {
        let state = &found["status"]["operationState"];
        state["phase"] == "Running"
            && state["operation"]["sync"]["revision"] == stuck.as_str()
            && state["message"].as_str().is_some_and(|m| m.contains("Job"))
    };
    world
        .objects
        .wait_for("a sync that hangs", &name, PATIENCE, waits_for_job)?;
    std::thread::sleep(std::time::Duration::from_secs(2));
    let seen = world.seen("acme", Part::Work)?;
    let live = world.objects.get(&name)?;
    assert_eq!(
        (seen.sync, seen.release),
        (Sync::Applying, None),
        "{live:#?}"
    );

    world
        .repo
        .rollback(&tenant, &[Part::Work], Some(one), &request("rollback"))?;
    world.settled("acme", Part::Work, one, "rollback of a hanging sync")?;
    assert_eq!(world.image("acme")?, ONE);
    let live = world.objects.get(&name)?.ok_or("no Application")?;
    assert_ne!(live["status"]["operationState"]["phase"], "Running");
    Ok(())
}

/// Argo CD attempts nothing again whose last attempt failed, also after it was pointed elsewhere and back; and after
/// one that ended before it did anything it attempts nothing at all.
fn failed_attempts(world: &mut World, one: &ReleaseId, two: &ReleaseId) -> TestResult {
    let name = application("acme", Part::Work);
    let live = world.objects.get(&name)?.ok_or("no Application")?;
    let mut source = live["spec"]["source"].clone();
    source["targetRevision"] = json!(two.as_str());
    let failed = json!({"status": {"operationState": {
        "phase": "Failed", "message": "Operation terminated",
        "operation": {"sync": {"revision": two.as_str()}},
        "syncResult": {"revision": two.as_str(), "source": source},
    }}});
    world.objects.merge(&name, &failed)?;
    activate(world, two)?;
    world.settled("acme", Part::Work, two, "a second attempt, wanted anew")?;
    assert_eq!(world.image("acme")?, TWO);

    let nothing = json!({"status": {"operationState": {
        "phase": "Error", "message": "no project",
        "operation": {"sync": {"revision": "0000000000000000000000000000000000000000"}},
        "syncResult": null,
    }}});
    world.objects.merge(&name, &nothing)?;
    activate(world, one)?;
    world.settled(
        "acme",
        Part::Work,
        one,
        "an attempt after one that did nothing",
    )?;
    assert_eq!(world.image("acme")?, ONE);
    Ok(())
}

/// An object of which a fixed field changes is made anew.
fn fixed_field(world: &mut World) -> TestResult {
    let mut objects = app("acme", TWO);
    let labels = json!({"orz.dev/app": "web", "orz.dev/version": "2"});
    objects[1]["spec"]["selector"]["matchLabels"] = labels.clone();
    objects[1]["spec"]["template"]["metadata"]["labels"] = labels;
    let fixed = release("acme", Part::Work, &objects)?;
    let published = world
        .repo
        .publish(vec![fixed], false, &request("publish"))?;
    let fixed = published.items[0].release.clone();
    activate(world, &fixed)?;
    world.settled("acme", Part::Work, &fixed, "an object made anew")?;
    assert_eq!(world.image("acme")?, TWO);
    Ok(())
}

fn activate(world: &World, release: &ReleaseId) -> TestResult {
    let options = orz_gitops::ActivateOptions {
        override_hold: true,
        ..Default::default()
    };
    let request = request("activate");
    world
        .repo
        .activate(&"acme".parse()?, Part::Work, release, options, &request)?;
    Ok(())
}

/// A project that allows less than the release wants: only that tenant stands still.
fn refused_release(world: &mut World) -> TestResult {
    let tenancy = world.publish("other", Part::Tenancy, &tenancy("other"))?;
    world.settled("other", Part::Tenancy, &tenancy, "second tenant's tenancy")?;
    // Nothing that passes the checks of a pointer is refused, so the refusal is made: Argo CD is told that the
    // tenants' kinds are fewer than they are.
    let good = world.publish("other", Part::Work, &[config("other", "one")])?;
    world.settled("other", Part::Work, &good, "second tenant's work")?;
    let narrow =
        json!({"spec": {"namespaceResourceBlacklist": [{"group": "apps", "kind": "Deployment"}]}});
    world.objects.merge(&project("other"), &narrow)?;
    let bad = world.publish("other", Part::Work, &app("other", ONE))?;
    let desired = world.desired("other", Part::Work)?;
    assert_eq!(desired.release, bad);
    // As if somebody held the project where it is: the engine's own Application, nobody's correction.
    let spec = orz_reconciler::argocd::application(&desired, &world.settings())["spec"].clone();
    world
        .objects
        .merge(&application("other", Part::Work), &json!({"spec": spec}))?;
    let wait = |found: &serde_json::Value| {
        let state = &found["status"]["operationState"];
        state["message"].as_str().is_some_and(|message| {
            message.contains("not permitted") || message.contains("not valid")
        })
    };
    world.objects.wait_for(
        "the refusal",
        &application("other", Part::Work),
        PATIENCE,
        wait,
    )?;
    let acme = world.publish("acme", Part::Data, &[volume()])?;
    world.settled(
        "acme",
        Part::Data,
        &acme,
        "meanwhile, another tenant's volume",
    )?;
    world.settled(
        "other",
        Part::Work,
        &bad,
        "the project corrected, and the release in place",
    )?;
    Ok(())
}

/// A namespace that somebody else made is not taken over, and Argo CD never hears of it.
fn adopts_nothing(world: &mut World) -> TestResult {
    world.objects.apply(&json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "theirs"},
    }))?;
    world.publish("theirs", Part::Tenancy, &tenancy("theirs"))?;
    let error = world.failure("theirs")?;
    assert!(
        error.contains("Namespace theirs exists and is not ours"),
        "{error}"
    );
    let found = world.objects.get(&application("theirs", Part::Tenancy))?;
    assert_eq!(found, None);
    let seen = world.seen("acme", Part::Work)?;
    assert!(seen.health.iter().all(|o| o.health == Health::Healthy));
    Ok(())
}

fn volume() -> serde_json::Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "disk", "namespace": "acme", "annotations": crate::world::durable()},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}},
    })
}

fn config_map(name: &str) -> orz_cluster_tests::Ref {
    orz_cluster_tests::Ref::new("v1", "ConfigMap", "acme", name)
}
