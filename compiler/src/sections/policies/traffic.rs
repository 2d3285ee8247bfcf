//! What of a policy a route can do: its BackendTrafficPolicy.

use orz_core::Value;
use serde_json::{Map, json};

use super::{CircuitBreaker, LimitScope, Policy, RateLimit, Retry};
use crate::sections::Scope;
use crate::sections::shared::{duration, metadata};

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
