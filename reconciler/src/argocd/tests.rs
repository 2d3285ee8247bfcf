//! Golden files of the builders, and tables for what Argo CD says about an Application.

use std::collections::BTreeSet;
use std::path::Path;

use orz_core::emit;
use orz_core::format::StateKind;
use orz_core::id::{Part, ReleaseId, TenantName};
use orz_core::{Value, object::Object};
use serde_json::json;

use super::*;
use crate::testing::{config, desired, namespace};

const NEW: &str = "1111111111111111111111111111111111111111";
const OLD: &str = "2222222222222222222222222222222222222222";

fn settings() -> ArgoSettings {
    ArgoSettings::new("https://git.example.com/platform/state.git")
}

/// Compares with a file beside this one. `ORZ_UPDATE=1` writes it.
fn golden(name: &str, values: &[Value]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/argocd/golden")
        .join(name);
    let text = values
        .iter()
        .map(emit::yaml)
        .collect::<Vec<_>>()
        .join("---\n");
    if std::env::var_os("ORZ_UPDATE").is_some() {
        std::fs::write(&path, &text).expect("writes");
    }
    let expected = std::fs::read_to_string(&path).expect("a golden file");
    assert_eq!(text, expected, "{name}");
}

fn pointing(part: Part, state: StateKind, objects: Vec<Object>) -> Desired {
    Desired {
        release: NEW.parse().expect("valid"),
        state,
        ..desired("acme", part, objects)
    }
}

#[test]
fn the_shape_of_an_application() {
    let web = || vec![config("acme", "web", "1")];
    let build = |part, state, objects| application(&pointing(part, state, objects), &settings());
    golden("live.yaml", &[build(Part::Work, StateKind::Live, web())]);
    golden(
        "frozen.yaml",
        &[build(Part::Work, StateKind::Frozen, web())],
    );
    golden("empty.yaml", &[build(Part::Work, StateKind::Live, vec![])]);
    golden(
        "retiring.yaml",
        &[
            build(Part::Work, StateKind::Retiring, vec![]),
            build(
                Part::Tenancy,
                StateKind::Retiring,
                vec![namespace("acme"), namespace("acme--shop")],
            ),
            build(Part::Data, StateKind::Destroying, web()),
        ],
    );
}

#[test]
fn the_projects() {
    let namespaces = ["acme".to_owned(), "acme--shop".to_owned()].into();
    let cluster = "in-cluster".parse().expect("valid");
    let tenant = "acme".parse().expect("valid");
    golden(
        "projects.yaml",
        &[
            project(&tenant, &namespaces, &cluster, &settings()),
            tenancy_project(&settings()),
            platform_project(&settings()),
        ],
    );
}

#[test]
fn application_sets_are_the_same_shape() {
    let cluster = "in-cluster".parse().expect("valid");
    let sets = application_sets(&cluster, &settings());
    assert_eq!(sets.len(), 3 + 16);
    golden("application-set.yaml", &sets[3..4]);

    // Filled in, the template is the Application that the engine writes for a frozen pointer.
    let mut wanted = application(
        &pointing(Part::Tenancy, StateKind::Frozen, vec![]),
        &settings(),
    );
    let mut template = sets[3]["spec"]["template"].to_string();
    for (name, value) in [
        ("tenant", "acme"),
        ("part", "tenancy"),
        ("cluster", "in-cluster"),
        ("namespace", "acme"),
        ("release", NEW),
    ] {
        template = template.replace(&format!("{{{{.{name}}}}}"), value);
    }
    let mut template: Value = serde_json::from_str(&template).expect("JSON");
    template["spec"]["project"] = json!(TENANCY);
    let metadata = wanted["metadata"].as_object_mut().expect("a map");
    metadata.remove("namespace");
    assert_eq!(template["spec"], wanted["spec"]);
    assert_eq!(template["metadata"], wanted["metadata"]);
}

#[test]
fn no_two_parts_share_an_application() {
    let tenants = [
        "a",
        "a-work",
        "a-work-data",
        "work",
        "tenancy-data",
        "orz-platform",
    ];
    let parts = [Part::Tenancy, Part::Data, Part::Work, Part::Platform];
    let mut names = BTreeSet::new();
    for tenant in tenants {
        let tenant: TenantName = tenant.parse().expect("valid");
        for part in parts {
            let name = application_name(&tenant, part);
            assert_eq!(tenant_and_part(&name), Some((tenant.clone(), part)));
            assert!(names.insert(name));
        }
    }
    let longest: TenantName = "a".repeat(30).parse().expect("valid");
    assert!(application_name(&longest, Part::Platform).len() <= 39);
    for foreign in ["guestbook", "guestbook-ui", "A-work", "-work"] {
        assert_eq!(tenant_and_part(foreign), None, "{foreign}");
    }
}

/// What Argo CD writes: the last comparison, the last operation, conditions.
fn status(compared: Value, operation: Value, conditions: Value) -> Value {
    let mut status = json!({});
    for (field, value) in [
        ("sync", compared),
        ("operationState", operation),
        ("conditions", conditions),
    ] {
        if !value.is_null() {
            status[field] = value;
        }
    }
    status
}

fn compared(word: &str, revision: &str) -> Value {
    let of = |revision: &str| {
        let desired = Desired {
            release: revision.parse().expect("valid"),
            ..pointing(
                Part::Work,
                StateKind::Live,
                vec![config("acme", "web", "1")],
            )
        };
        application(&desired, &settings())
    };
    let spec = &of(revision)["spec"];
    json!({
        "status": word,
        "revision": revision,
        "comparedTo": {"source": spec["source"], "destination": spec["destination"]},
    })
}

fn operation(phase: &str, revision: &str) -> Value {
    json!({
        "phase": phase,
        "message": "one or more objects failed to apply",
        "startedAt": "2026-01-01T00:00:00Z",
        "operation": {"sync": {"revision": revision}},
        "syncResult": {"revision": revision, "resources": [
            {"kind": "Deployment", "namespace": "acme", "name": "web", "status": "SyncFailed", "message": "no\nreplicas"},
        ]},
    })
}

fn condition(kind: &str, message: &str) -> Value {
    json!([{"type": kind, "message": message}])
}

#[test]
fn what_an_application_says() {
    let wanted = application(
        &pointing(
            Part::Work,
            StateKind::Live,
            vec![config("acme", "web", "1")],
        ),
        &settings(),
    );
    let none = Value::Null;
    let failed = "one or more objects failed to apply; Deployment acme/web: no replicas";
    let failed = || Sync::Failed(failed.to_owned());
    let refused = |message: &str| Sync::Failed(message.to_owned());
    let denied = format!("Failed last sync attempt to [{NEW}]: denied");
    let old_denied = format!("Failed last sync attempt to [{OLD}]: denied");
    let cases = [
        // Nothing was looked at yet.
        (
            status(none.clone(), none.clone(), none.clone()),
            None,
            Sync::Applying,
        ),
        // Everything it says is about the revision before.
        (
            status(
                compared("Synced", OLD),
                operation("Succeeded", OLD),
                none.clone(),
            ),
            Some(OLD),
            Sync::Applying,
        ),
        (
            status(
                compared("OutOfSync", OLD),
                operation("Failed", OLD),
                none.clone(),
            ),
            None,
            Sync::Applying,
        ),
        (
            status(
                compared("Unknown", OLD),
                none.clone(),
                condition("ComparisonError", "no such commit"),
            ),
            None,
            Sync::Applying,
        ),
        // An operation for the revision before, still under way.
        (
            status(
                compared("Synced", OLD),
                operation("Running", OLD),
                none.clone(),
            ),
            Some(OLD),
            Sync::Applying,
        ),
        (
            status(
                compared("OutOfSync", NEW),
                operation("Running", OLD),
                none.clone(),
            ),
            None,
            Sync::Applying,
        ),
        // Compared, not begun; under way; done.
        (
            status(
                compared("OutOfSync", NEW),
                operation("Succeeded", OLD),
                none.clone(),
            ),
            None,
            Sync::Applying,
        ),
        (
            status(
                compared("OutOfSync", NEW),
                operation("Running", NEW),
                none.clone(),
            ),
            None,
            Sync::Applying,
        ),
        (
            status(
                compared("Synced", NEW),
                operation("Running", NEW),
                none.clone(),
            ),
            Some(NEW),
            Sync::Applying,
        ),
        (
            status(
                compared("Synced", NEW),
                operation("Succeeded", NEW),
                none.clone(),
            ),
            Some(NEW),
            Sync::Synced,
        ),
        // Moved and moved back while nothing was done in between.
        (
            status(
                compared("Synced", NEW),
                operation("Succeeded", OLD),
                none.clone(),
            ),
            Some(NEW),
            Sync::Synced,
        ),
        // Moved back while the other revision is being put in place: the comparison is out of date.
        (
            status(
                compared("Synced", NEW),
                operation("Running", OLD),
                none.clone(),
            ),
            None,
            Sync::Applying,
        ),
        (
            status(
                compared("Synced", NEW),
                operation("Terminating", OLD),
                none.clone(),
            ),
            None,
            Sync::Applying,
        ),
        // Somebody changed an object by hand.
        (
            status(
                compared("OutOfSync", NEW),
                operation("Succeeded", NEW),
                none.clone(),
            ),
            Some(NEW),
            Sync::OutOfSync,
        ),
        // Refused, of which the message of the revision before is no sign.
        (
            status(
                compared("OutOfSync", NEW),
                operation("Failed", NEW),
                none.clone(),
            ),
            None,
            failed(),
        ),
        (
            status(
                compared("OutOfSync", NEW),
                operation("Error", NEW),
                none.clone(),
            ),
            None,
            failed(),
        ),
        (
            status(
                compared("OutOfSync", NEW),
                operation("Failed", OLD),
                condition("SyncError", &denied),
            ),
            None,
            refused(&denied),
        ),
        (
            status(
                compared("OutOfSync", NEW),
                operation("Failed", OLD),
                condition("SyncError", &old_denied),
            ),
            None,
            Sync::Applying,
        ),
        (
            status(
                compared("Unknown", NEW),
                none.clone(),
                condition("ComparisonError", "no such\ncommit"),
            ),
            None,
            refused("no such commit"),
        ),
        (
            status(
                compared("Unknown", OLD),
                none.clone(),
                condition("InvalidSpecError", "no such project"),
            ),
            None,
            refused("no such project"),
        ),
        (
            status(compared("Unknown", NEW), none.clone(), none.clone()),
            None,
            Sync::Unknown,
        ),
    ];
    for (status, release, sync) in cases {
        let mut live = wanted.clone();
        live["status"] = status.clone();
        let reading = read(Some(&live), &wanted);
        let release: Option<ReleaseId> = release.map(|r| r.parse().expect("valid"));
        assert_eq!(
            (reading.release, reading.sync),
            (release, sync),
            "{status:#}"
        );
    }
}

#[test]
fn an_application_that_points_elsewhere_is_not_in_sync() {
    let build = |release: &str| {
        let desired = Desired {
            release: release.parse().expect("valid"),
            ..pointing(
                Part::Work,
                StateKind::Live,
                vec![config("acme", "web", "1")],
            )
        };
        application(&desired, &settings())
    };
    let mut live = build(OLD);
    live["status"] = status(
        compared("Synced", OLD),
        operation("Succeeded", OLD),
        Value::Null,
    );
    let reading = read(Some(&live), &build(NEW));
    assert_eq!(reading.sync, Sync::OutOfSync);
    assert_eq!(reading.release.map(String::from), Some(OLD.to_owned()));
    assert_eq!(read(None, &build(NEW)).sync, Sync::OutOfSync);
}

#[test]
fn a_frozen_application_is_never_about_to_be_synced() {
    let frozen = pointing(
        Part::Work,
        StateKind::Frozen,
        vec![config("acme", "web", "1")],
    );
    let wanted = application(&frozen, &settings());
    let mut live = wanted.clone();
    live["status"] = status(
        compared("OutOfSync", NEW),
        operation("Succeeded", OLD),
        Value::Null,
    );
    assert_eq!(read(Some(&live), &wanted).sync, Sync::OutOfSync);
}

#[test]
fn only_an_operation_for_another_revision_is_ended() {
    let wanted = application(&pointing(Part::Work, StateKind::Live, vec![]), &settings());
    let foreign = |phase: &str, revision: &str| {
        let mut live = wanted.clone();
        live["status"] = status(Value::Null, operation(phase, revision), Value::Null);
        read(Some(&live), &wanted).foreign
    };
    for (phase, revision) in [
        ("Running", NEW),
        ("Succeeded", OLD),
        ("Failed", OLD),
        ("Error", OLD),
    ] {
        assert_eq!(foreign(phase, revision), None, "{phase} {revision}");
    }
    let operation = foreign("Running", OLD).expect("it targets another revision");
    assert_eq!(
        termination(&operation),
        json!([
            {"op": "test", "path": "/status/operationState/phase", "value": "Running"},
            {"op": "test", "path": "/status/operationState/operation/sync/revision", "value": OLD},
            {"op": "test", "path": "/status/operationState/startedAt", "value": "2026-01-01T00:00:00Z"},
            {"op": "replace", "path": "/status/operationState/phase", "value": "Terminating"},
        ])
    );
}

/// Argo CD would never attempt what is wanted: it is made to forget, but for an attempt at the same as now.
#[test]
fn an_attempt_that_failed_is_forgotten_when_it_is_in_the_way() {
    let of = |release: &str| {
        let desired = Desired {
            release: release.parse().expect("valid"),
            ..pointing(Part::Work, StateKind::Live, vec![])
        };
        application(&desired, &settings())
    };
    let wanted = of(NEW);
    for (phase, points_to, attempted, has_result, forgotten, ending) in [
        // Left, and wanted again.
        ("Failed", OLD, NEW, true, true, false),
        ("Error", OLD, NEW, false, true, false),
        ("Terminating", OLD, NEW, true, false, true),
        // Its retries were its chance.
        ("Failed", NEW, NEW, true, false, false),
        ("Error", NEW, NEW, false, false, false),
        ("Terminating", NEW, NEW, true, false, false),
        // Another one's failure is in the way only where it says nothing of what it did.
        ("Failed", NEW, OLD, true, false, false),
        ("Failed", NEW, OLD, false, true, false),
        ("Error", OLD, OLD, false, true, false),
        ("Running", NEW, OLD, false, false, false),
        ("Terminating", NEW, OLD, false, false, false),
        ("Succeeded", OLD, NEW, true, false, false),
    ] {
        let mut live = of(points_to);
        let mut state = operation(phase, attempted);
        if !has_result {
            state["syncResult"] = Value::Null;
        }
        live["status"] = status(Value::Null, state, Value::Null);
        let reading = read(Some(&live), &wanted);
        let case = format!("{phase} {points_to} {attempted} {has_result}");
        assert_eq!(reading.stale.is_some(), forgotten, "{case}");
        assert_eq!(reading.ending, ending, "{case}");
        if let Some(operation) = reading.stale {
            assert_eq!(
                oblivion(&operation),
                json!([
                    {"op": "test", "path": "/status/operationState/phase", "value": phase},
                    {"op": "test", "path": "/status/operationState/operation/sync/revision", "value": attempted},
                    {"op": "test", "path": "/status/operationState/startedAt", "value": "2026-01-01T00:00:00Z"},
                    {"op": "remove", "path": "/status/operationState"},
                ])
            );
        }
    }
}

/// One that shows other files of the same release would put back what a tenant on its way out leaves behind.
#[test]
fn an_operation_for_other_files_of_the_release_is_ended() {
    let of = |state, objects| application(&pointing(Part::Work, state, objects), &settings());
    let web = || vec![config("acme", "web", "1")];
    let shapes = [
        of(StateKind::Live, web()),
        of(StateKind::Retiring, web()),
        of(StateKind::Retiring, vec![]),
    ];
    for (i, started) in shapes.iter().enumerate() {
        for (k, wanted) in shapes.iter().enumerate() {
            let mut live = wanted.clone();
            let mut running = operation("Running", NEW);
            running["syncResult"]["source"] = started["spec"]["source"].clone();
            live["status"] = status(Value::Null, running, Value::Null);
            let ended = read(Some(&live), wanted).foreign.is_some();
            assert_eq!(ended, i != k, "{i} {k}");
        }
    }
}

#[test]
fn what_somebody_changed_by_hand() {
    let wanted = application(
        &pointing(
            Part::Work,
            StateKind::Live,
            vec![config("acme", "web", "1")],
        ),
        &settings(),
    );
    let mut live = wanted.clone();
    live["metadata"]["resourceVersion"] = json!("7");
    live["metadata"]["annotations"][owned::REFRESH] = json!("normal");
    live["status"] = json!({"sync": {"status": "Synced"}});
    live["operation"] = json!({"sync": {}});
    assert!(
        owned::is_as_wanted(&live, &wanted),
        "others' fields are theirs"
    );

    let edits: [(&str, Value, bool, Value); 8] = [
        (
            "/spec/source/targetRevision",
            json!("main"),
            false,
            Value::Null,
        ),
        (
            "/spec/syncPolicy/retry/limit",
            json!(-1),
            false,
            Value::Null,
        ),
        (
            "/spec/syncPolicy/automated",
            json!(null),
            false,
            Value::Null,
        ),
        (
            "/metadata/labels/orz.dev~1part",
            json!("data"),
            false,
            Value::Null,
        ),
        (
            "/spec/sources",
            json!([{}]),
            true,
            json!({"spec": {"sources": null}}),
        ),
        (
            "/spec/syncPolicy/automated/allowEmpty",
            json!(true),
            true,
            json!({"spec": {"syncPolicy": {"automated": {"allowEmpty": null}}}}),
        ),
        (
            "/metadata/finalizers",
            json!(["resources-finalizer.argocd.argoproj.io"]),
            true,
            json!({"metadata": {"finalizers": null}}),
        ),
        (
            "/metadata/annotations/argocd.argoproj.io~1skip-reconcile",
            json!("true"),
            true,
            json!({"metadata": {"annotations": {"argocd.argoproj.io/skip-reconcile": null}}}),
        ),
    ];
    for (pointer, value, states, removal) in edits {
        let mut edited = live.clone();
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        let key = key.replace("~1", "/");
        edited.pointer_mut(parent).expect("is there")[key] = value;
        assert_eq!(owned::states(&edited, &wanted), states, "{pointer}");
        let found = owned::removal(&edited, &wanted).unwrap_or_default();
        assert_eq!(found, removal, "{pointer}");
        assert!(!owned::is_as_wanted(&edited, &wanted), "{pointer}");
    }
}

mod inventory {
    use super::*;
    use crate::testing::volume;

    fn live(object: &Object, extra: &Value) -> Live {
        let mut value = object.clone().into_value();
        value["metadata"]["annotations"] = extra.clone();
        Live {
            uid: Some("1".to_owned()),
            marked: true,
            deleting: false,
            managers: Vec::new(),
            state: LiveState::Same,
            object: Object::new(value).ok(),
        }
    }

    #[test]
    fn a_release_is_in_place_when_nothing_is_left_to_go() {
        let (stays, goes, disk) = (
            config("acme", "a", "1"),
            config("acme", "b", "1"),
            volume("acme", "disk"),
        );
        let desired = desired("acme", Part::Data, vec![stays.clone()]);
        let inventory = Inventory {
            cluster: desired.cluster.clone(),
            tenant: desired.tenant.clone(),
            part: desired.part,
            release: desired.release.clone(),
            digest: desired.digest.clone(),
            complete: false,
            objects: [&stays, &goes, &disk].map(item).into(),
            memory: None,
            writer: None,
        };
        let names = |live: &[(&Object, Value)]| {
            let observation = Observation {
                inventory: Some(inventory.clone()),
                live: live
                    .iter()
                    .map(|(object, extra)| (object.key(), self::live(object, extra)))
                    .collect(),
                ..Observation::default()
            };
            settled(&desired, &observation).map(|items| {
                let name = |i: &InventoryItem| (i.object.name.clone(), i.kept);
                items.values().map(name).collect::<Vec<_>>()
            })
        };
        let plain = json!({});
        let kept = json!({"argocd.argoproj.io/sync-options": "Delete=false,Prune=false"});
        let item = |name: &str, kept| (name.to_owned(), kept);
        // Nothing is there yet; something is still there.
        assert_eq!(names(&[]), None);
        assert_eq!(
            names(&[(&stays, plain.clone()), (&goes, plain.clone())]),
            None
        );
        assert_eq!(
            names(&[(&stays, plain.clone())]),
            Some(vec![item("a", false)])
        );
        // What is durable or says so itself stays for good.
        assert_eq!(
            names(&[(&stays, plain.clone()), (&goes, kept), (&disk, plain)]),
            Some(vec![item("a", false), item("b", true), item("disk", true)])
        );
    }

    #[test]
    fn an_annotation_alone_does_not_make_an_object_ours() {
        let tracked = |id: &str, manager: &str| {
            let mut live = live(
                &config("acme", "a", "1"),
                &json!({"argocd.argoproj.io/tracking-id": id}),
            );
            let mut value = live.object.take().expect("an object").into_value();
            value["metadata"]["managedFields"] =
                json!([{"manager": manager, "operation": "Apply"}]);
            live.object = Object::new(value).ok();
            is_tracked(&live, "acme-work")
        };
        let id = "acme-work:/ConfigMap:acme/a";
        assert!(tracked(id, "argocd-controller"));
        assert!(!tracked(id, "kubectl"));
        assert!(!tracked(
            "acme-work-data:/ConfigMap:acme/a",
            "argocd-controller"
        ));
    }
}
