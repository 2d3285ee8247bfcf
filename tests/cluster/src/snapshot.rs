//! Start from a copy: etcd's data folder with the CRDs in it.
//!
//! Installing a platform's CRDs takes the API server most of a minute; starting on data that
//! already holds them takes no longer than starting on none. So they are installed once, etcd is
//! stopped, and its folder is kept in the cache, named by the hash of the list and the programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use orz_test_tools::{made_once, say};
use serde_json::{Value, json};

use crate::binaries::Binaries;
use crate::control_plane::Parts;
use crate::crds::{self, CrdSource};
use crate::kube_api::{items, text};
use crate::{ClusterError, Objects, Ref};

/// The kept folder of a list of CRDs.
pub(crate) struct Snapshot(PathBuf);

impl Snapshot {
    /// The snapshot, made first if there is none yet.
    pub(crate) fn find(binaries: &Binaries, sources: &[CrdSource]) -> Result<Self, ClusterError> {
        let mut digest = binaries.digest()?;
        for source in sources {
            digest = digest
                .with(source.module)
                .with(source.version)
                .with(source.folder);
        }
        made_once(&format!("etcd/{digest}"), |target| {
            make(binaries, sources, target)
        })
        .map(Self)
    }

    /// Puts a copy where etcd will look.
    pub(crate) fn copy_to(&self, data: &Path) -> Result<(), ClusterError> {
        copy(&self.0.join(DATA), data)
    }

    /// Waits until the API server serves every kind that the data holds: it lists them a moment
    /// after it is ready.
    pub(crate) fn wait_served(&self, objects: &Objects) -> Result<(), ClusterError> {
        let path = self.0.join(SERVED);
        let content = fs::read(&path).map_err(ClusterError::io(&path))?;
        let expected: BTreeMap<String, BTreeSet<String>> = serde_json::from_slice(&content)
            .map_err(|error| ClusterError::Unexpected(format!("`{}`: {error}", path.display())))?;
        wait_served(objects, &expected)
    }
}

const DATA: &str = "data";
const SERVED: &str = "served.json";
const PATIENCE: Duration = Duration::from_mins(3);

fn make(binaries: &Binaries, sources: &[CrdSource], target: &Path) -> Result<(), ClusterError> {
    let crds = crds::load(sources)?;
    say(&format!(
        "installing {} CRDs of {} projects once (about a minute)",
        crds.len(),
        sources.len()
    ));
    let started = Instant::now();
    // Without controllers: what they would write belongs to one control plane only.
    let parts = Parts::start(binaries, None)?;
    let objects = &parts.objects;
    for crd in &crds {
        objects.apply(crd)?;
    }
    for crd in &crds {
        objects.wait_for("an established CRD", &Ref::of(crd), PATIENCE, |crd| {
            items(crd, "/status/conditions").iter().any(|condition| {
                text(condition, "/type") == "Established" && text(condition, "/status") == "True"
            })
        })?;
    }
    let served = served_by(&crds);
    wait_served(objects, &served)?;
    let data = parts.stop()?;
    fs::create_dir_all(target).map_err(ClusterError::io(target))?;
    copy(data.path(), &target.join(DATA))?;
    let path = target.join(SERVED);
    fs::write(&path, json!(served).to_string()).map_err(ClusterError::io(&path))?;
    say(&format!("installed in {} s", started.elapsed().as_secs()));
    Ok(())
}

/// The served plural names by group and version.
fn served_by(crds: &[Value]) -> BTreeMap<String, BTreeSet<String>> {
    let mut served: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for crd in crds {
        for version in items(crd, "/spec/versions") {
            if version["served"] == true {
                let key = format!("{}/{}", text(crd, "/spec/group"), text(version, "/name"));
                let plural = text(crd, "/spec/names/plural").to_owned();
                served.entry(key).or_default().insert(plural);
            }
        }
    }
    served
}

fn wait_served(
    objects: &Objects,
    expected: &BTreeMap<String, BTreeSet<String>>,
) -> Result<(), ClusterError> {
    let deadline = Instant::now() + PATIENCE;
    for (group_version, plurals) in expected {
        loop {
            let answer = match objects.get_text(&format!("/apis/{group_version}")) {
                Ok(answer) => answer,
                Err(error) if error.status() == Some(404) => String::new(),
                Err(error) => return Err(error),
            };
            let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
            let names: BTreeSet<&str> = items(&answer, "/resources")
                .iter()
                .map(|resource| text(resource, "/name"))
                .collect();
            if plurals.iter().all(|plural| names.contains(plural.as_str())) {
                break;
            }
            if Instant::now() >= deadline {
                return Err(ClusterError::TimedOut {
                    what: format!("all kinds of `{group_version}`"),
                    seconds: PATIENCE.as_secs(),
                    last: format!("{names:?}"),
                });
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}

/// Copies a folder, without the empty log files that etcd keeps in reserve.
fn copy(from: &Path, to: &Path) -> Result<(), ClusterError> {
    fs::create_dir_all(to).map_err(ClusterError::io(to))?;
    for entry in fs::read_dir(from).map_err(ClusterError::io(from))? {
        let source = entry.map_err(ClusterError::io(from))?.path();
        let target = to.join(source.file_name().unwrap_or_default());
        if source.is_dir() {
            copy(&source, &target)?;
        } else if source
            .extension()
            .is_none_or(|extension| extension != "tmp")
        {
            fs::copy(&source, &target).map_err(ClusterError::io(&source))?;
        }
    }
    Ok(())
}
