//! Plans: exit codes, formats, and that exactly what was shown is written, or nothing.

use crate::env::Env;

fn published() -> Env {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    env.run(&["init"]).ok();
    env.commit("the first bundle");
    env.run(&["publish", "--activate", "--reason", "first"])
        .ok();
    env
}

fn greet(env: &Env, version: &str, greeting: &str) {
    env.write(
        "source/tenants/demo/bundle.json",
        &format!(
            "{{ \"tenant\": {{ \"name\": \"demo\" }}, \"configs\": [\
             {{ \"name\": \"settings\", \"version\": \"v1\", \"data\": {{ \"greeting\": \"hello\" }}, \"activate\": {} }},\
             {{ \"name\": \"settings\", \"version\": \"{version}\", \"data\": {{ \"greeting\": \"{greeting}\" }}, \"activate\": {} }}] }}",
            version == "v1",
            version != "v1",
        ),
    );
}

#[test]
fn exit_codes_tell_nothing_changes_and_deletions_apart() {
    let env = published();
    assert_eq!(env.run(&["plan"]).code, 0);
    greet(&env, "v2", "welcome");
    assert_eq!(env.run(&["plan"]).code, 2, "one object more, one updated");
    env.run(&["publish", "--activate", "--reason", "second"])
        .ok();
    env.git("source", &["checkout", "-q", "--", "."]);
    assert_eq!(env.run(&["plan"]).code, 3, "an object goes");
    assert_eq!(env.run(&["diff", "demo/work", "demo/work"]).code, 0);
}

#[test]
fn a_plan_is_refused_when_anything_it_was_made_of_moved() {
    let env = published();
    greet(&env, "v2", "welcome");
    let publish: &[&str] = &[
        "publish",
        "--activate",
        "--plan",
        "../plan.json",
        "--reason",
        "as planned",
    ];
    env.run(&["plan", "--out", "../plan.json"]);

    greet(&env, "v3", "hi there");
    let mut text = env.transcript(&[publish]);
    greet(&env, "v2", "welcome");
    let plan = env.read("plan.json");
    env.write(
        "forged.json",
        &plan.replace("\"tenant\": \"demo\"", "\"tenant\": \"other\""),
    );
    text.push_str(&env.transcript(&[
        &["publish", "--plan", "../forged.json"],
        &["publish", "--plan", "../source/orz.toml"],
    ]));
    text.push_str(&env.transcript(&[
        &["hold", "demo", "--reason", "moves every pointer"],
        publish,
    ]));
    env.run(&[
        "release-hold",
        "demo",
        "--reason",
        "moves it back to the same bytes",
    ])
    .ok();
    text.push_str(&env.transcript(&[publish, publish]));
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/stale-plan.txt"]);
}

#[test]
fn a_plan_reads_well_in_every_format() {
    let env = published();
    greet(&env, "v2", "welcome");
    let text = env.transcript(&[
        &["plan"],
        &["plan", "--format", "markdown"],
        &["plan", "--color", "always"],
    ]);
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/plan.txt"]);
    let printed = env.json(&["plan", "--out", "../plan.json"]);
    let written: serde_json::Value = serde_json::from_str(&env.read("plan.json")).expect("JSON");
    for (key, value) in written.as_object().expect("an object") {
        assert_eq!(printed[key], *value, "{key}");
    }
}
