//! The rounds: one pointer commit each, timed by a watch until it is live.

use std::thread;
use std::time::{Duration, Instant};

use orz_cluster_tests::Ref;
use orz_core::id::{Part, TenantName};
use serde_json::json;

use crate::fleet::Fleet;
use crate::{Outcome, say};

/// Who makes the Applications follow.
pub(crate) enum Follower {
    /// `orz-reconciler`.
    Reconciler,
    /// ApplicationSets, poked after each commit.
    Sets(Vec<Ref>),
}

/// Into how many sets the pointers are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applications {
    /// One over all pointers, as people write it.
    OneSet,
    /// Those of `orzc platform applicationsets`.
    SixteenSets,
}

/// What was timed, a value for each round.
pub(crate) struct Rounds {
    pub(crate) name: String,
    /// Writing the commit; not part of the others.
    pub(crate) commit: Vec<Duration>,
    /// From the commit to the Application that names the release.
    pub(crate) noticed: Vec<Duration>,
    /// From there to an operation for it that has succeeded: Argo CD's own part.
    pub(crate) synced: Vec<Duration>,
    /// From there to Synced and Healthy.
    pub(crate) compared: Vec<Duration>,
    /// From the commit to Synced, Healthy and at rest: the three above together.
    pub(crate) live: Vec<Duration>,
}

const PATIENCE: Duration = Duration::from_mins(5);
/// Between two rounds, so that what the last one left to do is not timed with the next.
const REST: Duration = Duration::from_secs(2);

/// Moves one pointer after the other.
pub(crate) fn timed(fleet: &Fleet, follower: &Follower) -> Outcome<Rounds> {
    let name = match follower {
        Follower::Reconciler => "orz-reconciler, engine argocd".to_owned(),
        Follower::Sets(sets) if sets.len() == 1 => "one ApplicationSet, poked".to_owned(),
        Follower::Sets(sets) => format!("{} ApplicationSets, the one poked", sets.len()),
    };
    say(&format!("{name}: {} pointer commits", fleet.movers.len()));
    let mut rounds = Rounds {
        name,
        commit: Vec::new(),
        noticed: Vec::new(),
        synced: Vec::new(),
        compared: Vec::new(),
        live: Vec::new(),
    };
    for (n, tenant) in fleet.movers.iter().enumerate() {
        thread::sleep(REST);
        let began = Instant::now();
        let release = fleet.flip(tenant)?;
        let committed = Instant::now();
        rounds.commit.push(committed - began);
        if let Follower::Sets(sets) = follower {
            let poke = json!({"metadata": {"annotations": {
                "argocd.argoproj.io/application-set-refresh": format!("{}-{n}", sets.len()),
            }}});
            fleet.server.merge(set_of(sets, tenant), &poke)?;
        }
        let name = format!("{tenant}-{}", Part::Work);
        let found = fleet.watched.until(&name, PATIENCE, |application| {
            application.target == release.as_str() && application.in_place.is_some()
        })?;
        let from =
            |from: Instant, to: Option<Instant>| to.unwrap_or(from).saturating_duration_since(from);
        let pointed = found.pointed.unwrap_or(committed);
        let succeeded = found.succeeded.unwrap_or(pointed);
        rounds.noticed.push(from(committed, found.pointed));
        rounds.synced.push(from(pointed, found.succeeded));
        rounds.compared.push(from(succeeded, found.in_place));
        rounds.live.push(from(committed, found.in_place));
    }
    Ok(rounds)
}

/// The set that has a tenant's pointer.
fn set_of<'a>(sets: &'a [Ref], tenant: &TenantName) -> &'a Ref {
    let digit = &orz_core::paths::shard(tenant)[..1];
    let mut own = sets
        .iter()
        .filter(|set| set.name.ends_with(&format!("-{digit}")));
    own.next().unwrap_or(&sets[0])
}
