//! The loop on real repositories: with an engine of which only time and health are made up, so that minutes
//! pass in no time, and with the engine `dir`.

mod claims;
mod collect;
mod disputes;
mod kills;
mod order;
mod platform;
mod shares;
mod silence;
mod stories;
mod trusted;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use orz_core::format::{
    Action, HealthWord, Inventory, InventoryItem, Memory, Phase, Requirement, Status,
};
use orz_core::id::{ClusterName, Part, ReleaseId, TenantName};
use orz_core::jobs;
use orz_core::object::{Object, ObjectKey};
use orz_core::paths;
use orz_gitops::{HistoryItem, Repo, Request};
use serde_json::json;

use super::log::Log;
use super::pool::{Event, Runner, run};
use super::{Clock, Follower, Key, Settings};
use crate::apply::ApiError;
use crate::desired::Desired;
use crate::dir::DirEngine;
use crate::engine::{Engine, EngineError, Live, LiveState, Observation};
use crate::health::{Health, ObjectHealth, Verdict};
use crate::judge::{BrakeLimits, Seen, Timings, progress};
use crate::lease::Term;
use crate::plan::{Action as Step, Plan};
use crate::testing::{config, object, publish, request, volume};

/// A clock that goes when the loop waits; beside it, the time of day that it shows then.
#[derive(Clone)]
struct TestClock(Rc<RefCell<Duration>>, Rc<RefCell<jiff::Timestamp>>);

impl Default for TestClock {
    fn default() -> Self {
        let morning = "2027-01-31T08:00:00Z".parse().expect("a time");
        Self(Rc::default(), Rc::new(RefCell::new(morning)))
    }
}

impl TestClock {
    /// The time of day jumps by this, and nothing else.
    fn jump(&self, by: jiff::SignedDuration) {
        *self.1.borrow_mut() += by;
    }

    /// Begins at zero, as that of a new process does, while the day goes on.
    fn restart(&self) {
        *self.1.borrow_mut() += self.elapsed();
        *self.0.borrow_mut() = Duration::ZERO;
    }
}

impl Clock for TestClock {
    fn elapsed(&self) -> Duration {
        *self.0.borrow()
    }

    fn now(&self) -> String {
        (*self.1.borrow() + self.elapsed())
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string()
    }
}

/// Runs passes at once, and lets time pass when there are none.
struct Inline {
    engine: Box<dyn Engine>,
    clock: TestClock,
    events: VecDeque<Event>,
}

impl Runner for Inline {
    fn room(&self) -> usize {
        1
    }

    fn submit(&mut self, key: Key, task: super::pass::Task) {
        let mut done = run(self.engine.as_mut(), key, task);
        done.took = Duration::ZERO;
        self.events.push_back(Event::Done(Box::new(done)));
    }

    fn wait(&mut self, patience: Duration) -> Vec<Event> {
        if self.events.is_empty() {
            *self.clock.0.borrow_mut() += patience;
        }
        self.events.drain(..).collect()
    }
}

/// A cluster of which the health of a Deployment is the tag of its image, and of a Job what its status says.
#[derive(Clone, Default)]
struct Made(Arc<Mutex<BTreeMap<Key, Stand>>>, Option<Term>);

#[derive(Clone, Default)]
struct Stand {
    inventory: Option<Inventory>,
    version: u64,
    objects: BTreeMap<ObjectKey, Object>,
    /// What is written to it, in order.
    writes: Vec<&'static str>,
    /// Whether nothing can be read.
    down: bool,
    /// Whether the server gives no answer.
    silent: bool,
    /// After so many reads and writes the process does nothing any more, as if it were killed.
    fuse: Option<u32>,
    /// What was deleted and is not gone yet.
    going: Vec<ObjectKey>,
}

impl Made {
    fn with<T>(&self, desired: &Desired, read: impl FnOnce(&mut Stand) -> T) -> T {
        self.of(&desired.tenant, desired.part, read)
    }

    fn of<T>(&self, tenant: &TenantName, part: Part, read: impl FnOnce(&mut Stand) -> T) -> T {
        let mut stands = self.0.lock().expect("nobody panicked");
        read(stands.entry((tenant.clone(), part)).or_default())
    }
}

/// Ends the life of a process: an answer that never comes.
fn burn(stand: &mut Stand) -> Result<(), EngineError> {
    match &mut stand.fuse {
        Some(0) => Err(EngineError::Connect("killed".to_owned())),
        Some(left) => {
            *left -= 1;
            Ok(())
        }
        None => Ok(()),
    }
}

fn health_of(object: &Object) -> Verdict {
    if object.kind() == "Job" {
        return crate::health::of(object, &crate::health::Surroundings::default());
    }
    let image = object
        .value()
        .pointer("/spec/template/spec/containers/0/image")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    match image.rsplit(':').next() {
        Some("degraded") => Verdict::new(Health::Degraded, "exceeded its progress deadline"),
        Some("hangs") => Verdict::new(Health::Progressing, "0 of 1 pods are available"),
        _ => Verdict::healthy(),
    }
}

impl Engine for Made {
    fn name(&self) -> &'static str {
        "made"
    }

    fn has_waves(&self) -> bool {
        true
    }

    fn within(&mut self, term: Option<Term>) {
        self.1 = term;
    }

    fn observe(&mut self, desired: &Desired) -> Result<Observation, EngineError> {
        self.with(desired, |stand| {
            if stand.down {
                return Err(EngineError::Connect("the cluster is away".to_owned()));
            }
            if stand.silent {
                let error = ApiError {
                    code: 0,
                    reason: String::new(),
                    message: "no answer within 10 s".to_owned(),
                    managers: Vec::new(),
                    unreachable: true,
                    about_object: false,
                };
                let what = "reading".to_owned();
                return Err(EngineError::Api { what, error });
            }
            burn(stand)?;
            let wanted: BTreeMap<_, _> = desired.objects.iter().map(|o| (o.key(), o)).collect();
            let live = stand.objects.iter().map(|(key, object)| {
                let same = wanted
                    .get(key)
                    .is_none_or(|wanted| **wanted == without_status(object));
                let live = Live {
                    uid: None,
                    marked: true,
                    deleting: false,
                    managers: Vec::new(),
                    state: if same {
                        LiveState::Same
                    } else {
                        LiveState::Changed
                    },
                    object: Some(object.clone()),
                };
                (key.clone(), live)
            });
            Ok(Observation {
                inventory: stand.inventory.clone(),
                version: Some(stand.version.to_string()),
                live: live.collect(),
                intact: true,
            })
        })
    }

    fn required(
        &mut self,
        _: &ClusterName,
        tenant: &TenantName,
        requirement: &Requirement,
    ) -> Result<Verdict, EngineError> {
        let there = self.of(tenant, requirement.part, |stand| {
            let mut keys = stand.objects.keys();
            keys.any(|key| key.kind == requirement.kind && key.name == requirement.name)
        });
        Ok(if there {
            Verdict::healthy()
        } else {
            Verdict::new(Health::Missing, "is not provided yet")
        })
    }

    fn apply(
        &mut self,
        desired: &Desired,
        observation: Observation,
        plan: &Plan,
    ) -> Result<Observation, EngineError> {
        if self.1.as_ref().is_some_and(|term| !term.lasts()) {
            let what = "write".to_owned();
            let error = ApiError::over();
            return Err(EngineError::Api { what, error });
        }
        let memory = observation.inventory.and_then(|i| i.memory);
        self.with(desired, burn)?;
        self.with(desired, |stand| {
            let changed = plan.keys(Step::changes);
            let kept = plan.keys(|a| !a.changes());
            let mut objects: BTreeMap<_, _> = desired
                .objects
                .iter()
                .filter(|o| changed.contains(&o.key()))
                .map(|o| (o.key(), o.clone()))
                .collect();
            for key in kept {
                objects.extend(stand.objects.remove_entry(&key));
            }
            stand.objects = objects;
            let items = stand.objects.values().map(|object| InventoryItem {
                object: object.reference(),
                uid: None,
                applied: None,
                live: None,
                kept: false,
            });
            stand.inventory = Some(Inventory {
                cluster: desired.cluster.clone(),
                tenant: desired.tenant.clone(),
                part: desired.part,
                release: desired.release.clone(),
                digest: desired.digest.clone(),
                complete: plan.is_whole(),
                objects: items.collect(),
                memory,
                writer: desired.writer.clone(),
            });
            stand.version += 1;
            stand.writes.push("apply");
        });
        self.observe(desired)
    }

    fn health(
        &mut self,
        desired: &Desired,
        observation: &Observation,
    ) -> Result<Vec<ObjectHealth>, EngineError> {
        let health = desired.objects.iter().map(Object::key).map(|key| {
            let live = observation.live.get(&key).and_then(|l| l.object.as_ref());
            let verdict = live.map_or(Verdict::new(Health::Missing, ""), health_of);
            verdict.of(key)
        });
        Ok(health.collect())
    }

    fn seen(&mut self, desired: &Desired, observation: &Observation) -> Result<Seen, EngineError> {
        let keys = desired.objects.iter().map(Object::key);
        let (release, sync) = progress(&desired.release, keys, observation);
        let mut health = self.health(desired, observation)?;
        let going = self.with(desired, |stand| stand.going.clone());
        let deleted = || Verdict::new(Health::Progressing, "being deleted");
        health.extend(going.into_iter().map(|key| deleted().of(key)));
        Ok(Seen {
            release,
            sync,
            health,
            details: BTreeMap::new(),
        })
    }

    fn remember(
        &mut self,
        desired: &Desired,
        mut observation: Observation,
        memory: &Memory,
    ) -> Result<Observation, EngineError> {
        let inventory = observation.inventory_with(desired, memory);
        self.with(desired, burn)?;
        self.with(desired, |stand| {
            stand.inventory = Some(inventory.clone());
            stand.version += 1;
            stand.writes.push("remember");
            observation.version = Some(stand.version.to_string());
        });
        observation.inventory = Some(inventory);
        self.with(desired, burn)?;
        Ok(observation)
    }

    fn forget(&mut self, desired: &Desired, _: Observation) -> Result<(), EngineError> {
        self.with(desired, |stand| *stand = Stand::default());
        Ok(())
    }
}

fn without_status(object: &Object) -> Object {
    let mut value = object.clone().into_value();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = value.get_mut("metadata").and_then(|m| m.as_object_mut()) {
        metadata.remove("creationTimestamp");
    }
    Object::new(value).expect("an object")
}

struct World {
    repo: Repo,
    folder: tempfile::TempDir,
    clock: TestClock,
    made: Made,
    settings: Settings,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let repo = Repo::init(folder.path().join("gitops.git"), &request("init")).expect("init");
        let mut settings = Settings::new(cluster());
        settings.timings = Timings {
            soak: Duration::from_mins(2),
            deadline: Duration::from_mins(10),
            interval_max: Duration::from_secs(15),
        };
        settings.status = Duration::from_secs(1);
        settings.drift = Duration::from_mins(1);
        Self {
            repo,
            folder,
            clock: TestClock::default(),
            made: Made::default(),
            settings,
        }
    }

    fn follower(&self) -> Follower<'_, TestClock> {
        self.follower_with(Box::new(self.made.clone()))
    }

    fn follower_with(&self, engine: Box<dyn Engine>) -> Follower<'_, TestClock> {
        let name = engine.name();
        let runner = Inline {
            engine,
            clock: self.clock.clone(),
            events: VecDeque::new(),
        };
        let settings = self.settings.clone();
        let mut follower = Follower::with(
            &self.repo,
            Box::new(runner),
            name,
            settings,
            self.clock.clone(),
            Log::default(),
        );
        follower.begin();
        follower
    }

    /// Lets the loop run for so long.
    fn run(&self, follower: &mut Follower<'_, TestClock>, seconds: u64) {
        let end = self.clock.elapsed() + Duration::from_secs(seconds);
        while self.clock.elapsed() < end {
            follower.step();
        }
    }

    fn web(&self, tenant: &str, tag: &str) -> ReleaseId {
        self.work(tenant, &[deployment(tenant, "web", tag)])
    }

    fn work(&self, tenant: &str, objects: &[Object]) -> ReleaseId {
        publish(&self.repo, tenant, Part::Work, objects, &[])
    }

    fn live(&self, tenant: &str) -> ReleaseId {
        let view = self.repo.view().expect("view");
        let stored = view.pointer(&cluster(), &name(tenant), Part::Work);
        stored.expect("readable").expect("there").pointer.release
    }

    fn memory(&self, tenant: &str) -> Memory {
        let inventory = self
            .made
            .of(&name(tenant), Part::Work, |s| s.inventory.clone());
        inventory.and_then(|i| i.memory).expect("remembered")
    }

    fn status(&self, tenant: &str, part: Part) -> Status {
        let statuses = self.repo.statuses_of(&name(tenant)).expect("statuses");
        let mut found = statuses.into_iter().filter(|s| s.part == part);
        found.next().expect("published")
    }

    fn automatic(&self, tenant: &str) -> Vec<HistoryItem> {
        let mut items = self.repo.history(&name(tenant), None).expect("history");
        items.retain(|item| item.action == Some(Action::AutoRollback));
        items
    }

    fn failed(&self, tenant: &str) -> (Phase, Option<String>) {
        let status = self.status(tenant, Part::Work);
        (status.phase, status.reason)
    }
}

fn cluster() -> ClusterName {
    "in-cluster".parse().expect("valid")
}

fn name(tenant: &str) -> TenantName {
    tenant.parse().expect("valid")
}

fn deployment(tenant: &str, app: &str, tag: &str) -> Object {
    let labels = json!({"orz.dev/app": app});
    object(
        "apps/v1",
        "Deployment",
        Some(tenant),
        app,
        &json!({"spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": format!("registry.example/{app}:{tag}")}]},
            },
        }}),
    )
}
