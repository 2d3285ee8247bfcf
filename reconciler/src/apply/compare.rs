//! Pure: how a live object compares with what the release wants.
//!
//! Servers store other spellings than they are sent (quantities, defaults, what a webhook adds), so that
//! comparing text with text would find differences for ever. Instead the inventory records two digests
//! when an object is applied: of what was sent, and of the same fields as they came back. Later the first
//! tells a new release, the second tells a hand edit, and neither needs to know how a server spells.

use orz_core::Value;
use orz_core::diff::{self, Change};
use orz_core::format::InventoryItem;
use orz_core::id::Digest;
use orz_core::object::Object;
use serde_json::{Map, json};

use super::foreign;
use super::mark::MEMBER;
use crate::engine::LiveState;

/// What is sent for an object: the object itself and the mark of its part.
pub(crate) fn body(object: &Object, mark: &str) -> Value {
    let mut body = object.value().clone();
    if body.pointer("/metadata/labels").is_none_or(Value::is_null) {
        body["metadata"]["labels"] = json!({});
    }
    body["metadata"]["labels"][MEMBER] = Value::from(mark);
    body
}

/// Digest of what is sent.
pub(crate) fn sent(body: &Value) -> Digest {
    Digest::of(body.to_string().as_bytes())
}

/// Digest of the same fields as they are live, and of what others put where only ours should be.
pub(crate) fn seen(live: &Value, body: &Value) -> Digest {
    let seen = json!({"fields": project(live, body), "foreign": foreign::fields(live)});
    Digest::of(seen.to_string().as_bytes())
}

/// How `live` compares with `body`, given what the inventory recorded about the object.
pub(crate) fn compare(live: &Value, body: &Value, item: Option<&InventoryItem>) -> LiveState {
    let recorded = |digest: fn(&InventoryItem) -> Option<&Digest>, now: &Digest| {
        item.and_then(digest)
            .is_some_and(|recorded| recorded == now)
    };
    let same_release = recorded(|item| item.applied.as_ref(), &sent(body));
    if same_release && recorded(|item| item.live.as_ref(), &seen(live, body)) {
        return LiveState::Same;
    }
    let paths = frozen(live, body);
    if !paths.is_empty() {
        return LiveState::Frozen { paths };
    }
    if same_release {
        LiveState::Drifted
    } else {
        LiveState::Changed
    }
}

/// The frozen fields that would have to change.
///
/// Only fields that the release states are looked at: what a server filled in is no difference, and
/// taking it for one would delete and create an object without need.
fn frozen(live: &Value, body: &Value) -> Vec<String> {
    let (Ok(before), Ok(after)) = (Object::new(project(live, body)), Object::new(body.clone()))
    else {
        return Vec::new();
    };
    let changes = diff::diff(&[before], &[after]);
    changes
        .into_iter()
        .filter(|c| c.change == Change::Replace)
        .flat_map(|c| c.replace_paths)
        .collect()
}

/// The fields of `live` that `wanted` states.
///
/// A list is taken whole when it is longer or shorter, and so is everything that selects: one more
/// condition in a selector is another selector. (`{}` is one too: it selects everything.)
fn project(live: &Value, wanted: &Value) -> Value {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            let mut projected = Map::new();
            for (key, wanted) in wanted {
                let Some(live) = live.get(key) else { continue };
                let whole = key.ends_with("elector");
                projected.insert(
                    key.clone(),
                    if whole {
                        live.clone()
                    } else {
                        project(live, wanted)
                    },
                );
            }
            Value::Object(projected)
        }
        (Value::Array(live), Value::Array(wanted)) if live.len() == wanted.len() => live
            .iter()
            .zip(wanted)
            .map(|(live, wanted)| project(live, wanted))
            .collect(),
        (live, _) => live.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{config, object};

    const MARK: &str = "applyset-x-v1";

    fn deployment(image: &str, memory: &str) -> Object {
        object(
            "apps/v1",
            "Deployment",
            Some("acme"),
            "web",
            &json!({"spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"spec": {"containers": [{"name": "web", "image": image, "resources": {"limits": {"memory": memory}}}]}},
            }}),
        )
    }

    /// As a server returns it: with defaults and in its own spelling.
    fn stored(body: &Value) -> Value {
        let mut live = body.clone();
        live["metadata"]["uid"] = json!("1");
        live["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": "1"});
        live["spec"]["progressDeadlineSeconds"] = json!(600);
        live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
        live["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] =
            json!("1Gi");
        live["status"] = json!({"replicas": 1});
        live
    }

    fn recorded(object: &Object, body: &Value, live: &Value) -> InventoryItem {
        InventoryItem {
            object: object.reference(),
            uid: Some("1".to_owned()),
            applied: Some(sent(body)),
            live: Some(seen(live, body)),
            kept: false,
        }
    }

    #[test]
    fn a_deployment() {
        let wanted = deployment("web:1", "1024Mi");
        let sent = body(&wanted, MARK);
        let item = recorded(&wanted, &sent, &stored(&sent));
        let edit = |pointer: &str, value: Value| {
            let mut live = stored(&sent);
            *live.pointer_mut(pointer).expect("is there") = value;
            live
        };
        let drifted: [(&str, Value); 4] = [
            ("/spec/template/spec/containers/0/image", json!("web:evil")),
            (
                "/spec/template/spec/containers/0/resources/limits/memory",
                json!("2Gi"),
            ),
            ("/spec/template/spec/containers", json!([])),
            ("/metadata/labels", json!({})),
        ];
        assert_eq!(compare(&stored(&sent), &sent, Some(&item)), LiveState::Same);
        for (pointer, value) in drifted {
            assert_eq!(
                compare(&edit(pointer, value), &sent, Some(&item)),
                LiveState::Drifted,
                "{pointer}"
            );
        }
        for (pointer, value) in [
            ("/status", json!({"replicas": 2})),
            ("/spec/progressDeadlineSeconds", json!(1)),
        ] {
            assert_eq!(
                compare(&edit(pointer, value), &sent, Some(&item)),
                LiveState::Same,
                "{pointer}"
            );
        }
        let next = body(&deployment("web:2", "1024Mi"), MARK);
        assert_eq!(
            compare(&stored(&sent), &next, Some(&item)),
            LiveState::Changed
        );
        assert_eq!(
            compare(&stored(&sent), &sent, None),
            LiveState::Changed,
            "nothing recorded"
        );
    }

    #[test]
    fn frozen_fields_need_a_new_object() {
        let mut other = deployment("web:1", "1Gi").into_value();
        other["spec"]["selector"] = json!({"matchLabels": {"app": "shop"}});
        let live = stored(&body(&deployment("web:1", "1Gi"), MARK));
        let state = compare(
            &live,
            &body(&Object::new(other).expect("an object"), MARK),
            None,
        );
        assert!(
            matches!(&state, LiveState::Frozen { paths } if paths[0].contains("selector")),
            "{state:?}"
        );
    }

    #[test]
    fn an_empty_selector_is_a_selector() {
        let policy = object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            Some("acme"),
            "default-deny",
            &json!({
                "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
            }),
        );
        let sent = body(&policy, MARK);
        let item = recorded(&policy, &sent, &sent);
        let mut narrowed = sent.clone();
        narrowed["spec"]["podSelector"] = json!({"matchLabels": {"app": "none"}});
        assert_eq!(compare(&narrowed, &sent, Some(&item)), LiveState::Drifted);
    }

    #[test]
    fn the_mark_is_part_of_what_is_sent() {
        let plain = body(&config("acme", "a", "1"), MARK);
        assert_eq!(plain["metadata"]["labels"], json!({MEMBER: MARK}));
    }
}
