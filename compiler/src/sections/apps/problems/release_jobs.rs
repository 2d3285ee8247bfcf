//! Release jobs: their names, and what they name.

use orz_core::diag::{Diagnostic, Diagnostics, codes};

use super::{find_configs, find_image, find_secrets, invalid};
use crate::resolve::Scope;
use crate::sections::Entry;
use crate::sections::apps::App;
use crate::sections::apps::release_jobs::{BASE_MAX, Program, base};

/// Reports what is wrong with the release jobs of an app.
pub(super) fn find(scope: &Scope, app: &Entry<App>, problems: &mut Diagnostics) {
    for (i, job) in app.release_jobs.iter().enumerate() {
        let at = |field: &str| format!("/release_jobs/{i}/{field}");
        find_name(app, i, problems);
        if job.image.is_some() {
            find_image(
                scope,
                Program::new(app, job).image,
                app.at(&at("image")),
                problems,
            );
        } else if job.command.is_none() && job.args.is_none() {
            let message = format!(
                "release job `{}` says neither what to run nor another image",
                job.name
            );
            problems.push(invalid(
                app.at(&format!("/release_jobs/{i}")),
                message,
                "write `command` or `args`: without them the app itself would run, and never end",
            ));
        }
        if let Some(secrets) = &job.secrets {
            find_secrets(scope, app, secrets, &at("secrets"), problems);
        }
        if let Some(configs) = &job.configs {
            find_configs(scope, app, configs, &at("configs"), problems);
        }
        find_twice(app, i, problems);
    }
}

fn find_name(app: &Entry<App>, i: usize, problems: &mut Diagnostics) {
    let jobs = &app.release_jobs;
    let span = app.at(&format!("/release_jobs/{i}/name"));
    if let Some(first) = jobs[..i].iter().position(|job| job.name == jobs[i].name) {
        let message = format!(
            "two release jobs of app `{}` are named `{}`",
            app.name, jobs[i].name
        );
        problems.push(
            Diagnostic::error(&codes::model::DUPLICATE_NAME, span, message)
                .label("again here")
                .related(app.at(&format!("/release_jobs/{first}/name")), "first here")
                .help("rename one of them"),
        );
    }
    let base = base(app, &jobs[i]);
    if base.len() > BASE_MAX {
        let message = format!(
            "`{base}` has {} characters, and Kubernetes has room for {BASE_MAX}",
            base.len()
        );
        problems.push(invalid(span, message, "choose a shorter name"));
    }
}

/// Reports variables that are a literal and a secret, where the job itself says one of the two.
fn find_twice(app: &Entry<App>, i: usize, problems: &mut Diagnostics) {
    let job = &app.release_jobs[i];
    let program = Program::new(app, job);
    let place = |field: &str, is_own: bool, variable: &str| {
        if is_own {
            app.key_at(&format!("/release_jobs/{i}/{field}/{variable}"))
        } else {
            app.key_at(&format!("/{field}/{variable}"))
        }
    };
    // What the app alone says twice is reported there.
    if job.env.is_none() && job.secrets.is_none() {
        return;
    }
    for variable in program.env.keys() {
        if !program.secrets.contains_key(variable) {
            continue;
        }
        let literal = place("env", job.env.is_some(), variable);
        let secret = place("secrets", job.secrets.is_some(), variable);
        let (span, first) = if job.secrets.is_some() {
            (secret, literal)
        } else {
            (literal, secret)
        };
        let message = format!(
            "environment variable `{variable}` of release job `{}` is in `env` and in `secrets`",
            job.name
        );
        problems.push(
            Diagnostic::error(&codes::model::DUPLICATE_NAME, span, message)
                .label("again here")
                .related(first, "first here")
                .help("remove one of them; what a release job does not say itself is the app's"),
        );
    }
}
