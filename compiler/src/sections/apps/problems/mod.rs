//! What an app names or asks for that is not there or not allowed.

mod amounts;
mod release_jobs;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};

use orz_core::diag::{Code, Diagnostic, Diagnostics, Span, codes};

use super::App;
use super::hostname;
use super::image::{self, ImageProblem};
use super::settled::Settled;
use crate::resolve::{Scope, find as find_entry, unknown_reference};
use crate::sections::{Entry, configs, secret_refs};

/// Names that mean something in every namespace.
const RESERVED: &[&str] = &["default", "kubernetes"];

pub(super) use amounts::find_counts;

/// Reports everything that is wrong with one app.
pub(super) fn find(scope: &Scope, app: &Entry<App>, problems: &mut Diagnostics) {
    if RESERVED.contains(&app.name.as_str()) {
        let message = format!("an app may not be named `{}`", app.name);
        problems.push(invalid(
            app.at("/name"),
            message,
            "choose another name: Kubernetes keeps this one",
        ));
    }
    find_image(scope, &app.image, app.at("/image"), problems);
    find_ports(scope, app, problems);
    find_environment(scope, app, problems);
    find_references(scope, app, problems);
    volumes::find(scope, app, problems);
    release_jobs::find(scope, app, problems);
    find_domains(scope, app, problems);
    amounts::find(scope, app, problems);
}

fn invalid(span: Span, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
    Diagnostic::error(&codes::model::INVALID_VALUE, span, message)
        .label("not valid here")
        .help(help)
}

fn not_in_plan(
    scope: &Scope,
    span: Span,
    message: impl std::fmt::Display,
    help: impl Into<String>,
) -> Diagnostic {
    let message = format!("{message} in plan `{}`", scope.plan_name);
    Diagnostic::error(&codes::reference::NOT_IN_PLAN, span, message)
        .label("not in the plan")
        .help(help)
}

fn find_image(scope: &Scope, named: &str, span: Span, problems: &mut Diagnostics) {
    let image = named.escape_debug();
    match image::check(named) {
        Err(ImageProblem::Invalid(rule)) => {
            problems.push(invalid(
                span,
                format!("`{image}` is no reference to an image"),
                rule,
            ));
            return;
        }
        Err(ImageProblem::NotPinned) => problems.push(
            Diagnostic::error(
                &codes::reference::IMAGE_NOT_PINNED,
                span,
                format!("`{image}` may be another program tomorrow"),
            )
            .label("neither a digest nor a fixed tag")
            .help("name a tag that is never moved (`:1.4.2`) or a digest (`@sha256:…`)"),
        ),
        Ok(()) => {}
    }
    if !scope.platform.images.allows(named) {
        let registries = &scope.platform.images.registries;
        let listed: Vec<_> = registries
            .iter()
            .map(|registry| format!("`{registry}/…`"))
            .collect();
        problems.push(
            Diagnostic::error(
                &codes::reference::REGISTRY_NOT_ALLOWED,
                span,
                format!("`{image}` comes from a registry that the platform does not allow"),
            )
            .label("not an allowed registry")
            .help(format!(
                "allowed: {}; the operator adds others in `platform/images.json`",
                listed.join(", ")
            )),
        );
    }
}

fn find_ports(scope: &Scope, app: &Entry<App>, problems: &mut Diagnostics) {
    if app.port.is_some() && !app.ports.is_empty() {
        problems.push(invalid(
            app.key_at("/port"),
            "`port` and `ports` both say where the app listens",
            "keep one of them",
        ));
    }
    if let Some(name) = app.health.as_ref().and_then(|health| health.port.as_ref()) {
        let ports = Settled::new(scope, app).ports;
        if !ports.iter().any(|port| port.name == *name) {
            let known = ports.iter().map(|port| port.name.as_str());
            problems.push(unknown_reference(
                "port",
                name,
                app.at("/health/port"),
                known,
            ));
        }
    }
}

fn find_environment(scope: &Scope, app: &Entry<App>, problems: &mut Diagnostics) {
    find_secrets(scope, app, &app.secrets, "/secrets", problems);
    for variable in app.secrets.keys() {
        let pointer = format!("/secrets/{variable}");
        if app.env.contains_key(variable) {
            let first = app.key_at(&format!("/env/{variable}"));
            problems.push(
                Diagnostic::error(
                    &codes::model::DUPLICATE_NAME,
                    app.key_at(&pointer),
                    format!("environment variable `{variable}` is in `env` and in `secrets`"),
                )
                .label("again here")
                .related(first, "first here")
                .help("remove one of them"),
            );
        }
    }
}

/// Reports secrets that are not declared; `at` is where the variables stand in the app.
fn find_secrets(
    scope: &Scope,
    app: &Entry<App>,
    secrets: &BTreeMap<String, String>,
    at: &str,
    problems: &mut Diagnostics,
) {
    for (variable, name) in secrets {
        let span = app.at(&format!("{at}/{variable}"));
        secret_refs::check_name(scope, name, span, problems);
    }
}

/// Reports configs that cannot be mounted; `at` is where their names stand in the app.
fn find_configs(
    scope: &Scope,
    app: &Entry<App>,
    configs: &[String],
    at: &str,
    problems: &mut Diagnostics,
) {
    let bundle = &scope.unit.bundle;
    for (i, name) in configs.iter().enumerate() {
        let span = app.at(&format!("{at}/{i}"));
        if configs::active_config_map(scope, name).is_some() {
            continue;
        }
        if bundle.configs.iter().any(|config| config.name == *name) {
            problems.push(
                Diagnostic::error(
                    &codes::reference::UNKNOWN_REFERENCE,
                    span,
                    format!("config `{name}` has no active version"),
                )
                .label("nothing to mount")
                .help("write `\"activate\": true` at one of its versions"),
            );
        } else {
            let known: BTreeSet<&str> = bundle
                .configs
                .iter()
                .map(|config| config.name.as_str())
                .collect();
            problems.push(unknown_reference("config", name, span, known.into_iter()));
        }
    }
}

fn find_references(scope: &Scope, app: &Entry<App>, problems: &mut Diagnostics) {
    let bundle = &scope.unit.bundle;
    find_configs(scope, app, &app.configs, "/configs", problems);
    if let Some(policy) = &app.policy {
        find_entry(
            &bundle.policies,
            "policy",
            policy,
            app.at("/policy"),
            problems,
        );
    }
    for (i, name) in app.calls.iter().enumerate() {
        find_entry(
            &bundle.apps,
            "app",
            name,
            app.at(&format!("/calls/{i}")),
            problems,
        );
    }
    if let Some(profile) = &app.egress {
        let span = app.at("/egress");
        let allowed = &scope.plan.egress_profiles;
        if !scope.platform.egress.profiles.contains_key(profile) {
            let known = scope.platform.egress.profiles.keys().map(String::as_str);
            problems.push(unknown_reference("egress profile", profile, span, known));
        } else if !allowed.contains(profile) {
            problems.push(not_in_plan(
                scope,
                span,
                format_args!("egress profile `{profile}` is not"),
                format!("the plan has `{}`", allowed.join("`, `")),
            ));
        }
    }
}

fn find_domains(scope: &Scope, app: &Entry<App>, problems: &mut Diagnostics) {
    for (i, domain) in app.domains.iter().enumerate() {
        let span = app.at(&format!("/domains/{i}"));
        if let Err(hostname::Invalid { rule, instead }) = hostname::check(domain) {
            let help =
                instead.map_or_else(|| rule.to_owned(), |instead| format!("write `{instead}`"));
            problems.push(invalid(
                span,
                format!("`{}` is no hostname", domain.escape_debug()),
                help,
            ));
        } else if let Some(reason) = scope.platform.hostname_reserved(domain) {
            problems.push(
                Diagnostic::error(
                    &codes::reference::HOSTNAME_RESERVED,
                    span,
                    format!("`{domain}` belongs to the platform: {reason}"),
                )
                .label("reserved")
                .help("use a hostname of your own"),
            );
        }
    }
    if !app.domains.is_empty() && scope.cluster.gateway.is_none() {
        problems.push(
            Diagnostic::error(
                &codes::reference::NO_GATEWAY,
                app.key_at("/domains"),
                "the tenant's cluster takes no requests in",
            )
            .label("cannot be served")
            .help("remove `domains`, or ask the operator to name a Gateway in `platform/clusters.json`"),
        );
    }
    for (field, code, given) in [
        (
            "/paths",
            &codes::model::INVALID_VALUE,
            !app.paths.is_empty(),
        ),
        (
            "/policy",
            &codes::model::INVALID_VALUE,
            app.policy.is_some(),
        ),
    ] {
        if given && app.domains.is_empty() {
            problems.push(without_domains(field, code, app));
        }
    }
}

fn without_domains(field: &str, code: &'static Code, app: &Entry<App>) -> Diagnostic {
    let name = &field[1..];
    Diagnostic::error(
        code,
        app.key_at(field),
        format!("`{name}` says nothing without `domains`"),
    )
    .label("no request is routed here")
    .help(format!("add `domains`, or remove `{name}`"))
}
