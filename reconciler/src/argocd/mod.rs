//! The engine `argocd`: one Application for each pointer; Argo CD puts the objects in place.
//!
//! - [`application`] and [`project`] are the pure builders, [`application_set`] the same shape for Argo CD alone.
//! - [`owned`] says whether what is there is exactly that, [`status`] what Argo CD says about it.
//! - [`links`] is the traffic with Argo CD's own objects: a watch for reading, server-side apply for writing.
//!
//! Objects are read as the `apply` engine reads them, so that health, requirements and inventories are the
//! same in both. Written are Applications, AppProjects and
//! inventories; never an object of a release.

mod application;
mod application_set;
mod links;
mod owned;
mod project;
mod settings;
mod status;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use orz_core::Value;
use orz_core::format::{Inventory, InventoryItem, Memory, Requirement};
use orz_core::id::{ClusterName, Digest, Part, TenantName};
use orz_core::jobs;
use orz_core::kinds;
use orz_core::object::{Object, ObjectKey};

pub use application::{application, application_name, tenant_and_part};
pub use application_set::application_sets;
pub use project::{
    PLATFORM, TENANCY, TENANTS, platform_project, project, tenancy_project, tenants_project,
};
pub use settings::ArgoSettings;
pub use status::{Operation, Reading, oblivion, read, termination};

use crate::apply::{ApplyEngine, Connection, mark};
use crate::desired::Desired;
use crate::engine::{Engine, EngineError, Live, LiveState, Observation};
use crate::health::{ObjectHealth, Verdict};
use crate::judge::{Seen, Sync};
use crate::lease::Term;
use crate::plan::{Action, Plan};
use links::Links;

/// The engine `argocd`.
pub struct ArgoEngine {
    /// Reads the objects, and keeps the inventories.
    objects: ApplyEngine,
    links: Links,
    settings: ArgoSettings,
}

/// Wakes whoever follows pointers when an Application changed.
#[derive(Clone)]
pub struct Changes(std::sync::Arc<crate::apply::api::watch::Shared>);

impl ArgoEngine {
    /// An engine that acts on one cluster as one user, and begins to watch its Applications.
    pub fn connect(connection: &Connection, settings: ArgoSettings) -> Result<Self, EngineError> {
        Ok(Self {
            objects: ApplyEngine::connect(connection)?,
            links: Links::connect(connection, &settings.namespace)?,
            settings,
        })
    }

    /// Wakes whoever follows pointers when an Application changed.
    pub fn changes(&self) -> Changes {
        Changes(self.links.changes())
    }

    /// The Application as it should be, and as it is.
    fn both(&self, desired: &Desired) -> Result<(Value, Option<Value>), EngineError> {
        let wanted = application(desired, &self.settings);
        let live = self
            .links
            .application(&application_name(&desired.tenant, desired.part))?;
        Ok((wanted, live))
    }

    /// Whether project and Application are as they should be, and nothing else is being put in place.
    fn is_followed(&self, desired: &Desired) -> Result<bool, EngineError> {
        let (wanted, Some(live)) = self.both(desired)? else {
            return Ok(false);
        };
        let (wanted_project, project) = self.project(desired)?;
        let project_stands =
            project.is_some_and(|project| owned::is_as_wanted(&project, &wanted_project));
        let reading = status::read(Some(&live), &wanted);
        Ok(project_stands
            && owned::is_as_wanted(&live, &wanted)
            && reading.foreign.is_none()
            && reading.stale.is_none()
            && !reading.refused)
    }

    /// The part's project as it should be, and as it is.
    fn project(&self, desired: &Desired) -> Result<(Value, Option<Value>), EngineError> {
        let live = self
            .links
            .project(&project::name_of(&desired.tenant, desired.part))?;
        match desired.part {
            Part::Tenancy => return Ok((tenancy_project(&self.settings), live)),
            Part::Platform => return Ok((platform_project(&self.settings), live)),
            Part::Work | Part::Data => {}
        }
        // The other part's namespaces stay: whatever is named there belongs to the tenant by its name.
        let known = live.iter().flat_map(namespaces_of_project);
        let needed = desired
            .objects
            .iter()
            .filter_map(|object| object.namespace().map(str::to_owned));
        let namespaces: BTreeSet<String> = known
            .chain(needed)
            .chain([desired.namespace.clone()])
            .filter(|namespace| desired.tenant.owns_namespace(namespace))
            .collect();
        let wanted = project(
            &desired.tenant,
            &namespaces,
            &desired.cluster,
            &self.settings,
        );
        Ok((wanted, live))
    }

    /// Makes project and Application what they should be, and ends what would put something else in place.
    ///
    /// The project comes first: Argo CD refuses an Application whose project it does not know.
    fn point(&mut self, desired: &Desired) -> Result<Reading, EngineError> {
        let (wanted, live) = self.project(desired)?;
        self.links.write_project(&wanted, live)?;
        let (wanted, mut live) = self.both(desired)?;
        let before = status::read(live.as_ref(), &wanted);
        if before.ending {
            // Pointed there now, Argo CD would take the end of that operation for a failed attempt at it.
            return Ok(before);
        }
        if let (Some(found), Some(operation)) = (&live, &before.stale) {
            // Before Argo CD is pointed there: afterwards nobody can tell this attempt from one of now.
            self.links.forget(found, operation)?;
            live = self.both(desired)?.1;
        }
        let live = self.links.write_application(&wanted, live)?;
        let reading = status::read(Some(&live), &wanted);
        if let Some(operation) = &reading.foreign {
            self.links.terminate(&live, operation)?;
        }
        if reading.refused || before.stale.is_some() {
            self.links.refresh(&live)?;
        }
        Ok(reading)
    }

    /// The update that a chain of writes begins with, and that a slower writer fails at. Argo CD's objects are
    /// read later than the inventory, so that another writer's could be taken for what has to be put right.
    fn fence(
        &mut self,
        desired: &Desired,
        mut observation: Observation,
    ) -> Result<Observation, EngineError> {
        let Some(mut inventory) = observation.inventory.clone() else {
            return Ok(observation);
        };
        inventory.writer.clone_from(&desired.writer);
        let read = observation.version.as_deref();
        observation.version = Some(self.links.write_inventory(&inventory, read)?);
        observation.inventory = Some(inventory);
        Ok(observation)
    }

    /// Writes down everything that is about to exist, before any of it does.
    fn intend(
        &mut self,
        desired: &Desired,
        observation: Observation,
    ) -> Result<Observation, EngineError> {
        let before = observation.inventory.as_ref();
        let mut items: BTreeMap<ObjectKey, InventoryItem> = before
            .into_iter()
            .flat_map(|inventory| &inventory.objects)
            .map(|item| (item.key(), item.clone()))
            .collect();
        let known = items.len();
        for object in &desired.objects {
            items.entry(object.key()).or_insert_with(|| item(object));
        }
        let stands = before.is_some_and(|i| i.release == desired.release) && items.len() == known;
        if stands {
            let is_shared = desired.writer.is_some();
            return if is_shared || !observation.intact {
                self.fence(desired, observation)
            } else {
                Ok(observation)
            };
        }
        self.write_inventory(desired, observation, items, false)
    }

    /// Writes down what exists now that Argo CD is done; nothing while something is still to go.
    fn settle(
        &mut self,
        desired: &Desired,
        observation: Observation,
    ) -> Result<Observation, EngineError> {
        let Some(items) = settled(desired, &observation) else {
            return Ok(observation);
        };
        let stands = observation.inventory.as_ref().is_some_and(|inventory| {
            inventory.complete && inventory.objects.iter().eq(items.values())
        });
        if stands {
            return Ok(observation);
        }
        self.write_inventory(desired, observation, items, true)
    }

    /// Deletes the objects of these steps, each only if it is still the one that was looked at.
    fn delete(
        &self,
        observation: &Observation,
        plan: &Plan,
        which: impl Fn(&Action, &ObjectKey) -> bool,
    ) -> Result<(), EngineError> {
        let inventory = observation.inventory.iter().flat_map(|i| &i.objects);
        let items: BTreeMap<ObjectKey, &InventoryItem> =
            inventory.map(|item| (item.key(), item)).collect();
        let mut errors = Vec::new();
        for step in &plan.steps {
            let live = observation.live.get(&step.key);
            let uid = live
                .filter(|live| !live.deleting)
                .and_then(|live| live.uid.as_deref());
            if let (Some(item), Some(uid), true) =
                (items.get(&step.key), uid, which(&step.action, &step.key))
            {
                match self.links.delete_object(&item.object, uid) {
                    // One that is refused keeps no other.
                    Err(EngineError::Objects(refused)) => errors.extend(refused),
                    done => done?,
                }
            }
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(EngineError::Objects(errors))
        }
    }

    fn write_inventory(
        &mut self,
        desired: &Desired,
        mut observation: Observation,
        items: BTreeMap<ObjectKey, InventoryItem>,
        complete: bool,
    ) -> Result<Observation, EngineError> {
        let memory = observation
            .inventory
            .take()
            .and_then(|inventory| inventory.memory);
        let inventory = Inventory {
            cluster: desired.cluster.clone(),
            tenant: desired.tenant.clone(),
            part: desired.part,
            release: desired.release.clone(),
            digest: desired.digest.clone(),
            complete,
            objects: items.into_values().collect(),
            memory,
            writer: desired.writer.clone(),
        };
        let version = self
            .links
            .write_inventory(&inventory, observation.version.as_deref())?;
        observation.version = Some(version);
        observation.inventory = Some(inventory);
        Ok(observation)
    }
}

impl Changes {
    /// The parts whose Applications changed since the last call; waits at most `patience` for the first one.
    pub fn wait(&self, patience: Duration) -> BTreeSet<(TenantName, Part)> {
        let names = self.0.changes(patience);
        names
            .iter()
            .filter_map(|name| tenant_and_part(name))
            .collect()
    }
}

impl Engine for ArgoEngine {
    fn name(&self) -> &'static str {
        "argocd"
    }

    fn within(&mut self, term: Option<Term>) {
        self.objects.within(term.clone());
        self.links.within(term);
    }

    fn observe(&mut self, desired: &Desired) -> Result<Observation, EngineError> {
        let mut observation = self.objects.observe(desired)?;
        let application = application_name(&desired.tenant, desired.part);
        let in_place: BTreeMap<ObjectKey, Option<Digest>> = observation
            .inventory
            .iter()
            .flat_map(|inventory| &inventory.objects)
            .map(|item| (item.key(), item.applied.clone()))
            .collect();
        let wanted: BTreeMap<ObjectKey, Digest> = desired
            .objects
            .iter()
            .map(|object| (object.key(), stated(object)))
            .collect();
        for (key, live) in &mut observation.live {
            live.marked |= is_tracked(live, &application);
            // What somebody changed by hand is Argo CD's to find and to correct; what the release changes is
            // known from what was in place last.
            let applied = in_place.get(key).and_then(Option::as_ref);
            let same = wanted.get(key).is_none_or(|wanted| applied == Some(wanted));
            if same {
                live.state = LiveState::Same;
            } else if !matches!(live.state, LiveState::Frozen { .. }) {
                live.state = LiveState::Changed;
            }
        }
        observation.intact = self.is_followed(desired)?;
        Ok(observation)
    }

    fn required(
        &mut self,
        cluster: &ClusterName,
        tenant: &TenantName,
        requirement: &Requirement,
    ) -> Result<Verdict, EngineError> {
        self.objects.required(cluster, tenant, requirement)
    }

    /// Points the Application at the release. Argo CD does the rest later; what it did is in the next observation.
    fn apply(
        &mut self,
        desired: &Desired,
        observation: Observation,
        plan: &Plan,
    ) -> Result<Observation, EngineError> {
        let observation = self.intend(desired, observation)?;
        let reading = self.point(desired)?;
        // Argo CD makes no way for an object of which a fixed field changes: its attempt fails, and the next one
        // finds the place empty.
        self.delete(&observation, plan, |action, _| {
            matches!(action, Action::Replace { .. })
        })?;
        if reading.sync != Sync::Synced {
            return Ok(observation);
        }
        // What Argo CD has been told to leave alone is ours to remove, and only once Argo CD no longer makes it: on
        // the way out all of it, else release jobs that nothing asks for any more.
        self.delete(&observation, plan, |action, key| {
            let live = observation.live.get(key);
            let goes = if desired.state.is_leaving() {
                is_durable(key) || live.is_some_and(stays)
            } else {
                live.and_then(|live| live.object.as_ref())
                    .is_some_and(jobs::is_kept)
            };
            *action == Action::Prune && goes
        })?;
        self.settle(desired, observation)
    }

    fn freeze(&mut self, desired: &Desired, observation: &Observation) -> Result<(), EngineError> {
        if observation.intact {
            return Ok(());
        }
        self.fence(desired, observation.clone())?;
        self.point(desired).map(drop)
    }

    fn health(
        &mut self,
        desired: &Desired,
        observation: &Observation,
    ) -> Result<Vec<ObjectHealth>, EngineError> {
        self.objects.health(desired, observation)
    }

    fn seen(&mut self, desired: &Desired, observation: &Observation) -> Result<Seen, EngineError> {
        let (wanted, live) = self.both(desired)?;
        let reading = status::read(live.as_ref(), &wanted);
        Ok(Seen {
            release: reading.release,
            sync: reading.sync,
            ..self.objects.seen(desired, observation)?
        })
    }

    fn remember(
        &mut self,
        desired: &Desired,
        observation: Observation,
        memory: &Memory,
    ) -> Result<Observation, EngineError> {
        self.objects.remember(desired, observation, memory)
    }

    /// The Application goes, then its project if nothing else is in it, then the inventory.
    fn forget(&mut self, desired: &Desired, observation: Observation) -> Result<(), EngineError> {
        let observation = self.fence(desired, observation)?;
        let name = application_name(&desired.tenant, desired.part);
        self.links.delete_application(&name)?;
        let tenant = &desired.tenant;
        let others = [Part::Work, Part::Data]
            .into_iter()
            .filter(|part| *part != desired.part);
        let mut is_last = matches!(desired.part, Part::Work | Part::Data);
        for part in others {
            let other = self.links.application(&application_name(tenant, part))?;
            is_last &= other.is_none();
        }
        if is_last {
            self.links.delete_project(tenant.as_str())?;
        }
        self.objects.forget(desired, observation)
    }
}

/// What the inventory says once a release is in place; `None` while something is missing or still to go.
fn settled(
    desired: &Desired,
    observation: &Observation,
) -> Option<BTreeMap<ObjectKey, InventoryItem>> {
    let mut items = BTreeMap::new();
    for object in &desired.objects {
        let live = observation.live.get(&object.key())?;
        if live.deleting {
            return None;
        }
        let item = InventoryItem {
            uid: live.uid.clone(),
            applied: Some(stated(object)),
            ..item(object)
        };
        items.insert(object.key(), item);
    }
    let inventory = observation.inventory.iter().flat_map(|i| &i.objects);
    for before in inventory {
        let key = before.key();
        if items.contains_key(&key) {
            continue;
        }
        // Gone, or somebody else's by now.
        let Some(live) = observation.live.get(&key).filter(|live| live.marked) else {
            continue;
        };
        if !is_durable(&key) && !stays(live) {
            return None;
        }
        let item = InventoryItem {
            uid: live.uid.clone(),
            kept: true,
            ..before.clone()
        };
        items.insert(key, item);
    }
    Some(items)
}

fn item(object: &Object) -> InventoryItem {
    InventoryItem {
        object: object.reference(),
        uid: None,
        applied: None,
        live: None,
        kept: false,
    }
}

/// Digest of what a release says about an object.
fn stated(object: &Object) -> Digest {
    Digest::of(object.value().to_string().as_bytes())
}

fn is_durable(key: &ObjectKey) -> bool {
    kinds::find(&key.group, &key.kind).is_some_and(|kind| kind.durable)
}

/// Whether Argo CD leaves the object when its release no longer contains it.
fn stays(live: &Live) -> bool {
    annotation(live, "argocd.argoproj.io/sync-options").is_some_and(|options| {
        options
            .split(',')
            .any(|option| option.trim() == "Prune=false")
    })
}

/// Whether Argo CD put the object in place for this Application: its annotation, and with it its entry among
/// those who wrote the object, which a copied annotation does not bring along.
fn is_tracked(live: &Live, application: &str) -> bool {
    let tracked = annotation(live, "argocd.argoproj.io/tracking-id").is_some_and(|id| {
        id.split_once(':')
            .is_some_and(|(name, _)| name == application)
    });
    let written = live.object.as_ref().is_some_and(|object| {
        mark::entries(object.value()).any(|entry| {
            mark::is(entry, "manager", "argocd-controller") && mark::is(entry, "operation", "Apply")
        })
    });
    tracked && written
}

fn annotation<'a>(live: &'a Live, name: &str) -> Option<&'a str> {
    let object = live.object.as_ref()?;
    let annotations = object.value().pointer("/metadata/annotations")?;
    annotations.get(name)?.as_str()
}

fn namespaces_of_project(project: &Value) -> impl Iterator<Item = String> {
    let destinations = project
        .pointer("/spec/destinations")
        .and_then(Value::as_array);
    destinations
        .into_iter()
        .flatten()
        .filter_map(|destination| destination.get("namespace")?.as_str().map(str::to_owned))
}
