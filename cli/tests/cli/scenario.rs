//! The main job, over real repositories and a real directory, as a person would do it.

use std::path::Path;

use crate::env::{Env, copy};

/// The live objects of a tenant's part, by file name.
fn live(env: &Env, part: &str) -> Vec<String> {
    let folder = env.path("live/in-cluster/demo").join(part);
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    names.sort();
    names
}

#[test]
fn from_nothing_to_live_to_changed_to_rolled_back() {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    let up: &[&str] = &["up", "--once", "--target", "dir:../live"];
    let status: &[&str] = &["status", "--target", "dir:../live"];

    let mut text = env.transcript(&[&["init"], &["check"]]);
    env.commit("the first bundle");
    text.push_str(&env.transcript(&[up, status, up]));
    let first = live(&env, "work");

    let bundle = env
        .read("source/tenants/demo/bundle.json")
        .replace("v1", "v2")
        .replace("hello", "welcome");
    env.write("source/tenants/demo/bundle.json", &bundle);
    env.commit("a friendlier greeting");
    text.push_str(&env.transcript(&[
        &["plan", "--out", "../plan.json"],
        &[
            "publish",
            "--activate",
            "--plan",
            "../plan.json",
            "--reason",
            "friendlier greeting",
        ],
        &["publish", "--activate", "--reason", "the same again"],
        status,
        up,
        &["history", "demo"],
    ]));
    let second = live(&env, "work");
    assert_ne!(first, second, "the configuration has another name");

    text.push_str(&env.transcript(&[
        &[
            "rollback",
            "demo",
            "--reason",
            "too friendly",
            "--request-id",
            "INC-7",
        ],
        up,
        status,
        &["history", "demo", "--part", "work", "-n", "1"],
        &[
            "release-hold",
            "demo",
            "--reason",
            "it was not the greeting",
        ],
        &["activate", "demo", "--reason", "back to the newest"],
        up,
        &["verify", "--recompile"],
    ]));
    assert_eq!(live(&env, "work"), second);
    env.git("source-gitops.git", &["fsck", "--strict"]);
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/scenario.txt"]);
}

#[test]
fn publishing_unchanged_input_writes_nothing() {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    env.run(&["init"]).ok();
    env.commit("the first bundle");
    env.run(&["publish", "--activate", "--reason", "first"])
        .ok();
    let refs = || {
        env.git("source-gitops.git", &["for-each-ref"]) + &objects(&env.path("source-gitops.git"))
    };
    let before = refs();
    for _ in 0..2 {
        env.run(&["publish", "--activate", "--reason", "again"])
            .ok();
        env.run(&["activate", "demo", "--reason", "again"]).ok();
    }
    assert_eq!(refs(), before);
}

/// Every file below `objects/` of a repository.
fn objects(repository: &Path) -> String {
    let mut names = Vec::new();
    let mut folders = vec![repository.join("objects")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                names.push(path.display().to_string());
            }
        }
    }
    names.sort();
    names.join("\n")
}

#[test]
fn a_hold_stops_publishing_and_activating_until_it_is_released() {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    env.run(&["init"]).ok();
    env.commit("the first bundle");
    env.run(&["publish", "--activate", "--reason", "first"])
        .ok();
    let bundle = env
        .read("source/tenants/demo/bundle.json")
        .replace("v1", "v2")
        .replace("hello", "welcome");
    env.write("source/tenants/demo/bundle.json", &bundle);
    let text = env.transcript(&[
        &[
            "hold",
            "demo",
            "--until",
            "12h",
            "--reason",
            "the fair is on",
        ],
        &["publish", "--activate", "--reason", "friendlier greeting"],
        &["activate", "demo", "--part", "work", "--reason", "really"],
        &["status", "demo"],
        &[
            "activate",
            "demo",
            "--part",
            "work",
            "--override-hold",
            "--reason",
            "agreed with the fair",
        ],
        &["release-hold", "demo", "--reason", "the fair is over"],
        &[
            "release-hold",
            "demo",
            "--part",
            "work",
            "--reason",
            "again",
        ],
        &["diff", "demo/work", "demo/tenancy", "--quiet"],
    ]);
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/hold.txt"]);
}

#[test]
fn the_examples_go_live_in_a_directory() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    for entry in std::fs::read_dir(&examples).expect("the examples") {
        let folder = entry.expect("an entry").path();
        if !folder.join("orz.toml").is_file() {
            continue;
        }
        let env = Env::new();
        copy(&folder, &env.path("source"));
        env.run(&["init"]).ok();
        env.run(&["up", "--once", "--target", "dir:../live"]).ok();
        let again = env.json(&["up", "--once", "--target", "dir:../live"]);
        for part in again["parts"].as_array().expect("parts") {
            assert_eq!(
                part["published"]["pointer"]["result"], "unchanged",
                "{part}"
            );
            assert_eq!(part["outcome"]["created"], serde_json::json!([]), "{part}");
        }
        env.run(&["verify", "--recompile"]).ok();
    }
}
