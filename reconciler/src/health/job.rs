//! Job: its pods have ended as it asks.

use orz_core::Value;

use super::fields::{condition, number};
use super::{Health, Verdict};

pub(super) fn health(value: &Value) -> Verdict {
    let conditions = "/status/conditions";
    let is =
        |kind: &str| condition(value, conditions, kind).filter(super::fields::Condition::is_true);
    if let Some(complete) = is("Complete") {
        return Verdict::healthy().since(complete.since);
    }
    // `FailureTarget` comes first, while pods are still being ended.
    if let Some(failed) = is("Failed").or_else(|| is("FailureTarget")) {
        let why = failed.why();
        let message = if failed.reason.is_empty() || why == failed.reason {
            why
        } else {
            format!("{}: {why}", failed.reason)
        };
        return Verdict::new(Health::Degraded, message).since(failed.since);
    }
    if let Some(suspended) = is("Suspended") {
        return Verdict::new(Health::Suspended, "is suspended").since(suspended.since);
    }
    let since = value.pointer("/status/startTime").and_then(Value::as_str);
    let count = |field: &str| number(value, &format!("/status/{field}")).unwrap_or_default();
    let (active, failed) = (count("active"), count("failed"));
    let doing = match (active, count("ready")) {
        (0, _) => "has no pod yet",
        (_, 0) => "its pod does not run yet",
        _ => "runs",
    };
    let message = if failed > 0 {
        let tries = number(value, "/spec/backoffLimit").map(|retries| retries + 1);
        let of = tries.map_or(String::new(), |tries| format!(" of {tries}"));
        format!("{doing}, {failed}{of} tries failed")
    } else {
        doing.to_owned()
    };
    Verdict::new(Health::Progressing, message).since(since)
}
