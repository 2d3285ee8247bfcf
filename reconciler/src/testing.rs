//! What the tests of this package share.

use orz_core::format::{Requirement, StateKind, digest_of};
use orz_core::id::{Digest, Part, hex};
use orz_core::object::Object;
use serde_json::{Value, json};

use crate::desired::Desired;

pub(crate) fn object(
    api_version: &str,
    kind: &str,
    namespace: Option<&str>,
    name: &str,
    rest: &Value,
) -> Object {
    let mut value = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
    if let Some(namespace) = namespace {
        value["metadata"]["namespace"] = json!(namespace);
    }
    for (key, part) in rest.as_object().cloned().unwrap_or_default() {
        value[key] = part;
    }
    Object::new(value).expect("an object")
}

pub(crate) fn config(namespace: &str, name: &str, text: &str) -> Object {
    object(
        "v1",
        "ConfigMap",
        Some(namespace),
        name,
        &json!({"data": {"text": text}}),
    )
}

pub(crate) fn volume(namespace: &str, name: &str) -> Object {
    object(
        "v1",
        "PersistentVolumeClaim",
        Some(namespace),
        name,
        &json!({"spec": {}}),
    )
}

pub(crate) fn namespace(name: &str) -> Object {
    object("v1", "Namespace", None, name, &json!({}))
}

/// A valid pointer's target: the release of equal objects has an equal name.
pub(crate) fn desired(tenant: &str, part: Part, mut objects: Vec<Object>) -> Desired {
    objects.sort_by_key(Object::file_name);
    let files: std::collections::BTreeMap<_, _> = objects
        .iter()
        .map(|o| (o.file_name(), format!("{:#}\n", o.value()).into_bytes()))
        .collect();
    let digest = digest_of(
        files
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice())),
    );
    let release = &hex(Digest::of(format!("{part}{digest}").as_bytes())
        .as_str()
        .as_bytes())[..40];
    Desired {
        cluster: "in-cluster".parse().expect("valid"),
        tenant: tenant.parse().expect("valid"),
        part,
        namespace: tenant.to_owned(),
        release: release.parse().expect("40 hex digits"),
        digest,
        files,
        objects,
        requires: Vec::new(),
        state: StateKind::Live,
    }
}

pub(crate) fn requires(mut desired: Desired, part: Part, object: &Object) -> Desired {
    desired.requires.push(Requirement {
        part,
        group: object.group().to_owned(),
        kind: object.kind().to_owned(),
        namespace: object.namespace().map(str::to_owned),
        name: object.name().to_owned(),
    });
    desired
}
