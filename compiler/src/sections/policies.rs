//! Timeouts, retries, limits and breakers.
//!
//! A policy by itself is a ConfigMap for the program that makes the calls. What routes can do of it, they
//! do: an app or connector that names a policy gets the timeouts in its HTTPRoute and a
//! BackendTrafficPolicy. The rest raises a `lossy` note.

use orz_core::Value;
use orz_core::diag::{Diagnostic, Diagnostics, codes};
use orz_core::id::Part;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::shared::{duration, frozen_config_map, kube_name, metadata, refuse_collisions};
use super::{App, Entry, Objects, Scope, Section, Shape};
use crate::resolve::Named;

/// How calls are made and limited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Name by which apps and connectors of the same namespace ask for it.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9_-]{0,38}[a-z0-9])?$"))]
    #[schemars(extend("x-rule" = "be 1 to 40 lower-case letters, digits, `_` and `-`, with a letter or digit at both ends"))]
    pub name: String,
    /// How long things may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_json: Option<Timeout>,
    /// How often a failed call is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_json: Option<Retry>,
    /// How many calls may be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit_json: Option<RateLimit>,
    /// When calls are given up before they are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker_json: Option<CircuitBreaker>,
    /// How a call that is made twice has an effect once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_json: Option<Idempotency>,
}

/// How long things may take, in milliseconds; at most an hour each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timeout {
    /// Until the connection stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3_600_000))]
    pub connect_ms: Option<u32>,
    /// Until one attempt is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3_600_000))]
    pub read_ms: Option<u32>,
    /// Until the caller has an answer, all attempts included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3_600_000))]
    pub total_ms: Option<u32>,
}

/// How often a failed call is tried again: exponential backoff, always with jitter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Attempts in all, the first one included.
    #[schemars(range(min = 1, max = 10))]
    pub attempts: u32,
    /// Until one attempt is given up, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3_600_000))]
    pub per_try_ms: Option<u32>,
    /// Wait before the second attempt, in milliseconds; doubled each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3_600_000))]
    pub base_ms: Option<u32>,
    /// Longest wait between two attempts, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3_600_000))]
    pub max_ms: Option<u32>,
    /// Answers after which an operation that may be sent twice is tried again; 502, 503 and 504 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20), inner(range(min = 400, max = 599)))]
    pub status_codes: Option<Vec<u16>>,
}

/// How many calls may be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Calls in each unit of time.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests: u32,
    /// The unit of time.
    pub per: Per,
    /// Calls that may be made at once after a pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub burst: Option<u32>,
    /// What shares one count: each `operation` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<LimitScope>,
}

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = crate::platform::plain_enum)]
pub enum Per {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

impl Per {
    const fn as_kube(self) -> &'static str {
        match self {
            Self::Second => "Second",
            Self::Minute => "Minute",
            Self::Hour => "Hour",
        }
    }
}

/// What shares one count of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = crate::platform::plain_enum)]
pub enum LimitScope {
    /// Each operation of a connector, or each route of an app.
    Operation,
    /// All operations of a connector, or all routes of an app.
    Connector,
    /// Everything of the tenant that names the policy.
    Tenant,
}

/// When calls are given up before they are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CircuitBreaker {
    /// Connections at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_connections: Option<u32>,
    /// Calls at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_parallel: Option<u32>,
    /// Calls that wait for a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_pending: Option<u32>,
    /// Answers of 5xx in a row that open the breaker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub consecutive_errors: Option<u32>,
    /// Share of failed calls in the window that opens the breaker, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub error_percent: Option<u32>,
    /// Length of the rolling window, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3_600_000))]
    pub window_ms: Option<u32>,
    /// How long the breaker stays open, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3_600_000))]
    pub open_ms: Option<u32>,
    /// Calls that are let through to see whether the breaker may close.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000))]
    pub half_open_probes: Option<u32>,
}

/// How a call that is made twice has an effect once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Idempotency {
    /// How long a key is remembered, in seconds.
    #[schemars(range(min = 1, max = 2_592_000))]
    pub ttl_seconds: u32,
    /// Whether a call without a key is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
}

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

/// What a BackendTrafficPolicy is for.
pub(crate) struct Target<'a> {
    /// Its name.
    pub name: &'a str,
    /// The HTTPRoute, of the same namespace.
    pub route: &'a str,
    /// Rules of the route; empty means all that no other policy names.
    pub rules: &'a [String],
    /// Whether every request that it is for may be sent twice: only then are answers retried.
    pub idempotent: bool,
    /// Whether the proxies of the Gateway count together.
    pub global_rate_limit: bool,
}

/// The BackendTrafficPolicy of a route that names `policy`; `None` if it would say nothing.
pub(crate) fn traffic_policy(scope: &Scope, policy: &Policy, target: &Target) -> Option<Value> {
    let mut spec = Map::new();
    if let Some(timeout) = timeouts(policy) {
        spec.insert("timeout".to_owned(), timeout);
    }
    if let Some(retry) = policy
        .retry_json
        .as_ref()
        .filter(|retry| retry.attempts > 1)
    {
        spec.insert("retry".to_owned(), retries(retry, target.idempotent));
    }
    if let Some(breaker) = &policy.circuit_breaker_json {
        spec.extend(breakers(breaker));
    }
    if let Some(limit) = &policy.rate_limit_json {
        spec.insert(
            "rateLimit".to_owned(),
            rate_limit(limit, target.global_rate_limit),
        );
    }
    if spec.is_empty() {
        return None;
    }
    spec.insert("targetRefs".to_owned(), targets(target));
    Some(json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "BackendTrafficPolicy",
        "metadata": metadata(scope, target.name, &[]),
        "spec": spec,
    }))
}

/// Whether the policy asks for retries of answers, which are dropped where requests may not be sent twice.
pub(crate) fn retries_answers(policy: &Policy) -> bool {
    policy
        .retry_json
        .as_ref()
        .is_some_and(|retry| retry.attempts > 1 && retry.status_codes.is_some())
}

fn targets(target: &Target) -> Value {
    let whole =
        json!({ "group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": target.route });
    if target.rules.is_empty() {
        return json!([whole]);
    }
    let rule = |name: &String| {
        let mut one = whole.clone();
        one["sectionName"] = json!(name);
        one
    };
    target.rules.iter().map(rule).collect()
}

fn timeouts(policy: &Policy) -> Option<Value> {
    let timeout = policy.timeout_json.as_ref()?;
    let mut out = Map::new();
    if let Some(connect) = timeout.connect_ms {
        out.insert(
            "tcp".to_owned(),
            json!({ "connectTimeout": duration(connect) }),
        );
    }
    if let Some(total) = timeout.total_ms {
        // Equal to the route's own: which of the two wins is not documented.
        out.insert(
            "http".to_owned(),
            json!({ "requestTimeout": duration(total) }),
        );
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

fn retries(retry: &Retry, idempotent: bool) -> Value {
    let mut triggers = vec!["connect-failure", "refused-stream", "reset-before-request"];
    let mut on = Map::new();
    if idempotent {
        triggers.push("retriable-status-codes");
        let mut codes = retry
            .status_codes
            .clone()
            .unwrap_or_else(|| vec![502, 503, 504]);
        codes.sort_unstable();
        codes.dedup();
        on.insert("httpStatusCodes".to_owned(), json!(codes));
    }
    on.insert("triggers".to_owned(), json!(triggers));
    let mut out = Map::from_iter([
        ("numRetries".to_owned(), json!(retry.attempts - 1)),
        ("retryOn".to_owned(), Value::Object(on)),
    ]);
    let mut per_retry = Map::new();
    if let Some(per_try) = retry.per_try_ms {
        per_retry.insert("timeout".to_owned(), duration(per_try).into());
    }
    let mut backoff = Map::new();
    if let Some(base) = retry.base_ms {
        backoff.insert("baseInterval".to_owned(), duration(base).into());
    }
    if let Some(max) = retry.max_ms {
        backoff.insert("maxInterval".to_owned(), duration(max).into());
    }
    if !backoff.is_empty() {
        per_retry.insert("backOff".to_owned(), Value::Object(backoff));
    }
    if !per_retry.is_empty() {
        out.insert("perRetry".to_owned(), Value::Object(per_retry));
    }
    Value::Object(out)
}

fn breakers(breaker: &CircuitBreaker) -> Map<String, Value> {
    let mut out = Map::new();
    let caps: Map<String, Value> = [
        ("maxConnections", breaker.max_connections),
        ("maxParallelRequests", breaker.max_parallel),
        ("maxPendingRequests", breaker.max_pending),
    ]
    .into_iter()
    .filter_map(|(key, cap)| Some((key.to_owned(), json!(cap?))))
    .collect();
    if !caps.is_empty() {
        out.insert("circuitBreaker".to_owned(), Value::Object(caps));
    }
    if let Some(errors) = breaker.consecutive_errors {
        let mut passive = json!({
            "consecutive5XxErrors": errors,
            "maxEjectionPercent": 100,
            // With one endpoint, ejecting it is what opening the breaker means.
            "alwaysEjectOneEndpoint": true,
        });
        if let Some(open) = breaker.open_ms {
            passive["baseEjectionTime"] = duration(open).into();
        }
        // Above 0, a proxy whose endpoints are all ejected goes on sending to them.
        out.insert(
            "healthCheck".to_owned(),
            json!({ "panicThreshold": 0, "passive": passive }),
        );
    }
    out
}

fn rate_limit(limit: &RateLimit, global: bool) -> Value {
    let mut rule = json!({ "limit": { "requests": limit.requests, "unit": limit.per.as_kube() } });
    if global
        && matches!(
            limit.scope,
            Some(LimitScope::Connector | LimitScope::Tenant)
        )
    {
        rule["shared"] = json!(true);
    }
    if global {
        json!({ "type": "Global", "global": { "rules": [rule] } })
    } else {
        json!({ "type": "Local", "local": { "rules": [rule] } })
    }
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
