//! The common rest: what most controllers agree on, for kinds without a file of their own.

use orz_core::Value;

use super::fields::{condition, conditions, is_behind, is_stale};
use super::{Health, Verdict};

/// Conditions that say "this object does what it is for", in the order in which they are asked.
const GOOD: [&str; 5] = ["Ready", "Available", "Programmed", "Accepted", "Succeeded"];
/// Conditions that say that it does not, and will not by itself.
const BAD: [&str; 3] = ["Failed", "Degraded", "Stalled"];

/// An object without conditions is healthy once it exists: configuration has nothing to become.
pub(super) fn health(value: &Value) -> Verdict {
    if is_behind(value) {
        return Verdict::new(
            Health::Progressing,
            "its controller has not seen the newest change yet",
        );
    }
    let list = "/status/conditions";
    if let Some(bad) = conditions(value, list).find(|c| BAD.contains(&c.kind) && c.is_true()) {
        return Verdict::new(Health::Degraded, bad.why()).since(bad.since);
    }
    let Some(good) = GOOD.iter().find_map(|kind| condition(value, list, kind)) else {
        return Verdict::healthy();
    };
    if is_stale(value, &good) {
        return Verdict::new(
            Health::Progressing,
            "its controller has not seen the newest change yet",
        );
    }
    if good.is_true() {
        return Verdict::healthy().since(good.since);
    }
    // False and Unknown alike: most controllers say False on the way to True, so that only a condition
    // of the second list is a failure.
    Verdict::new(Health::Progressing, good.why()).since(good.since)
}
