//! Pure: what passes have seen of every object, and which changes none of them has seen yet.
//!
//! A pass reads, and what it writes is answered, so that it knows the newest version of each object. An event about
//! that version or an older one tells nothing: our own writes wake nobody, and neither does what a pass has read
//! before the event came.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use orz_core::Value;
use orz_core::id::{Digest, Part, TenantName};
use serde_json::json;

use crate::apply::api::Collection;

/// A part of a tenant.
pub(crate) type PartName = (TenantName, Part);
/// An object among those of its kind: namespace and name.
pub(super) type Name = (Option<String>, String);

/// An event waits for so long, because the answer to the write that made it may be on its way, and because changes
/// come in bursts.
pub(super) const SETTLE: Duration = Duration::from_millis(50);

/// Kinds whose status says nothing about how they are doing and changes all the time.
const RESTLESS: [(&str, &str); 2] = [
    ("", "ResourceQuota"),
    ("autoscaling", "HorizontalPodAutoscaler"),
];

/// What is known of the objects of all parts.
#[derive(Debug, Default)]
pub(super) struct Known {
    parts: BTreeMap<PartName, BTreeMap<Collection, BTreeSet<Name>>>,
    objects: BTreeMap<Collection, BTreeMap<Name, Object>>,
    pending: BTreeMap<(Collection, Name), Pending>,
}

#[derive(Debug)]
struct Object {
    part: PartName,
    /// The newest version that a pass has seen; `None`: a pass has seen that there is none.
    seen: Option<u64>,
    /// What is not its status, of a restless kind.
    print: Option<Digest>,
}

#[derive(Debug)]
struct Pending {
    version: u64,
    gone: bool,
    since: Instant,
}

/// The kinds to begin to watch, and those to watch no longer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds {
    pub(super) new: Vec<Collection>,
    pub(super) over: Vec<Collection>,
}

impl Known {
    /// The part consists of these objects, by kind, and of no others any more.
    pub(super) fn holds(
        &mut self,
        part: &PartName,
        now: BTreeMap<Collection, BTreeSet<Name>>,
    ) -> Kinds {
        let before = self.parts.remove(part).unwrap_or_default();
        for (kind, names) in &before {
            for name in names.iter().filter(|name| !holds(&now, kind, name)) {
                if let Some(objects) = self.objects.get_mut(kind) {
                    objects.remove(name);
                }
                self.pending.remove(&(kind.clone(), name.clone()));
            }
        }
        let mut kinds = Kinds::default();
        for (kind, names) in &now {
            let objects = self.objects.entry(kind.clone()).or_default();
            if objects.is_empty() {
                kinds.new.push(kind.clone());
            }
            for name in names {
                let object = objects.entry(name.clone()).or_insert_with(|| Object {
                    part: part.clone(),
                    seen: None,
                    print: None,
                });
                object.part.clone_from(part);
            }
        }
        for kind in before.keys() {
            if self.objects.get(kind).is_some_and(BTreeMap::is_empty) {
                self.objects.remove(kind);
                kinds.over.push(kind.clone());
            }
        }
        if !now.is_empty() {
            self.parts.insert(part.clone(), now);
        }
        kinds
    }

    /// A pass has seen this version of an object, or that there is none.
    pub(super) fn saw(&mut self, kind: &Collection, name: &Name, version: Option<u64>) {
        let object = self.objects.get_mut(kind).and_then(|o| o.get_mut(name));
        if let Some(object) = object {
            object.seen = version;
        }
    }

    /// The server says that an object has changed.
    pub(super) fn changed(&mut self, kind: &Collection, live: &Value, now: Instant) {
        let (Some(name), Some(version)) = (name(live), version(live)) else {
            return;
        };
        let object = self.objects.get_mut(kind).and_then(|o| o.get_mut(&name));
        let Some(object) = object else {
            // A copy of an object of ours, or one that its part no longer holds.
            return;
        };
        if is_restless(kind) {
            let print = fingerprint(live);
            let same = object.print.as_ref() == Some(&print);
            object.print = Some(print);
            if same && object.seen.is_some() {
                return;
            }
        }
        self.put_off(kind, name, version, false, now);
    }

    /// The server says that an object is gone, or no longer carries the mark.
    pub(super) fn gone(&mut self, kind: &Collection, live: &Value, now: Instant) {
        if let (Some(name), Some(version)) = (name(live), version(live)) {
            self.put_off(kind, name, version, true, now);
        }
    }

    /// The server says that these are all objects of a kind, at this version of the kind.
    pub(super) fn listed(&mut self, kind: &Collection, all: &[Value], version: u64, now: Instant) {
        let there: BTreeSet<Name> = all.iter().filter_map(name).collect();
        let held = self.objects.get(kind).into_iter().flatten();
        let lost: Vec<Name> = held
            .filter(|(name, object)| object.seen.is_some() && !there.contains(*name))
            .map(|(name, _)| name.clone())
            .collect();
        for name in lost {
            self.put_off(kind, name, version, true, now);
        }
        for live in all {
            self.changed(kind, live, now);
        }
    }

    fn put_off(&mut self, kind: &Collection, name: Name, version: u64, gone: bool, now: Instant) {
        if !self
            .objects
            .get(kind)
            .is_some_and(|o| o.contains_key(&name))
        {
            return;
        }
        let pending = self.pending.entry((kind.clone(), name)).or_insert(Pending {
            version,
            gone,
            since: now,
        });
        if pending.version <= version {
            (pending.version, pending.gone) = (version, gone);
        }
    }

    /// The parts of which something changed that no pass has seen, as far as that is settled.
    pub(super) fn touched(&mut self, now: Instant) -> BTreeSet<PartName> {
        let settled: Vec<_> = self
            .pending
            .iter()
            .filter(|(_, pending)| now.saturating_duration_since(pending.since) >= SETTLE)
            .map(|(object, _)| object.clone())
            .collect();
        let mut touched = BTreeSet::new();
        for (kind, name) in settled {
            let key = (kind, name);
            let Some(pending) = self.pending.remove(&key) else {
                continue;
            };
            let object = self.objects.get(&key.0).and_then(|o| o.get(&key.1));
            let Some(object) = object else { continue };
            let news = match object.seen {
                Some(seen) => seen < pending.version,
                None => !pending.gone,
            };
            if news {
                touched.insert(object.part.clone());
            }
        }
        touched
    }

    /// When the next event is settled.
    pub(super) fn next(&self) -> Option<Instant> {
        let first = self.pending.values().map(|pending| pending.since).min()?;
        Some(first + SETTLE)
    }
}

fn holds(all: &BTreeMap<Collection, BTreeSet<Name>>, kind: &Collection, name: &Name) -> bool {
    all.get(kind).is_some_and(|names| names.contains(name))
}

fn name(object: &Value) -> Option<Name> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let name = text("/metadata/name")?.to_owned();
    Some((text("/metadata/namespace").map(str::to_owned), name))
}

/// Versions of one cluster are numbers that grow.
pub(super) fn version(object: &Value) -> Option<u64> {
    let text = object.pointer("/metadata/resourceVersion")?.as_str()?;
    text.parse().ok()
}

fn is_restless(kind: &Collection) -> bool {
    RESTLESS.contains(&(kind.group.as_str(), kind.kind.as_str()))
}

/// What of the metadata changes when something else than the status does.
fn fingerprint(live: &Value) -> Digest {
    let field = |name: &str| live.pointer("/metadata").and_then(|m| m.get(name));
    let entries = super::super::mark::entries(live);
    let ours: Vec<&Value> = entries
        .filter(|entry| entry.get("subresource").is_none_or(|s| s != "status"))
        .collect();
    let print = json!({
        "generation": field("generation"), "labels": field("labels"), "annotations": field("annotations"),
        "deletion": field("deletionTimestamp"), "uid": field("uid"), "managers": ours,
    });
    Digest::of(print.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str) -> Collection {
        let group = if name == "Deployment" { "apps" } else { "" };
        Collection::new(group, "v1", name, None).expect("a kind of the table")
    }

    fn part(tenant: &str) -> PartName {
        (tenant.parse().expect("valid"), Part::Work)
    }

    fn named(namespace: &str) -> Name {
        (Some(namespace.to_owned()), "web".to_owned())
    }

    fn live(namespace: &str, version: u64, status: u64) -> Value {
        json!({"metadata": {
            "name": "web", "namespace": namespace, "resourceVersion": version.to_string(),
            "managedFields": [
                {"manager": "orz", "operation": "Apply"},
                {"manager": "controller", "subresource": "status", "time": status},
            ],
        }})
    }

    /// Tenants `ant` and `bee` with an object of this kind each, of which passes have seen version 5.
    fn known(kind: &Collection) -> Known {
        let mut known = Known::default();
        for tenant in ["ant", "bee"] {
            let held = BTreeMap::from([(kind.clone(), BTreeSet::from([named(tenant)]))]);
            known.holds(&part(tenant), held);
            known.saw(kind, &named(tenant), Some(5));
        }
        known
    }

    #[test]
    fn what_no_pass_has_seen() {
        type Case = (&'static str, fn(&mut Known, &Collection, Instant), bool);
        let deployment = kind("Deployment");
        let cases: [Case; 9] = [
            ("nothing", |_, _, _| {}, false),
            (
                "what a pass has read",
                |known, kind, now| known.changed(kind, &live("ant", 5, 0), now),
                false,
            ),
            (
                "somebody's edit",
                |known, kind, now| known.changed(kind, &live("ant", 6, 0), now),
                true,
            ),
            (
                "our own write, whose answer comes later than the event",
                |known, kind, now| {
                    known.changed(kind, &live("ant", 6, 0), now);
                    known.saw(kind, &named("ant"), Some(6));
                },
                false,
            ),
            (
                "an edit after our own write",
                |known, kind, now| {
                    known.changed(kind, &live("ant", 6, 0), now);
                    known.changed(kind, &live("ant", 7, 0), now);
                    known.saw(kind, &named("ant"), Some(6));
                },
                true,
            ),
            (
                "deleted by hand",
                |known, kind, now| known.gone(kind, &live("ant", 6, 0), now),
                true,
            ),
            (
                "deleted by us",
                |known, kind, now| {
                    known.saw(kind, &named("ant"), None);
                    known.gone(kind, &live("ant", 6, 0), now);
                },
                false,
            ),
            (
                "deleted, and made again by us",
                |known, kind, now| {
                    known.gone(kind, &live("ant", 6, 0), now);
                    known.saw(kind, &named("ant"), Some(7));
                },
                false,
            ),
            (
                "not in the list after the watch was cut",
                |known, kind, now| known.listed(kind, &[live("bee", 5, 0)], 9, now),
                true,
            ),
        ];
        for (name, happens, touches) in cases {
            let mut known = known(&deployment);
            let now = Instant::now();
            happens(&mut known, &deployment, now);
            assert_eq!(known.touched(now), BTreeSet::new(), "{name}: not settled");
            let expected: BTreeSet<PartName> = touches.then(|| part("ant")).into_iter().collect();
            assert_eq!(known.touched(now + SETTLE), expected, "{name}");
            assert_eq!(known.touched(now + SETTLE), BTreeSet::new(), "{name}: once");
            assert_eq!(known.next(), None, "{name}");
        }
    }

    #[test]
    fn a_status_that_means_nothing_wakes_nobody() {
        let quota = kind("ResourceQuota");
        let mut known = known(&quota);
        let now = Instant::now();
        known.listed(&quota, &[live("ant", 5, 0), live("bee", 5, 0)], 5, now);
        known.changed(&quota, &live("ant", 6, 1), now);
        assert_eq!(known.touched(now + SETTLE), BTreeSet::new());
        let mut edited = live("ant", 7, 1);
        edited["metadata"]["generation"] = json!(2);
        known.changed(&quota, &edited, now);
        assert_eq!(known.touched(now + SETTLE), BTreeSet::from([part("ant")]));
    }

    #[test]
    fn kinds_are_watched_while_a_part_holds_them() {
        let (deployment, service) = (kind("Deployment"), kind("Service"));
        let held = |kinds: &[&Collection]| {
            let names = |kind: &&Collection| ((*kind).clone(), BTreeSet::from([named("x")]));
            kinds.iter().map(names).collect::<BTreeMap<_, _>>()
        };
        let mut known = Known::default();
        let kinds = |new: &[&Collection], over: &[&Collection]| Kinds {
            new: new.iter().map(|k| (*k).clone()).collect(),
            over: over.iter().map(|k| (*k).clone()).collect(),
        };
        let (ant, bee) = (part("ant"), part("bee"));
        for (part, now, expected) in [
            (&ant, held(&[&deployment]), kinds(&[&deployment], &[])),
            (&ant, held(&[&deployment]), kinds(&[], &[])),
            (
                &ant,
                held(&[&deployment, &service]),
                kinds(&[&service], &[]),
            ),
            (&ant, held(&[&service]), kinds(&[], &[&deployment])),
            (&bee, held(&[]), kinds(&[], &[])),
            (&ant, held(&[]), kinds(&[], &[&service])),
        ] {
            assert_eq!(known.holds(part, now), expected);
        }
        assert!(known.objects.is_empty() && known.parts.is_empty());
    }
}
