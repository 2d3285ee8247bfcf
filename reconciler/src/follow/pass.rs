//! One pass over one part: observe → plan → remember → apply → see. Runs beside the passes over other tenants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use orz_core::Value;
use orz_core::format::{Memory, ObjectName, StateKind};
use orz_core::id::{BlobId, ReleaseId};
use orz_core::object::{Object, ObjectKey};

use super::dispute::Drift;
use super::leave;
use crate::apply::mark;
use crate::desired::Desired;
use crate::engine::{Engine, EngineError, Observation};
use crate::health::{self, Health, ObjectHealth, Surroundings};
use crate::judge::{Seen, Sync, Timings, begin, is_news, is_workload};
use crate::lease::Term;
use crate::plan::{Action, Kept, Plan, plan};
use crate::reconcile::{self, missing};
use crate::report::Changes;

/// What a pass needs to know.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// What is wanted.
    pub(super) desired: Arc<Desired>,
    /// The version of the pointer.
    pub(super) pointer: BlobId,
    /// The newest memory of this process; `None` after a start: what the inventory says counts then.
    pub(super) known: Option<Memory>,
    /// The workloads of the release that was in place before, if the loop knows them.
    pub(super) before: Option<Before>,
    /// When sums of time are worth writing down.
    pub(super) timings: Timings,
    /// What somebody changes by hand and is left to it for now.
    pub(super) hold: BTreeSet<ObjectKey>,
    /// Release jobs that may go, if they have ended.
    pub(super) collect: BTreeSet<ObjectKey>,
    /// How long this process has watched the activation.
    pub(super) watched: Duration,
    /// How long it may write, where replicas share the tenants.
    pub(super) term: Option<Term>,
}

/// The workloads of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Before {
    pub(super) release: ReleaseId,
    pub(super) workloads: BTreeMap<ObjectKey, Object>,
}

impl Before {
    pub(super) fn new(release: &ReleaseId, objects: &[Object]) -> Self {
        let workloads = objects
            .iter()
            .filter(|object| is_workload(&object.key()))
            .map(|object| (object.key(), object.clone()));
        Self {
            release: release.clone(),
            workloads: workloads.collect(),
        }
    }
}

/// What came of a pass.
#[derive(Debug)]
pub(super) enum Pass {
    /// The part was looked at.
    Seen(Box<Looked>),
    /// An activation begins, and what it changes cannot be told without the release that was in place before.
    NeedsBefore(ReleaseId),
    /// A part on its way out of which nothing is left.
    Gone,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Looked {
    /// The memory in the inventory, or the newer one of this process.
    pub(super) memory: Option<Memory>,
    /// What of it is written down.
    pub(super) written: Option<Memory>,
    /// Whether an activation began.
    pub(super) began: bool,
    pub(super) seen: Seen,
    /// What the part waits for.
    pub(super) awaits: Vec<ObjectHealth>,
    /// What was changed.
    pub(super) changes: Changes,
    /// What was not as it had been put in place.
    pub(super) drift: Vec<Drift>,
    /// Whether that was left as it is for now.
    pub(super) held: bool,
    /// Release jobs that have ended and that the release does not contain, the newest first.
    pub(super) ended_jobs: Vec<ObjectKey>,
    /// How many objects are still to go, of a part on its way out.
    pub(super) left: usize,
}

/// One pass. An error says that nothing could be seen; what the release itself is refused for is seen.
pub(super) fn pass(engine: &mut dyn Engine, task: &Task) -> Result<Pass, EngineError> {
    engine.within(task.term.clone());
    steps(engine, task).map_err(|error| {
        if error.is_over() {
            let Desired { tenant, part, .. } = task.desired.as_ref();
            let what = format!("{tenant}/{part}");
            return EngineError::Stale { what };
        }
        error
    })
}

fn steps(engine: &mut dyn Engine, task: &Task) -> Result<Pass, EngineError> {
    let desired = task.desired.as_ref();
    if desired.state.is_leaving() {
        return leaving(engine, task);
    }
    let observation = engine.observe(desired)?;
    observation.allows(desired)?;
    let written = memory_of(&observation);
    let memory = task.known.clone().or_else(|| written.clone());
    let mut planned = plan(&desired.release, &desired.objects, &observation);
    if let Ok(plan) = &mut planned {
        collect(plan, &observation, &task.collect);
    }
    let looked = |seen, memory, written| Looked {
        memory,
        written,
        began: false,
        seen,
        awaits: Vec::new(),
        changes: Changes::default(),
        drift: Vec::new(),
        held: false,
        ended_jobs: Vec::new(),
        left: 0,
    };
    if desired.state == StateKind::Frozen {
        engine.freeze(desired, &observation)?;
        let seen = engine.seen(desired, &observation)?;
        return Ok(Pass::Seen(Box::new(looked(seen, memory, written))));
    }
    let begun = memory
        .as_ref()
        .is_some_and(|memory| memory.release == desired.release);
    let writes = planned.as_ref().is_ok_and(|plan| plan.writes);
    if writes || !begun {
        let awaits = missing(desired, engine)?;
        if !awaits.is_empty() {
            let seen = engine.seen(desired, &observation)?;
            return Ok(Pass::Seen(Box::new(Looked {
                awaits,
                ..looked(seen, memory, written)
            })));
        }
    }
    let (memory, observation) = if begun {
        (memory, observation)
    } else {
        let before = match (&observation.inventory, &task.before) {
            (Some(inventory), _) if inventory.objects.is_empty() => None,
            (Some(inventory), before) if inventory.release != desired.release => {
                match before.as_ref().filter(|b| b.release == inventory.release) {
                    Some(before) => Some(before),
                    None => return Ok(Pass::NeedsBefore(inventory.release.clone())),
                }
            }
            _ => None,
        };
        let health = engine.health(desired, &observation)?;
        let mut memory = begin(
            memory.as_ref(),
            &desired.release,
            &task.pointer,
            planned.as_ref().ok(),
            &health,
            &observation,
        );
        if let Some(before) = before {
            add_changed(&mut memory, before, desired);
        }
        (Some(memory), observation)
    };
    let (memory, written, observation) = match memory {
        Some(memory) if is_news(written.as_ref(), &memory, &task.timings, task.watched) => {
            let observation = engine.remember(desired, observation, &memory)?;
            (Some(memory.clone()), Some(memory), observation)
        }
        memory => (memory, written, observation),
    };
    let drift = match &planned {
        Ok(plan) if begun => drift(desired, &observation, plan),
        _ => Vec::new(),
    };
    let ended_jobs = match &planned {
        Ok(plan) => ended(plan, &observation),
        Err(_) => Vec::new(),
    };
    let held = !drift.is_empty() && drift.iter().all(|d| task.hold.contains(&d.key));
    let looked = |seen, changes| {
        Pass::Seen(Box::new(Looked {
            began: !begun,
            changes,
            drift,
            held,
            ended_jobs,
            ..looked(seen, memory, written)
        }))
    };
    let plan = match planned {
        Ok(plan) => plan,
        Err(refusals) => {
            let seen = refused(
                engine,
                desired,
                &observation,
                &EngineError::Refused(refusals),
            )?;
            return Ok(looked(seen, Changes::default()));
        }
    };
    if held {
        let seen = engine.seen(desired, &observation)?;
        return Ok(looked(seen, Changes::default()));
    }
    let (observation, changes) = match carry_out(engine, desired, observation, &plan) {
        Ok(done) => done,
        Err(error) if is_refusal(&error) => {
            let observation = engine.observe(desired)?;
            let seen = refused(engine, desired, &observation, &error)?;
            return Ok(looked(seen, Changes::default()));
        }
        Err(error) => return Err(error),
    };
    let seen = engine.seen(desired, &observation)?;
    Ok(looked(seen, changes))
}

/// One pass over a part on its way out.
fn leaving(engine: &mut dyn Engine, task: &Task) -> Result<Pass, EngineError> {
    let mut remaining = leave::remaining(&task.desired);
    let observation = engine.observe(&remaining)?;
    observation.allows(&remaining)?;
    let written = memory_of(&observation);
    leave::of_what_is_there(&mut remaining, &observation);
    let planned = plan(&remaining.release, &remaining.objects, &observation)
        .map(|plan| leave::takes_all(plan, remaining.state))
        .map_err(EngineError::Refused)?;
    let (observation, changes) = if observation.inventory.is_some() {
        carry_out(engine, &remaining, observation, &planned)?
    } else {
        (observation, Changes::default())
    };
    let left = leave::left(&remaining, &observation);
    if left == 0 && remaining.state == StateKind::Destroying {
        engine.forget(&remaining, observation)?;
        return Ok(Pass::Gone);
    }
    let seen = engine.seen(&remaining, &observation)?;
    Ok(Pass::Seen(Box::new(Looked {
        memory: written.clone(),
        written,
        began: false,
        seen,
        awaits: Vec::new(),
        changes,
        drift: Vec::new(),
        held: false,
        ended_jobs: Vec::new(),
        left,
    })))
}

fn carry_out(
    engine: &mut dyn Engine,
    desired: &Desired,
    observation: Observation,
    plan: &Plan,
) -> Result<(Observation, Changes), EngineError> {
    if !plan.writes {
        return Ok((observation, Changes::default()));
    }
    // What waits for a release job is not in place, which the inventory says and the judgement sees.
    let carried = reconcile::carry_out(engine, desired, observation, plan.clone())?;
    Ok((carried.observation, carried.changes))
}

/// Takes the release jobs of `which` away that have ended and that the release does not contain.
fn collect(plan: &mut Plan, observation: &Observation, which: &BTreeSet<ObjectKey>) {
    let ended = ended(plan, observation);
    for step in &mut plan.steps {
        if which.contains(&step.key) && ended.contains(&step.key) {
            step.action = Action::Prune;
            plan.writes = true;
        }
    }
}

/// The release jobs that stay although the release does not contain them and that have ended, the newest first.
fn ended(plan: &Plan, observation: &Observation) -> Vec<ObjectKey> {
    let kept = plan.keys(|action| *action == Action::Keep(Kept::ReleaseJob));
    let mut ended: Vec<(String, ObjectKey)> = kept
        .into_iter()
        .filter_map(|key| {
            let job = observation.live.get(&key)?.object.as_ref()?;
            let made = job.value().pointer("/metadata/creationTimestamp");
            let made = made.and_then(Value::as_str).unwrap_or_default().to_owned();
            let health = health::of(job, &Surroundings::default()).health;
            let is_over = matches!(health, Health::Healthy | Health::Degraded);
            is_over.then_some((made, key))
        })
        .collect();
    ended.sort_by(|a, b| b.cmp(a));
    ended.into_iter().map(|(_, key)| key).collect()
}

/// What a plan puts right of a release that was in place as a whole, and who is behind it.
fn drift(desired: &Desired, observation: &Observation, plan: &Plan) -> Vec<Drift> {
    let stood = observation
        .inventory
        .as_ref()
        .is_some_and(|inventory| inventory.complete && inventory.release == desired.release);
    if !stood {
        return Vec::new();
    }
    let corrects = |action: &Action| action.changes() && *action != Action::Prune;
    let changed = plan.keys(corrects).into_iter().map(|key| {
        let live = observation.live.get(&key);
        let by = live
            .and_then(|live| live.object.as_ref())
            .map(|object| mark::last_editor(object.value()));
        Drift { key, by }
    });
    changed.collect()
}

/// What is seen of a part whose release was refused.
fn refused(
    engine: &mut dyn Engine,
    desired: &Desired,
    observation: &Observation,
    error: &EngineError,
) -> Result<Seen, EngineError> {
    let mut seen = engine.seen(desired, observation)?;
    let said = error.to_string();
    seen.sync = Sync::Failed(said.split_whitespace().collect::<Vec<_>>().join(" "));
    Ok(seen)
}

/// Whether it is the release that is at fault, and not the cluster, the network or another writer.
fn is_refusal(error: &EngineError) -> bool {
    match error {
        EngineError::Refused(_) | EngineError::UnknownKind { .. } | EngineError::Desired(_) => true,
        EngineError::Objects(errors) => errors
            .iter()
            .all(|object| (400..500).contains(&object.error.code) && object.error.code != 429),
        _ => false,
    }
}

/// Adds the workloads that the release states differently than the one in place: an engine that lets somebody
/// else do the work does not plan them.
fn add_changed(memory: &mut Memory, before: &Before, desired: &Desired) {
    for object in desired.objects.iter().filter(|o| is_workload(&o.key())) {
        let name = ObjectName::from(object.key());
        let same = before.workloads.get(&object.key()) == Some(object);
        if !same && !memory.changed.contains(&name) {
            memory.changed.push(name);
        }
    }
    memory.changed.sort();
}

fn memory_of(observation: &Observation) -> Option<Memory> {
    observation.inventory.as_ref()?.memory.clone()
}
