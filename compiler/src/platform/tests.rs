use std::collections::BTreeMap;

use orz_core::Value;
use orz_core::diag::{Diagnostics, Sources};
use serde_json::json;

use super::*;

fn load(files: &[(&str, Value)]) -> Loaded<Platform> {
    let files: BTreeMap<_, _> = files
        .iter()
        .map(|(path, content)| ((*path).to_owned(), content.to_string().into_bytes()))
        .collect();
    Platform::load(&files)
}

fn codes(loaded: &Loaded<Platform>) -> Vec<(String, &'static str)> {
    loaded
        .diagnostics
        .iter()
        .map(|d| {
            (
                d.span
                    .map_or_else(String::new, |span| loaded.sources.locate(span)),
                d.code.name,
            )
        })
        .collect()
}

#[test]
fn what_ships_satisfies_its_own_schemas_and_fits_together() {
    // A patch that changes nothing takes every file through merging, its schema and the checks between files.
    let mut files: Vec<(String, Value)> = shipped::PLATFORM
        .iter()
        .map(|(name, _)| (format!("platform/{name}"), json!({})))
        .collect();
    files.extend(
        shipped::CONNECTORS
            .iter()
            .map(|(name, _)| (format!("platform/connectors/{name}.json"), json!({}))),
    );
    let files: Vec<(&str, Value)> = files
        .iter()
        .map(|(path, content)| (path.as_str(), content.clone()))
        .collect();
    let loaded = load(&files);
    assert_eq!(codes(&loaded), []);
    let (patched, plain) = (
        loaded.value.expect("no errors"),
        load(&[]).value.expect("no errors"),
    );
    assert_eq!(format!("{:?}", patched.plans), format!("{:?}", plain.plans));
    assert_eq!(
        format!("{:?}", patched.connector_types),
        format!("{:?}", plain.connector_types)
    );
}

#[test]
fn a_patch_changes_one_row_and_removes_another() {
    let loaded = load(&[
        (
            "platform/plans.json",
            json!({"plans": {"team": null, "pro": {"max": {"apps": 7}}}}),
        ),
        (
            "platform/images.json",
            json!({"registries": ["ghcr.io/acme"]}),
        ),
    ]);
    let platform = loaded.value.expect("a valid patch");
    assert!(!platform.plans.plans.contains_key("team"));
    let pro = &platform.plans.plans["pro"];
    assert_eq!(
        (pro.max.apps, pro.max.connectors),
        (7, 50),
        "what the patch leaves out stays"
    );
    assert!(
        platform.images.allows("ghcr.io/acme/web:1")
            && !platform.images.allows("registry.example.com/web:1")
    );
}

#[test]
fn every_file_is_reported_and_each_at_its_place() {
    let loaded = load(&[
        ("platform/plan.json", json!({})),
        (
            "platform/plans.json",
            json!({"plans": {"pro": {"max": {"apps": "7"}}}}),
        ),
        ("platform/settings.json", json!({"enrolment": "open"})),
        ("platform/tenants/Acme.json", json!({})),
        ("platform/tenants/deep/acme.json", json!({})),
    ]);
    assert!(loaded.value.is_none());
    let mut found = codes(&loaded);
    found.sort();
    let expected = [
        ("platform/plan.json:1:1", "unexpected-file"),
        ("platform/plans.json:1:32", "wrong-type"),
        ("platform/settings.json:1:2", "unknown-field"),
        ("platform/tenants/Acme.json:1:1", "invalid-name"),
        ("platform/tenants/deep/acme.json:1:1", "unexpected-file"),
    ];
    assert_eq!(
        found,
        expected.map(|(place, code)| (place.to_owned(), code))
    );
}

#[test]
fn a_broken_operators_file_stops_its_own_tenant_only() {
    let files = BTreeMap::from([
        ("platform/tenants/acme.json".to_owned(), b"{".to_vec()),
        (
            "platform/tenants/blog.json".to_owned(),
            br#"{"plan": "pro"}"#.to_vec(),
        ),
    ]);
    let platform = Platform::load(&files)
        .value
        .expect("operators' files are read with their tenant");
    let operator = |name: &str| {
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
        let operator = platform.operator(
            &name.parse().expect("a name"),
            &mut sources,
            &mut diagnostics,
        );
        (operator.map(|o| o.plan), diagnostics.has_errors())
    };
    assert_eq!(operator("acme"), (None, true));
    assert_eq!(operator("blog"), (Some(Some("pro".to_owned())), false));
    assert_eq!(
        operator("shop"),
        (Some(None), false),
        "no file is the default"
    );
    let inputs: Vec<_> = platform
        .inputs(&"blog".parse().expect("a name"))
        .map(|(path, _)| path.to_owned())
        .collect();
    assert_eq!(
        inputs,
        ["platform/tenants/blog.json"],
        "another tenant's file is no input"
    );
}
