//! HTTPRouteFilter of Envoy Gateway: it has no status; the routes that use it report its faults.

use orz_core::Value;

use super::Verdict;

pub(super) fn health(_: &Value) -> Verdict {
    Verdict::healthy()
}
