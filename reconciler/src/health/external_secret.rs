//! ExternalSecret: the Secret that it describes was written.

use orz_core::Value;

use super::fields::condition;
use super::{Health, Verdict};

pub(super) fn health(value: &Value) -> Verdict {
    let Some(ready) = condition(value, "/status/conditions", "Ready") else {
        return Verdict::new(Health::Progressing, "waits for its first synchronization");
    };
    if ready.is_true() {
        return Verdict::healthy().since(ready.since);
    }
    if ready.is_false() {
        return Verdict::new(Health::Degraded, ready.why()).since(ready.since);
    }
    Verdict::new(Health::Progressing, ready.why()).since(ready.since)
}
