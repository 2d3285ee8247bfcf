use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use orz_core::format::StateKind;
use orz_core::id::Part;

use super::{DirEngine, Draft, Place, inventories};
use crate::desired::{Desired, Invalid, Pointed};
use crate::health::Health;
use crate::plan::plan;
use crate::reconcile::{Options, reconcile_pointed};
use crate::report::{Outcome, Report};
use crate::testing::{config, desired, namespace, requires, volume};
use crate::{Changes, Engine, EngineError};

struct Folder {
    dir: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a folder"),
        }
    }

    fn engine(&self) -> DirEngine {
        DirEngine::open(self.dir.path()).expect("opens")
    }

    fn pass(&self, parts: &[&Desired]) -> Report {
        let pointers = parts.iter().map(|d| Pointed::Valid(Box::new((*d).clone())));
        reconcile_pointed(
            pointers,
            &mut self.engine(),
            &Options::new("in-cluster".parse().expect("valid")),
        )
    }

    /// The changes of a pass over one part.
    fn apply(&self, desired: &Desired) -> Changes {
        match self.pass(&[desired]).tenants.remove(0).outcome {
            Outcome::Applied(changes) => changes,
            other => panic!("{other:?}"),
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Every file that is reached through the links of the tenants, with its content.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        walk(&self.path("in-cluster"), &mut files);
        let mut files: Vec<_> = files
            .into_iter()
            .map(|path| {
                path.strip_prefix(self.path("in-cluster"))
                    .expect("below")
                    .display()
                    .to_string()
            })
            .collect();
        files.sort();
        files
    }

    fn generations(&self, tenant: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path(".orz/in-cluster").join(tenant))
            .expect("a folder")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("UTF-8")
            })
            .collect();
        names.sort();
        names
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// What somebody may do to our files.
type Edit = (&'static str, fn(&Folder));

fn work(text: &str) -> Desired {
    desired(
        "acme",
        Part::Work,
        vec![config("acme", "a", text), config("acme", "b", "same")],
    )
}

fn names(keys: &[orz_core::object::ObjectKey]) -> Vec<String> {
    keys.iter().map(ToString::to_string).collect()
}

#[test]
fn a_fresh_tenant_is_live_after_one_pass_and_untouched_by_the_next() {
    let folder = Folder::new();
    let tenancy = desired("acme", Part::Tenancy, vec![namespace("acme")]);
    let data = requires(
        desired("acme", Part::Data, vec![volume("acme", "disk")]),
        Part::Tenancy,
        &namespace("acme"),
    );
    let work = requires(work("1"), Part::Data, &volume("acme", "disk"));

    let report = folder.pass(&[&tenancy, &data, &work]);
    assert!(report.is_ok() && report.changed(), "{report:?}");
    assert_eq!(
        folder.files(),
        [
            "acme/data/persistentvolumeclaim_acme_disk.yaml",
            "acme/tenancy/namespace_-_acme.yaml",
            "acme/work/configmap_acme_a.yaml",
            "acme/work/configmap_acme_b.yaml",
        ]
    );
    let health = &report.tenants[2].health[0];
    assert_eq!(
        (health.health, health.message.as_str()),
        (Health::Unknown, "a directory has no health")
    );

    let before = fs::read_link(folder.path("in-cluster/acme")).expect("a link");
    let report = folder.pass(&[&tenancy, &data, &work]);
    assert!(report.is_ok() && !report.changed(), "{report:?}");
    assert_eq!(
        fs::read_link(folder.path("in-cluster/acme")).expect("a link"),
        before
    );
    assert_eq!(folder.generations("acme"), ["0000000002", "0000000003"]);

    let read: Vec<_> = inventories(folder.dir.path())
        .expect("reads")
        .into_iter()
        .map(|i| (i.part, i.release))
        .collect();
    assert_eq!(
        read,
        [
            (Part::Tenancy, tenancy.release),
            (Part::Data, data.release),
            (Part::Work, work.release)
        ]
    );
}

#[test]
fn a_change_and_its_rollback() {
    let folder = Folder::new();
    let old = work("1");
    let new = desired(
        "acme",
        Part::Work,
        vec![config("acme", "a", "2"), config("acme", "c", "new")],
    );
    folder.apply(&old);
    let changes = folder.apply(&new);
    assert_eq!(names(&changes.created), ["ConfigMap acme/c"]);
    assert_eq!(names(&changes.updated), ["ConfigMap acme/a"]);
    assert!(changes.drifted.is_empty());
    assert_eq!(names(&changes.pruned), ["ConfigMap acme/b"]);
    assert_eq!(
        folder.files(),
        [
            "acme/work/configmap_acme_a.yaml",
            "acme/work/configmap_acme_c.yaml"
        ]
    );

    folder.apply(&old);
    assert_eq!(
        folder.files(),
        [
            "acme/work/configmap_acme_a.yaml",
            "acme/work/configmap_acme_b.yaml"
        ]
    );
    let live = fs::read(folder.path("in-cluster/acme/work/configmap_acme_a.yaml")).expect("a file");
    assert_eq!(live, old.files["configmap_acme_a.yaml"]);
}

#[test]
fn hand_edits_are_found_and_corrected() {
    let edits: [Edit; 6] = [
        ("changed", |f| {
            fs::write(f.path("in-cluster/acme/work/configmap_acme_a.yaml"), "x").expect("writes");
        }),
        ("removed", |f| {
            fs::remove_file(f.path("in-cluster/acme/work/configmap_acme_a.yaml")).expect("removes");
        }),
        ("added", |f| {
            fs::write(f.path("in-cluster/acme/work/mine.yaml"), "x").expect("writes");
        }),
        ("folder removed", |f| {
            fs::remove_dir_all(f.path("in-cluster/acme/work")).expect("removes");
        }),
        ("replaced by a link", |f| {
            let path = f.path("in-cluster/acme/work/configmap_acme_a.yaml");
            fs::remove_file(&path).expect("removes");
            symlink("/etc/hostname", &path).expect("links");
        }),
        ("link of the tenant removed", |f| {
            fs::remove_file(f.path("in-cluster/acme")).expect("removes");
        }),
    ];
    for (name, edit) in edits {
        let folder = Folder::new();
        let wanted = work("1");
        folder.apply(&wanted);
        edit(&folder);
        let changes = folder.apply(&wanted);
        if name == "changed" {
            assert_eq!(names(&changes.drifted), ["ConfigMap acme/a"]);
        }
        assert_eq!(
            folder.files(),
            [
                "acme/work/configmap_acme_a.yaml",
                "acme/work/configmap_acme_b.yaml"
            ],
            "{name}"
        );
        for (file, bytes) in &wanted.files {
            let path = folder.path("in-cluster/acme/work").join(file);
            assert!(
                fs::symlink_metadata(&path).expect("exists").is_file(),
                "{name}"
            );
            assert_eq!(&fs::read(path).expect("reads"), bytes, "{name}");
        }
        assert!(folder.apply(&wanted).is_empty(), "{name}");
    }
}

#[test]
fn one_part_never_changes_another() {
    let folder = Folder::new();
    let tenancy = desired("acme", Part::Tenancy, vec![namespace("acme")]);
    folder.pass(&[&tenancy, &work("1")]);
    folder.apply(&work("2"));
    assert!(
        folder
            .path("in-cluster/acme/tenancy/namespace_-_acme.yaml")
            .is_file()
    );
    assert!(folder.apply(&tenancy).is_empty());
    let other = desired("beta", Part::Work, vec![config("beta", "a", "1")]);
    folder.apply(&other);
    assert_eq!(folder.generations("beta"), ["0000000001"]);
    assert!(folder.apply(&work("2")).is_empty());
}

#[test]
fn killed_before_the_swap_the_old_generation_stands_and_the_next_pass_finishes() {
    let folder = Folder::new();
    let (old, new) = (
        work("1"),
        desired("acme", Part::Work, vec![config("acme", "a", "2")]),
    );
    folder.apply(&old);
    let before = folder.files();

    let place = Place::new(folder.dir.path(), &new.cluster, &new.tenant);
    let mut engine = folder.engine();
    let observation = engine.observe(&new).expect("observes");
    let steps = plan(&new.release, &new.objects, &observation).expect("a plan");
    let current = place.current().expect("readable");
    let draft: Draft = DirEngine::draft(
        &place,
        current.as_ref(),
        &new,
        &steps,
        observation.inventory.as_ref(),
    )
    .expect("writes");
    drop(draft);
    symlink("nowhere", folder.path(".orz/in-cluster/acme/next"))
        .expect("a link that was not swapped");

    assert_eq!(folder.files(), before);
    assert!(folder.apply(&old).is_empty());
    folder.apply(&new);
    assert_eq!(folder.files(), ["acme/work/configmap_acme_a.yaml"]);
    assert_eq!(folder.generations("acme"), ["0000000001", "0000000002"]);
}

#[test]
fn a_writer_that_was_overtaken_changes_nothing() {
    let folder = Folder::new();
    folder.apply(&work("1"));
    let (slow, fast) = (work("2"), work("3"));
    let mut engine = folder.engine();
    let observation = engine.observe(&slow).expect("observes");
    let steps = plan(&slow.release, &slow.objects, &observation).expect("a plan");
    folder.apply(&fast);
    let error = engine.apply(&slow, observation, &steps).expect_err("stale");
    assert!(matches!(error, EngineError::Stale { .. }), "{error}");
    assert!(folder.apply(&fast).is_empty());
}

#[test]
fn durable_objects_stay_when_a_release_drops_them() {
    let folder = Folder::new();
    folder.apply(&desired(
        "acme",
        Part::Data,
        vec![volume("acme", "disk"), volume("acme", "other")],
    ));
    let smaller = desired("acme", Part::Data, vec![volume("acme", "other")]);
    let changes = folder.apply(&smaller);
    assert_eq!(names(&changes.kept), ["PersistentVolumeClaim acme/disk"]);
    assert!(
        folder
            .path("in-cluster/acme/data/persistentvolumeclaim_acme_disk.yaml")
            .is_file()
    );
    let again = folder.apply(&smaller);
    assert!(again.is_empty() && !again.kept.is_empty());
    assert_eq!(
        folder.generations("acme"),
        ["0000000001", "0000000002"],
        "keeping is no change"
    );
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("in-cluster/acme")).expect("a folder of somebody else");
    fs::write(folder.path("in-cluster/acme/only-copy"), "x").expect("writes");
    let elsewhere = tempfile::tempdir().expect("a folder");
    symlink(elsewhere.path(), folder.path("in-cluster/beta")).expect("a link of somebody else");

    let beta = desired("beta", Part::Work, vec![config("beta", "a", "1")]);
    let good = desired("good", Part::Work, vec![config("good", "a", "1")]);
    let report = folder.pass(&[&work("1"), &beta, &good]);
    for refused in &report.tenants[..2] {
        assert!(
            matches!(&refused.outcome, Outcome::Failed { error, .. } if error.contains("is not ours")),
            "{refused:?}"
        );
    }
    assert!(
        matches!(report.tenants[2].outcome, Outcome::Applied(_)),
        "others go on"
    );
    assert!(folder.path("in-cluster/acme/only-copy").is_file());
    assert_eq!(fs::read_dir(elsewhere.path()).expect("a folder").count(), 0);
}

#[test]
fn the_directory_of_a_cluster_is_never_a_link() {
    let folder = Folder::new();
    let elsewhere = tempfile::tempdir().expect("a folder");
    symlink(elsewhere.path(), folder.path("in-cluster")).expect("links");
    let report = folder.pass(&[&work("1")]);
    assert!(
        matches!(report.tenants[0].outcome, Outcome::Failed { .. }),
        "{report:?}"
    );
    assert_eq!(fs::read_dir(elsewhere.path()).expect("a folder").count(), 0);
}

#[test]
fn waiting_frozen_and_invalid_change_nothing_and_delay_nobody() {
    let folder = Folder::new();
    let waits = requires(work("1"), Part::Data, &volume("acme", "disk"));
    let mut frozen = desired("cold", Part::Work, vec![config("cold", "a", "1")]);
    frozen.state = StateKind::Frozen;
    let good = desired("good", Part::Work, vec![config("good", "a", "1")]);
    let pointers = [
        Pointed::Valid(Box::new(waits)),
        Pointed::Invalid(Invalid {
            tenant: None,
            part: None,
            path: "pointers/x".to_owned(),
            reason: "pointer-invalid: x".to_owned(),
        }),
        Pointed::Valid(Box::new(frozen)),
        Pointed::Valid(Box::new(good)),
    ];
    let report = reconcile_pointed(
        pointers,
        &mut folder.engine(),
        &Options::new("in-cluster".parse().expect("valid")),
    );
    let outcomes: Vec<_> = report.tenants.iter().map(|t| &t.outcome).collect();
    assert!(
        matches!(
            outcomes[..],
            [Outcome::Waiting { awaits }, Outcome::Invalid { .. }, Outcome::Frozen { pending: 1 }, Outcome::Applied(_)]
                if awaits[0].key.to_string() == "PersistentVolumeClaim acme/disk" && awaits[0].health == Health::Missing
        ),
        "{outcomes:?}"
    );
    assert_eq!(folder.files(), ["good/work/configmap_good_a.yaml"]);
}

#[test]
fn a_release_without_objects_empties_the_part() {
    let folder = Folder::new();
    folder.apply(&work("1"));
    let changes = folder.apply(&desired("acme", Part::Work, Vec::new()));
    assert_eq!(changes.pruned.len(), 2);
    assert!(folder.files().is_empty() && folder.path("in-cluster/acme/work").is_dir());
}

#[test]
fn a_part_that_waits_is_tried_again_at_the_end_of_the_pass() {
    let disk = volume("acme", "disk");
    let work = requires(work("1"), Part::Data, &disk);
    let data = desired("acme", Part::Data, vec![disk]);
    for (wait, applied) in [(Duration::ZERO, false), (Duration::from_secs(5), true)] {
        let folder = Folder::new();
        let options = Options {
            wait,
            ..Options::new("in-cluster".parse().expect("valid"))
        };
        let pointers = [&work, &data].map(|d| Pointed::Valid(Box::new(d.clone())));
        let report = reconcile_pointed(pointers, &mut folder.engine(), &options);
        assert_eq!(
            report.tenants[0].part,
            Some(Part::Work),
            "in the order of the pointers"
        );
        let first = &report.tenants[0].outcome;
        assert_eq!(matches!(first, Outcome::Applied(_)), applied, "{first:?}");
        assert_eq!(report.is_ok(), applied);
    }
}
