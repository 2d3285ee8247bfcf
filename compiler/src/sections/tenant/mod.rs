//! `tenant`: with the operator's file it becomes the part `tenancy`, which exists without any app.
//!
//! For each namespace of the tenant: the Namespace itself, what bounds it (quota and limits), what
//! isolates it (network policies), and how secrets get into it (stores).

mod bounds;
mod isolation;
mod namespace;
mod neighbours;
mod stores;

use orz_core::diag::Span;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Objects, Scope, Section, Shape};

pub use stores::{AWS_SM, ENV, K8S, VAULT};

/// The tenant itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// The tenant's name. It may repeat the folder's name, but not contradict it.
    #[serde(default)]
    pub name: Option<String>,
}

impl Section for Tenant {
    const NAME: &'static str = "tenant";
    const SHAPE: Shape = Shape::Object;

    fn lower(scope: &Scope, out: &mut Objects) {
        let cause = cause(scope);
        namespace::lower(scope, cause, out);
        bounds::lower(scope, cause, out);
        isolation::lower(scope, cause, out);
        stores::lower(scope, cause, out);
        neighbours::lower(scope, out);
    }
}

/// The place to name for what a tenant has without asking for it.
fn cause(scope: &Scope) -> Option<Span> {
    scope.unit.bundle.tenant.first().map(super::Entry::span)
}
