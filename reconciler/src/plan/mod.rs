//! Pure: desired objects, inventory and live objects in, ordered steps out.
//!
//! Every rule about what may be changed or removed stands here:
//!
//! - An object that exists and is not ours is never touched. Ours is what the inventory names by its `uid`,
//!   or what carries our mark.
//! - Removed is only what the inventory names, what still has the `uid` that it recorded, and what still
//!   carries our mark. (An entry without a `uid` was about to be created when we were stopped: the mark alone
//!   decides.)
//! - Durable kinds are never removed or replaced. Neither is a Job that says `Prune=false`: what has run has
//!   run, and its name says what.
//! - Creates and updates come first, in the order of the kind table; removals after them, in reverse order.

pub mod waves;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use orz_core::format::InventoryItem;
use orz_core::id::ReleaseId;
use orz_core::jobs;
use orz_core::kinds;
use orz_core::object::{Object, ObjectKey};

use crate::engine::{Live, LiveState, Observation};

/// What is to be done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// One step for every object that is desired or that the inventory names.
    pub steps: Vec<Step>,
    /// Whether anything must be written at all, the inventory included.
    pub writes: bool,
}

/// What is to be done with one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The object.
    pub key: ObjectKey,
    /// What is to be done with it.
    pub action: Action,
}

/// What is to be done with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It does not exist.
    Create,
    /// It differs.
    Update {
        /// Whether somebody changed it by hand; otherwise the release changed.
        drift: bool,
    },
    /// It differs in fields that cannot be changed: delete, then create.
    Replace {
        /// JSON pointers of these fields.
        paths: Vec<String>,
    },
    /// Nothing.
    Unchanged,
    /// Nothing yet: it is being deleted, and waits for something.
    Await,
    /// Nothing yet: a release job must be complete first.
    Later,
    /// The release no longer contains it: delete.
    Prune,
    /// The release no longer contains it, and it stays.
    Keep(Kept),
    /// The release no longer contains it, and it is gone already.
    Forget,
}

/// Why an object stays although the release no longer contains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Its kind holds what cannot be made again.
    Durable,
    /// A release job: without it, a rollback would run it again.
    ReleaseJob,
    /// Somebody else made it, or took our mark from it.
    NotOurs,
}

/// Why a plan cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The object exists and somebody else made it.
    NotOurs {
        /// The object.
        key: ObjectKey,
        /// Who wrote to it.
        managers: Vec<String>,
    },
    /// A durable object would have to be deleted and created again.
    ReplaceDurable {
        /// The object.
        key: ObjectKey,
        /// JSON pointers of the fields that cannot be changed.
        paths: Vec<String>,
    },
}

impl Plan {
    /// The objects whose step satisfies `wanted`, in the order of the steps.
    pub fn keys(&self, wanted: impl Fn(&Action) -> bool) -> Vec<ObjectKey> {
        self.steps
            .iter()
            .filter(|step| wanted(&step.action))
            .map(|step| step.key.clone())
            .collect()
    }

    /// How many objects would change.
    pub fn changes(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| step.action.changes())
            .count()
    }

    /// Whether everything of the release is in place once this is carried out.
    pub fn is_whole(&self) -> bool {
        self.steps.iter().all(|step| step.action != Action::Later)
    }

    /// Finds out whether anything must be written, given the steps.
    fn settle(&mut self, release: &ReleaseId, observation: &Observation) {
        let known = observation.inventory.as_ref();
        // An inventory says that it is complete exactly if nothing waits.
        let recorded =
            known.is_some_and(|i| i.release == *release && i.complete == self.is_whole());
        self.writes = !recorded
            || !observation.intact
            || self.steps.iter().any(|step| {
                step.action.changes()
                    || matches!(step.action, Action::Forget | Action::Keep(Kept::NotOurs))
            });
    }
}

impl Action {
    /// Whether this step changes an object.
    pub const fn changes(&self) -> bool {
        matches!(
            self,
            Self::Create | Self::Update { .. } | Self::Replace { .. } | Self::Prune
        )
    }
}

impl fmt::Display for Kept {
    /// `kept: release job`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Durable => "kept: durable",
            Self::ReleaseJob => "kept: release job",
            Self::NotOurs => "kept: somebody else's",
        })
    }
}

impl Refusal {
    /// What can be done about it.
    pub fn help(&self) -> String {
        match self {
            Self::NotOurs { key, .. } if key.kind == "Namespace" => {
                format!(
                    "delete namespace `{}`, or give the tenant another name",
                    key.name
                )
            }
            Self::NotOurs { key, .. } => {
                format!("delete or rename {key}, or leave it out of the bundle")
            }
            Self::ReplaceDurable { .. } => {
                "give it a new name and copy the data, or take the change back".to_owned()
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs { key, managers } => {
                write!(f, "{key} exists and is not ours")?;
                if !managers.is_empty() {
                    write!(f, ": `{}` wrote it", managers.join("`, `"))?;
                }
                Ok(())
            }
            Self::ReplaceDurable { key, paths } => {
                write!(
                    f,
                    "{key} is durable and would have to be replaced: `{}` cannot be changed",
                    paths.join("`, `")
                )
            }
        }
    }
}

/// What makes `observation` equal to `objects`, the objects of `release`.
///
/// Total: every object gets exactly one step, or all reasons against the plan are returned at once.
pub fn plan(
    release: &ReleaseId,
    objects: &[Object],
    observation: &Observation,
) -> Result<Plan, Vec<Refusal>> {
    let items: BTreeMap<ObjectKey, &InventoryItem> = observation
        .inventory
        .iter()
        .flat_map(|i| &i.objects)
        .map(|item| (item.key(), item))
        .collect();
    let desired: BTreeSet<ObjectKey> = objects.iter().map(Object::key).collect();
    let is_job = |object: &&Object| jobs::name(object).is_some();
    let release_jobs: BTreeSet<ObjectKey> =
        objects.iter().filter(is_job).map(Object::key).collect();

    let mut refusals = Vec::new();
    let mut steps = Vec::new();
    for key in sorted(desired.iter().cloned()) {
        let runs_once = release_jobs.contains(&key);
        let live = observation.live.get(&key);
        match want(&key, items.get(&key).copied(), live, runs_once) {
            Ok(action) => steps.push(Step { key, action }),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let gone = sorted(items.keys().filter(|key| !desired.contains(key)).cloned());
    for key in gone.into_iter().rev() {
        let action = drop_out(items[&key], observation.live.get(&key));
        steps.push(Step { key, action });
    }
    let mut plan = Plan {
        steps,
        writes: true,
    };
    plan.settle(release, observation);
    Ok(plan)
}

/// The order in which objects are applied.
pub(crate) fn sorted(keys: impl Iterator<Item = ObjectKey>) -> Vec<ObjectKey> {
    let mut keys: Vec<ObjectKey> = keys.collect();
    kinds::sort_for_apply(&mut keys, Clone::clone);
    keys
}

fn is_durable(key: &ObjectKey) -> bool {
    kinds::find(&key.group, &key.kind).is_some_and(|kind| kind.durable)
}

/// The step for an object that the release contains. What `runs_once` is named by what it runs, so that a live
/// one of its name runs that, or has: whatever the server made of the fields that cannot change.
fn want(
    key: &ObjectKey,
    item: Option<&InventoryItem>,
    live: Option<&Live>,
    runs_once: bool,
) -> Result<Action, Refusal> {
    let Some(live) = live else {
        return Ok(Action::Create);
    };
    let same_uid = item.is_some_and(|item| item.uid.is_some() && item.uid == live.uid);
    if !same_uid && !live.marked {
        return Err(Refusal::NotOurs {
            key: key.clone(),
            managers: live.managers.clone(),
        });
    }
    if live.deleting {
        // Whatever is applied now goes with it; it is created again once it is gone.
        return Ok(Action::Await);
    }
    match &live.state {
        LiveState::Same => Ok(Action::Unchanged),
        LiveState::Changed => Ok(Action::Update { drift: false }),
        LiveState::Drifted => Ok(Action::Update { drift: true }),
        LiveState::Frozen { paths } if is_durable(key) => Err(Refusal::ReplaceDurable {
            key: key.clone(),
            paths: paths.clone(),
        }),
        LiveState::Frozen { .. } if runs_once => Ok(Action::Unchanged),
        LiveState::Frozen { paths } => Ok(Action::Replace {
            paths: paths.clone(),
        }),
    }
}

/// The step for an object that only the inventory names.
fn drop_out(item: &InventoryItem, live: Option<&Live>) -> Action {
    let Some(live) = live else {
        return Action::Forget;
    };
    let same = live.marked && (item.uid.is_none() || item.uid == live.uid);
    if !same {
        return Action::Keep(Kept::NotOurs);
    }
    if live.deleting {
        Action::Await
    } else if is_durable(&item.key()) {
        Action::Keep(Kept::Durable)
    } else if live.object.as_ref().is_some_and(jobs::is_kept) {
        Action::Keep(Kept::ReleaseJob)
    } else {
        Action::Prune
    }
}

#[cfg(test)]
mod tests;
