//! A blocking client of the API server for tests.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use kube::api::{DeleteParams, ListParams, PropagationPolicy};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::kube_api::KubeApi;
use crate::{ClusterError, Ref};

/// A blocking client of the API server; objects are JSON values. One per thread.
pub struct Objects {
    runtime: Runtime,
    api: KubeApi,
}

impl Objects {
    /// A client for the user of a kubeconfig file. Nothing is asked yet.
    pub fn connect(kubeconfig: &Path) -> Result<Self, ClusterError> {
        let runtime = runtime()?;
        let api = runtime.block_on(KubeApi::connect(kubeconfig))?;
        Ok(Self { runtime, api })
    }

    /// The body of a GET of a path, such as `/readyz`.
    pub fn get_text(&self, path: &str) -> Result<String, ClusterError> {
        self.runtime.block_on(self.api.get_text(path, ""))
    }

    /// As [`Self::get_text`], with a mark that the audit log shows.
    pub(crate) fn get_marked(&self, path: &str, mark: &str) -> Result<String, ClusterError> {
        self.runtime.block_on(self.api.get_text(path, mark))
    }

    /// The object; none when it, or its kind, does not exist.
    pub fn get(&self, object: &Ref) -> Result<Option<Value>, ClusterError> {
        self.runtime.block_on(self.api.get(object))
    }

    /// All objects of a kind, in one namespace or (empty) in all.
    pub fn list(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
    ) -> Result<Vec<Value>, ClusterError> {
        let parameters = ListParams::default();
        let listed = self.api.list(api_version, kind, namespace, &parameters);
        Ok(self.runtime.block_on(listed)?.unwrap_or_default())
    }

    /// Server-side apply as the field manager `harness`, with strict field validation, taking
    /// over fields of other managers. The object as it then is.
    pub fn apply(&self, object: &Value) -> Result<Value, ClusterError> {
        self.apply_as("harness", object)
    }

    /// As [`Self::apply`], as another field manager.
    pub fn apply_as(&self, manager: &str, object: &Value) -> Result<Value, ClusterError> {
        self.runtime.block_on(self.api.apply(manager, object))
    }

    /// JSON merge patch: an edit by hand.
    pub fn merge(&self, object: &Ref, patch: &Value) -> Result<Value, ClusterError> {
        self.runtime.block_on(self.api.merge(object, patch))
    }

    /// JSON Patch (RFC 6902): a list of operations, all of which are done or, when a `test` among
    /// them is not met, none.
    pub fn json_patch(&self, object: &Ref, operations: Value) -> Result<Value, ClusterError> {
        self.runtime
            .block_on(self.api.json_patch(object, operations))
    }

    /// JSON merge patch of the status, as an operator writes it.
    pub fn merge_status(&self, object: &Ref, status: &Value) -> Result<(), ClusterError> {
        self.runtime.block_on(self.api.merge_status(object, status))
    }

    /// Deletes it, its dependents in the background; false when it was not there.
    pub fn delete(&self, object: &Ref) -> Result<bool, ClusterError> {
        let parameters = DeleteParams::background();
        self.runtime.block_on(self.api.delete(object, &parameters))
    }

    /// Deletes it and leaves its dependents, which have no owner then; false when it was not there.
    pub fn delete_alone(&self, object: &Ref) -> Result<bool, ClusterError> {
        let parameters = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Orphan),
            ..DeleteParams::default()
        };
        self.runtime.block_on(self.api.delete(object, &parameters))
    }

    /// The object, as soon as it satisfies the condition. The error shows the object as last seen.
    pub fn wait_for(
        &self,
        what: &str,
        object: &Ref,
        timeout: Duration,
        condition: impl Fn(&Value) -> bool,
    ) -> Result<Value, ClusterError> {
        let deadline = Instant::now() + timeout;
        loop {
            let found = self.get(object)?;
            match found {
                Some(found) if condition(&found) => return Ok(found),
                found if Instant::now() >= deadline => {
                    return Err(ClusterError::TimedOut {
                        what: format!("{what} ({object})"),
                        seconds: timeout.as_secs(),
                        last: found.map_or_else(|| "no such object".into(), |f| f.to_string()),
                    });
                }
                _ => thread::sleep(Duration::from_millis(50)),
            }
        }
    }

    /// Returns when the object is gone.
    pub fn wait_gone(&self, object: &Ref, timeout: Duration) -> Result<(), ClusterError> {
        let deadline = Instant::now() + timeout;
        while let Some(found) = self.get(object)? {
            if Instant::now() >= deadline {
                return Err(ClusterError::TimedOut {
                    what: format!("the end of {object}"),
                    seconds: timeout.as_secs(),
                    last: found.to_string(),
                });
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// A runtime on the calling thread: the harness needs no more.
pub(crate) fn runtime() -> Result<Runtime, ClusterError> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| ClusterError::Io {
            what: "tokio runtime".into(),
            source,
        })
}
