//! Many publishers at the same time, each with a tenant of its own: all go live, one after the other, once.
//!
//! `ORZ_SCENARIO_SIZE=full`: twenty and sixty-four of them.

use std::collections::BTreeSet;

use crate::env::Env;
use crate::faulty::{GITOPS, REMOTE};

/// How many publishers there are.
fn crowds() -> Vec<usize> {
    if std::env::var("ORZ_SCENARIO_SIZE").is_ok_and(|size| size == "full") {
        vec![20, 64]
    } else {
        vec![5]
    }
}

fn source(env: &Env, tenants: &[String]) {
    env.write("source/orz.toml", "");
    for tenant in tenants {
        env.write(
            &format!("source/tenants/{tenant}/bundle.json"),
            &format!(
                r#"{{ "tenant": {{ "name": "{tenant}" }},
  "configs": [{{ "name": "greeting", "version": "v1", "data": {{ "text": "hello" }}, "activate": true }}] }}
"#
            ),
        );
    }
    env.commit("start");
}

fn all_at_once(place: impl Fn(&Env) -> String, repository: &str) {
    for crowd in crowds() {
        let mut env = Env::new();
        std::fs::create_dir(env.path("home/caches")).expect("a folder");
        env.git(
            "",
            &["init", "-q", "--bare", "--initial-branch=main", repository],
        );
        let place = place(&env);
        env.set("ORZ_GITOPS", &place);
        let tenants: Vec<String> = (0..crowd).map(|n| format!("tenant-{n}")).collect();
        source(&env, &tenants);
        env.run(&["init"]).ok();
        std::thread::scope(|scope| {
            for tenant in &tenants {
                let env = &env;
                scope.spawn(move || {
                    let output = env
                        .command(env!("CARGO_BIN_EXE_orzc"), "source")
                        .args(["publish", "--activate", "--reason", "go"])
                        .args(["--tenant", tenant])
                        // On machines of their own, none of them waits for another's lock.
                        .env("XDG_CACHE_HOME", env.path(&format!("home/caches/{tenant}")))
                        .output()
                        .expect("orzc runs");
                    let said = String::from_utf8_lossy(&output.stderr);
                    assert!(output.status.success(), "{tenant} of {crowd}: {said}");
                });
            }
        });
        let count = |args: &[&str]| env.git(repository, args).trim().to_owned();
        let expected = (crowd + 1).to_string();
        for branch in ["main", "releases"] {
            assert_eq!(
                count(&["rev-list", "--count", "--first-parent", branch]),
                expected,
                "{branch}: one for each, and the first"
            );
        }
        assert_eq!(count(&["rev-list", "--count", "--merges", "main"]), "0");
        let subjects = env.git(repository, &["log", "--format=%s", "main"]);
        let subjects: BTreeSet<&str> = subjects.lines().collect();
        assert_eq!(subjects.len(), crowd + 1, "{subjects:?}");
        let files = env.git(repository, &["ls-tree", "-r", "--name-only", "main"]);
        for tenant in &tenants {
            let live = files
                .lines()
                .filter(|path| path.contains(&format!("/{tenant}/")))
                .count();
            assert_eq!(live, 2, "{tenant}: tenancy and work\n{files}");
        }
        env.run(&["verify"]).ok();
        let fsck = ["fsck", "--strict", "--no-dangling"];
        assert_eq!(env.git(repository, &fsck), "");
    }
}

#[test]
fn on_a_folder() {
    all_at_once(|env| env.path(GITOPS).display().to_string(), GITOPS);
}

#[test]
fn on_a_remote() {
    all_at_once(
        |env| format!("file://{}", env.path(REMOTE).display()),
        REMOTE,
    );
}
