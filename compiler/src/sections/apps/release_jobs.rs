//! Release jobs: what an app runs once before a release goes live, such as a migration of its database.
//!
//! A release job becomes a Job that is named by the hash of its pod template, so that it runs again when,
//! and only when, what it runs changes ([`orz_core::jobs`]).
//!
//! Its pods look like the app's and are none: without the labels by which the app's Service, its
//! Deployment and everything that counts its pods find them. A NetworkPolicy of their own lets them reach
//! what the app reaches, and nobody reach them.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use orz_core::id::Part;
use orz_core::jobs;
use schemars::JsonSchema;
use serde::Deserialize;

use super::settled::Settled;
use super::workload::{CONTAINER, config_volumes, container, env, pod, signed, texts};
use super::{App, Text, env_name};
use crate::lower::meta::{Labels, RELEASE_JOB_OF};
use crate::resolve::Scope;
use crate::sections::{Draft, Objects};

/// Longest `<app>-<job>`: with the hash it is the value of a label, which has at most 63 characters.
pub(super) const BASE_MAX: usize = 63 - 1 - jobs::HASH_DIGITS;

/// A program that an app runs once before a release goes live, and again only when what it runs changes.
///
/// What it does not say itself is the app's, but for `command` and `args`. It has none of the app's disks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseJob {
    /// Name of the job among those of its app; with the app's name at most 51 characters.
    #[schemars(length(max = 40), regex(pattern = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"))]
    #[schemars(extend("x-rule" = "be lower-case letters, digits and `-`, starting with a letter and ending with a letter or digit"))]
    pub name: String,
    /// Image with a digest, or a tag that is never moved; the app's by default.
    #[serde(default)]
    #[schemars(length(min = 1, max = 500))]
    pub image: Option<String>,
    /// Replaces the image's entry point. `$(NAME)` stands for an environment variable.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub command: Option<Vec<Text>>,
    /// Arguments of the entry point. `$(NAME)` stands for an environment variable.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub args: Option<Vec<Text>>,
    /// Environment variables, literally; the app's by default. The job runs again when one of them changes,
    /// so name those that it needs if the app has many more.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 200, "propertyNames" = env_name()))]
    pub env: Option<BTreeMap<String, Text>>,
    /// Environment variables whose values are secrets, as in the app; the app's by default.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 200, "propertyNames" = env_name()))]
    pub secrets: Option<BTreeMap<String, String>>,
    /// Configs whose active version is mounted, as in the app; the app's by default. The job runs again when
    /// another version becomes active.
    #[serde(default)]
    #[schemars(length(max = 50), extend("uniqueItems" = true))]
    pub configs: Option<Vec<String>>,
    /// Seconds that the job may take, with all its tries; the platform says how many by default.
    #[serde(default)]
    #[schemars(range(min = 1, max = 86400))]
    pub timeout_seconds: Option<u32>,
    /// How often it is tried again after a failure; the platform says by default.
    #[serde(default)]
    #[schemars(range(min = 0, max = 20))]
    pub retries: Option<u32>,
    /// Whether the release before this one still works after the job ran. A release whose job ran and is not
    /// reversible is never taken back by itself.
    #[serde(default)]
    pub reversible: bool,
}

/// A release job with what it takes from its app.
pub(super) struct Program<'a> {
    pub(super) image: &'a str,
    pub(super) env: &'a BTreeMap<String, Text>,
    pub(super) secrets: &'a BTreeMap<String, String>,
    pub(super) configs: &'a [String],
}

impl<'a> Program<'a> {
    pub(super) fn new(app: &'a App, job: &'a ReleaseJob) -> Self {
        Self {
            image: job.image.as_deref().unwrap_or(&app.image),
            env: job.env.as_ref().unwrap_or(&app.env),
            secrets: job.secrets.as_ref().unwrap_or(&app.secrets),
            configs: job.configs.as_deref().unwrap_or(&app.configs),
        }
    }
}

/// Whether an app has release jobs that run: nothing of a suspended tenant does.
pub(super) fn any(scope: &Scope, app: &App) -> bool {
    !scope.suspended && !app.release_jobs.is_empty()
}

/// The labels that select the pods of an app's release jobs.
pub(super) fn selector(scope: &Scope, app: &str) -> Labels {
    scope.select(RELEASE_JOB_OF, app)
}

/// What stands before the hash in the name of a job: `<app>-<job>`.
pub(super) fn base(app: &App, job: &ReleaseJob) -> String {
    format!("{}-{}", app.name, job.name)
}

pub(super) fn lower(scope: &Scope, app: &Settled, out: &mut Objects) {
    if !any(scope, app.entry) {
        return;
    }
    for (i, job) in app.entry.release_jobs.iter().enumerate() {
        let object = object(scope, app, job);
        let cause = app.entry.at(&format!("/release_jobs/{i}"));
        name_causes(out.add(Part::Work, cause, &object), app, i);
    }
}

fn object(scope: &Scope, app: &Settled, job: &ReleaseJob) -> Job {
    let defaults = &scope.platform.apps.release_job;
    let template = template(scope, app, job);
    let value = serde_json::to_value(&template).expect("a template holds only string keys");
    let mut labels = scope.app_labels(&app.entry.name);
    labels.insert(jobs::LABEL.to_owned(), job.name.clone());
    let mut metadata = scope.meta(jobs::object_name(&base(app.entry, job), &value), labels);
    metadata.annotations = Some(jobs::annotations(job.reversible));
    let timeout = job.timeout_seconds.unwrap_or(defaults.timeout_seconds);
    // A pod that was moved away has not failed: it does not count as a try.
    let moved_away = PodFailurePolicyRule {
        action: "Ignore".to_owned(),
        on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
            type_: "DisruptionTarget".to_owned(),
            status: Some("True".to_owned()),
        }]),
        on_exit_codes: None,
    };
    Job {
        metadata,
        spec: Some(JobSpec {
            backoff_limit: Some(signed(job.retries.unwrap_or(defaults.retries))),
            active_deadline_seconds: Some(i64::from(timeout)),
            pod_failure_policy: Some(PodFailurePolicy {
                rules: vec![moved_away],
            }),
            template,
            ..JobSpec::default()
        }),
        status: None,
    }
}

fn template(scope: &Scope, app: &Settled, job: &ReleaseJob) -> PodTemplateSpec {
    let program = Program::new(app.entry, job);
    let mut labels = scope.labels();
    labels.insert(jobs::LABEL.to_owned(), job.name.clone());
    labels.insert(RELEASE_JOB_OF.to_owned(), app.entry.name.clone());
    let (volumes, mounts) = config_volumes(scope, program.configs);
    let main = Container {
        command: job.command.as_deref().map(texts),
        args: job.args.as_deref().map(texts),
        env: env(program.env, program.secrets),
        ..container(app, &job.name, program.image, mounts)
    };
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            restart_policy: Some("Never".to_owned()),
            ..pod(scope, app, main, volumes)
        }),
    }
}

/// Which places of the bundle stand behind which fields, for diagnostics of the checks.
fn name_causes(draft: &mut Draft, app: &Settled, i: usize) {
    let entry = app.entry;
    let job = &entry.release_jobs[i];
    let own = |field: &str| format!("/release_jobs/{i}/{field}");
    draft.because("/metadata/name", entry.at(&own("name")));
    draft.because(format!("{CONTAINER}/resources"), entry.at("/resources"));
    let program = Program::new(entry, job);
    let place = |field: &str, is_own: bool| {
        if is_own {
            own(field)
        } else {
            format!("/{field}")
        }
    };
    let (of_env, of_secrets) = (
        place("env", job.env.is_some()),
        place("secrets", job.secrets.is_some()),
    );
    let names = program.env.keys().map(|name| format!("{of_env}/{name}"));
    let names = names.chain(program.secrets.keys().map(|n| format!("{of_secrets}/{n}")));
    for (n, pointer) in names.enumerate() {
        draft.because(format!("{CONTAINER}/env/{n}"), entry.key_at(&pointer));
    }
    let of_configs = place("configs", job.configs.is_some());
    for n in 0..program.configs.len() {
        draft.because(
            format!("{CONTAINER}/volumeMounts/{}", n + 1),
            entry.at(&format!("{of_configs}/{n}")),
        );
    }
}
