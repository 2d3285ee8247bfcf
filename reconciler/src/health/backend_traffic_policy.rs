//! BackendTrafficPolicy of Envoy Gateway: accepted for every gateway above its target.

use orz_core::Value;

use super::fields::{condition, is_stale, list};
use super::{Health, Verdict};

pub(super) fn health(value: &Value) -> Verdict {
    let ancestors = list(value, "/status/ancestors");
    if ancestors.is_empty() {
        return Verdict::new(Health::Progressing, "Envoy Gateway has not accepted it yet");
    }
    for ancestor in ancestors {
        let Some(accepted) = condition(ancestor, "/conditions", "Accepted") else {
            continue;
        };
        if is_stale(value, &accepted) {
            return Verdict::new(
                Health::Progressing,
                "Envoy Gateway has not seen the newest change yet",
            );
        }
        if accepted.is_false() {
            return Verdict::new(Health::Degraded, accepted.why()).since(accepted.since);
        }
    }
    Verdict::healthy()
}
