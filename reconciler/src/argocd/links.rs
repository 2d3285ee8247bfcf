//! The traffic with Argo CD's own objects: a watch for reading, server-side apply for writing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use orz_core::Value;
use orz_core::format::{Inventory, ObjectRef};
use orz_core::object::ObjectKey;
use serde_json::json;

use super::owned::{self, REFRESH};
use super::status::{Operation, oblivion, termination};
use crate::apply::api::watch::{Shared, Watch};
use crate::apply::api::{Api, ApiError, Call, Collection};
use crate::apply::{Connection, mark, store};
use crate::engine::{EngineError, ObjectError};
use crate::lease::Term;
use crate::plan::Refusal;

/// An Application that Argo CD refuses is not shown to it again before this.
const REFRESH_PAUSE: Duration = Duration::from_secs(5);

/// Reads and writes Applications, AppProjects and inventories.
pub(super) struct Links {
    api: Api,
    applications: Kept,
    projects: Kept,
    refreshed: BTreeMap<String, Instant>,
}

/// One collection and what is known of it.
struct Kept {
    collection: Collection,
    watch: Watch,
}

impl Links {
    pub(super) fn connect(connection: &Connection, namespace: &str) -> Result<Self, EngineError> {
        let kept = |kind: &str, plural: &'static str| {
            let collection =
                Collection::read_only("argoproj.io", "v1alpha1", kind, plural, Some(namespace));
            let watch = Watch::start(connection, collection.clone(), trim)?;
            Ok::<_, EngineError>(Kept { collection, watch })
        };
        Ok(Self {
            api: Api::connect(connection)?,
            applications: kept("Application", "applications")?,
            projects: kept("AppProject", "appprojects")?,
            refreshed: BTreeMap::new(),
        })
    }

    /// From now on is written only while this term lasts.
    pub(super) fn within(&self, term: Option<Term>) {
        self.api.within(term);
    }

    pub(super) fn changes(&self) -> Arc<Shared> {
        self.applications.watch.shared()
    }

    pub(super) fn application(&self, name: &str) -> Result<Option<Value>, EngineError> {
        self.applications.get(name)
    }

    pub(super) fn project(&self, name: &str) -> Result<Option<Value>, EngineError> {
        self.projects.get(name)
    }

    pub(super) fn write_project(
        &self,
        wanted: &Value,
        live: Option<Value>,
    ) -> Result<(), EngineError> {
        self.projects.write(&self.api, wanted, live).map(drop)
    }

    /// Makes the Application what it should be, and returns it.
    pub(super) fn write_application(
        &self,
        wanted: &Value,
        live: Option<Value>,
    ) -> Result<Value, EngineError> {
        let compares = "/metadata/annotations/argocd.argoproj.io~1compare-options";
        // Argo CD takes notice of it only when it forgets what it has compared before.
        let forget = live
            .as_ref()
            .is_some_and(|live| live.pointer(compares) != wanted.pointer(compares));
        let live = self.applications.write(&self.api, wanted, live)?;
        if forget {
            return self.applications.ask(&self.api, &live, "hard");
        }
        Ok(live)
    }

    /// Ends an operation, unless it has ended meanwhile.
    pub(super) fn terminate(&self, live: &Value, operation: &Operation) -> Result<(), EngineError> {
        self.patch(live, &termination(operation))
    }

    /// Makes Argo CD forget its last operation, unless it has begun another one meanwhile.
    pub(super) fn forget(&self, live: &Value, operation: &Operation) -> Result<(), EngineError> {
        self.patch(live, &oblivion(operation))
    }

    fn patch(&self, live: &Value, body: &Value) -> Result<(), EngineError> {
        let name = name(live);
        let call = Call::Json { name, body };
        match self.api.send(&self.applications.collection, &call) {
            Ok(answer) => {
                self.applications.put(answer.body);
                Ok(())
            }
            // A test of the patch failed: it is another operation by now, or none.
            Err(error) if matches!(error.code, 404 | 409 | 422) => Ok(()),
            Err(error) => Err(self.applications.failed(name, error)),
        }
    }

    /// Asks Argo CD to look at an Application again, now and then.
    pub(super) fn refresh(&mut self, live: &Value) -> Result<(), EngineError> {
        let name = name(live);
        let lately = self
            .refreshed
            .get(name)
            .is_some_and(|at| at.elapsed() < REFRESH_PAUSE);
        if lately
            || live
                .pointer("/metadata/annotations")
                .is_some_and(|a| a.get(REFRESH).is_some())
        {
            return Ok(());
        }
        self.refreshed.insert(name.to_owned(), Instant::now());
        self.applications.ask(&self.api, live, "normal").map(drop)
    }

    /// Deletes an object of a release, if it is still the one with this `uid`.
    pub(super) fn delete_object(&self, object: &ObjectRef, uid: &str) -> Result<(), EngineError> {
        let collection = Collection::new(
            &object.group,
            &object.version,
            &object.kind,
            object.namespace.as_deref(),
        )?;
        let call = Call::Delete {
            name: &object.name,
            uid,
            version: None,
        };
        match self.api.send(&collection, &call) {
            // It is gone, or another one stands there already.
            Err(error) if !matches!(error.code, 404 | 409) => {
                Err(EngineError::Objects(vec![ObjectError {
                    key: object.into(),
                    error,
                }]))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn delete_application(&mut self, name: &str) -> Result<(), EngineError> {
        self.refreshed.remove(name);
        self.applications.delete(&self.api, name)
    }

    pub(super) fn delete_project(&self, name: &str) -> Result<(), EngineError> {
        self.projects.delete(&self.api, name)
    }

    /// Writes an inventory, if it still has the version that was read; returns the new version.
    pub(super) fn write_inventory(
        &self,
        inventory: &Inventory,
        read: Option<&str>,
    ) -> Result<String, EngineError> {
        store::write(&self.api, inventory, read)
    }
}

impl Kept {
    fn get(&self, name: &str) -> Result<Option<Value>, EngineError> {
        let found = self.watch.get(name);
        found.map_err(|error| EngineError::Api {
            what: format!("watch {}", self.collection),
            error,
        })
    }

    fn put(&self, mut object: Value) {
        trim(&mut object);
        self.watch.put(object);
    }

    /// Exactly the fields that are stated, and none beside them; nothing is written when that is so already.
    fn write(&self, api: &Api, wanted: &Value, live: Option<Value>) -> Result<Value, EngineError> {
        let name = name(wanted);
        if let Some(live) = live.as_ref().filter(|live| !owned::is_ours(live)) {
            return Err(EngineError::Refused(vec![Refusal::NotOurs {
                key: self.key(name),
                managers: mark::others(live),
            }]));
        }
        let failed = |error| self.failed(name, error);
        let mut now = match live {
            Some(live) if owned::states(&live, wanted) => live,
            _ => {
                let call = Call::Apply {
                    name,
                    body: wanted,
                    force: true,
                };
                api.send(&self.collection, &call).map_err(failed)?.body
            }
        };
        if let Some(mut patch) = owned::removal(&now, wanted) {
            patch["metadata"]["resourceVersion"] = json!(now.pointer("/metadata/resourceVersion"));
            let call = Call::Merge { name, body: &patch };
            match api.send(&self.collection, &call) {
                Ok(answer) => now = answer.body,
                // Argo CD wrote to it in between; the next pass sees what is left to do.
                Err(error) if error.code == 409 => {}
                Err(error) => return Err(failed(error)),
            }
        }
        self.put(now.clone());
        Ok(now)
    }

    fn ask(&self, api: &Api, live: &Value, how: &str) -> Result<Value, EngineError> {
        let name = name(live);
        let patch = json!({"metadata": {"annotations": {REFRESH: how}}});
        let call = Call::Merge { name, body: &patch };
        let answer = api
            .send(&self.collection, &call)
            .map_err(|error| self.failed(name, error))?;
        self.put(answer.body.clone());
        Ok(answer.body)
    }

    /// Removes an object of ours; one that is not there, or not ours, is left.
    fn delete(&self, api: &Api, name: &str) -> Result<(), EngineError> {
        let Some(live) = self.get(name)?.filter(owned::is_ours) else {
            return Ok(());
        };
        let uid = live.pointer("/metadata/uid").and_then(Value::as_str);
        let call = Call::Delete {
            name,
            uid: uid.unwrap_or_default(),
            version: None,
        };
        match api.send(&self.collection, &call) {
            Err(error) if error.code != 404 => Err(self.failed(name, error)),
            _ => Ok(()),
        }
    }

    fn failed(&self, name: &str, error: ApiError) -> EngineError {
        EngineError::Objects(vec![ObjectError {
            key: self.key(name),
            error,
        }])
    }

    fn key(&self, name: &str) -> ObjectKey {
        ObjectKey {
            group: self.collection.group.clone(),
            kind: self.collection.kind.clone(),
            namespace: self.collection.namespace.clone(),
            name: name.to_owned(),
        }
    }
}

/// What nobody here reads, and what makes most of an Application's size.
fn trim(object: &mut Value) {
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        for field in ["history", "resources", "summary"] {
            status.remove(field);
        }
    }
}

fn name(object: &Value) -> &str {
    object
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}
