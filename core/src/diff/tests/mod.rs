//! Pairs of small objects and the changes between them.

mod frozen;
mod properties;
mod semantic;

use serde_json::json;

use super::*;

/// An object of a known kind in namespace `acme`, with `content` beside its metadata.
fn object(kind: &str, name: &str, content: &Value) -> Object {
    let info = kinds::all()
        .iter()
        .find(|info| info.kind == kind)
        .expect("a known kind");
    let api_version = if info.group.is_empty() {
        "v1".to_owned()
    } else {
        format!("{}/v1", info.group)
    };
    let mut metadata = json!({ "name": name });
    if info.scope == kinds::Scope::Namespaced {
        metadata["namespace"] = "acme".into();
    }
    let mut value = json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata });
    value
        .as_object_mut()
        .expect("a map")
        .extend(content.as_object().expect("content is a map").clone());
    Object::new(value).expect("an object")
}

/// What happens to one object of `kind`: the change, the frozen fields and the fields, as
/// `path: before → after`.
fn check(kind: &str, before: &Value, after: &Value) -> (Change, Vec<String>, Vec<String>) {
    let [change] = &diff(&[object(kind, "x", before)], &[object(kind, "x", after)])[..] else {
        panic!("one object, one change")
    };
    let text = |value: &Option<Value>| {
        value
            .as_ref()
            .map_or("none".to_owned(), ToString::to_string)
    };
    let fields = change
        .fields
        .iter()
        .map(|f| format!("{}: {} → {}", f.path, text(&f.before), text(&f.after)));
    (
        change.change,
        change.replace_paths.clone(),
        fields.collect(),
    )
}

#[test]
fn deletions_and_replacements_come_first() {
    let data = |text: &str| json!({ "immutable": true, "data": { "k": text } });
    let before = [
        object("ConfigMap", "a-same", &data("1")),
        object("ConfigMap", "b-replaced", &data("1")),
        object(
            "Service",
            "c-updated",
            &json!({ "spec": { "type": "ClusterIP" } }),
        ),
        object("ConfigMap", "d-gone", &data("1")),
        object("Namespace", "acme", &json!({})),
    ];
    let after = [
        object("ConfigMap", "a-created", &data("1")),
        object(
            "Service",
            "c-updated",
            &json!({ "spec": { "type": "NodePort" } }),
        ),
        object("ConfigMap", "b-replaced", &data("2")),
        object("ConfigMap", "a-same", &data("1")),
    ];
    let changes = diff(&before, &after);
    let found: Vec<_> = changes
        .iter()
        .map(|c| (c.change, c.key.to_string(), c.cascades))
        .collect();
    let expected = [
        (Change::Delete, "ConfigMap acme/d-gone", 0),
        (Change::Delete, "Namespace acme", 4),
        (Change::Replace, "ConfigMap acme/b-replaced", 0),
        (Change::Create, "ConfigMap acme/a-created", 0),
        (Change::Unchanged, "ConfigMap acme/a-same", 0),
        (Change::Update, "Service acme/c-updated", 0),
    ];
    assert_eq!(
        found,
        expected.map(|(change, key, cascades)| (change, key.to_owned(), cascades))
    );
    let fields = |change: &ObjectChange| (change.fields.len(), change.replace_paths.clone());
    assert_eq!(fields(&changes[2]), (1, vec!["data".to_owned()]));
    assert_eq!(fields(&changes[3]), (0, Vec::new()));
}

#[test]
fn values_of_a_secret_are_compared_but_never_shown() {
    let before = json!({ "type": "Opaque", "data": { "same": "czNjcjN0", "other": "b2xk", "gone": "eA==" } });
    let after =
        json!({ "type": "Opaque", "data": { "same": "czNjcjN0", "other": "bmV3", "new": "eQ==" } });
    let (change, frozen, fields) = check("Secret", &before, &after);
    assert_eq!((change, frozen), (Change::Update, Vec::new()));
    assert_eq!(
        fields,
        [
            r#"data.gone: "(hidden)" → none"#,
            r#"data.new: none → "(hidden)""#,
            r#"data.other: "(hidden)" → "(hidden), changed""#,
        ]
    );
    let (change, ..) = check("Secret", &json!({ "data": "a" }), &json!({ "data": "b" }));
    assert_eq!(
        change,
        Change::Update,
        "a malformed section is compared too"
    );
}
