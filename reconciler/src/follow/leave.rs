//! A tenant on its way out: what stays, what goes, and in which order.

use orz_core::format::StateKind;
use orz_core::id::Part;
use orz_core::kinds;
use orz_core::object::{Object, ObjectKey};

use crate::desired::Desired;
use crate::engine::Observation;
use crate::plan::{Action, Kept, Plan};

/// The parts in the order in which they go: what needs others before what is needed.
pub(super) const ORDER: [Part; 4] = [Part::Work, Part::Data, Part::Tenancy, Part::Platform];

/// The parts that must be empty before this one goes.
pub(super) fn before(part: Part) -> impl Iterator<Item = Part> {
    ORDER.into_iter().take_while(move |other| *other != part)
}

/// What a part on its way out still wants.
///
/// As long as a namespace stands, what keeps it closed and small stands with it. Everything else goes; what is
/// durable stays until somebody asks for its destruction.
pub(super) fn remaining(desired: &Desired) -> Desired {
    let mut remaining = desired.clone();
    remaining.requires.clear();
    remaining
        .objects
        .retain(|object| desired.state == StateKind::Retiring && guards(object));
    remaining
}

fn guards(object: &Object) -> bool {
    match (object.group(), object.kind()) {
        ("", "Namespace" | "ResourceQuota" | "LimitRange") => true,
        ("networking.k8s.io", "NetworkPolicy") => object.name() == "default-deny",
        _ => false,
    }
}

/// The plan of a part on its way out: release jobs go too, and what is durable where it is to be destroyed.
pub(super) fn takes_all(mut plan: Plan, state: StateKind) -> Plan {
    for step in &mut plan.steps {
        let goes = match &step.action {
            Action::Keep(Kept::NotOurs) => false,
            Action::Keep(_) => state == StateKind::Destroying || !is_durable(&step.key),
            _ => false,
        };
        if goes {
            step.action = Action::Prune;
            plan.writes = true;
        }
    }
    plan
}

/// How many objects are still to go.
pub(super) fn left(desired: &Desired, observation: &Observation) -> usize {
    let stays = |key: &ObjectKey| {
        desired.objects.iter().any(|object| object.key() == *key)
            || (desired.state == StateKind::Retiring && is_durable(key))
    };
    let known = observation.inventory.iter().flat_map(|i| &i.objects);
    known
        .map(orz_core::format::InventoryItem::key)
        .filter(|key| !stays(key))
        .count()
}

fn is_durable(key: &ObjectKey) -> bool {
    kinds::find(&key.group, &key.kind).is_some_and(|kind| kind.durable)
}
