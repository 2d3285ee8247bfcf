//! What a pod refers to in its namespace: without it, a kubelet does not start the containers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::kube_api::{items, text};

/// The keys of each ConfigMap and Secret, by namespace and name.
#[derive(Default)]
pub(super) struct Known {
    config_maps: Keys,
    secrets: Keys,
}

type Keys = BTreeMap<(String, String), BTreeSet<String>>;

/// What is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// A volume's source: the pod waits without a reason in its status.
    Volume,
    /// A variable's source, with the kubelet's message.
    Variable(String),
}

impl Known {
    pub(super) fn new(config_maps: &[Value], secrets: &[Value]) -> Self {
        Self {
            config_maps: keys(config_maps),
            secrets: keys(secrets),
        }
    }

    /// The first thing that the pod refers to and that is not there; volumes are mounted before
    /// containers are made. Optional references do not count.
    pub(super) fn missing(&self, pod: &Value) -> Option<Missing> {
        let namespace = text(pod, "/metadata/namespace");
        let volumes = items(pod, "/spec/volumes");
        if volumes
            .iter()
            .any(|volume| self.lacks_volume(namespace, volume))
        {
            return Some(Missing::Volume);
        }
        let containers = items(pod, "/spec/initContainers").iter();
        containers
            .chain(items(pod, "/spec/containers"))
            .find_map(|container| self.lacks_variable(namespace, container))
            .map(Missing::Variable)
    }

    fn lacks_volume(&self, namespace: &str, volume: &Value) -> bool {
        let sources = items(volume, "/projected/sources").iter().chain([volume]);
        sources.into_iter().any(|source| {
            let secret = &source["secret"];
            // A projected source calls it `name`, a volume of its own `secretName`.
            let secret_name = match text(secret, "/secretName") {
                "" => text(secret, "/name"),
                name => name,
            };
            let config_map = &source["configMap"];
            lacks(&self.secrets, namespace, secret_name, secret)
                || lacks(
                    &self.config_maps,
                    namespace,
                    text(config_map, "/name"),
                    config_map,
                )
        })
    }

    fn lacks_variable(&self, namespace: &str, container: &Value) -> Option<String> {
        let whole = items(container, "/envFrom").iter().flat_map(|source| {
            [
                (&self.config_maps, "configmap", &source["configMapRef"]),
                (&self.secrets, "secret", &source["secretRef"]),
            ]
        });
        let single = items(container, "/env").iter().flat_map(|variable| {
            let source = &variable["valueFrom"];
            [
                (&self.config_maps, "configmap", &source["configMapKeyRef"]),
                (&self.secrets, "secret", &source["secretKeyRef"]),
            ]
        });
        whole.chain(single).find_map(|(known, kind, reference)| {
            if reference.is_null() || reference["optional"] == true {
                return None;
            }
            let (name, key) = (text(reference, "/name"), text(reference, "/key"));
            match known.get(&(namespace.to_owned(), name.to_owned())) {
                None => Some(format!("{kind} \"{name}\" not found")),
                Some(keys) if !key.is_empty() && !keys.contains(key) => Some(format!(
                    "couldn't find key {key} in {kind} {namespace}/{name}"
                )),
                Some(_) => None,
            }
        })
    }
}

fn lacks(known: &Keys, namespace: &str, name: &str, source: &Value) -> bool {
    if source.is_null() || source["optional"] == true {
        return false;
    }
    match known.get(&(namespace.to_owned(), name.to_owned())) {
        None => true,
        Some(keys) => items(source, "/items")
            .iter()
            .any(|item| !keys.contains(text(item, "/key"))),
    }
}

fn keys(objects: &[Value]) -> Keys {
    objects
        .iter()
        .map(|object| {
            let id = (
                text(object, "/metadata/namespace").to_owned(),
                text(object, "/metadata/name").to_owned(),
            );
            let keys = ["data", "binaryData"]
                .iter()
                .filter_map(|field| object[*field].as_object())
                .flat_map(|data| data.keys().cloned())
                .collect();
            (id, keys)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_there_and_not_optional_is_missing() {
        let object = json!({"metadata": {"namespace": "n", "name": "here"}, "data": {"k": "v"}});
        let known = Known::new(std::slice::from_ref(&object), std::slice::from_ref(&object));
        let variable = |text: &str| Some(Missing::Variable(text.into()));
        let env = |reference: Value| json!({"containers": [{"env": [{"name": "A", "valueFrom": reference}]}]});
        let volume = |volume: Value| json!({"volumes": [volume]});
        let cases = [
            (
                json!({"containers": [{"envFrom": [{"secretRef": {"name": "here"}}]}]}),
                None,
            ),
            (
                env(json!({"secretKeyRef": {"name": "here", "key": "k"}})),
                None,
            ),
            (
                env(json!({"secretKeyRef": {"name": "gone", "key": "k"}})),
                variable("secret \"gone\" not found"),
            ),
            (
                env(json!({"configMapKeyRef": {"name": "here", "key": "other"}})),
                variable("couldn't find key other in configmap n/here"),
            ),
            (
                env(json!({"secretKeyRef": {"name": "gone", "key": "k", "optional": true}})),
                None,
            ),
            (volume(json!({"secret": {"secretName": "here"}})), None),
            (
                volume(json!({"secret": {"secretName": "gone"}})),
                Some(Missing::Volume),
            ),
            (
                volume(json!({"projected": {"sources": [{"secret": {"name": "gone"}}]}})),
                Some(Missing::Volume),
            ),
            (
                volume(
                    json!({"configMap": {"name": "here", "items": [{"key": "x", "path": "x"}]}}),
                ),
                Some(Missing::Volume),
            ),
            (volume(json!({"emptyDir": {}})), None),
        ];
        for (spec, expected) in cases {
            let pod = json!({"metadata": {"namespace": "n"}, "spec": spec});
            assert_eq!(known.missing(&pod), expected, "{pod}");
        }
    }
}
