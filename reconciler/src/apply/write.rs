//! Carrying out a plan. Nothing is decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use orz_core::Value;
use orz_core::format::{Inventory, InventoryItem, ObjectRef};
use orz_core::object::{Object, ObjectKey};
use serde_json::json;

use super::api::{Api, ApiError, Call, Collection};
use super::compare::{body, seen, sent};
use super::live::LiveWatch;
use super::{foreign, observe, store};
use crate::desired::Desired;
use crate::engine::{EngineError, LiveState, ObjectError, Observation};
use crate::plan::{Action, Kept, Plan};

/// How long an object that is replaced may take to go.
const GONE_PATIENCE: Duration = Duration::from_secs(30);
const GONE_POLL: Duration = Duration::from_millis(100);

/// One plan on its way.
pub(crate) struct Writer<'a> {
    api: &'a Api,
    live: Option<&'a LiveWatch>,
    desired: &'a Desired,
    mark: &'a str,
    observation: Observation,
    /// What exists or is about to, as it goes into the inventory.
    items: BTreeMap<ObjectKey, InventoryItem>,
    errors: Vec<ObjectError>,
}

/// Inventory, creates and updates, removals, inventory.
///
/// A failed create or update stops the removals (what replaces the removed may be what failed), but not the
/// other creates and updates, unless a Namespace failed, without which the rest cannot succeed.
pub(crate) fn carry_out(
    api: &Api,
    live: Option<&LiveWatch>,
    desired: &Desired,
    mark: &str,
    observation: Observation,
    plan: &Plan,
) -> Result<Observation, EngineError> {
    let known = observation.inventory.iter().flat_map(|i| &i.objects);
    let items = known.map(|item| (item.key(), item.clone())).collect();
    let mut writer = Writer {
        api,
        live,
        desired,
        mark,
        observation,
        items,
        errors: Vec::new(),
    };
    if plan.changes() > 0 {
        writer.intend(plan)?;
    }
    writer.apply_all(plan);
    if writer.errors.is_empty() {
        writer.prune_all(plan);
    }
    writer.finish(plan)
}

impl Writer<'_> {
    /// Writes down everything that is about to exist, before any of it does.
    fn intend(&mut self, plan: &Plan) -> Result<(), EngineError> {
        for object in &self.desired.objects {
            self.items
                .entry(object.key())
                .or_insert_with(|| item(object.reference()));
        }
        let recreated = plan.keys(|a| matches!(a, Action::Create | Action::Replace { .. }));
        for key in recreated {
            // The old object is gone or about to go: its `uid` would vouch for nobody.
            if let Some(item) = self.items.get_mut(&key) {
                *item = InventoryItem {
                    object: item.object.clone(),
                    ..self::item(item.object.clone())
                };
            }
        }
        self.save(false)
    }

    fn apply_all(&mut self, plan: &Plan) {
        let objects: BTreeMap<ObjectKey, &Object> =
            self.desired.objects.iter().map(|o| (o.key(), o)).collect();
        for step in &plan.steps {
            let Some(object) = objects.get(&step.key) else {
                continue;
            };
            let done = match &step.action {
                Action::Create => self.create(object),
                Action::Update { .. } => self.update(object),
                Action::Replace { .. } => self.replace(object),
                _ => continue,
            };
            if let Err(error) = done {
                let ends = step.key.kind == "Namespace" || error.is_over();
                self.errors.push(ObjectError {
                    key: step.key.clone(),
                    error,
                });
                if ends {
                    return;
                }
            }
        }
    }

    fn create(&mut self, object: &Object) -> Result<(), ApiError> {
        let body = body(object, self.mark);
        let collection = collection(object)?;
        // Not forced: what somebody made since we looked is theirs, and differences are refused by name.
        let answer = self.api.send(
            &collection,
            &Call::Apply {
                name: object.name(),
                body: &body,
                force: false,
            },
        )?;
        if answer.code != 201 && !answer.repeated {
            let Desired { tenant, part, .. } = self.desired;
            let read = self.observation.version.as_deref();
            if !store::is_at(self.api, tenant, *part, read)? {
                // Made by whoever follows the part by now: what is ours in it is theirs.
                return Err(ApiError::over());
            }
            self.give_up(&collection, object)?;
            return Err(ApiError::conflict("somebody else created it meanwhile"));
        }
        self.done(object, &body, answer.body);
        Ok(())
    }

    fn update(&mut self, object: &Object) -> Result<(), ApiError> {
        let body = body(object, self.mark);
        let mut conditioned = body.clone();
        if let Some(uid) = self.uid(&object.key()) {
            // Refused when the object that we looked at is not the one that is there now.
            conditioned["metadata"]["uid"] = Value::from(uid);
        }
        let collection = collection(object)?;
        // Forced: the fields that the release states are ours, whoever edited them.
        let call = Call::Apply {
            name: object.name(),
            body: &conditioned,
            force: true,
        };
        let mut live = self.api.send(&collection, &call)?.body;
        if let Some(mut patch) = foreign::removal(&live) {
            patch["metadata"] =
                json!({"resourceVersion": live.pointer("/metadata/resourceVersion")});
            live = self
                .api
                .send(
                    &collection,
                    &Call::Merge {
                        name: object.name(),
                        body: &patch,
                    },
                )?
                .body;
        }
        self.done(object, &body, live);
        Ok(())
    }

    fn replace(&mut self, object: &Object) -> Result<(), ApiError> {
        let collection = collection(object)?;
        if let Some(uid) = self.uid(&object.key()) {
            self.delete(&collection, object.name(), &uid)?;
            let deadline = Instant::now() + GONE_PATIENCE;
            while self.find(&collection, object.name(), &uid)?.is_some() {
                if Instant::now() >= deadline {
                    return Err(ApiError::conflict(
                        "it has to be replaced, and was not gone in time",
                    ));
                }
                thread::sleep(GONE_POLL);
            }
        }
        self.create(object)
    }

    fn prune_all(&mut self, plan: &Plan) {
        for key in plan.keys(|action| *action == Action::Prune) {
            if let Err(error) = self.prune(&key) {
                self.errors.push(ObjectError { key, error });
            }
        }
    }

    fn prune(&mut self, key: &ObjectKey) -> Result<(), ApiError> {
        let (Some(item), Some(uid)) = (self.items.get(key), self.uid(key)) else {
            return Ok(());
        };
        let object = item.object.clone();
        let collection = Collection::new(
            &object.group,
            &object.version,
            &object.kind,
            object.namespace.as_deref(),
        )
        .map_err(|error| ApiError::unexpected(&error.to_string()))?;
        self.delete(&collection, &object.name, &uid)?;
        // What waits for a finalizer stays in the inventory until it is gone.
        if let Some(live) = self.find(&collection, &object.name, &uid)? {
            let live = observe::describe(live, self.mark, LiveState::Same);
            self.observation.live.insert(key.clone(), live);
        } else {
            self.items.remove(key);
            self.observation.live.remove(key);
        }
        Ok(())
    }

    fn delete(&self, collection: &Collection, name: &str, uid: &str) -> Result<(), ApiError> {
        if let Some(live) = self.live {
            live.saw(collection, name, None);
        }
        let call = Call::Delete {
            name,
            uid,
            version: None,
        };
        match self.api.send(collection, &call) {
            Err(error) if error.code != 404 => Err(error),
            _ => Ok(()),
        }
    }

    /// The object of this name, if it is still the one with this `uid`.
    fn find(
        &self,
        collection: &Collection,
        name: &str,
        uid: &str,
    ) -> Result<Option<Value>, ApiError> {
        let found = self.api.get(collection, name)?;
        Ok(found.filter(|live| live.pointer("/metadata/uid").and_then(Value::as_str) == Some(uid)))
    }

    /// Takes our fields and our mark back from somebody else's object.
    fn give_up(&self, collection: &Collection, object: &Object) -> Result<(), ApiError> {
        let mut nothing = json!({
            "apiVersion": object.api_version(),
            "kind": object.kind(),
            "metadata": {"name": object.name()},
        });
        if let Some(namespace) = object.namespace() {
            nothing["metadata"]["namespace"] = Value::from(namespace);
        }
        self.api
            .send(
                collection,
                &Call::Apply {
                    name: object.name(),
                    body: &nothing,
                    force: false,
                },
            )
            .map(drop)
    }

    /// Records an object that was applied.
    fn done(&mut self, object: &Object, body: &Value, live: Value) {
        let key = object.key();
        if let Some(watch) = self.live {
            watch.wrote(&key, object.version(), &live);
        }
        let item = InventoryItem {
            applied: Some(sent(body)),
            live: Some(seen(&live, body)),
            uid: live
                .pointer("/metadata/uid")
                .and_then(Value::as_str)
                .map(str::to_owned),
            ..item(object.reference())
        };
        self.items.insert(key.clone(), item);
        self.observation
            .live
            .insert(key, observe::describe(live, self.mark, LiveState::Same));
    }

    fn uid(&self, key: &ObjectKey) -> Option<String> {
        self.observation
            .live
            .get(key)
            .and_then(|live| live.uid.clone())
    }

    /// Writes down what exists now, and reports what failed.
    fn finish(mut self, plan: &Plan) -> Result<Observation, EngineError> {
        let dropped = plan.keys(|a| matches!(a, Action::Forget | Action::Keep(Kept::NotOurs)));
        for key in dropped {
            self.items.remove(&key);
        }
        let kept: BTreeSet<ObjectKey> = plan
            .keys(|a| matches!(a, Action::Keep(Kept::Durable | Kept::ReleaseJob)))
            .into_iter()
            .collect();
        for (key, item) in &mut self.items {
            item.kept = kept.contains(key);
        }
        let saved = self.save(self.errors.is_empty() && plan.is_whole());
        // What failed first is what a person has to know.
        if !self.errors.is_empty() {
            return Err(EngineError::Objects(self.errors));
        }
        saved?;
        Ok(self.observation)
    }

    fn save(&mut self, complete: bool) -> Result<(), EngineError> {
        let inventory = Inventory {
            cluster: self.desired.cluster.clone(),
            tenant: self.desired.tenant.clone(),
            part: self.desired.part,
            release: self.desired.release.clone(),
            digest: self.desired.digest.clone(),
            complete,
            objects: self.items.values().cloned().collect(),
            memory: self
                .observation
                .inventory
                .as_ref()
                .and_then(|inventory| inventory.memory.clone()),
            writer: self.desired.writer.clone(),
        };
        let version = store::write(self.api, &inventory, self.observation.version.as_deref())?;
        self.observation.version = Some(version);
        self.observation.inventory = Some(inventory);
        Ok(())
    }
}

fn item(object: ObjectRef) -> InventoryItem {
    InventoryItem {
        object,
        uid: None,
        applied: None,
        live: None,
        kept: false,
    }
}

fn collection(object: &Object) -> Result<Collection, ApiError> {
    Collection::new(
        object.group(),
        object.version(),
        object.kind(),
        object.namespace(),
    )
    .map_err(|error| ApiError::unexpected(&error.to_string()))
}

#[cfg(test)]
mod tests;
