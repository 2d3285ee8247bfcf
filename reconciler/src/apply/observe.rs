//! Reading what is live of one part: one list for each kind and namespace of the tenant.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::Value;
use orz_core::format::{Inventory, InventoryItem};
use orz_core::id::TenantName;
use orz_core::object::{Object, ObjectKey};

use super::api::{Api, ApiError, Collection};
use super::compare::{body, compare};
use super::live::LiveWatch;
use super::mark::{carries, others};
use crate::desired::Desired;
use crate::engine::{EngineError, Live, LiveState};

/// Everything that exists of what `desired` wants and what the inventory names.
///
/// Any answer that is missing is an error: a smaller observation would look like deleted objects.
pub(crate) fn observe(
    api: &Api,
    desired: &Desired,
    inventory: Option<&Inventory>,
    mark: &str,
    watch: Option<&LiveWatch>,
) -> Result<BTreeMap<ObjectKey, Live>, EngineError> {
    let wanted: BTreeMap<ObjectKey, &Object> =
        desired.objects.iter().map(|o| (o.key(), o)).collect();
    let items: BTreeMap<ObjectKey, &InventoryItem> = inventory
        .into_iter()
        .flat_map(|i| &i.objects)
        .map(|item| (item.key(), item))
        .collect();

    let collections = collections(&wanted, &items)?;
    if let Some(watch) = watch {
        // Before anything is read, so that nothing changes unseen in between.
        let part = (desired.tenant.clone(), desired.part);
        let all = collections.iter();
        watch.holds(
            &part,
            all.flat_map(|(collection, names)| names.keys().map(move |name| (collection, name))),
        );
    }
    let mut live = BTreeMap::new();
    for (collection, names) in collections {
        let found = read(api, &desired.tenant, &collection, &names);
        let found = match found {
            Ok(found) => found,
            // Without its definition there are no objects of the kind either.
            Err(error)
                if error.is_unknown_kind()
                    && !names.values().any(|key| wanted.contains_key(key)) =>
            {
                continue;
            }
            Err(error) if error.is_unknown_kind() => {
                return Err(EngineError::UnknownKind {
                    kind: collection.kind.clone(),
                    api_version: collection.api_version(),
                });
            }
            Err(error) => {
                return Err(EngineError::Api {
                    what: format!("read {collection}"),
                    error,
                });
            }
        };
        let mut missing: BTreeSet<&String> = names.keys().collect();
        for value in found {
            let Some(key) = value
                .pointer("/metadata/name")
                .and_then(Value::as_str)
                .and_then(|n| names.get(n))
            else {
                continue;
            };
            missing.remove(&key.name);
            if let Some(watch) = watch {
                watch.saw(&collection, &key.name, Some(&value));
            }
            let state = match wanted.get(key) {
                Some(object) => compare(&value, &body(object, mark), items.get(key).copied()),
                None => LiveState::Same,
            };
            live.insert(key.clone(), describe(value, mark, state));
        }
        for name in missing {
            if let Some(watch) = watch {
                watch.saw(&collection, name, None);
            }
        }
    }
    Ok(live)
}

/// A live object as the planner sees it.
pub(crate) fn describe(value: Value, mark: &str, state: LiveState) -> Live {
    Live {
        uid: value
            .pointer("/metadata/uid")
            .and_then(Value::as_str)
            .map(str::to_owned),
        marked: carries(&value, mark),
        deleting: value.pointer("/metadata/deletionTimestamp").is_some(),
        managers: others(&value),
        state,
        object: Object::new(value).ok(),
    }
}

type Names = BTreeMap<String, ObjectKey>;

fn collections(
    wanted: &BTreeMap<ObjectKey, &Object>,
    items: &BTreeMap<ObjectKey, &InventoryItem>,
) -> Result<BTreeMap<Collection, Names>, EngineError> {
    let mut collections: BTreeMap<Collection, Names> = BTreeMap::new();
    let keys: BTreeSet<&ObjectKey> = wanted.keys().chain(items.keys()).collect();
    for key in keys {
        let version = match (wanted.get(key), items.get(key)) {
            (Some(object), _) => object.version(),
            (None, Some(item)) => &item.object.version,
            (None, None) => continue,
        };
        let collection = Collection::new(&key.group, version, &key.kind, key.namespace.as_deref())?;
        collections
            .entry(collection)
            .or_default()
            .insert(key.name.clone(), key.clone());
    }
    Ok(collections)
}

/// The named objects of a collection, perhaps among others.
///
/// Only namespaces of the tenant are listed: elsewhere (and among cluster-scoped objects) a list would grow with
/// the number of tenants.
fn read(
    api: &Api,
    tenant: &TenantName,
    collection: &Collection,
    names: &Names,
) -> Result<Vec<Value>, ApiError> {
    let own = collection
        .namespace
        .as_deref()
        .is_some_and(|namespace| tenant.owns_namespace(namespace));
    if own && names.len() > 1 {
        return api.list(collection);
    }
    let found: Result<Vec<_>, _> = names.keys().map(|name| api.get(collection, name)).collect();
    Ok(found?.into_iter().flatten().collect())
}
