//! HTTPRoute: every gateway that it names has accepted it and found its backends.

use orz_core::Value;

use super::fields::{condition, is_stale, list};
use super::{Health, Verdict};

pub(super) fn health(value: &Value) -> Verdict {
    let wanted = list(value, "/spec/parentRefs");
    let answered = list(value, "/status/parents");
    // Several controllers may answer for one gateway; each answer counts.
    for parent in answered {
        for kind in ["Accepted", "ResolvedRefs"] {
            let Some(condition) = condition(parent, "/conditions", kind) else {
                continue;
            };
            if is_stale(value, &condition) {
                return Verdict::new(
                    Health::Progressing,
                    "its gateway has not seen the newest change yet",
                );
            }
            if condition.is_false() {
                let message = format!(
                    "gateway `{}`: {}",
                    gateway(parent.get("parentRef")),
                    condition.why()
                );
                return Verdict::new(Health::Degraded, message).since(condition.since);
            }
        }
    }
    let accepted = |reference: &Value| {
        answered.iter().any(|parent| {
            gateway(parent.get("parentRef")) == gateway(Some(reference))
                && condition(parent, "/conditions", "Accepted").is_some_and(|c| c.is_true())
        })
    };
    match wanted.iter().find(|reference| !accepted(reference)) {
        Some(reference) => Verdict::new(
            Health::Progressing,
            format!(
                "gateway `{}` has not accepted it yet",
                gateway(Some(reference))
            ),
        ),
        None => Verdict::healthy(),
    }
}

fn gateway(reference: Option<&Value>) -> &str {
    reference
        .and_then(|r| r.get("name"))
        .and_then(Value::as_str)
        .unwrap_or_default()
}
