//! The typed model of a tenant: what validation yields and every later stage reads.

use std::ops::Deref;

use orz_core::diag::Span;
use orz_core::id::{ProjectName, TenantName};
use orz_core::read::Node;

use crate::platform::Operator;
use crate::sections::Bundle;

/// A validated tenant: every value has the type and shape that its schema asks for.
pub(crate) struct Model {
    /// The tenant.
    pub tenant: TenantName,
    /// The operator's word on it; the default of a tenant without a file.
    pub operator: Operator,
    /// The namespaces: the tenant's own first, then its projects by name.
    pub units: Vec<Unit>,
}

/// One namespace of a tenant and the bundle that fills it.
pub struct Unit {
    /// The project; `None` for the tenant's own namespace.
    pub project: Option<ProjectName>,
    /// `<tenant>` or `<tenant>--<project>`.
    pub namespace: String,
    /// What runs there.
    pub bundle: Bundle,
}

/// A typed value of the bundle and the place where it stands in the source.
///
/// Dereferences to the value.
#[derive(Debug)]
pub struct Entry<T> {
    value: T,
    node: Node,
}

impl<T> Entry<T> {
    pub(crate) fn new(value: T, node: Node) -> Self {
        Self { value, node }
    }

    /// The whole entry.
    pub fn span(&self) -> Span {
        self.node.span
    }

    /// The tree that the value was made from, with the place of each of its parts.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The value at a JSON pointer inside the entry (`/env/LOG_LEVEL`), or its nearest existing parent.
    pub fn at(&self, pointer: &str) -> Span {
        self.node.nearest(pointer)
    }

    /// The key at a JSON pointer inside the entry, or the nearest existing parent of its value.
    pub fn key_at(&self, pointer: &str) -> Span {
        self.node
            .key_span_at(pointer)
            .unwrap_or_else(|| self.node.nearest(pointer))
    }
}

impl<T> Deref for Entry<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}
