//! One pass over all pointers of a cluster.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use orz_core::format::StateKind;
use orz_core::id::{ClusterName, TenantName};
use orz_core::object::ObjectKey;

use orz_gitops::View;

use crate::desired::{self, Desired, Pointed};
use crate::engine::{Engine, EngineError, Observation};
use crate::health::{Health, ObjectHealth};
use crate::plan::waves::{self, Stage};
use crate::plan::{Plan, plan};
use crate::report::{Changes, Outcome, Report, TenantReport};

/// What one pass covers and how patient it is.
#[derive(Clone, Debug)]
pub struct Options {
    /// The cluster whose pointers are followed.
    pub cluster: ClusterName,
    /// Only these tenants; empty: all.
    pub tenants: BTreeSet<TenantName>,
    /// How long parts may wait for objects that they require from other parts and for release jobs, in one pass
    /// and all together.
    pub wait: Duration,
}

impl Options {
    /// All tenants of `cluster`, without waiting.
    pub fn new(cluster: ClusterName) -> Self {
        Self {
            cluster,
            tenants: BTreeSet::new(),
            wait: Duration::ZERO,
        }
    }
}

/// How often a requirement is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(200);

/// One pass over the pointers of a cluster, as they stand in `view`.
///
/// Fails only when the pointers cannot be listed at all.
pub fn reconcile(
    view: &View,
    engine: &mut dyn Engine,
    options: &Options,
) -> Result<Report, orz_gitops::Error> {
    let pointers = desired::pointers(view, &options.cluster, &options.tenants)?;
    Ok(reconcile_pointed(pointers, engine, options))
}

/// One pass over `pointers`, which come by tenant, each with its parts in the order of their application.
///
/// Every pointer gets its own outcome: nothing that goes wrong with one of them stops another. A part whose
/// requirements are not there yet, or whose release jobs run, is tried again at the end of the pass, so that
/// waiting delays nobody else.
pub fn reconcile_pointed(
    pointers: impl IntoIterator<Item = Pointed>,
    engine: &mut dyn Engine,
    options: &Options,
) -> Report {
    let mut report = Report::default();
    let mut waiting: Vec<(usize, Box<Desired>, Changes)> = Vec::new();
    for pointed in pointers {
        let entry = match pointed {
            Pointed::Invalid(invalid) => TenantReport {
                tenant: invalid.tenant,
                part: invalid.part,
                path: invalid.path,
                release: None,
                outcome: Outcome::Invalid {
                    reason: invalid.reason,
                },
                health: Vec::new(),
            },
            Pointed::Valid(desired) => {
                let mut done = Changes::default();
                let entry = follow(&desired, engine, &mut done);
                if matches!(entry.outcome, Outcome::Waiting { .. }) {
                    waiting.push((report.tenants.len(), desired, done));
                }
                entry
            }
        };
        report.tenants.push(entry);
    }

    let deadline = Instant::now() + options.wait;
    while !waiting.is_empty() && Instant::now() < deadline {
        thread::sleep(POLL.min(deadline.saturating_duration_since(Instant::now())));
        waiting.retain_mut(|(index, desired, done)| {
            let entry = follow(desired, engine, done);
            let waits = matches!(entry.outcome, Outcome::Waiting { .. });
            report.tenants[*index] = entry;
            waits
        });
    }
    report
}

/// Observe → plan → apply → health for one part of a tenant. `done` is what this pass has done with it so far.
fn follow(desired: &Desired, engine: &mut dyn Engine, done: &mut Changes) -> TenantReport {
    let (outcome, health) = match steps(desired, engine, done) {
        Ok(done) => done,
        Err(error) => (error.into(), Vec::new()),
    };
    TenantReport {
        tenant: Some(desired.tenant.clone()),
        part: Some(desired.part),
        path: orz_core::paths::pointer(&desired.cluster, &desired.tenant, desired.part),
        release: Some(desired.release.clone()),
        outcome,
        health,
    }
}

fn steps(
    desired: &Desired,
    engine: &mut dyn Engine,
    done: &mut Changes,
) -> Result<(Outcome, Vec<ObjectHealth>), EngineError> {
    let observation = engine.observe(desired)?;
    let plan =
        plan(&desired.release, &desired.objects, &observation).map_err(EngineError::Refused)?;
    if desired.state == StateKind::Frozen {
        engine.freeze(desired, &observation)?;
        let health = engine.health(desired, &observation)?;
        return Ok((
            Outcome::Frozen {
                pending: plan.changes(),
            },
            health,
        ));
    }
    if plan.writes {
        let awaits = missing(desired, engine)?;
        if !awaits.is_empty() {
            return Ok((Outcome::Waiting { awaits }, Vec::new()));
        }
    }
    let carried = carry_out(engine, desired, observation, plan)?;
    *done = carried.changes.after(std::mem::take(done));
    let health = engine.health(desired, &carried.observation)?;
    let outcome = if let Some(failed) = job_failed(&carried.awaits) {
        failed
    } else if carried.awaits.is_empty() {
        Outcome::Applied(std::mem::take(done))
    } else {
        Outcome::Waiting {
            awaits: carried.awaits,
        }
    };
    Ok((outcome, health))
}

/// What carrying out a plan led to.
#[derive(Debug)]
pub(crate) struct Carried {
    /// What is there now.
    pub(crate) observation: Observation,
    /// What was done.
    pub(crate) changes: Changes,
    /// What the rest of the plan waits for: release jobs, or what they need. Empty when everything was done.
    pub(crate) awaits: Vec<ObjectHealth>,
}

/// Carries out what of a plan can be done now, one wave after the other, without waiting.
pub(crate) fn carry_out(
    engine: &mut dyn Engine,
    desired: &Desired,
    mut observation: Observation,
    mut plan: Plan,
) -> Result<Carried, EngineError> {
    let mut changes = Changes::default();
    loop {
        let stage = if engine.has_waves() {
            waves::stage(plan, &desired.release, &desired.objects, &observation)
        } else {
            Stage::whole(plan)
        };
        let done = Changes::of(&stage.plan);
        let progress = stage.plan.writes && !done.is_empty();
        if stage.plan.writes {
            observation = engine.apply(desired, observation, &stage.plan)?;
        }
        changes = done.after(changes);
        if stage.awaits.is_empty() || !progress {
            return Ok(Carried {
                observation,
                changes,
                awaits: stage.awaits,
            });
        }
        // What was just put in place may be all that the next wave waits for.
        plan = self::plan(&desired.release, &desired.objects, &observation)
            .map_err(EngineError::Refused)?;
    }
}

/// What is to be said when a release job will never be complete: nothing after it is put in place.
fn job_failed(awaits: &[ObjectHealth]) -> Option<Outcome> {
    let failed: Vec<_> = waves::failed(awaits).collect();
    let ObjectKey {
        namespace, name, ..
    } = &failed.first()?.key;
    let lines: Vec<String> = failed
        .iter()
        .map(|job| format!("{} failed: {}", job.key, job.message))
        .collect();
    let namespace = namespace.as_deref().unwrap_or_default();
    let help = format!(
        "the rest of the release waits; the job runs again when what it runs changes, or after `kubectl delete job --namespace {namespace} {name}`"
    );
    Some(Outcome::Failed {
        error: lines.join("\n"),
        help: Some(help),
    })
}

/// What the part requires from other parts and what is not there, or is there and broken.
///
/// Existing is enough otherwise: `work` never waits until all of `data` is healthy, because some of it
/// becomes healthy only through `work` (a volume that waits for its first pod).
pub(crate) fn missing(
    desired: &Desired,
    engine: &mut dyn Engine,
) -> Result<Vec<ObjectHealth>, EngineError> {
    let mut awaits = Vec::new();
    for requirement in &desired.requires {
        let verdict = engine.required(&desired.cluster, &desired.tenant, requirement)?;
        if matches!(verdict.health, Health::Missing | Health::Degraded) {
            let key = ObjectKey {
                group: requirement.group.clone(),
                kind: requirement.kind.clone(),
                namespace: requirement.namespace.clone(),
                name: requirement.name.clone(),
            };
            awaits.push(verdict.of(key));
        }
    }
    Ok(awaits)
}
