//! A tenant leaves its cluster: retired by `orzc retire`, its data destroyed by `orzc destroy` and nothing else.

use std::collections::BTreeSet;
use std::time::Duration;

use orz_cluster_tests::{PRODUCT_USER, Ref};
use orz_core::format::{Phase, Status};
use orz_core::id::Part;
use orz_core::kinds::{self, Scope};
use orz_scenario_tests::{App, Engine, TestResult, World, deployment};
use serde_json::json;

#[test]
fn leaves_and_is_destroyed_with_apply() -> TestResult {
    leaves_and_is_destroyed(Engine::Apply)
}

#[test]
fn leaves_and_is_destroyed_with_argocd() -> TestResult {
    leaves_and_is_destroyed(Engine::ArgoCd)
}

/// What retiring leaves of the tenant, sorted: two volumes, one of them of an earlier release, and the fence.
const STAYS: [&str; 5] = [
    "LimitRange acme/plan",
    "NetworkPolicy acme/default-deny",
    "PersistentVolumeClaim acme/web-new",
    "PersistentVolumeClaim acme/web-old",
    "ResourceQuota acme/plan",
];

/// Removes `work`, then `data`, then `tenancy`, all but what is durable and what guards it; only `destroy` takes
/// that too, names it before, and what waits in deletion is told with its reason.
fn leaves_and_is_destroyed(engine: Engine) -> TestResult {
    let world = World::start(engine)?;
    let _running = world.reconciler(&[])?;
    let web = |volume: &str| {
        let disk = json!([{"name": volume, "mount": "/data", "size": "1Gi"}]);
        [App::new("web", volume).with("volumes", disk)]
    };
    // Room for two volumes.
    world.write("platform/tenants/acme.json", &json!({"plan": "pro"}))?;
    let stays = world.deploy("bee", &[App::new("web", "1")])?;
    for volume in ["old", "new"] {
        let release = world.deploy("acme", &web(volume))?;
        world.until_phase("acme", Part::Work, &release, Phase::Verified)?;
    }
    world.until_phase("bee", Part::Work, &stays, Phase::Verified)?;

    let refused = world.orzc_fails(&["destroy", "acme", "--yes", "--reason", "x"], 1)?;
    assert!(refused.contains("orzc retire acme"), "{refused}");
    let mark = world.plane.audit_mark()?;
    let said = world.orzc(&["retire", "acme", "--reason", "they left"], 0)?;
    for name in STAYS {
        assert!(said.contains(name), "{name}: {said}");
    }
    for part in Part::OF_TENANT {
        world.until(format!("{part} is retired"), || {
            let reason = status(&world, part)?.and_then(|status| status.reason);
            Ok(reason.is_some_and(|reason| reason.starts_with("nothing is left but")))
        })?;
    }
    world.until("only what stays is left", || {
        Ok(left(&world, "acme")? == BTreeSet::from(STAYS.map(str::to_owned)))
    })?;
    let namespace = Ref::new("v1", "Namespace", "", "acme");
    assert!(world.server.get(&namespace)?.is_some());
    in_order(&world, mark)?;
    let inside = world.orzc(&["status", "acme"], 0)?;
    assert!(inside.contains("retiring"), "{inside}");

    // A volume that its backup still needs, and content of the namespace that somebody else looks after.
    let disk = Ref::new("v1", "PersistentVolumeClaim", "acme", "web-new");
    let finalizers = json!({"metadata": {"finalizers": ["example.com/backup"]}});
    world.server.merge(&disk, &finalizers)?;
    let book = Ref::new("v1", "ConfigMap", "acme", "book");
    world.server.apply(&json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "book", "namespace": "acme", "finalizers": ["example.com/library"]},
    }))?;
    let refused = world.orzc_fails(&["destroy", "acme", "--reason", "they asked for it"], 64)?;
    for name in STAYS.iter().chain(&["Namespace acme", "--yes"]) {
        assert!(refused.contains(name), "{name}: {refused}");
    }
    assert_eq!(left(&world, "acme")?.len(), STAYS.len());
    world.orzc(
        &["destroy", "acme", "--yes", "--reason", "they asked for it"],
        0,
    )?;

    blocked(&world, Part::Data, "web-new", "example.com/backup")?;
    world.until("tenancy waits for the volume", || {
        let reason = status(&world, Part::Tenancy)?.and_then(|status| status.reason);
        Ok(reason.as_deref() == Some("waits until nothing of `data` is left"))
    })?;
    let told = world.orzc(&["status", "acme"], 0)?;
    assert!(
        told.contains("waits for finalizer `example.com/backup`"),
        "{told}"
    );
    let open = [STAYS[0], STAYS[1], STAYS[2], STAYS[4]].map(str::to_owned);
    assert_eq!(
        left(&world, "acme")?,
        BTreeSet::from(open),
        "it stays closed"
    );

    let free = json!({"metadata": {"finalizers": null}});
    world.server.merge(&disk, &free)?;
    blocked(&world, Part::Tenancy, "acme", "example.com/library")?;
    world.server.merge(&book, &free)?;
    world.until("nothing of the tenant is left", || {
        let none = world.repo.view()?.pointers_of(&"acme".parse()?)?.is_empty();
        Ok(none && world.repo.statuses_of(&"acme".parse()?)?.is_empty())
    })?;
    assert_eq!(world.server.get(&namespace)?, None);
    nothing_is_kept(&world)?;

    // The neighbour saw nothing of it.
    world.until_phase("bee", Part::Work, &stays, Phase::Verified)?;
    assert!(world.server.get(&deployment("bee", "web"))?.is_some());
    Ok(())
}

fn status(world: &World, part: Part) -> TestResult<Option<Status>> {
    world.status("acme", part)
}

/// Waits until status names the object that is in the way, and what it waits for.
fn blocked(world: &World, part: Part, name: &str, finalizer: &str) -> TestResult {
    world.until(format!("status of {part} names `{finalizer}`"), || {
        let blocking = status(world, part)?.map(|status| (status.phase, status.blocking));
        Ok(blocking.is_some_and(|(phase, blocking)| {
            let named = blocking
                .iter()
                .any(|b| b.object.name == name && b.message.contains(finalizer));
            phase == Phase::Retiring && named
        }))
    })
}

/// Objects of every kind that a release may hold, as far as they are the tenant's.
fn left(world: &World, tenant: &str) -> TestResult<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let namespaced = kinds::all()
        .iter()
        .filter(|kind| kind.scope == Scope::Namespaced && !kind.parts.is_empty());
    for kind in namespaced {
        // Every other version of these kinds shows the same objects.
        for version in ["v1", "v1beta1", "v1alpha1", "v1alpha3"] {
            let api_version = match kind.group {
                "" => version.to_owned(),
                group => format!("{group}/{version}"),
            };
            let listed = world.server.list(&api_version, kind.kind, tenant)?;
            let owned = listed
                .iter()
                .filter(|object| object["metadata"]["labels"]["orz.dev/tenant"] == tenant);
            found.extend(owned.map(|object| {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                format!("{} {tenant}/{name}", kind.kind)
            }));
        }
    }
    Ok(found)
}

/// The last Deployment went before the first object of `tenancy`.
fn in_order(world: &World, mark: orz_cluster_tests::AuditMark) -> TestResult {
    let user = match world.engine {
        Engine::Apply => PRODUCT_USER,
        Engine::ArgoCd => orz_cluster_tests::ARGOCD_USER,
    };
    let writes = world.plane.audit_writes_by(user, mark)?;
    let deleted = |resource: &str| {
        let of = |entry: &&orz_cluster_tests::AuditEntry| {
            entry.verb == "delete" && entry.resource == resource && entry.namespace == "acme"
        };
        let places = writes.iter().enumerate().filter(|(_, entry)| of(entry));
        places.map(|(place, _)| place).collect::<Vec<_>>()
    };
    let work = deleted("deployments");
    let tenancy = deleted("secretstores");
    assert!(!work.is_empty() && !tenancy.is_empty(), "{writes:#?}");
    assert!(work.last() < tenancy.first(), "{writes:#?}");
    assert_eq!(deleted("persistentvolumeclaims"), [] as [usize; 0]);
    Ok(())
}

/// Neither inventories nor Applications nor the tenant's project outlive the tenant.
fn nothing_is_kept(world: &World) -> TestResult {
    for part in Part::OF_TENANT {
        let name = format!("inventory-acme-{part}");
        let inventory = Ref::new("v1", "ConfigMap", "orz-system", &name);
        assert_eq!(world.server.get(&inventory)?, None);
    }
    if world.engine == Engine::ArgoCd {
        let namespace = orz_cluster_tests::argocd::NAMESPACE;
        let argo = "argoproj.io/v1alpha1";
        let mut gone = vec![Ref::new(argo, "AppProject", namespace, "acme")];
        gone.extend(
            Part::OF_TENANT
                .map(|part| Ref::new(argo, "Application", namespace, &format!("acme-{part}"))),
        );
        for object in gone {
            world.server.wait_gone(&object, Duration::from_mins(1))?;
        }
    }
    Ok(())
}
