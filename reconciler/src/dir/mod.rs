//! The engine `dir`: the live objects of every tenant in a folder.
//!
//! ```text
//! <root>/<cluster>/<tenant>        a symbolic link to the newest generation's `live`
//! <root>/.orz/lock                 held while something is changed
//! <root>/.orz/<cluster>/<tenant>/<generation>/live/{tenancy,data,work}/<manifest>.yaml
//! <root>/.orz/<cluster>/<tenant>/<generation>/inventory/<part>.json
//! <root>/.orz/<cluster>/<tenant>/memory/<part>.json   the inventory's memory: written often, alone
//! ```
//!
//! A generation is written and synced as a whole before the link is swapped by `rename`, and is never
//! changed afterwards: whoever reads through the link sees the objects of one instant, and a process killed
//! at any instant leaves the old or the new generation. The generation before the newest one is kept for
//! readers that followed the link just before it moved; older ones are removed.

mod files;
mod generation;
mod layout;
mod memory;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use orz_core::format::{self, Inventory, InventoryItem, Memory, Requirement};
use orz_core::id::{ClusterName, Digest, Part, TenantName};
use orz_core::object::{Object, ObjectKey};

use crate::desired::Desired;
use crate::engine::{Engine, EngineError, Live, LiveState, Observation};
use crate::health::{Health, ObjectHealth, Verdict};
use crate::judge::{Seen, progress};
use crate::plan::{Action, Kept, Plan};
use files::io;
use generation::{Draft, Generation};
use layout::Place;

/// What a directory can say about health.
const NO_HEALTH: &str = "a directory has no health";

/// The engine `dir`.
#[derive(Debug)]
pub struct DirEngine {
    root: PathBuf,
    lock: File,
}

impl DirEngine {
    /// Opens a directory, making it when it is not there.
    ///
    /// Only `<root>/.orz` and `<root>/<cluster>` are ever touched; other files in it are left alone.
    pub fn open(root: &Path) -> Result<Self, EngineError> {
        files::make_dir(root)?;
        let state = root.join(layout::STATE);
        files::make_dir(&state)?;
        files::real_dir(&state)?;
        let path = state.join("lock");
        let lock = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(io(&path))?;
        Ok(Self {
            root: root.to_owned(),
            lock,
        })
    }

    /// The folder in which a tenant's objects are found.
    pub fn tenant_folder(&self, cluster: &ClusterName, tenant: &TenantName) -> PathBuf {
        Place::new(&self.root, cluster, tenant).link()
    }

    fn place(&self, desired: &Desired) -> Place {
        Place::new(&self.root, &desired.cluster, &desired.tenant)
    }

    /// Writes a generation in which this part is as the plan says and the other parts are as they are.
    fn draft(
        place: &Place,
        current: Option<&Generation>,
        desired: &Desired,
        plan: &Plan,
        old: Option<&Inventory>,
    ) -> Result<Draft, EngineError> {
        let draft = Draft::begin(place, current)?;
        let parts: BTreeSet<Part> = Part::OF_TENANT.into_iter().chain([desired.part]).collect();
        for part in parts.into_iter().filter(|part| *part != desired.part) {
            draft.carry_over(part, current)?;
        }
        let mut items = Vec::new();
        for object in &desired.objects {
            let file = object.file_name();
            let bytes = desired
                .files
                .get(&file)
                .ok_or_else(|| EngineError::Desired(format!("the release has no file `{file}`")))?;
            draft.write(desired.part, &file, bytes)?;
            let digest = Digest::of(bytes);
            items.push(InventoryItem {
                object: object.reference(),
                uid: None,
                applied: Some(digest.clone()),
                live: Some(digest),
                kept: false,
            });
        }
        let kept: BTreeSet<ObjectKey> = plan
            .keys(|a| *a == Action::Keep(Kept::Durable))
            .into_iter()
            .collect();
        for item in old
            .into_iter()
            .flat_map(|i| &i.objects)
            .filter(|item| kept.contains(&item.key()))
        {
            draft.keep(desired.part, &item.object.file, current)?;
            items.push(InventoryItem {
                kept: true,
                ..item.clone()
            });
        }
        items.sort_by_key(InventoryItem::key);
        draft.inventory(&Inventory {
            cluster: desired.cluster.clone(),
            tenant: desired.tenant.clone(),
            part: desired.part,
            release: desired.release.clone(),
            digest: desired.digest.clone(),
            complete: true,
            objects: items,
            // It stands in a file of its own: a generation would be too much to write for a few numbers.
            memory: None,
            writer: None,
        })?;
        Ok(draft)
    }

    /// What is there, but for the memory.
    fn look(place: &Place, desired: &Desired) -> Result<Observation, EngineError> {
        let Some(generation) = place.current()? else {
            return Ok(Observation::default());
        };
        let inventory = generation.inventory(desired.part)?;
        let mut found = generation.files(desired.part)?;
        let mut live = BTreeMap::new();
        for item in inventory.iter().flat_map(|i| &i.objects) {
            // A file that somebody replaced by a folder or a link is a stray, and the object is missing.
            if let Some(Some(bytes)) = found.get(&item.object.file) {
                let state = if item.live.as_ref() == Some(&Digest::of(bytes)) {
                    LiveState::Same
                } else {
                    LiveState::Drifted
                };
                live.insert(item.key(), present(state));
            }
        }
        for object in &desired.objects {
            let file = object.file_name();
            let Some(wanted) = desired.files.get(&file) else {
                continue;
            };
            let Some(Some(bytes)) = found.get(&file) else {
                continue;
            };
            let entry = live
                .entry(object.key())
                .or_insert_with(|| present(LiveState::Drifted));
            if bytes == wanted {
                entry.state = LiveState::Same;
                entry.object = Some(object.clone());
            } else if entry.state == LiveState::Same {
                entry.state = LiveState::Changed;
            }
        }
        let known = inventory
            .iter()
            .flat_map(|i| &i.objects)
            .map(|item| item.object.file.clone());
        for file in known.chain(desired.objects.iter().map(Object::file_name)) {
            if matches!(found.get(&file), Some(Some(_))) {
                found.remove(&file);
            }
        }
        Ok(Observation {
            inventory,
            version: Some(generation.name().to_owned()),
            live,
            intact: found.is_empty() && generation.has_folder(desired.part),
        })
    }

    /// Does something that no other process may do meanwhile, if the directory is still as it was observed.
    fn locked<T>(
        &self,
        place: &Place,
        observation: &Observation,
        action: impl FnOnce(Option<&Generation>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.lock
            .lock()
            .map_err(io(&self.root.join(layout::STATE)))?;
        let done = (|| {
            let current = place.current()?;
            if current.as_ref().map(Generation::name) != observation.version.as_deref() {
                return Err(EngineError::Stale {
                    what: place.link().display().to_string(),
                });
            }
            action(current.as_ref())
        })();
        // An error of the unlock itself cannot be acted on, and closing the file unlocks anyway.
        drop(self.lock.unlock());
        done
    }
}

impl Engine for DirEngine {
    fn name(&self) -> &'static str {
        "dir"
    }

    fn observe(&mut self, desired: &Desired) -> Result<Observation, EngineError> {
        let place = self.place(desired);
        let mut observation = Self::look(&place, desired)?;
        if let Some(memory) = memory::read(&place, desired.part)? {
            observation.inventory = Some(observation.inventory_with(desired, &memory));
        }
        Ok(observation)
    }

    fn required(
        &mut self,
        cluster: &ClusterName,
        tenant: &TenantName,
        requirement: &Requirement,
    ) -> Result<Verdict, EngineError> {
        let Requirement {
            part,
            group,
            kind,
            namespace,
            name,
        } = requirement;
        let file = orz_core::paths::manifest(group, kind, namespace.as_deref(), name);
        let found = match Place::new(&self.root, cluster, tenant).current()? {
            Some(generation) => generation
                .files(*part)?
                .get(&file)
                .is_some_and(Option::is_some),
            None => false,
        };
        Ok(if found {
            Verdict::new(Health::Unknown, NO_HEALTH)
        } else {
            Verdict::new(
                Health::Missing,
                format!("part `{part}` has not provided it yet"),
            )
        })
    }

    fn apply(
        &mut self,
        desired: &Desired,
        observation: Observation,
        plan: &Plan,
    ) -> Result<Observation, EngineError> {
        let place = self.place(desired);
        self.locked(&place, &observation, |current| {
            let old = observation.inventory.as_ref();
            Self::draft(&place, current, desired, plan, old)?.publish()?;
            place.collect()
        })?;
        self.observe(desired)
    }

    fn health(
        &mut self,
        desired: &Desired,
        observation: &Observation,
    ) -> Result<Vec<ObjectHealth>, EngineError> {
        let health = desired.objects.iter().map(|object| {
            let key = object.key();
            let verdict = if observation.live.contains_key(&key) {
                Verdict::new(Health::Unknown, NO_HEALTH)
            } else {
                Verdict::new(Health::Missing, "has no file")
            };
            verdict.of(key)
        });
        Ok(health.collect())
    }

    /// A directory runs nothing, so a file in its place is all that there is to judge.
    fn seen(&mut self, desired: &Desired, observation: &Observation) -> Result<Seen, EngineError> {
        let (release, sync) = progress(
            &desired.release,
            desired.objects.iter().map(Object::key),
            observation,
        );
        let health = desired.objects.iter().map(Object::key).map(|key| {
            let verdict = match observation.live.get(&key).map(|live| &live.state) {
                Some(LiveState::Same) => Verdict::healthy(),
                Some(_) => Verdict::new(Health::Progressing, "the file is another one"),
                None => Verdict::new(Health::Missing, "has no file"),
            };
            verdict.of(key)
        });
        Ok(Seen {
            release,
            sync,
            health: health.collect(),
            details: BTreeMap::new(),
        })
    }

    fn remember(
        &mut self,
        desired: &Desired,
        mut observation: Observation,
        memory: &Memory,
    ) -> Result<Observation, EngineError> {
        let place = self.place(desired);
        self.locked(&place, &observation, |_| {
            memory::write(&place, desired.part, memory)
        })?;
        observation.inventory = Some(observation.inventory_with(desired, memory));
        Ok(observation)
    }

    fn forget(&mut self, desired: &Desired, observation: Observation) -> Result<(), EngineError> {
        let place = self.place(desired);
        self.locked(&place, &observation, |current| {
            memory::remove(&place, desired.part)?;
            let parts = [Part::Platform].into_iter().chain(Part::OF_TENANT);
            let mut others = Vec::new();
            for part in parts.filter(|part| *part != desired.part) {
                let known = match current {
                    Some(current) => current.inventory(part)?.is_some(),
                    None => false,
                };
                if known {
                    others.push(part);
                }
            }
            if others.is_empty() {
                return place.remove();
            }
            let draft = Draft::begin(&place, current)?;
            for part in others {
                draft.carry_over(part, current)?;
            }
            draft.publish()?;
            place.collect()
        })
    }
}

/// Every inventory in a directory, by cluster, tenant and part; read only, without a lock.
///
/// A directory that no engine has worked in has none.
pub fn inventories(root: &Path) -> Result<Vec<Inventory>, EngineError> {
    let mut inventories = Vec::new();
    for place in layout::places(root)? {
        let Some(generation) = place.current()? else {
            continue;
        };
        for part in [Part::Platform].into_iter().chain(Part::OF_TENANT) {
            inventories.extend(generation.inventory(part)?);
        }
    }
    inventories
        .sort_by(|a, b| (&a.cluster, &a.tenant, a.part).cmp(&(&b.cluster, &b.tenant, b.part)));
    Ok(inventories)
}

/// An object in our own folder is ours: nothing else tells files apart.
fn present(state: LiveState) -> Live {
    Live {
        uid: None,
        marked: true,
        deleting: false,
        managers: Vec::new(),
        state,
        object: None,
    }
}

fn read_inventory(path: &Path, bytes: &[u8]) -> Result<Inventory, EngineError> {
    format::from_bytes(bytes).map_err(|error| EngineError::Inventory {
        what: path.display().to_string(),
        reason: error.to_string(),
    })
}
