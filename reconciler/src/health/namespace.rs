//! Namespace: there from its first moment, until it is being deleted.

use orz_core::Value;

use super::fields::{Condition, conditions, text};
use super::{Health, Verdict};

pub(super) fn health(value: &Value) -> Verdict {
    if text(value, "/status/phase") != Some("Terminating") {
        return Verdict::healthy();
    }
    // A stuck deletion explains itself in conditions such as NamespaceContentRemaining.
    let why = conditions(value, "/status/conditions").find(Condition::is_true);
    match why {
        Some(why) => Verdict::new(Health::Progressing, format!("being deleted: {}", why.why()))
            .since(why.since),
        None => Verdict::new(Health::Progressing, "being deleted"),
    }
}
