//! Backend of Envoy Gateway: an endpoint outside the cluster.

use orz_core::Value;

use super::fields::{condition, is_stale};
use super::{Health, Verdict};

pub(super) fn health(value: &Value) -> Verdict {
    // The status is written only once a route uses the backend, so that an absent one is no sign.
    let Some(accepted) = condition(value, "/status/conditions", "Accepted") else {
        return Verdict::healthy();
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
    Verdict::healthy().since(accepted.since)
}
