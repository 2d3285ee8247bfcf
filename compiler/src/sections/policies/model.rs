//! What a policy says.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    pub(super) const fn as_kube(self) -> &'static str {
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
