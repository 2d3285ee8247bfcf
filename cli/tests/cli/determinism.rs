//! Equal sources give equal releases: on two clones, in any order of files, in any zone and language.

use std::path::Path;

use serde_json::Value;

use crate::env::{Env, copy};

fn example() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/orchestrator")
}

/// Tenant, part and release of everything published.
fn releases(env: &Env) -> Vec<(String, String, String)> {
    let published = env.json(&["publish"]);
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let items = published["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| {
            (
                text(&item["tenant"]),
                text(&item["part"]),
                text(&item["release"]),
            )
        })
        .collect()
}

#[test]
fn two_clones_zones_and_languages_give_the_same_releases() {
    let mut results = Vec::new();
    for (zone, language, umask_like_order) in [
        ("UTC", "C", false),
        ("Pacific/Kiritimati", "tr_TR.UTF-8", true),
        ("America/St_Johns", "de_DE.UTF-8", false),
    ] {
        let mut env = Env::new();
        env.set("TZ", zone);
        env.set("LC_ALL", language);
        env.set("LANG", language);
        copy(&example(), &env.path("origin"));
        env.git("origin", &["init", "-q"]);
        env.git("origin", &["add", "-A"]);
        env.git("origin", &["commit", "-q", "-m", "the example"]);
        env.git(".", &["clone", "-q", "origin", "source"]);
        if umask_like_order {
            recreate_in_reverse(&env.path("source/tenants/beauty-dev"));
        }
        env.run(&["init"]).ok();
        results.push(releases(&env));
    }
    assert!(!results[0].is_empty());
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
}

/// Gives the folder another order on disk, as another file system would.
fn recreate_in_reverse(folder: &Path) {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|e| e.expect("an entry").path())
        .collect();
    files.sort();
    for file in files.into_iter().rev() {
        let bytes = std::fs::read(&file).expect("a file");
        std::fs::remove_file(&file).expect("removable");
        std::fs::write(&file, bytes).expect("writable");
    }
}

#[test]
fn the_source_is_named_alike_in_every_clone_and_says_when_it_is_dirty() {
    let env = Env::new();
    copy(&example(), &env.path("source"));
    env.write("source/orz.toml", "gitops = \"../gitops.git\"\n");
    env.commit("the example");
    env.git(
        "source",
        &[
            "remote",
            "add",
            "origin",
            "https://ann:s3cret@git.example.com/shop.git?token=s3cret",
        ],
    );
    let commit = env.git("source", &["rev-parse", "HEAD"]).trim().to_owned();
    env.run(&["init"]).ok();
    env.run(&["publish", "--activate", "--reason", "first"])
        .ok();
    let source = |env: &Env| env.json(&["show", "beauty-dev/work"])["release"]["source"].clone();
    let expected = |dirty: bool| serde_json::json!({ "repository": "https://git.example.com/shop.git", "commit": commit, "dirty": dirty });
    assert_eq!(source(&env), expected(false));

    env.write("source/notes.txt", "not compiled, so not dirty");
    env.write(
        "source/tenants/beauty-dev/.DS_Store",
        "hidden, so not compiled",
    );
    let configs = env
        .read("source/tenants/beauty-dev/configs.json")
        .replace("1000", "2000");
    env.write("source/tenants/beauty-dev/configs.json", &configs);
    env.run(&["publish", "--activate", "--reason", "second"])
        .ok();
    assert_eq!(source(&env), expected(true));
    let log = env.git("gitops.git", &["log", "-p", "--all"]);
    assert!(
        !log.contains("s3cret"),
        "credentials of the remote were recorded"
    );
}

#[test]
fn a_hook_of_git_does_not_lead_to_another_repository() {
    let mut env = Env::new();
    copy(&example(), &env.path("source"));
    env.write("source/orz.toml", "gitops = \"../gitops.git\"\n");
    env.commit("the example");
    env.run(&["init"]).ok();
    let commit = env.git("source", &["rev-parse", "HEAD"]).trim().to_owned();
    std::fs::create_dir(env.path("other")).expect("a folder");
    env.git("other", &["init", "-q"]);
    env.set("GIT_DIR", &env.path("other/.git").display().to_string());
    env.set(
        "GIT_INDEX_FILE",
        &env.path("other/.git/index").display().to_string(),
    );
    env.run(&["publish", "--activate", "--reason", "first"])
        .ok();
    let release = env.json(&["show", "beauty-dev/work"]);
    assert_eq!(release["release"]["source"]["commit"], commit.as_str());
}
