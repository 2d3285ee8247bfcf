//! The inventory of a part: one ConfigMap in `orz-system`.
//!
//! Every chain of writes starts with an update of it that is conditioned on the version which was read:
//! of two writers the slower one fails here, before it has changed anything else.

use orz_core::Value;
use orz_core::format::{self, Inventory};
use orz_core::id::{Part, TenantName};
use serde_json::json;

use super::api::{Api, ApiError, Call, Collection};
use super::mark::{NAMESPACE, inventory_name, parent};
use crate::engine::EngineError;

/// The key of the ConfigMap under which the inventory stands.
const KEY: &str = "inventory.json";

/// The inventory of a part and its version; both `None` when nothing of it was ever applied.
pub(crate) fn read(
    api: &Api,
    tenant: &TenantName,
    part: Part,
) -> Result<(Option<Inventory>, Option<String>), EngineError> {
    let name = inventory_name(tenant, part);
    let found = api
        .get(&collection()?, &name)
        .map_err(|error| failed("read", &name, error))?;
    let Some(found) = found else {
        return Ok((None, None));
    };
    let unreadable = |reason: String| EngineError::Inventory {
        what: what(&name),
        reason,
    };
    let text = found
        .pointer("/data")
        .and_then(|data| data.get(KEY))
        .and_then(Value::as_str);
    let text = text.ok_or_else(|| unreadable(format!("it has no `{KEY}`")))?;
    let inventory: Inventory =
        format::from_bytes(text.as_bytes()).map_err(|e| unreadable(e.to_string()))?;
    if (&inventory.tenant, inventory.part) != (tenant, part) {
        return Err(unreadable(format!(
            "it is that of `{}/{}`",
            inventory.tenant, inventory.part
        )));
    }
    Ok((Some(inventory), Some(version(&found))))
}

/// Writes the inventory, if it still has the version that was read; returns the new version.
pub(crate) fn write(
    api: &Api,
    inventory: &Inventory,
    read: Option<&str>,
) -> Result<String, EngineError> {
    let name = inventory_name(&inventory.tenant, inventory.part);
    let (labels, annotations) = parent(inventory);
    let text = String::from_utf8(format::to_bytes(inventory)).expect("JSON is UTF-8");
    let mut body = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels, "annotations": annotations},
        "data": {KEY: text},
    });
    let collection = collection()?;
    let sent = match read {
        None => api.send(&collection, &Call::Create { body: &body }),
        Some(version) => {
            body["metadata"]["resourceVersion"] = Value::from(version);
            api.send(
                &collection,
                &Call::Replace {
                    name: &name,
                    body: &body,
                },
            )
        }
    };
    match sent {
        Ok(answer) => Ok(version(&answer.body)),
        // A version that moved, or an inventory that appeared or vanished. It may have been our own write,
        // whose answer was lost: the next pass finds out, and nothing was changed after it.
        Err(error) if error.code == 409 || (error.code == 404 && read.is_some()) => {
            Err(EngineError::Stale { what: what(&name) })
        }
        Err(error) => Err(failed("write", &name, error)),
    }
}

/// Whether the inventory still has the version that was read.
pub(crate) fn is_at(
    api: &Api,
    tenant: &TenantName,
    part: Part,
    read: Option<&str>,
) -> Result<bool, ApiError> {
    let collection = collection().map_err(|error| ApiError::unexpected(&error.to_string()))?;
    let found = api.get(&collection, &inventory_name(tenant, part))?;
    Ok(found.as_ref().map(version).as_deref() == read)
}

/// Removes the inventory, if it still has the version that was read.
pub(crate) fn remove(
    api: &Api,
    tenant: &TenantName,
    part: Part,
    read: &str,
) -> Result<(), EngineError> {
    let name = inventory_name(tenant, part);
    let collection = collection()?;
    let found = api
        .get(&collection, &name)
        .map_err(|error| failed("read", &name, error))?;
    let Some(found) = found else {
        return Ok(());
    };
    if version(&found) != read {
        return Err(EngineError::Stale { what: what(&name) });
    }
    let uid = found
        .pointer("/metadata/uid")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let call = Call::Delete {
        name: &name,
        uid,
        version: Some(read),
    };
    match api.send(&collection, &call) {
        Err(error) if error.code == 409 => Err(EngineError::Stale { what: what(&name) }),
        Err(error) if error.code != 404 => Err(failed("delete", &name, error)),
        _ => Ok(()),
    }
}

fn collection() -> Result<Collection, EngineError> {
    Collection::new("", "v1", "ConfigMap", Some(NAMESPACE))
}

fn version(object: &Value) -> String {
    object
        .pointer("/metadata/resourceVersion")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn what(name: &str) -> String {
    format!("ConfigMap {NAMESPACE}/{name}")
}

fn failed(verb: &str, name: &str, error: ApiError) -> EngineError {
    EngineError::Api {
        what: format!("{verb} {}", what(name)),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::api::tests::server;

    #[test]
    fn an_inventory_that_somebody_wrote_to_meanwhile_is_not_removed() {
        let tenant = "acme".parse().expect("valid");
        let found = json!({"metadata": {"name": "a", "uid": "u", "resourceVersion": "7"}});
        let moved = json!({"kind": "Status", "reason": "Conflict", "details": {"name": "a"}});
        let (api, requests) = server(vec![(200, found.to_string()), (409, moved.to_string())]);
        let removed = remove(&api, &tenant, Part::Work, "7");
        assert!(
            matches!(removed, Err(EngineError::Stale { .. })),
            "{removed:?}"
        );
        let asked = requests.join().expect("ends");
        let body: Value = serde_json::from_str(&asked[1].body).expect("JSON");
        assert_eq!(
            body["preconditions"],
            json!({"uid": "u", "resourceVersion": "7"})
        );
    }
}
