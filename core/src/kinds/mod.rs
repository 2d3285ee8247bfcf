//! The kind table: what we know about each Kubernetes kind that a release may hold.
//!
//! One row per kind ([`all`], [`find`]). The same rows answer, for every part of the program,
//! where a kind may stand ([`allowed`], [`allowed_object`]), which of its fields cannot change in
//! place ([`Frozen`]), how its lists and quantities are compared ([`Field`]), whether anything
//! hangs on its identity ([`KindInfo::durable`]) and when it is applied ([`sort_for_apply`]).
//! A kind without a row is emitted by nobody and applied by nobody.

mod allowed;
mod content;
mod duration;
mod fields;
mod frozen;
mod quantity;
mod reach;
mod table;

pub use allowed::{NotAllowed, SECRETS_NAMESPACE, SYSTEM_NAMESPACE, allowed};
pub use content::allowed_object;
pub use duration::{Duration, DurationError};
pub use fields::{Field, Key, Order, Shape};
pub use frozen::{Condition, Frozen};
pub use quantity::{Quantity, QuantityError};

use crate::id::Part;
use crate::object::ObjectKey;

/// What is known about one kind.
#[derive(Debug)]
pub struct KindInfo {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Plural in lower case, as in the path of the API.
    pub plural: &'static str,
    /// Whether its objects stand in namespaces.
    pub scope: Scope,
    /// The parts of a tenant whose releases may hold it; empty: no release may.
    pub parts: &'static [Part],
    /// Whether something hangs on the identity of its objects that a new object would not bring
    /// back. Never pruned; replacing or deleting one is never an accident.
    pub durable: bool,
    /// Place in the order of applying; kinds with the same number do not depend on each other.
    pub apply_order: u16,
    /// Fields that the API server does not let change after the object was created.
    pub frozen: &'static [Frozen],
    /// Fields that are not compared byte by byte. What is not listed is compared exactly, lists
    /// by position.
    pub fields: &'static [Field],
    /// Whether a CustomResourceDefinition brings this kind, so that a cluster may lack it.
    pub crd: bool,
}

/// Where the objects of a kind stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One name for the whole cluster.
    Cluster,
    /// One name for each namespace.
    Namespaced,
}

/// Every known kind, in the order of applying.
pub fn all() -> &'static [KindInfo] {
    table::TABLE
}

/// The row of a kind; `group` is empty for the core group.
pub fn find(group: &str, kind: &str) -> Option<&'static KindInfo> {
    all()
        .iter()
        .find(|info| info.group == group && info.kind == kind)
}

/// Place of an object in the order of applying; objects of unknown kinds come last.
pub fn apply_order(key: &ObjectKey) -> u16 {
    find(&key.group, &key.kind).map_or(u16::MAX, |info| info.apply_order)
}

/// Sorts what bears an object key into the order of applying: by place in the table, then
/// namespace, kind and name. Pruning goes the other way round.
///
/// ```
/// # use orz_core::object::Object;
/// # fn sort(objects: &mut [Object]) {
/// orz_core::kinds::sort_for_apply(objects, Object::key);
/// # }
/// ```
pub fn sort_for_apply<T>(items: &mut [T], key: impl Fn(&T) -> ObjectKey) {
    items.sort_by_cached_key(|item| {
        let ObjectKey {
            group,
            kind,
            namespace,
            name,
        } = key(item);
        let order = find(&group, &kind).map_or(u16::MAX, |info| info.apply_order);
        (order, namespace, kind, name, group)
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rows_are_unique_and_in_order() {
        let names: BTreeSet<_> = all().iter().map(|info| (info.group, info.kind)).collect();
        assert_eq!(names.len(), all().len());
        assert!(all().is_sorted_by_key(|info| info.apply_order));
    }

    #[test]
    fn durable_kinds_stand_only_in_the_parts_that_are_never_rolled_back_by_habit() {
        for info in all().iter().filter(|info| info.durable) {
            assert!(!info.parts.contains(&Part::Work), "{}", info.kind);
        }
    }

    #[test]
    fn applying_starts_with_what_the_rest_stands_on() {
        let key = |text: &str| {
            let (kind, name) = text.split_once(' ').expect("kind and name");
            let info = all().iter().find(|info| info.kind == kind);
            ObjectKey {
                group: info.map_or("example.com", |info| info.group).to_owned(),
                kind: kind.to_owned(),
                namespace: Some("acme".to_owned()),
                name: name.to_owned(),
            }
        };
        let expected = [
            "Namespace acme",
            "LimitRange defaults",
            "ResourceQuota plan",
            "NetworkPolicy default-deny",
            "ServiceAccount web",
            "Role reader",
            "RoleBinding reader",
            "SecretStore tenant",
            "ExternalSecret stripe",
            "ConfigMap a",
            "ConfigMap b",
            "PersistentVolumeClaim data",
            "Service web",
            "Job migrate",
            "Deployment web",
            "Backend stripe",
            "HTTPRouteFilter stripe",
            "HTTPRoute web",
            "BackendTrafficPolicy web",
            "Unheard z",
        ]
        .map(key);
        let mut shuffled: Vec<_> = expected.iter().rev().cloned().collect();
        sort_for_apply(&mut shuffled, Clone::clone);
        assert_eq!(shuffled, expected);
        shuffled.rotate_left(7);
        sort_for_apply(&mut shuffled, Clone::clone);
        assert_eq!(shuffled, expected);
    }
}
