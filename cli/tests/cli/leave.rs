//! A tenant leaves: retired, called back, retired again, destroyed.

use orz_core::format::{HealthWord, Phase, Status};
use orz_gitops::Repo;

use crate::env::Env;

const NOW: &str = "2026-01-31T12:00:00Z";

/// A bundle with an app and one volume.
fn bundle(volume: &str) -> String {
    format!(
        r#"{{
  "tenant": {{ "name": "demo" }},
  "apps": [
    {{
      "name": "web", "image": "registry.example.com/demo/web@sha256:{0}",
      "volumes": [{{ "name": "{volume}", "mount": "/data", "size": "1Gi" }}]
    }}
  ]
}}
"#,
        "0".repeat(64)
    )
}

/// A tenant with a volume, and an older one that its release before had.
fn tenant() -> Env {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    env.run(&["init"]).ok();
    for volume in ["old", "new"] {
        env.write("source/tenants/demo/bundle.json", &bundle(volume));
        env.commit(volume);
        env.run(&["publish", "--activate", "--reason", volume]).ok();
    }
    env
}

fn main_head(env: &Env) -> String {
    env.git("source-gitops.git", &["rev-parse", "main"])
}

#[test]
fn a_tenant_is_retired_called_back_and_destroyed() {
    let env = tenant();
    let head = main_head(&env);
    let mut text = env.transcript(&[&["destroy", "demo", "--yes", "--reason", "over"]]);
    assert_eq!(main_head(&env), head, "not retired");
    text.push_str(&env.transcript(&[
        &["retire", "demo", "--reason", "over"],
        &["retire", "demo", "--reason", "again"],
        &["activate", "demo", "--reason", "a slip"],
        &[
            "activate",
            "demo",
            "--part",
            "work",
            "--override-leaving",
            "--reason",
            "they pay again",
        ],
        &["retire", "demo", "--reason", "over at last"],
        &["status", "demo"],
        &["status"],
    ]));
    let head = main_head(&env);
    text.push_str(&env.transcript(&[&["destroy", "demo", "--reason", "over"]]));
    assert_eq!(main_head(&env), head, "nobody confirmed it");
    text.push_str(&env.transcript(&[
        &[
            "destroy",
            "demo",
            "--cluster",
            "mars",
            "--yes",
            "--reason",
            "over",
        ],
        &["destroy", "demo", "--yes", "--quiet", "--reason", "over"],
        &["destroy", "demo", "--yes", "--reason", "again"],
        &["history", "demo", "-n", "1"],
        &["history", "demo", "-n", "0"],
        &["retire", "nobody", "--reason", "x"],
    ]));
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/leave.txt"]);
}

/// A program that does not confirm gets the list too, and one document.
#[test]
fn programs_confirm_by_a_flag() {
    let env = tenant();
    let retired = env.json(&["retire", "demo", "--reason", "over"]);
    let parts: Vec<&str> = retired["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| item["part"].as_str().expect("a part"))
        .collect();
    assert_eq!(parts, ["work", "data", "tenancy"]);
    let refused = env.json(&["destroy", "demo", "--reason", "over"]);
    assert_eq!(refused["exitCode"], 64);
    let message = refused["message"].as_str().expect("a message");
    for name in [
        "Namespace demo\n",
        "demo/web-new\n",
        "demo/web-old  (durable, kept",
    ] {
        assert!(message.contains(name), "{message}");
    }
    let done = env.json(&["destroy", "demo", "--yes", "--reason", "over"]);
    assert_eq!(done["kind"], "Destroy");
    let data = &done["items"][1];
    assert_eq!(data["state"]["kind"], "destroying");
    let named: Vec<(&str, bool)> = data["stays"]
        .as_array()
        .expect("objects")
        .iter()
        .map(|o| {
            let name = o["name"].as_str().expect("a name");
            (name, o["earlier"].as_bool().expect("a flag"))
        })
        .collect();
    assert_eq!(named, [("web-new", false), ("web-old", true)]);
}

/// Once the reconciler says that only what is durable is left, that is what a destroy counts.
#[test]
fn what_is_gone_already_is_not_counted_again() {
    let env = tenant();
    env.run(&["retire", "demo", "--reason", "over"]).ok();
    let repo = Repo::open(env.path("source-gitops.git")).expect("a repository");
    let stored = repo
        .view()
        .expect("heads")
        .pointers_on(&"demo".parse().expect("valid"), None);
    let statuses: Vec<Status> = stored
        .expect("pointers")
        .into_iter()
        .map(|stored| Status {
            cluster: stored.pointer.cluster,
            tenant: stored.pointer.tenant,
            part: stored.pointer.part,
            engine: "apply".to_owned(),
            release: Some(stored.pointer.release),
            observed: None,
            phase: Phase::Retiring,
            health: HealthWord::Unknown,
            blocking: Vec::new(),
            reason: Some("nothing is left but what is durable and what guards it".to_owned()),
            next: None,
            verified: Vec::new(),
            since: NOW.to_owned(),
        })
        .collect();
    let cluster = statuses[0].cluster.clone();
    repo.write_status(&cluster, 0, &statuses, NOW)
        .expect("written");
    let text = env.transcript(&[
        &["status", "demo"],
        &["destroy", "demo", "--yes", "--reason", "over"],
        &["status", "demo"],
    ]);
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/left.txt"]);
}
