//! A Kubernetes object as a tree, with the few fields that everything asks for.

use std::fmt;

use crate::Value;
use crate::format::ObjectRef;
use crate::paths;

/// A Kubernetes object: a JSON object with `apiVersion`, `kind` and `metadata.name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object(Value);

/// Why a tree is not a Kubernetes object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// Not a map.
    #[error("a Kubernetes object is a map")]
    NotAMap,
    /// A field is missing or not a non-empty string.
    #[error("`{0}` is missing or not a non-empty string")]
    Field(&'static str),
}

/// What names an object across versions of it: group, kind, namespace and name. Sorts in that order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace; `None` for cluster-scoped objects.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl Object {
    /// Takes a tree that has the fields every object has.
    pub fn new(value: Value) -> Result<Self, ObjectError> {
        let map = value.as_object().ok_or(ObjectError::NotAMap)?;
        let text = |v: Option<&Value>| v.and_then(Value::as_str).is_some_and(|s| !s.is_empty());
        if !text(map.get("apiVersion")) {
            return Err(ObjectError::Field("apiVersion"));
        }
        if !text(map.get("kind")) {
            return Err(ObjectError::Field("kind"));
        }
        if !text(walk(&value, &["metadata", "name"])) {
            return Err(ObjectError::Field("metadata.name"));
        }
        Ok(Self(value))
    }

    /// The whole tree.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The whole tree, to be changed by its owner.
    pub fn into_value(self) -> Value {
        self.0
    }

    /// `group/version`, or the version alone for the core group.
    pub fn api_version(&self) -> &str {
        self.text(&["apiVersion"])
    }

    /// API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version()
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// API version without the group.
    pub fn version(&self) -> &str {
        self.api_version().rsplit('/').next().unwrap_or_default()
    }

    /// Kind.
    pub fn kind(&self) -> &str {
        self.text(&["kind"])
    }

    /// Name.
    pub fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }

    /// Namespace; `None` for cluster-scoped objects.
    pub fn namespace(&self) -> Option<&str> {
        self.at(&["metadata", "namespace"]).and_then(Value::as_str)
    }

    /// What names this object.
    pub fn key(&self) -> ObjectKey {
        ObjectKey {
            group: self.group().to_owned(),
            kind: self.kind().to_owned(),
            namespace: self.namespace().map(str::to_owned),
            name: self.name().to_owned(),
        }
    }

    /// The name of the file that holds this object in a release.
    pub fn file_name(&self) -> String {
        paths::manifest(self.group(), self.kind(), self.namespace(), self.name())
    }

    /// How a release's index names this object.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef {
            file: self.file_name(),
            group: self.group().to_owned(),
            version: self.version().to_owned(),
            kind: self.kind().to_owned(),
            namespace: self.namespace().map(str::to_owned),
            name: self.name().to_owned(),
        }
    }

    /// The value below these keys of maps, if every one of them is there.
    ///
    /// It takes keys and not a JSON pointer, because those have to be unescaped: names, labels and
    /// annotations are asked for so often that this was a quarter of a compile.
    pub fn at(&self, keys: &[&str]) -> Option<&Value> {
        walk(&self.0, keys)
    }

    fn text(&self, keys: &[&str]) -> &str {
        self.at(keys).and_then(Value::as_str).unwrap_or_default()
    }
}

fn walk<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().try_fold(value, |value, key| value.get(key))
}

impl fmt::Display for ObjectKey {
    /// `Deployment acme/web`, `Namespace acme`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

impl From<&ObjectRef> for ObjectKey {
    fn from(object: &ObjectRef) -> Self {
        Self {
            group: object.group.clone(),
            kind: object.kind.clone(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
        }
    }
}
