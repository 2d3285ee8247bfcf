//! The JSON of every command: a stable shape, and one document however the command ends.

use std::fmt::Write as _;

use serde_json::Value;

use crate::env::Env;

/// The shape of a document: every path with the type that stands there, each once.
fn shape(value: &Value) -> String {
    let mut lines = std::collections::BTreeSet::new();
    walk(value, "", &mut lines);
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

/// Fields whose keys are file names, or a schema's own.
const OPEN: [&str; 3] = ["files", "manifests", "schema"];

fn walk(value: &Value, path: &str, lines: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Object(_)
            if path
                .rsplit('.')
                .next()
                .is_some_and(|key| OPEN.contains(&key)) =>
        {
            lines.insert(format!("{path}: object"));
        }
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| walk(value, &format!("{path}.{key}"), lines)),
        Value::Array(items) if items.is_empty() => drop(lines.insert(format!("{path}[]: none"))),
        Value::Array(items) => items
            .iter()
            .for_each(|item| walk(item, &format!("{path}[]"), lines)),
        Value::String(text) if path == ".apiVersion" || path == ".kind" => {
            lines.insert(format!("{path}: {text}"));
        }
        Value::String(_) => drop(lines.insert(format!("{path}: string"))),
        Value::Number(_) => drop(lines.insert(format!("{path}: number"))),
        Value::Bool(_) => drop(lines.insert(format!("{path}: boolean"))),
        Value::Null => drop(lines.insert(format!("{path}: null"))),
    }
}

#[test]
fn the_shape_of_every_command() {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    let mut text = String::new();
    let mut add = |args: &[&str]| {
        let document = env.json(args);
        assert_eq!(document["apiVersion"], "orz.dev/v1", "{args:?}");
        writeln!(
            text,
            "$ orzc {} --format json\n{}\n",
            args.join(" "),
            shape(&document)
        )
        .expect("a String");
    };
    add(&["init"]);
    env.commit("the first bundle");
    add(&["check"]);
    add(&["build"]);
    add(&["build", "--out", "../out"]);
    add(&["plan"]);
    add(&["publish"]);
    add(&["activate", "demo", "--reason", "first"]);
    let bundle = env
        .read("source/tenants/demo/bundle.json")
        .replace("v1", "v2");
    env.write("source/tenants/demo/bundle.json", &bundle);
    add(&["publish", "--activate", "--reason", "second"]);
    add(&["up", "--once", "--target", "dir:../live"]);
    add(&["status", "--target", "dir:../live"]);
    add(&["rollback", "demo", "--reason", "back"]);
    add(&["hold", "demo", "--reason", "wait", "--until", "1h"]);
    add(&["release-hold", "demo", "--reason", "go on"]);
    add(&["history", "demo"]);
    add(&["show", "demo/work"]);
    add(&["diff", "demo/work", "demo/tenancy"]);
    add(&["verify", "--recompile"]);
    add(&["retire", "demo", "--reason", "over"]);
    add(&["destroy", "demo", "--yes", "--reason", "over"]);
    add(&["platform", "install", "--print"]);
    add(&["schema"]);
    add(&["schema", "pointer"]);
    add(&["explain"]);
    add(&["explain", "symlink"]);
    add(&["completions", "bash"]);
    // Errors have one shape too, with diagnostics where a compile found them.
    add(&["activate", "nobody", "--reason", "x"]);
    env.write(
        "source/tenants/demo/bundle.json",
        "{ \"tenant\": { \"nmae\": \"demo\" } }",
    );
    add(&["check"]);
    add(&["plan"]);
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/shapes.txt"]);
}

#[test]
fn a_program_gets_one_document_and_nothing_else() {
    let env = Env::new();
    env.write("source/orz.toml", "format = \"json\"\n");
    env.write(
        "source/tenants/demo/bundle.json",
        "{ \"tenant\": { \"nmae\": \"demo\" } }",
    );
    for args in [
        &["check"][..],
        &["plan"],
        &["status"],
        &["check", "--source", "../nowhere", "--format", "json"],
    ] {
        let ran = env.run(args);
        let document: Value = serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|e| panic!("{args:?}: {e}\n{}", ran.stdout));
        assert_eq!(ran.stderr, "", "{args:?}");
        if document["kind"] == "Error" {
            assert_eq!(document["exitCode"], ran.code, "{args:?}");
        }
    }
}
