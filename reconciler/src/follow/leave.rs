//! A tenant on its way out: what stays, what goes, and in which order.

use orz_core::format::StateKind;
use orz_core::id::Part;
use orz_core::kinds;
use orz_core::object::{Object, ObjectKey};

use crate::desired::Desired;
use crate::engine::Observation;
use crate::plan::{Action, Kept, Plan};

/// The parts in the order in which they go: what needs others before what is needed.
pub const ORDER: [Part; 4] = [Part::Work, Part::Data, Part::Tenancy, Part::Platform];

/// Why an object stays in the cluster when its tenant is retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stays {
    /// It holds what cannot be made again.
    Durable,
    /// It keeps a namespace closed and small, and stands as long as that does.
    Guard,
}

/// Whether an object stays when its tenant is retired; only what is destroyed goes then.
pub fn stays(key: &ObjectKey) -> Option<Stays> {
    if is_durable(key) {
        return Some(Stays::Durable);
    }
    let guards = match (key.group.as_str(), key.kind.as_str()) {
        ("", "ResourceQuota" | "LimitRange") => true,
        ("networking.k8s.io", "NetworkPolicy") => key.name == "default-deny",
        _ => false,
    };
    guards.then_some(Stays::Guard)
}

/// The parts that must be empty before this one goes.
pub(super) fn before(part: Part) -> impl Iterator<Item = Part> {
    ORDER.into_iter().take_while(move |other| *other != part)
}

/// What a part on its way out still wants.
///
/// As long as a namespace stands, what keeps it closed and small stands with it, also while it is destroyed:
/// it goes with its namespace. Everything else goes; what is durable stays until somebody asks for its
/// destruction.
pub(super) fn remaining(desired: &Desired) -> Desired {
    let mut remaining = desired.clone();
    remaining.requires.clear();
    remaining.objects.retain(|object| {
        stays(&object.key()) == Some(Stays::Guard)
            || (desired.state == StateKind::Retiring && object.kind() == "Namespace")
    });
    remaining
}

/// Nothing is made on the way out; and what guards a namespace that does not go goes by itself.
pub(super) fn of_what_is_there(remaining: &mut Desired, observation: &Observation) {
    let destroying = remaining.state == StateKind::Destroying;
    let goes_with_namespace = |object: &Object| {
        let namespace = object.namespace().map(|name| ObjectKey {
            group: String::new(),
            kind: "Namespace".to_owned(),
            namespace: None,
            name: name.to_owned(),
        });
        namespace
            .and_then(|key| observation.live.get(&key))
            .is_some_and(|live| live.marked)
    };
    remaining.objects.retain(|object| {
        let live = observation.live.get(&object.key());
        // What somebody put in the place of ours keeps nobody from leaving.
        live.is_some_and(|live| !destroying || (live.marked && goes_with_namespace(object)))
    });
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
    let retiring = desired.state == StateKind::Retiring;
    let stays = |key: &ObjectKey| {
        retiring && (is_durable(key) || desired.objects.iter().any(|object| object.key() == *key))
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
