//! Which objects are judged.

use orz_core::object::ObjectKey;

/// Whether an object runs something that a release can break and that going back repairs.
///
/// Everything else never counts: certificates, DNS, routes and secrets depend on others than the release;
/// databases and volumes stay as they are when a pointer goes back.
pub fn is_workload(key: &ObjectKey) -> bool {
    matches!(
        (key.group.as_str(), key.kind.as_str()),
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet")
            | ("argoproj.io", "Rollout")
            | ("batch", "Job")
    )
}
