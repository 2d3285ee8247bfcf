//! One object of every kind that a release may hold: in sync, and then left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use orz_core::diag::{Diagnostics, Sources};
use orz_core::id::Part;
use orz_core::object::Object;
use orz_core::{Value, kinds, read};
use orz_reconciler::judge::Sync;

use crate::world::{TestResult, World, application, release_job, tenancy};

/// How long Argo CD must leave everything alone; `ORZ_TEST_QUIET` says another number of seconds.
const QUIET: Duration = Duration::from_secs(20);

#[test]
fn every_kind_is_synced_once() -> TestResult {
    let mut world = World::start()?;
    let objects = objects()?;
    let expected: BTreeSet<&str> = kinds::all()
        .iter()
        .filter(|kind| kind.parts.iter().any(|part| *part != Part::Platform))
        .map(|kind| kind.kind)
        .collect();
    let found: BTreeSet<&str> = objects
        .values()
        .flatten()
        .filter_map(|object| object["kind"].as_str())
        .collect();
    assert_eq!(found, expected, "a fixture for each kind");

    let parts = [Part::Tenancy, Part::Data, Part::Work];
    for part in parts {
        let release = world.publish("acme", part, &objects[&part])?;
        let in_place = |seen: &orz_reconciler::judge::Seen| {
            seen.release.as_ref() == Some(&release) && seen.sync == Sync::Synced
        };
        let what = format!("{} objects of {part}", objects[&part].len());
        world.until("acme", part, &what, in_place)?;
    }
    let operations = |world: &World| -> TestResult<Vec<Value>> {
        let started = |part| -> TestResult<Value> {
            let live = world.objects.get(&application("acme", part))?;
            let live = live.ok_or("no Application")?;
            Ok(live["status"]["operationState"]["startedAt"].clone())
        };
        parts.into_iter().map(started).collect()
    };
    let before = operations(&world)?;
    let seconds = std::env::var("ORZ_TEST_QUIET")
        .ok()
        .and_then(|text| text.parse().ok());
    thread::sleep(seconds.map_or(QUIET, Duration::from_secs));
    assert_eq!(operations(&world)?, before, "a second operation");
    for part in parts {
        assert_eq!(world.seen("acme", part)?.sync, Sync::Synced, "{part}");
    }
    world.argo.check()?;
    Ok(())
}

/// The first object of each kind that the good fixtures compile to, by part. Release jobs are made here: those of
/// the fixtures refer to what is not chosen.
fn objects() -> TestResult<BTreeMap<Part, Vec<Value>>> {
    let mut seen = BTreeSet::new();
    let mut chosen: BTreeMap<Part, Vec<Value>> = BTreeMap::new();
    for object in tenancy("acme") {
        seen.insert(object["kind"].as_str().unwrap_or_default().to_owned());
        chosen.entry(Part::Tenancy).or_default().push(object);
    }
    let job = release_job("acme", "migrate", "registry.example/job:1");
    seen.insert("Job".to_owned());
    chosen.entry(Part::Work).or_default().push(job);
    for (part, file) in fixtures()? {
        let object = parse(&file)?;
        let of_acme = object["metadata"]["namespace"] == "acme";
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        if of_acme && seen.insert(kind) {
            Object::new(object.clone())?;
            chosen.entry(part).or_default().push(object);
        }
    }
    Ok(chosen)
}

fn fixtures() -> TestResult<Vec<(Part, PathBuf)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/ok");
    let mut found = Vec::new();
    for entry in fs::read_dir(root)? {
        let out = entry?.path().join("out");
        for part in Part::OF_TENANT {
            let folder = out.join(part.as_str());
            if !folder.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder)? {
                let path = file?.path();
                if path
                    .extension()
                    .is_some_and(|extension| extension == "yaml")
                {
                    found.push((part, path));
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

fn parse(path: &Path) -> TestResult<Value> {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let bytes = fs::read(path)?;
    let name = path.display().to_string();
    let node = read::parse(&bytes, &name, &mut sources, &mut diagnostics);
    Ok(node.ok_or(format!("{name} cannot be read"))?.to_value())
}
