//! JSON Schemas: generated from the types, used to validate and written to `schemas/`.

use std::sync::OnceLock;

use orz_core::format::Document;
use orz_core::{Value, format, plan};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, json};

use crate::validate::schema_errors::Checker;
use crate::{platform, sections};

/// Every schema that stands in `schemas/`: file name → schema.
///
/// Documents that people write refuse unknown keys; what orz writes itself accepts them, so that an older
/// reader survives a newer writer.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let mut all = vec![("bundle.schema.json", bundle_schema())];
    all.extend(platform::schemas());
    all.extend([
        ("brake.schema.json", written::<format::Brake>()),
        ("claim.schema.json", written::<format::Claim>()),
        ("inventory.schema.json", written::<format::Inventory>()),
        ("plan.schema.json", written::<plan::Plan>()),
        ("pointer.schema.json", written::<format::Pointer>()),
        (
            "reconciler-settings.schema.json",
            written::<format::ReconcilerSettings>(),
        ),
        ("release.schema.json", written::<format::Release>()),
        ("status.schema.json", written::<format::Status>()),
        ("release-diff.schema.json", written::<plan::ReleaseDiff>()),
    ]);
    all.sort_by_key(|(name, _)| *name);
    all
}

/// The schema of one file of a bundle, as a document people's editors can use.
pub(crate) fn bundle_schema() -> Value {
    let mut generator = generator();
    let mut properties = Map::new();
    properties.insert(
        "$schema".to_owned(),
        json!({ "type": "string", "description": "Where an editor finds the schema; ignored." }),
    );
    for (section, schema) in sections::section_schemas(&mut generator) {
        properties.insert(section.to_owned(), schema);
    }
    let mut schema = json!({
        "$schema": DIALECT,
        "title": "Bundle",
        "description": "What one namespace of a tenant runs: all of it, or a fragment that is united with the others.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": generator.take_definitions(true),
    });
    without_null(&mut schema);
    schema
}

/// The schema of a document that people write: `T` refuses unknown fields, and `null` stands for nothing.
pub(crate) fn document_schema<T: JsonSchema>() -> Value {
    let mut schema = generator().into_root_schema_for::<T>().to_value();
    without_null(&mut schema);
    schema
}

/// The compiled schema of a bundle's file.
pub(crate) fn bundle_checker() -> &'static Checker {
    static CHECKER: OnceLock<Checker> = OnceLock::new();
    CHECKER.get_or_init(|| Checker::new(bundle_schema()))
}

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().into_generator()
}

/// The schema of a format of `core`, with the two fields of its envelope.
fn written<T: Document + JsonSchema>() -> Value {
    let mut schema = generator().into_root_schema_for::<T>().to_value();
    schema["properties"]["apiVersion"] = json!({ "type": "string", "const": format::API_VERSION });
    schema["properties"]["kind"] = json!({ "type": "string", "const": T::KIND });
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    schema["required"] = [json!("apiVersion"), json!("kind")]
        .into_iter()
        .chain(required)
        .collect::<Vec<_>>()
        .into();
    schema
}

/// Takes out what lets an optional field be `null`.
///
/// An optional field is left out, never null: one way to say nothing, and no `anyOf`, whose errors
/// cannot say what is wrong.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|t| t != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = map.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type") != Some(&json!("null")));
                if let [only] = choices.as_slice() {
                    let only = only.clone();
                    map.remove("anyOf");
                    if let Value::Object(only) = only {
                        map.extend(only.into_iter().filter(|(key, _)| key != "description"));
                    }
                }
            }
            if map.get("default") == Some(&Value::Null) {
                map.remove("default");
            }
            map.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keywords(schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(map) => {
                for (key, value) in map {
                    found.push(key.clone());
                    keywords(value, found);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| keywords(item, found)),
            _ => {}
        }
    }

    #[test]
    fn no_schema_that_people_write_against_has_alternatives() {
        for (name, schema) in [vec![("bundle", bundle_schema())], platform::schemas()].concat() {
            let mut found = Vec::new();
            keywords(&schema, &mut found);
            let alternatives = found.iter().any(|k| k == "anyOf" || k == "oneOf");
            assert!(
                !alternatives,
                "{name}: errors in alternatives name no cause"
            );
        }
    }

    #[test]
    fn every_schema_compiles() {
        for (name, schema) in schemas() {
            assert!(jsonschema::validator_for(&schema).is_ok(), "{name}");
        }
    }
}
