//! Deployment: every pod is of the newest template and available.

use orz_core::Value;

use super::fields::{condition, number};
use super::{Health, Verdict};

pub(super) fn health(value: &Value) -> Verdict {
    let conditions = "/status/conditions";
    // Absent `observedGeneration` means that the controller has not looked at all yet.
    let generation = number(value, "/metadata/generation").unwrap_or_default();
    if number(value, "/status/observedGeneration").unwrap_or_default() < generation {
        return Verdict::new(
            Health::Progressing,
            "the deployment controller has not seen the newest change yet",
        );
    }
    if value.pointer("/spec/paused").and_then(Value::as_bool) == Some(true) {
        return Verdict::new(Health::Suspended, "is paused");
    }
    // For example an exceeded quota: the pods were never created, so nothing else tells why.
    let refused =
        condition(value, conditions, "ReplicaFailure").filter(super::fields::Condition::is_true);
    let progressing = condition(value, conditions, "Progressing");
    if let Some(deadline) = progressing.filter(|c| c.reason == "ProgressDeadlineExceeded") {
        let why = refused.map_or_else(|| deadline.why(), |refused| refused.why());
        return Verdict::new(Health::Degraded, why).since(deadline.since);
    }
    let since = progressing.and_then(|c| c.since);
    match missing_pods(value) {
        None => Verdict::healthy()
            .since(condition(value, conditions, "Available").and_then(|c| c.since)),
        Some(waits) => {
            let message = match refused {
                Some(refused) => format!("{waits}: {}", refused.why()),
                None => waits,
            };
            Verdict::new(Health::Progressing, message).since(since)
        }
    }
}

/// What the rollout waits for, or nothing when it is done.
fn missing_pods(value: &Value) -> Option<String> {
    let count = |field: &str| number(value, &format!("/status/{field}")).unwrap_or_default();
    let wanted = number(value, "/spec/replicas").unwrap_or(1);
    let (all, updated, available) = (
        count("replicas"),
        count("updatedReplicas"),
        count("availableReplicas"),
    );
    if updated < wanted {
        return Some(format!(
            "{updated} of {wanted} pods have the newest template"
        ));
    }
    if all > updated {
        return Some(format!(
            "{} pods of older templates are still there",
            all - updated
        ));
    }
    if available < updated {
        return Some(format!("{available} of {updated} pods are available"));
    }
    None
}
