//! A tenant with two projects leaves: in order, with nothing but what is durable left, and then with nothing.

use std::collections::BTreeSet;

use orz_cluster_tests::{ARGOCD_USER, AuditEntry, AuditMark, PRODUCT_USER, Ref, argocd};
use orz_core::format::{ClaimKey, Phase};
use orz_core::id::Part;
use orz_scenario_tests::{App, Engine, TestResult, World, deployment, image};
use serde_json::{Value, json};

#[test]
fn a_tenant_with_projects_is_retired_and_destroyed_with_apply() -> TestResult {
    a_tenant_with_projects_is_retired_and_destroyed(Engine::Apply)
}

#[test]
fn a_tenant_with_projects_is_retired_and_destroyed_with_argocd() -> TestResult {
    a_tenant_with_projects_is_retired_and_destroyed(Engine::ArgoCd)
}

const NAMESPACES: [&str; 3] = ["acme", "acme--blog", "acme--shop"];
const VOLUMES: [(&str, &str); 2] = [("acme", "web-files"), ("acme--shop", "cart-baskets")];
const HOST: &str = "www.acme.example.com";

/// Retiring removes `work`, then `tenancy`, and no volume, namespace or guard; `destroy` names these, and deletes
/// the volumes before the namespaces. Afterwards the hostname is free, and the tenant beside it saw nothing.
fn a_tenant_with_projects_is_retired_and_destroyed(engine: Engine) -> TestResult {
    let world = World::start(engine)?;
    let _running = world.reconciler(&[])?;
    projects(&world)?;
    let work = world.deploy("acme", &[site("web").with("volumes", disk("files"))])?;
    let beside = world.deploy("bee", &[App::new("web", "1")])?;
    for part in [Part::Tenancy, Part::Data] {
        let release = world.live("acme", part)?;
        world.until_phase("acme", part, &release, Phase::Verified)?;
    }
    world.until_phase("acme", Part::Work, &work, Phase::Verified)?;
    world.until_phase("bee", Part::Work, &beside, Phase::Verified)?;
    let untouched = of_beside(&world)?;
    for (namespace, app) in [
        ("acme", "web"),
        ("acme--shop", "cart"),
        ("acme--blog", "page"),
    ] {
        assert_eq!(world.image(namespace, app)?, Some(image(app, "1")));
    }
    let claim = claim();
    assert!(world.repo.view()?.claim(&claim)?.is_some());

    let retiring = world.plane.audit_mark()?;
    world.orzc(&["retire", "acme", "--reason", "they left"], 0)?;
    for part in Part::OF_TENANT {
        world.until(format!("{part} is retired"), || {
            let reason = world.status("acme", part)?.and_then(|status| status.reason);
            Ok(reason.is_some_and(|reason| reason.starts_with("nothing is left but")))
        })?;
    }
    for namespace in NAMESPACES {
        assert_eq!(left(&world, namespace)?, stays(namespace), "{namespace}");
    }
    let deletes = deletes(&world, retiring)?;
    let work = places(
        &deletes,
        &["deployments", "services", "configmaps", "httproutes"],
    );
    let tenancy = places(&deletes, &["secretstores"]);
    assert!(work.len() > 3 && tenancy.len() >= 3, "{deletes:#?}");
    assert!(work.last() < tenancy.first(), "{deletes:#?}");
    assert!(places(&deletes, &["persistentvolumeclaims", "namespaces"]).is_empty());

    // They are named before, and without the word nothing happens.
    let named = world.orzc_fails(&["destroy", "acme", "--reason", "they asked for it"], 64)?;
    for name in NAMESPACES {
        assert!(named.contains(&format!("Namespace {name}")), "{named}");
    }
    for (namespace, volume) in VOLUMES {
        let volume = format!("PersistentVolumeClaim {namespace}/{volume}");
        assert!(named.contains(&volume), "{named}");
    }
    let destroying = world.plane.audit_mark()?;
    let destroy = ["destroy", "acme", "--yes", "--reason", "they asked for it"];
    world.orzc(&destroy, 0)?;
    world.until("nothing of the tenant is left", || {
        let none = world.repo.view()?.pointers_of(&"acme".parse()?)?.is_empty();
        Ok(none && world.repo.statuses_of(&"acme".parse()?)?.is_empty())
    })?;
    for namespace in NAMESPACES {
        let namespace = Ref::new("v1", "Namespace", "", namespace);
        assert_eq!(world.server.get(&namespace)?, None);
    }
    let deletes = self::deletes(&world, destroying)?;
    let data = places(&deletes, &["persistentvolumeclaims"]);
    let tenancy = places(&deletes, &["namespaces"]);
    assert_eq!(
        (data.len(), tenancy.len()),
        (VOLUMES.len(), NAMESPACES.len()),
        "{deletes:#?}"
    );
    assert!(data.last() < tenancy.first(), "{deletes:#?}");
    nothing_is_kept(&world)?;
    let history = world.orzc(&["history", "acme"], 0)?;
    assert!(history.contains("they asked for it"), "{history}");

    // Whoever wants the hostname now takes it.
    assert_eq!(world.repo.view()?.claim(&claim)?, None);
    assert_eq!(of_beside(&world)?, untouched);
    let taken = world.deploy("bee", &[App::new("web", "1"), site("heir")])?;
    world.until_phase("bee", Part::Work, &taken, Phase::Verified)?;
    let holder = world.repo.view()?.claim(&claim)?.ok_or("nobody holds it")?;
    assert_eq!(holder.tenant.as_str(), "bee");
    world.orzc(&["verify"], 0)?;
    Ok(())
}

/// Two projects of the tenant, one with a volume, and room for all of it.
fn projects(world: &World) -> TestResult {
    world.write("platform/tenants/acme.json", &json!({"plan": "pro"}))?;
    let app = |name: &str| {
        json!({
            "name": name, "image": image(name, "1"), "resources": {"cpu": "10m", "memory": "16Mi"},
        })
    };
    let mut cart = app("cart");
    cart["volumes"] = disk("baskets");
    cart["configs"] = json!(["prices"]);
    let prices = json!([{"name": "prices", "version": "v1", "data": {"tea": 3}, "activate": true}]);
    let folder = "tenants/acme/projects";
    world.write(
        &format!("{folder}/shop/bundle.json"),
        &json!({"apps": [cart], "configs": prices}),
    )?;
    world.write(
        &format!("{folder}/blog/bundle.json"),
        &json!({"apps": [app("page")]}),
    )
}

/// An app that the world reaches by the hostname.
fn site(name: &str) -> App {
    App::new(name, "1")
        .with("port", json!(8080))
        .with("domains", json!([HOST]))
}

fn disk(name: &str) -> Value {
    json!([{"name": name, "mount": "/data", "size": "1Gi"}])
}

fn claim() -> ClaimKey {
    ClaimKey {
        kind: "hostname".to_owned(),
        value: HOST.to_owned(),
    }
}

/// What the tenant has in a namespace.
fn left(world: &World, namespace: &str) -> TestResult<BTreeSet<String>> {
    const KINDS: [(&str, &str); 13] = [
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("external-secrets.io/v1", "SecretStore"),
        ("gateway.networking.k8s.io/v1", "HTTPRoute"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("rbac.authorization.k8s.io/v1", "Role"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding"),
        ("v1", "ConfigMap"),
        ("v1", "LimitRange"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "ResourceQuota"),
        ("v1", "Service"),
        ("v1", "ServiceAccount"),
    ];
    let mut found = BTreeSet::new();
    for (api_version, kind) in KINDS {
        for object in world.server.list(api_version, kind, namespace)? {
            // Kubernetes puts some of its own into each namespace.
            if object["metadata"]["labels"]["orz.dev/tenant"] == "acme" {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                found.insert(format!("{kind} {name}"));
            }
        }
    }
    Ok(found)
}

/// What retiring leaves there.
fn stays(namespace: &str) -> BTreeSet<String> {
    let guards = [
        "LimitRange plan",
        "NetworkPolicy default-deny",
        "ResourceQuota plan",
    ];
    let volumes = VOLUMES.iter().filter(|(of, _)| *of == namespace);
    let volumes = volumes.map(|(_, name)| format!("PersistentVolumeClaim {name}"));
    guards
        .map(str::to_owned)
        .into_iter()
        .chain(volumes)
        .collect()
}

/// What was deleted of the tenant by whoever makes the cluster follow, in the order of the answers.
fn deletes(world: &World, since: AuditMark) -> TestResult<Vec<AuditEntry>> {
    let mut entries = world.plane.audit_writes_by(PRODUCT_USER, since)?;
    if world.engine == Engine::ArgoCd {
        // Only what is durable, and what Argo CD was told to leave, is deleted by ours.
        let theirs = world.plane.audit_writes_by(ARGOCD_USER, since)?;
        let durable = ["persistentvolumeclaims", "namespaces"];
        entries.retain(|entry| durable.contains(&entry.resource.as_str()));
        entries.splice(0..0, theirs);
    }
    entries.retain(|entry| {
        let whose = match entry.resource.as_str() {
            "namespaces" => &entry.name,
            _ => &entry.namespace,
        };
        entry.verb == "delete" && entry.code < 300 && NAMESPACES.contains(&whose.as_str())
    });
    Ok(entries)
}

/// Where deletions of these resources stand, each object once.
fn places(deletes: &[AuditEntry], resources: &[&str]) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    let of = deletes.iter().enumerate().filter(|(_, entry)| {
        resources.contains(&entry.resource.as_str())
            && seen.insert((&entry.resource, &entry.namespace, &entry.name))
    });
    of.map(|(place, _)| place).collect()
}

/// The tenant beside it, as far as somebody could have changed it.
fn of_beside(world: &World) -> TestResult<Vec<Value>> {
    let web = world.server.get(&deployment("bee", "web"))?;
    let namespace = world.server.get(&Ref::new("v1", "Namespace", "", "bee"))?;
    [web, namespace]
        .into_iter()
        .map(|object| {
            let object = object.ok_or("`bee` lost something")?;
            let metadata = &object["metadata"];
            Ok(json!([
                metadata["uid"],
                metadata["generation"],
                object["spec"]
            ]))
        })
        .collect()
}

/// Neither inventories nor Applications nor the tenant's project outlive the tenant.
fn nothing_is_kept(world: &World) -> TestResult {
    let mut lists = vec![("v1", "ConfigMap", "orz-system")];
    if world.engine == Engine::ArgoCd {
        lists.extend([
            ("argoproj.io/v1alpha1", "Application", argocd::NAMESPACE),
            ("argoproj.io/v1alpha1", "AppProject", argocd::NAMESPACE),
        ]);
    }
    for (api_version, kind, namespace) in lists {
        world.until(format!("no {kind} of `acme` is left"), || {
            let listed = world.server.list(api_version, kind, namespace)?;
            let mut names = listed.iter().filter_map(|o| o["metadata"]["name"].as_str());
            Ok(names.all(|name| !name.contains("acme")))
        })?;
    }
    Ok(())
}
