//! One pass over all pointers of a cluster.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use orz_core::format::StateKind;
use orz_core::id::{ClusterName, TenantName};
use orz_core::object::ObjectKey;

use orz_gitops::View;

use crate::desired::{self, Desired, Pointed};
use crate::engine::{Engine, EngineError};
use crate::health::{Health, ObjectHealth};
use crate::plan::plan;
use crate::report::{Changes, Outcome, Report, TenantReport};

/// What one pass covers and how patient it is.
#[derive(Clone, Debug)]
pub struct Options {
    /// The cluster whose pointers are followed.
    pub cluster: ClusterName,
    /// Only these tenants; empty: all.
    pub tenants: BTreeSet<TenantName>,
    /// How long parts may wait for objects that they require from other parts, in one pass and all together.
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
/// requirements are not there yet is tried again at the end of the pass, so that waiting delays nobody else.
pub fn reconcile_pointed(
    pointers: impl IntoIterator<Item = Pointed>,
    engine: &mut dyn Engine,
    options: &Options,
) -> Report {
    let mut report = Report::default();
    let mut waiting: Vec<(usize, Box<Desired>)> = Vec::new();
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
                let entry = follow(&desired, engine);
                if matches!(entry.outcome, Outcome::Waiting { .. }) {
                    waiting.push((report.tenants.len(), desired));
                }
                entry
            }
        };
        report.tenants.push(entry);
    }

    let deadline = Instant::now() + options.wait;
    while !waiting.is_empty() && Instant::now() < deadline {
        thread::sleep(POLL.min(deadline.saturating_duration_since(Instant::now())));
        waiting.retain(|(index, desired)| {
            let entry = follow(desired, engine);
            let waits = matches!(entry.outcome, Outcome::Waiting { .. });
            report.tenants[*index] = entry;
            waits
        });
    }
    report
}

/// Observe → plan → apply → health for one part of a tenant.
fn follow(desired: &Desired, engine: &mut dyn Engine) -> TenantReport {
    let (outcome, health) = match steps(desired, engine) {
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
    if !plan.writes {
        let health = engine.health(desired, &observation)?;
        return Ok((Outcome::Applied(Changes::of(&plan)), health));
    }
    let awaits = missing(desired, engine)?;
    if !awaits.is_empty() {
        return Ok((Outcome::Waiting { awaits }, Vec::new()));
    }
    let observation = engine.apply(desired, observation, &plan)?;
    let health = engine.health(desired, &observation)?;
    Ok((Outcome::Applied(Changes::of(&plan)), health))
}

/// What the part requires from other parts and what is not there, or is there and broken.
///
/// Existing is enough otherwise: `work` never waits until all of `data` is healthy, because some of it
/// becomes healthy only through `work` (a volume that waits for its first pod).
fn missing(desired: &Desired, engine: &mut dyn Engine) -> Result<Vec<ObjectHealth>, EngineError> {
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
