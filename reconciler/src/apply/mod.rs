//! The engine `apply`: our own server-side apply, for clusters without Argo CD.
//!
//! - [`api`] talks to the API server, and is the only place from which one is written to.
//! - [`mark`] says whose object it is; [`compare`] and [`foreign`] how a live object differs from what is wanted.
//! - [`live`] tells who follows pointers that a live object changed.
//! - [`store`] keeps the inventory, [`observe`] reads what is live, [`write`] carries out a plan.
//!
//! A pass over tenants that are as they should be reads and writes nothing, not even a dry run.

pub(crate) mod api;
mod compare;
mod details;
mod foreign;
pub(crate) mod live;
pub(crate) mod mark;
mod observe;
pub(crate) mod store;
mod write;

use std::collections::BTreeSet;

use orz_core::Value;
use orz_core::format::{Memory, Requirement};
use orz_core::id::{ClusterName, TenantName};
use orz_core::object::{Object, ObjectKey};

pub use api::{ApiError, Connection};
pub use live::{LiveWatch, Woken};
pub use mark::{NAMESPACE, inventory_name};

use crate::desired::Desired;
use crate::engine::{Engine, EngineError, Observation};
use crate::health::{self, BindingMode, Health, ObjectHealth, Surroundings, Verdict};
use crate::judge::{Seen, progress};
use crate::lease::Term;
use crate::plan::Plan;
use api::{Api, Collection};

/// The engine `apply`.
pub struct ApplyEngine {
    api: Api,
    live: Option<LiveWatch>,
}

impl ApplyEngine {
    /// An engine that acts on one cluster as one user. Nothing is asked of the cluster yet.
    pub fn connect(connection: &Connection) -> Result<Self, EngineError> {
        Api::connect(connection).map(|api| Self { api, live: None })
    }

    /// The same engine, which tells `live` what it has observed and written.
    #[must_use]
    pub fn watched(mut self, live: LiveWatch) -> Self {
        self.live = Some(live);
        self
    }

    /// When the cluster's storage classes bind volumes.
    fn storage_classes(&self) -> Result<Surroundings, EngineError> {
        let collection =
            Collection::of_cluster("storage.k8s.io", "v1", "StorageClass", "storageclasses");
        let classes = self
            .api
            .list(&collection)
            .map_err(|error| EngineError::Api {
                what: "list the storage classes".to_owned(),
                error,
            })?;
        let mode = |class: &Value| match class.get("volumeBindingMode").and_then(Value::as_str) {
            Some("WaitForFirstConsumer") => BindingMode::WaitForFirstConsumer,
            _ => BindingMode::Immediate,
        };
        let name = |class: &Value| {
            class
                .pointer("/metadata/name")
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let storage_classes = classes
            .iter()
            .filter_map(|class| Some((name(class)?, mode(class))))
            .collect();
        Ok(Surroundings { storage_classes })
    }

    fn judge(
        &self,
        observation: &Observation,
        desired: &Desired,
    ) -> Result<Vec<ObjectHealth>, EngineError> {
        let objects: Vec<(ObjectKey, Option<&Object>)> = desired
            .objects
            .iter()
            .map(Object::key)
            .map(|key| {
                let live = observation
                    .live
                    .get(&key)
                    .and_then(|live| live.object.as_ref());
                (key, live)
            })
            .collect();
        let surroundings = if objects
            .iter()
            .any(|(_, live)| live.is_some_and(is_pending_claim))
        {
            self.storage_classes()?
        } else {
            Surroundings::default()
        };
        let health = objects.into_iter().map(|(key, live)| match live {
            Some(object) => health::of(object, &surroundings).of(key),
            None => Verdict::new(Health::Missing, "does not exist").of(key),
        });
        Ok(health.collect())
    }
}

impl Engine for ApplyEngine {
    fn name(&self) -> &'static str {
        "apply"
    }

    fn has_waves(&self) -> bool {
        true
    }

    fn within(&mut self, term: Option<Term>) {
        self.api.within(term);
    }

    fn observe(&mut self, desired: &Desired) -> Result<Observation, EngineError> {
        let (inventory, version) = store::read(&self.api, &desired.tenant, desired.part)?;
        let mark = mark::id(&desired.tenant, desired.part);
        let live = observe::observe(
            &self.api,
            desired,
            inventory.as_ref(),
            &mark,
            self.live.as_ref(),
        )?;
        Ok(Observation {
            inventory,
            version,
            live,
            intact: true,
        })
    }

    fn required(
        &mut self,
        _: &ClusterName,
        tenant: &TenantName,
        requirement: &Requirement,
    ) -> Result<Verdict, EngineError> {
        let missing = || {
            Verdict::new(
                Health::Missing,
                format!("part `{}` has not provided it yet", requirement.part),
            )
        };
        // The inventory of the other part says in which version the object was applied.
        let (inventory, _) = store::read(&self.api, tenant, requirement.part)?;
        let provided = inventory
            .iter()
            .flat_map(|i| &i.objects)
            .find(|item| requirement.is_met_by(&item.object));
        let Some(object) = provided.map(|item| &item.object) else {
            return Ok(missing());
        };
        let collection = Collection::new(
            &object.group,
            &object.version,
            &object.kind,
            object.namespace.as_deref(),
        )?;
        let found = self
            .api
            .get(&collection, &object.name)
            .map_err(|error| EngineError::Api {
                what: format!("read {collection} `{}`", object.name),
                error,
            })?;
        let Some(object) = found.and_then(|value| Object::new(value).ok()) else {
            return Ok(missing());
        };
        let surroundings = if is_pending_claim(&object) {
            self.storage_classes()?
        } else {
            Surroundings::default()
        };
        Ok(health::of(&object, &surroundings))
    }

    fn apply(
        &mut self,
        desired: &Desired,
        observation: Observation,
        plan: &Plan,
    ) -> Result<Observation, EngineError> {
        let mark = mark::id(&desired.tenant, desired.part);
        let live = self.live.as_ref();
        write::carry_out(&self.api, live, desired, &mark, observation, plan)
    }

    fn health(
        &mut self,
        desired: &Desired,
        observation: &Observation,
    ) -> Result<Vec<ObjectHealth>, EngineError> {
        self.judge(observation, desired)
    }

    fn seen(&mut self, desired: &Desired, observation: &Observation) -> Result<Seen, EngineError> {
        let (release, sync) = progress(
            &desired.release,
            desired.objects.iter().map(Object::key),
            observation,
        );
        let mut health = self.judge(observation, desired)?;
        let details = details::of(&self.api, observation, &health);
        health.extend(going(observation, desired));
        Ok(Seen {
            release,
            sync,
            health,
            details,
        })
    }

    fn remember(
        &mut self,
        desired: &Desired,
        mut observation: Observation,
        memory: &Memory,
    ) -> Result<Observation, EngineError> {
        let inventory = observation.inventory_with(desired, memory);
        let version = store::write(&self.api, &inventory, observation.version.as_deref())?;
        observation.version = Some(version);
        observation.inventory = Some(inventory);
        Ok(observation)
    }

    fn forget(&mut self, desired: &Desired, observation: Observation) -> Result<(), EngineError> {
        if let Some(live) = &self.live {
            let part = (desired.tenant.clone(), desired.part);
            live.holds(&part, std::iter::empty());
        }
        match observation.version {
            Some(version) => store::remove(&self.api, &desired.tenant, desired.part, &version),
            None => Ok(()),
        }
    }
}

/// Objects that nobody wants any more, and that wait for something before they are gone.
fn going(observation: &Observation, desired: &Desired) -> Vec<ObjectHealth> {
    let wanted: BTreeSet<ObjectKey> = desired.objects.iter().map(Object::key).collect();
    let going = observation
        .live
        .iter()
        .filter(|(key, live)| live.deleting && !wanted.contains(*key));
    going
        .map(|(key, live)| {
            let verdict = match &live.object {
                Some(object) => health::of(object, &Surroundings::default()),
                None => Verdict::new(Health::Progressing, "being deleted"),
            };
            verdict.of(key.clone())
        })
        .collect()
}

/// Only such a claim's health depends on its storage class.
fn is_pending_claim(object: &Object) -> bool {
    object.kind() == "PersistentVolumeClaim"
        && object
            .value()
            .pointer("/status/phase")
            .and_then(Value::as_str)
            != Some("Bound")
}
