//! The status that External Secrets Operator v1.3.2 writes, and the Secrets that it makes. Files
//! named here are its own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::operators::{Row, World, nothing};
use crate::kube_api::{items, text};

const API: &str = "external-secrets.io/v1";

pub(super) const SECRET_STORE: Row = Row {
    api_version: API,
    kind: "SecretStore",
    status: store,
    creates: nothing,
};

pub(super) const CLUSTER_SECRET_STORE: Row = Row {
    api_version: API,
    kind: "ClusterSecretStore",
    status: store,
    creates: nothing,
};

pub(super) const EXTERNAL_SECRET: Row = Row {
    api_version: API,
    kind: "ExternalSecret",
    status: external_secret,
    creates: secret,
};

/// `pkg/controllers/secretstore/common.go`: `msgStoreValidated`; `ShouldProcessStore` leaves the
/// stores of other controller classes alone.
fn store(store: &Value, world: &World) -> Option<Value> {
    is_ours(store).then(|| {
        json!({
            "capabilities": "ReadOnly",
            "conditions": [condition(world, true, "Valid", "store validated")],
        })
    })
}

/// `pkg/controllers/externalsecret/externalsecret_controller.go`: `markAsDone`, `markAsFailed`
/// with `msgSynced`, `msgErrorGetSecretData`; `shouldSkipUnmanagedStore`.
fn external_secret(object: &Value, world: &World) -> Option<Value> {
    if store_of(object, world).is_some_and(|store| !is_ours(store)) {
        return None;
    }
    if can_sync(object, world) {
        // As `GetResourceVersion` forms it; what it hashes decides only when to sync again.
        let generation = object
            .pointer("/metadata/generation")
            .and_then(Value::as_u64);
        Some(json!({
            "binding": {"name": target(object)},
            "conditions": [condition(world, true, "SecretSynced", "secret synced")],
            "refreshTime": world.now,
            "syncedResourceVersion": format!("{}-standin", generation.unwrap_or(1)),
        }))
    } else {
        let message = "could not get secret data from provider";
        Some(json!({"conditions": [condition(world, false, "SecretSyncedError", message)]}))
    }
}

/// `pkg/controllers/externalsecret/externalsecret_controller.go`: owner, label, type, and the
/// keys of `data` or of the template. What `dataFrom` would bring is not known here.
fn secret(object: &Value, world: &World) -> Option<Value> {
    let namespace = text(object, "/metadata/namespace");
    let name = target(object);
    let exists = world.find("Secret", namespace, name).is_some();
    let makes = !matches!(
        text(object, "/spec/target/creationPolicy"),
        "Merge" | "None"
    );
    if exists || !makes || !can_sync(object, world) {
        return None;
    }
    let template = &object["spec"]["target"]["template"];
    let kind = match text(template, "/type") {
        "" => "Opaque",
        kind => kind,
    };
    let mut values: BTreeMap<&str, &str> = BTreeMap::new();
    match template["data"].as_object() {
        Some(data) => values.extend(data.keys().map(|key| (key.as_str(), PLACEHOLDER))),
        None => values.extend(
            items(object, "/spec/data")
                .iter()
                .map(|item| (text(item, "/secretKey"), PLACEHOLDER)),
        ),
    }
    // The one type of which the API server reads the value.
    if let Some(value) = values.get_mut(".dockerconfigjson") {
        *value = r#"{"auths":{}}"#;
    }
    let mut secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"reconcile.external-secrets.io/managed": "true"},
        },
        "type": kind,
        "stringData": values,
    });
    if matches!(text(object, "/spec/target/creationPolicy"), "" | "Owner") {
        secret["metadata"]["ownerReferences"] = json!([{
            "apiVersion": API,
            "kind": "ExternalSecret",
            "name": text(object, "/metadata/name"),
            "uid": text(object, "/metadata/uid"),
            "controller": true,
            "blockOwnerDeletion": true,
        }]);
    }
    Some(secret)
}

/// Never a value that a secret store would give.
const PLACEHOLDER: &str = "placeholder";

/// The class of a controller without a flag is `default`.
fn is_ours(store: &Value) -> bool {
    matches!(text(store, "/spec/controller"), "" | "default")
}

fn store_of<'a>(object: &Value, world: &'a World) -> Option<&'a Value> {
    let reference = &object["spec"]["secretStoreRef"];
    let name = text(reference, "/name");
    if text(reference, "/kind") == CLUSTER_SECRET_STORE.kind {
        world.find(CLUSTER_SECRET_STORE.kind, "", name)
    } else {
        world.find(SECRET_STORE.kind, text(object, "/metadata/namespace"), name)
    }
}

/// The store is there, is ours and holds what is asked for.
fn can_sync(object: &Value, world: &World) -> bool {
    let data = items(object, "/spec/data")
        .iter()
        .map(|item| text(item, "/remoteRef/key"));
    let extracts = items(object, "/spec/dataFrom")
        .iter()
        .map(|item| text(item, "/extract/key"));
    let has_store = match store_of(object, world) {
        Some(store) => is_ours(store),
        // Without a store at all, the data come from generators.
        None => object["spec"]["secretStoreRef"].is_null(),
    };
    has_store
        && !data
            .chain(extracts)
            .any(|key| world.options.absent_remote_keys.contains(key))
}

fn target(object: &Value) -> &str {
    match text(object, "/spec/target/name") {
        "" => text(object, "/metadata/name"),
        name => name,
    }
}

/// These conditions have no generation of their own in the CRDs.
fn condition(world: &World, holds: bool, reason: &str, message: &str) -> Value {
    json!({
        "type": "Ready",
        "status": if holds { "True" } else { "False" },
        "reason": reason,
        "message": message,
        "lastTransitionTime": world.now,
    })
}
