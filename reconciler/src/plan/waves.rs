//! Pure: what of a plan waits until the release jobs are complete.
//!
//! A release with release jobs is put in place in three waves ([`Wave`]): what the jobs refer to; the jobs,
//! once that is well; everything else, removals included, once every job is complete. A job that is complete
//! under its name has run, so that a release whose jobs ran earlier has one wave like any other, whatever
//! became of what they referred to.

use std::collections::BTreeMap;

use orz_core::id::ReleaseId;
use orz_core::jobs::{self, Wave};
use orz_core::object::{Object, ObjectKey};

use super::{Action, Plan};
use crate::engine::Observation;
use crate::health::{self, Health, ObjectHealth, Surroundings, Verdict};

/// What of a plan can be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The plan, in which what has to wait is [`Action::Later`].
    pub plan: Plan,
    /// What the rest waits for; empty when nothing waits.
    pub awaits: Vec<ObjectHealth>,
}

impl Stage {
    /// All of a plan at once.
    pub const fn whole(plan: Plan) -> Self {
        Self {
            plan,
            awaits: Vec::new(),
        }
    }
}

/// The release jobs among `awaits` that will never be complete.
pub fn failed(awaits: &[ObjectHealth]) -> impl Iterator<Item = &ObjectHealth> {
    awaits
        .iter()
        .filter(|o| o.key.kind == "Job" && o.health == Health::Degraded)
}

/// What of `plan`, which makes `observation` equal to the `objects` of `release`, can be done now.
///
/// Where nothing waits the plan is returned as it is.
pub fn stage(
    plan: Plan,
    release: &ReleaseId,
    objects: &[Object],
    observation: &Observation,
) -> Stage {
    let doing = |object: &Object| {
        let key = object.key();
        let live = observation.live.get(&key).and_then(|l| l.object.as_ref());
        let verdict = match live {
            Some(live) => health::of(live, &Surroundings::default()),
            None => Verdict::new(Health::Missing, "does not exist yet"),
        };
        verdict.of(key)
    };
    let not_well = |object: &&Object| doing(object).health != Health::Healthy;
    let mut jobs: Vec<&Object> = objects
        .iter()
        .filter(|object| jobs::name(object).is_some())
        .filter(not_well)
        .collect();
    if jobs.is_empty() {
        return Stage::whole(plan);
    }
    let changing = plan.keys(Action::changes);
    let prior: Vec<ObjectHealth> = objects
        .iter()
        .filter(|object| Wave::of(object) == Wave::Prior)
        .filter(|object| changing.contains(&object.key()) || not_well(object))
        .map(doing)
        .collect();

    let waves: BTreeMap<ObjectKey, Wave> = objects.iter().map(|o| (o.key(), Wave::of(o))).collect();
    let mut plan = plan;
    let mut has_new_job = false;
    for step in &mut plan.steps {
        let later = match waves.get(&step.key) {
            Some(Wave::Prior) => false,
            Some(Wave::Job) => {
                has_new_job |= step.action == Action::Create;
                step.action == Action::Create && !prior.is_empty()
            }
            Some(Wave::Rest) | None => true,
        };
        if later && step.action.changes() {
            step.action = Action::Later;
        }
    }
    plan.settle(release, observation);
    let mut awaits = Vec::new();
    if has_new_job && !prior.is_empty() {
        awaits.extend(prior);
        jobs.retain(|job| observation.live.contains_key(&job.key()));
    }
    awaits.extend(jobs.into_iter().map(doing));
    Stage { plan, awaits }
}

#[cfg(test)]
mod tests {
    use orz_core::format::Inventory;
    use orz_core::id::{Digest, Part};
    use serde_json::{Value, json};

    use super::*;
    use crate::engine::{Live, LiveState};
    use crate::plan::{Step, plan};
    use crate::testing::{config, object};

    /// Name, what exists, the steps, what they wait for, whether anything is written.
    type Case = (
        &'static str,
        Vec<(ObjectKey, Live)>,
        [&'static str; 4],
        &'static [&'static str],
        bool,
    );

    const RELEASE: &str = "0123456789abcdef0123456789abcdef01234567";

    fn prior() -> Object {
        let mut secret = object(
            "external-secrets.io/v1",
            "ExternalSecret",
            Some("acme"),
            "url",
            &json!({}),
        )
        .into_value();
        secret["metadata"]["annotations"] = json!({ jobs::SYNC_WAVE: "-2" });
        Object::new(secret).expect("an object")
    }

    fn job() -> Object {
        let mut job = object("batch/v1", "Job", Some("acme"), "migrate", &json!({})).into_value();
        job["metadata"]["labels"] = json!({ jobs::LABEL: "migrate" });
        job["metadata"]["annotations"] = json!(jobs::annotations(false));
        Object::new(job).expect("an object")
    }

    /// What exists of an object, with this status.
    fn live(object: &Object, state: LiveState, status: &Value) -> (ObjectKey, Live) {
        let mut value = object.value().clone();
        value["status"] = status.clone();
        let live = Live {
            uid: Some("1".to_owned()),
            marked: true,
            deleting: false,
            managers: Vec::new(),
            state,
            object: Object::new(value).ok(),
        };
        (object.key(), live)
    }

    fn ended(kind: &str) -> Value {
        json!({ "conditions": [{ "type": kind, "status": "True", "reason": "X", "message": "so" }] })
    }

    /// The steps as words, what they wait for, and whether anything is written.
    fn staged(there: Vec<(ObjectKey, Live)>, complete: bool) -> (Vec<String>, Vec<String>, bool) {
        let objects = [prior(), job(), config("acme", "rest", "")];
        let gone = config("acme", "gone", "");
        let mut live: BTreeMap<ObjectKey, Live> = there.into_iter().collect();
        let (key, old) = self::live(&gone, LiveState::Same, &Value::Null);
        live.insert(key, old);
        let item = |object: &Object| orz_core::format::InventoryItem {
            object: object.reference(),
            uid: Some("1".to_owned()),
            applied: None,
            live: None,
            kept: false,
        };
        let observation = Observation {
            inventory: Some(Inventory {
                cluster: "in-cluster".parse().expect("valid"),
                tenant: "acme".parse().expect("valid"),
                part: Part::Work,
                release: RELEASE.parse().expect("valid"),
                digest: Digest::of(b""),
                complete,
                objects: objects.iter().chain([&gone]).map(item).collect(),
                memory: None,
                writer: None,
            }),
            version: None,
            live,
            intact: true,
        };
        let release = RELEASE.parse().expect("valid");
        let plan = plan(&release, &objects, &observation).expect("a plan");
        let stage = stage(plan, &release, &objects, &observation);
        let word = |step: &Step| format!("{} {:?}", step.key.name, step.action);
        (
            stage.plan.steps.iter().map(word).collect(),
            stage.awaits.iter().map(|o| o.key.name.clone()).collect(),
            stage.plan.writes,
        )
    }

    #[test]
    fn one_wave_after_the_other() {
        let ready = ended("Ready");
        let is = |object: &Object, status: &Value| live(object, LiveState::Same, status);
        let (secret, job) = (prior(), job());
        let rest = config("acme", "rest", "");
        let cases: [Case; 9] = [
            (
                "a first release",
                vec![],
                ["url Create", "migrate Later", "rest Later", "gone Later"],
                &["url"],
                true,
            ),
            (
                "what the job needs is there and not well",
                vec![is(&secret, &Value::Null)],
                ["url Unchanged", "migrate Later", "rest Later", "gone Later"],
                &["url"],
                false,
            ),
            (
                "what the job needs is about to change",
                vec![live(&secret, LiveState::Changed, &ready)],
                [
                    "url Update { drift: false }",
                    "migrate Later",
                    "rest Later",
                    "gone Later",
                ],
                &["url"],
                true,
            ),
            (
                "what the job needs is well",
                vec![is(&secret, &ready)],
                [
                    "url Unchanged",
                    "migrate Create",
                    "rest Later",
                    "gone Later",
                ],
                &["migrate"],
                true,
            ),
            (
                "the job runs",
                vec![is(&secret, &ready), is(&job, &Value::Null)],
                [
                    "url Unchanged",
                    "migrate Unchanged",
                    "rest Later",
                    "gone Later",
                ],
                &["migrate"],
                false,
            ),
            (
                "the job runs, and its deadline changes",
                vec![
                    is(&secret, &ready),
                    live(&job, LiveState::Changed, &Value::Null),
                ],
                [
                    "url Unchanged",
                    "migrate Update { drift: false }",
                    "rest Later",
                    "gone Later",
                ],
                &["migrate"],
                true,
            ),
            (
                "the job has failed",
                vec![is(&secret, &ready), is(&job, &ended("Failed"))],
                [
                    "url Unchanged",
                    "migrate Unchanged",
                    "rest Later",
                    "gone Later",
                ],
                &["migrate"],
                false,
            ),
            (
                "the job is complete, whatever became of what it needed",
                vec![is(&job, &ended("Complete"))],
                [
                    "url Create",
                    "migrate Unchanged",
                    "rest Create",
                    "gone Prune",
                ],
                &[],
                true,
            ),
            (
                "drift of the rest while the job runs",
                vec![
                    is(&secret, &ready),
                    is(&job, &Value::Null),
                    live(&rest, LiveState::Drifted, &Value::Null),
                ],
                [
                    "url Unchanged",
                    "migrate Unchanged",
                    "rest Later",
                    "gone Later",
                ],
                &["migrate"],
                false,
            ),
        ];
        for (name, there, mut steps, awaits, writes) in cases {
            let (found, waits, written) = staged(there, false);
            // The table says them by wave, the plan by kind.
            let mut found: Vec<&str> = found.iter().map(String::as_str).collect();
            found.sort_unstable();
            steps.sort_unstable();
            assert_eq!(found, steps, "{name}");
            assert_eq!(waits, awaits, "{name}");
            assert_eq!(written, writes, "{name}");
        }
    }

    #[test]
    fn an_inventory_that_calls_itself_complete_is_corrected() {
        let there = || {
            vec![
                live(&prior(), LiveState::Same, &ended("Ready")),
                live(&job(), LiveState::Same, &Value::Null),
            ]
        };
        assert!(staged(there(), true).2);
        assert!(!staged(there(), false).2);
    }
}
