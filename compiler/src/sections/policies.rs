//! Timeouts, retries, limits and breakers.
//!
//! A policy by itself is a ConfigMap for the program that makes the calls. What routes can do of it, they
//! do: an app or connector that names a policy gets the timeouts in its HTTPRoute and a
//! BackendTrafficPolicy. The rest raises a `lossy` note.

mod model;
mod traffic;

use orz_core::Value;
use orz_core::diag::{Diagnostic, Diagnostics, codes};
use orz_core::id::Part;
use serde_json::Map;

use super::shared::{duration, frozen_config_map, kube_name, refuse_collisions};
use super::{App, Entry, Objects, Scope, Section, Shape};
use crate::resolve::Named;

pub use model::{CircuitBreaker, Idempotency, LimitScope, Per, Policy, RateLimit, Retry, Timeout};
pub(crate) use traffic::{Target, retries_answers, traffic_policy};

impl Named for Policy {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Section for Policy {
    const NAME: &'static str = "policies";
    const SHAPE: Shape = Shape::List(&["name"]);

    fn resolve(scope: &Scope, problems: &mut Diagnostics) {
        let policies = &scope.unit.bundle.policies;
        refuse_collisions("policies", policies, problems);
        for policy in policies {
            check_times(policy, problems);
        }
    }

    fn lower(scope: &Scope, out: &mut Objects) {
        for policy in &scope.unit.bundle.policies {
            let (_, object) = config_map(scope, policy);
            out.add(Part::Work, policy.span(), &object);
            note_losses(scope, policy, out);
        }
    }
}

/// The ConfigMap that holds everything a policy says, and its name.
pub(crate) fn config_map(scope: &Scope, policy: &Policy) -> (String, Value) {
    let content =
        serde_json::to_value(policy).expect("a policy holds only string keys and whole numbers");
    let name = kube_name(&policy.name);
    frozen_config_map(
        scope,
        &format!("policy-{name}"),
        "policy.json",
        &content,
        &[("orz.dev/policy", &name)],
    )
}

/// `timeouts` of a rule of an HTTPRoute, if the policy sets any.
pub(crate) fn route_timeouts(policy: &Policy) -> Option<Value> {
    let timeout = policy.timeout_json.as_ref()?;
    let mut out = Map::new();
    if let Some(total) = timeout.total_ms {
        out.insert("request".to_owned(), duration(total).into());
    }
    if let Some(read) = timeout.read_ms {
        out.insert("backendRequest".to_owned(), duration(read).into());
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

fn check_times(policy: &Entry<Policy>, problems: &mut Diagnostics) {
    let mut conflict = |pointer: &str, message: String, help: String| {
        problems.push(
            Diagnostic::error(
                &codes::section::TIMEOUT_CONFLICT,
                policy.at(pointer),
                message,
            )
            .label("does not fit the other times")
            .help(help),
        );
    };
    let timeout = policy.timeout_json.as_ref();
    let total = timeout.and_then(|t| t.total_ms);
    let read = timeout.and_then(|t| t.read_ms);
    for (field, part) in [
        ("connect_ms", timeout.and_then(|t| t.connect_ms)),
        ("read_ms", read),
    ] {
        if let (Some(total), Some(part)) = (total, part)
            && total < part
        {
            conflict(
                "/timeout_json/total_ms",
                format!("a total of {total} ms is shorter than `{field}`, {part} ms"),
                format!("set `total_ms` to {part} or more, or `{field}` to {total} or less"),
            );
        }
    }
    let Some(retry) = &policy.retry_json else {
        return;
    };
    if let (Some(total), Some(per_try)) = (total, retry.per_try_ms.or(read)) {
        let needed = retry.attempts.saturating_mul(per_try);
        if retry.attempts > 1 && total < needed {
            conflict(
                "/timeout_json/total_ms",
                format!(
                    "{} attempts of {per_try} ms do not fit into a total of {total} ms",
                    retry.attempts
                ),
                format!("set `total_ms` to {needed} or more, or allow fewer or shorter attempts"),
            );
        }
    }
    if let (Some(base), Some(max)) = (retry.base_ms, retry.max_ms)
        && max < base
    {
        conflict(
            "/retry_json/max_ms",
            format!("the longest wait, {max} ms, is shorter than the first one, {base} ms"),
            format!("set `max_ms` to {base} or more"),
        );
    }
}

fn note_losses(scope: &Scope, policy: &Entry<Policy>, out: &mut Objects) {
    let mut lost = |pointer: &str, message: &str| {
        out.note(
            Diagnostic::note(
                &codes::section::LOSSY,
                policy.key_at(pointer),
                format!("policy `{}`: {message}", policy.name),
            )
            .label("routes cannot do this exactly"),
        );
    };
    if let Some(breaker) = &policy.circuit_breaker_json {
        for (field, value, message) in [
            (
                "error_percent",
                breaker.error_percent,
                "routes count errors in a row, not their share",
            ),
            (
                "window_ms",
                breaker.window_ms,
                "routes have no rolling window",
            ),
            (
                "half_open_probes",
                breaker.half_open_probes,
                "routes close a breaker after a time, without probes",
            ),
        ] {
            if value.is_some() {
                lost(&format!("/circuit_breaker_json/{field}"), message);
            }
        }
        if breaker.open_ms.is_some() && breaker.consecutive_errors.is_none() {
            lost(
                "/circuit_breaker_json/open_ms",
                "without `consecutive_errors` a route never opens its breaker",
            );
        }
    }
    if let Some(limit) = &policy.rate_limit_json {
        if limit.burst.is_some() {
            lost(
                "/rate_limit_json/burst",
                "routes have no burst besides the limit itself",
            );
        }
        let counted_together = scope
            .cluster
            .egress_gateway
            .as_ref()
            .is_some_and(|gateway| gateway.global_rate_limit);
        if !counted_together {
            lost(
                "/rate_limit_json",
                "each proxy of the Gateway counts on its own",
            );
        }
        if limit.scope == Some(LimitScope::Tenant) {
            lost(
                "/rate_limit_json/scope",
                "routes cannot count over several connectors or apps",
            );
        }
    }
    if retries_answers(policy) {
        let named = |app: &&Entry<App>| {
            app.policy.as_ref() == Some(&policy.name) && !app.domains.is_empty()
        };
        for app in scope.unit.bundle.apps.iter().filter(named) {
            let message = format!(
                "the route of app `{}` retries only what was not sent",
                app.name
            );
            lost("/retry_json/status_codes", &message);
        }
    }
    if policy.idempotency_json.is_some() {
        lost("/idempotency_json", "routes do not remember requests");
    }
}
