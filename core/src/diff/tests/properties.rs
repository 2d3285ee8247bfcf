//! What holds for any objects.

use proptest::prelude::*;

use super::*;

/// Any tree: nested maps and lists over a few keys, among them those the kind table knows.
fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (0..5_i64).prop_map(Value::from),
        prop::sample::select(vec!["a", "b", "500m", "0.5", "5s", "TCP", "$(A)"])
            .prop_map(Value::from),
    ];
    let keys = vec![
        "name",
        "spec",
        "template",
        "containers",
        "initContainers",
        "env",
        "ports",
        "containerPort",
        "protocol",
        "port",
        "resources",
        "requests",
        "cpu",
        "rules",
        "verbs",
        "egress",
        "to",
        "data",
        "selector",
        "immutable",
        "limits",
        "type",
        "value",
    ];
    leaf.prop_recursive(6, 48, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(keys.clone()), inner, 0..5).prop_map(
                |map| map
                    .into_iter()
                    .map(|(k, v)| (k.to_owned(), v))
                    .collect::<Value>()
            ),
        ]
    })
}

/// A Deployment, a Role or a NetworkPolicy with any content.
fn any_object() -> impl Strategy<Value = Object> {
    let kinds: Vec<&str> = kinds::all().iter().map(|info| info.kind).collect();
    let content = prop::collection::btree_map(
        prop::sample::select(vec![
            "spec",
            "data",
            "rules",
            "roleRef",
            "subjects",
            "immutable",
            "type",
        ]),
        tree(),
        0..4,
    );
    (
        prop::sample::select(kinds),
        prop::sample::select(vec!["a", "b", "c"]),
        content,
    )
        .prop_map(|(kind, name, content)| {
            let content: Value = content
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect();
            object(kind, name, &content)
        })
}

fn objects() -> impl Strategy<Value = Vec<Object>> {
    prop::collection::vec(any_object(), 0..6).prop_map(|objects| {
        let unique: BTreeMap<ObjectKey, Object> =
            objects.into_iter().map(|o| (o.key(), o)).collect();
        unique.into_values().collect()
    })
}

/// A Deployment whose keyed lists hold different items, and the same with those lists shuffled.
fn shuffled() -> impl Strategy<Value = (Value, Value)> {
    let ports = Just(
        (1..6)
            .map(|p| json!({ "containerPort": p, "name": format!("p{p}") }))
            .collect::<Vec<_>>(),
    );
    let env = Just(
        (1..6)
            .map(|i| json!({ "name": format!("E{i}"), "value": "x" }))
            .collect::<Vec<_>>(),
    );
    let volumes = Just(
        (1..6)
            .map(|i| json!({ "name": format!("v{i}"), "emptyDir": {} }))
            .collect::<Vec<_>>(),
    );
    let build = |(ports, env, volumes): (Vec<Value>, Vec<Value>, Vec<Value>)| {
        let containers = ["a", "b"].map(|name| json!({ "name": name, "ports": ports, "env": env }));
        json!({ "spec": { "template": { "spec": { "containers": containers, "volumes": volumes } } } })
    };
    let sorted = (ports.clone(), env.clone(), volumes.clone()).prop_map(build);
    let mixed = (
        ports.prop_shuffle(),
        env.prop_shuffle(),
        volumes.prop_shuffle(),
    )
        .prop_map(build);
    (sorted, mixed)
}

proptest! {
    #[test]
    fn nothing_changes_against_itself(objects in objects()) {
        for change in diff(&objects, &objects) {
            prop_assert_eq!(change.change, Change::Unchanged);
            prop_assert!(change.fields.is_empty() && change.replace_paths.is_empty());
        }
    }

    #[test]
    fn both_directions_see_the_same_fields(before in objects(), after in objects()) {
        let paths = |changes: Vec<ObjectChange>| -> BTreeMap<ObjectKey, Vec<String>> {
            changes
                .into_iter()
                .map(|c| {
                    let mut paths: Vec<String> = c.fields.into_iter().map(|f| f.path).collect();
                    paths.sort();
                    (c.key, paths)
                })
                .collect()
        };
        prop_assert_eq!(paths(diff(&before, &after)), paths(diff(&after, &before)));
    }

    #[test]
    fn the_order_of_objects_means_nothing(before in objects(), after in objects(), turn in 0..6_usize) {
        let mut turned = after.clone();
        if !turned.is_empty() {
            let turn = turn % turned.len();
            turned.rotate_left(turn);
        }
        prop_assert_eq!(diff(&before, &after), diff(&before, &turned));
    }

    #[test]
    fn every_object_is_accounted_for(before in objects(), after in objects()) {
        let changes = diff(&before, &after);
        let count = |change: Change| changes.iter().filter(|c| c.change == change).count();
        let kept = count(Change::Unchanged) + count(Change::Update) + count(Change::Replace);
        prop_assert_eq!(kept + count(Change::Delete), before.len());
        prop_assert_eq!(kept + count(Change::Create), after.len());
        for change in &changes {
            prop_assert_eq!(change.change == Change::Replace, !change.replace_paths.is_empty());
        }
    }

    #[test]
    fn shuffled_keyed_lists_are_no_change((sorted, mixed) in shuffled()) {
        prop_assert_eq!(check("Deployment", &sorted, &mixed).0, Change::Unchanged);
    }

    #[test]
    fn applying_order_is_stable(objects in objects(), turn in 0..6_usize) {
        let mut once = objects.clone();
        kinds::sort_for_apply(&mut once, Object::key);
        let mut turned = objects;
        if !turned.is_empty() {
            let turn = turn % turned.len();
            turned.rotate_left(turn);
        }
        kinds::sort_for_apply(&mut turned, Object::key);
        prop_assert_eq!(once, turned);
    }
}
