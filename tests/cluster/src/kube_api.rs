//! The API server through objects as JSON values, without a type per kind.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{GroupVersionKind, Request};
use kube::discovery::{self, Scope};
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::ClusterError;

/// Which object: kind, namespace (empty for a cluster-scoped kind) and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ref {
    /// Group and version, as in `apps/v1`.
    pub api_version: String,
    /// Kind, as in `Deployment`.
    pub kind: String,
    /// Namespace; empty for a cluster-scoped kind.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Ref {
    /// A reference from its four parts.
    pub fn new(api_version: &str, kind: &str, namespace: &str, name: &str) -> Self {
        Self {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The reference to an object that is here; absent fields are empty.
    pub fn of(object: &Value) -> Self {
        Self::new(
            text(object, "/apiVersion"),
            text(object, "/kind"),
            text(object, "/metadata/namespace"),
            text(object, "/metadata/name"),
        )
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} `{}`", self.kind, self.name)
        } else {
            write!(f, "{} `{}/{}`", self.kind, self.namespace, self.name)
        }
    }
}

/// The string at a JSON pointer; empty when absent.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The items of the list at a JSON pointer; none when absent.
pub(crate) fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// A client for one user, on the runtime that it was made on.
pub(crate) struct KubeApi {
    client: Client,
    kinds: RefCell<BTreeMap<(String, String), (ApiResource, Scope)>>,
}

impl KubeApi {
    pub(crate) async fn connect(kubeconfig: &Path) -> Result<Self, ClusterError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| ClusterError::Kubeconfig {
            path: kubeconfig.to_path_buf(),
            source,
        };
        let config = Kubeconfig::read_from(kubeconfig).map_err(|error| failed(error.into()))?;
        let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default())
            .await
            .map_err(|error| failed(error.into()))?;
        Ok(Self {
            client: Client::try_from(config).map_err(|error| failed(error.into()))?,
            kinds: RefCell::default(),
        })
    }

    /// The body of a GET of a path with one query parameter, which audit entries carry.
    pub(crate) async fn get_text(
        &self,
        path: &str,
        selector: &str,
    ) -> Result<String, ClusterError> {
        let what = format!("GET {path}");
        let request = Request::new(path)
            .list(&ListParams::default().labels(selector))
            .map_err(|error| ClusterError::Unexpected(format!("{what}: {error}")))?;
        self.client
            .request_text(request)
            .await
            .map_err(ClusterError::api(what))
    }

    /// None when the object, or its kind, does not exist.
    pub(crate) async fn get(&self, object: &Ref) -> Result<Option<Value>, ClusterError> {
        let Some(api) = self.api(object).await? else {
            return Ok(None);
        };
        let found = api
            .get_opt(&object.name)
            .await
            .map_err(ClusterError::api(format!("get {object}")))?;
        found.map(|found| value(&found)).transpose()
    }

    /// All objects of a kind, in one namespace or (empty) in all. None when the kind does not exist.
    pub(crate) async fn list(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        parameters: &ListParams,
    ) -> Result<Option<Vec<Value>>, ClusterError> {
        let Some((resource, _)) = self.kind(api_version, kind).await? else {
            return Ok(None);
        };
        let api: Api<DynamicObject> = if namespace.is_empty() {
            Api::all_with(self.client.clone(), &resource)
        } else {
            Api::namespaced_with(self.client.clone(), namespace, &resource)
        };
        let list = match api.list(parameters).await {
            Ok(list) => list,
            // The kind was deleted since it was looked up.
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(None),
            Err(error) => return Err(ClusterError::api(format!("list {kind}"))(error)),
        };
        let values = list.items.iter().map(|item| {
            let mut item = value(item)?;
            // Items of a list of a built-in kind do not repeat what the list says.
            item["apiVersion"] = json!(api_version);
            item["kind"] = json!(kind);
            Ok(item)
        });
        values.collect::<Result<_, _>>().map(Some)
    }

    /// Server-side apply with strict field validation, taking over fields of other managers.
    pub(crate) async fn apply(&self, manager: &str, object: &Value) -> Result<Value, ClusterError> {
        let reference = Ref::of(object);
        let parameters = PatchParams::apply(manager).force().validation_strict();
        let what = format!("apply {reference}");
        let applied = self
            .existing(&reference)
            .await?
            .patch(&reference.name, &parameters, &Patch::Apply(object))
            .await
            .map_err(ClusterError::api(what))?;
        value(&applied)
    }

    /// JSON merge patch of the object.
    pub(crate) async fn merge(&self, object: &Ref, patch: &Value) -> Result<Value, ClusterError> {
        let patched = self
            .existing(object)
            .await?
            .patch(&object.name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .map_err(ClusterError::api(format!("patch {object}")))?;
        value(&patched)
    }

    /// JSON Patch of the object: a list of operations, all of which are done or none.
    pub(crate) async fn json_patch(
        &self,
        object: &Ref,
        operations: Value,
    ) -> Result<Value, ClusterError> {
        let operations = serde_json::from_value(operations)
            .map_err(|error| ClusterError::Unexpected(format!("no JSON Patch: {error}")))?;
        let patch = Patch::Json::<Value>(operations);
        let patched = self
            .existing(object)
            .await?
            .patch(&object.name, &PatchParams::default(), &patch)
            .await
            .map_err(ClusterError::api(format!("patch {object}")))?;
        value(&patched)
    }

    /// JSON merge patch of the object's status.
    pub(crate) async fn merge_status(
        &self,
        object: &Ref,
        status: &Value,
    ) -> Result<(), ClusterError> {
        let patch = json!({ "status": status });
        self.existing(object)
            .await?
            .patch_status(&object.name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .map_err(ClusterError::api(format!("patch the status of {object}")))?;
        Ok(())
    }

    /// Posts to a subresource, such as `binding` of a Pod.
    pub(crate) async fn create_subresource(
        &self,
        object: &Ref,
        subresource: &str,
        body: &Value,
    ) -> Result<(), ClusterError> {
        let what = format!("create `{subresource}` of {object}");
        self.existing(object)
            .await?
            .create_subresource::<Value, Value>(
                subresource,
                &object.name,
                &PostParams::default(),
                body,
            )
            .await
            .map_err(ClusterError::api(what))?;
        Ok(())
    }

    /// Deletes it; false when it was not there.
    pub(crate) async fn delete(
        &self,
        object: &Ref,
        parameters: &DeleteParams,
    ) -> Result<bool, ClusterError> {
        let Some(api) = self.api(object).await? else {
            return Ok(false);
        };
        match api.delete(&object.name, parameters).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
            Err(error) => Err(ClusterError::api(format!("delete {object}"))(error)),
        }
    }

    async fn existing(&self, object: &Ref) -> Result<Api<DynamicObject>, ClusterError> {
        self.api(object).await?.ok_or_else(|| {
            ClusterError::Unexpected(format!(
                "the API server serves no `{}` of `{}`",
                object.kind, object.api_version
            ))
        })
    }

    async fn api(&self, object: &Ref) -> Result<Option<Api<DynamicObject>>, ClusterError> {
        let found = self.kind(&object.api_version, &object.kind).await?;
        Ok(found.map(|(resource, scope)| match scope {
            Scope::Cluster => Api::all_with(self.client.clone(), &resource),
            Scope::Namespaced => {
                Api::namespaced_with(self.client.clone(), &object.namespace, &resource)
            }
        }))
    }

    /// How a kind is served; remembered, since a kind that is served does not change.
    async fn kind(
        &self,
        api_version: &str,
        kind: &str,
    ) -> Result<Option<(ApiResource, Scope)>, ClusterError> {
        let key = (api_version.to_owned(), kind.to_owned());
        if let Some(found) = self.kinds.borrow().get(&key) {
            return Ok(Some(found.clone()));
        }
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let gvk = GroupVersionKind::gvk(group, version, kind);
        match discovery::pinned_kind(&self.client, &gvk).await {
            Ok((resource, capabilities)) => {
                let found = (resource, capabilities.scope);
                self.kinds.borrow_mut().insert(key, found.clone());
                Ok(Some(found))
            }
            Err(kube::Error::Discovery(_)) => Ok(None),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(ClusterError::api(format!("look up `{api_version}` {kind}"))(error)),
        }
    }
}

fn value(object: &DynamicObject) -> Result<Value, ClusterError> {
    serde_json::to_value(object)
        .map_err(|error| ClusterError::Unexpected(format!("an object is not JSON: {error}")))
}
