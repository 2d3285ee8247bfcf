//! Service: healthy once it exists, except that a load balancer needs an address.

use orz_core::Value;

use super::fields::{list, text};
use super::{Health, Verdict};

pub(super) fn health(value: &Value) -> Verdict {
    let waits = text(value, "/spec/type") == Some("LoadBalancer")
        && list(value, "/status/loadBalancer/ingress").is_empty();
    if waits {
        Verdict::new(
            Health::Progressing,
            "waits for the address of its load balancer",
        )
    } else {
        Verdict::healthy()
    }
}
