//! PersistentVolumeClaim: bound, or waiting by intent for its first pod.

use orz_core::Value;

use super::fields::text;
use super::{BindingMode, Health, Surroundings, Verdict};

pub(super) fn health(value: &Value, surroundings: &Surroundings) -> Verdict {
    match text(value, "/status/phase") {
        Some("Bound") => Verdict::healthy(),
        Some("Lost") => Verdict::new(Health::Degraded, "the volume that it was bound to is gone"),
        Some("Pending") | None => pending(value, surroundings),
        Some(other) => Verdict::new(Health::Unknown, format!("unknown phase `{other}`")),
    }
}

fn pending(value: &Value, surroundings: &Surroundings) -> Verdict {
    let Some(class) = text(value, "/spec/storageClassName") else {
        return Verdict::new(Health::Progressing, "waits for a default storage class");
    };
    if class.is_empty() {
        return Verdict::new(
            Health::Progressing,
            "waits for a volume without a storage class",
        );
    }
    match surroundings.storage_classes.get(class) {
        // A volume that nobody uses yet would be Pending for ever: counting it as unhealthy would make
        // `data` wait for `work`, which waits for `data`.
        Some(BindingMode::WaitForFirstConsumer) => {
            Verdict::new(Health::Healthy, "is bound once a pod uses it")
        }
        Some(BindingMode::Immediate) => Verdict::new(
            Health::Progressing,
            format!("waits for storage class `{class}` to provide a volume"),
        ),
        None => Verdict::new(
            Health::Progressing,
            format!("waits for storage class `{class}`, which does not exist"),
        ),
    }
}
