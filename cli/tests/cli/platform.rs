//! The platform's own release: compiled, published, activated and rolled back like any tenant's.

use orz_compiler::Platform;
use orz_core::id::ClusterName;
use orz_reconciler::follow::Settings;
use serde_json::json;

use crate::env::Env;

fn source(reconciler: Option<&str>) -> Env {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    env.run(&["init"]).ok();
    if let Some(text) = reconciler {
        env.write("source/platform/reconciler.json", text);
    }
    env.commit("the first bundle");
    env
}

#[test]
fn the_platform_is_released_and_rolled_back_like_a_tenant() {
    let env = source(Some("{ \"soak\": \"5m\" }\n"));
    let up: &[&str] = &["up", "--once", "--target", "dir:../live"];
    let mut text = env.transcript(&[
        &["check"],
        &["build", "--tenant", "orz-platform"],
        &["plan"],
        &["publish", "--activate", "--reason", "a longer soak"],
        up,
    ]);
    env.write(
        "source/platform/reconciler.json",
        "{ \"soak\": \"300s\", \"brake\": { \"min\": 20 } }\n",
    );
    env.commit("a brake for a large fleet");
    let only: &[&str] = &["--tenant", "orz-platform"];
    text.push_str(&env.transcript(&[
        &[&["plan", "--out", "../plan.json"], only].concat(),
        &[
            "publish",
            "--activate",
            "--plan",
            "../plan.json",
            "--reason",
            "more of them",
        ],
        &["status", "orz-platform"],
        &["rollback", "orz-platform", "--reason", "too many"],
        &["history", "orz-platform"],
        &["show", "orz-platform/platform"],
        &["status"],
        &["release-hold", "orz-platform", "--reason", "agreed"],
        &["activate", "orz-platform", "--reason", "after all"],
        up,
        &["verify", "--recompile"],
    ]));
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/platform.txt"]);
    let live = env.path("live/in-cluster/orz-platform/platform");
    let files = std::fs::read_dir(live).expect("a folder");
    assert_eq!(files.count(), 1);
}

#[test]
fn the_platform_is_left_alone_unless_it_is_stated_or_asked_for() {
    let env = source(None);
    let tenants = |args: &[&str]| -> Vec<String> {
        let checked = env.json(&[&["check"], args].concat());
        let tenants = checked["tenants"].as_array().expect("tenants");
        let names = tenants.iter().map(|t| t["tenant"].as_str().expect("text"));
        names.map(str::to_owned).collect()
    };
    assert_eq!(tenants(&[]), ["demo"]);
    assert_eq!(tenants(&["--tenant", "orz-platform"]), ["orz-platform"]);
    env.write("source/platform/settings.json", "{}");
    assert_eq!(tenants(&[]), ["demo"], "other data reaches tenants alone");
    env.write("source/platform/reconciler.json", "{}");
    assert_eq!(tenants(&[]), ["demo", "orz-platform"]);
    assert_eq!(tenants(&["--tenant", "demo"]), ["demo"]);

    // A folder of its name would look as if it decided something.
    env.write("source/tenants/orz-platform/bundle.json", "{}");
    for args in [&["check"][..], &["check", "--tenant", "orz-platform"]] {
        let ran = env.run(args);
        assert_eq!(ran.code, 1, "{args:?}");
        assert!(
            ran.stderr
                .contains("`orz-platform` is the platform itself and has no bundle"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn a_cluster_of_its_own_is_named_where_it_is_published() {
    let env = source(Some("{ \"soak\": \"5m\" }\n"));
    let cluster = json!({"clusters": {"edge": {
        "description": "far away",
        "dns": {"namespace": "kube-system", "pod_labels": {"k8s-app": "kube-dns"}, "cidrs": []},
    }}});
    env.write("source/platform/clusters.json", &cluster.to_string());
    env.commit("another cluster");
    let publish = |cluster: &str| {
        env.json(&[
            "publish",
            "--activate",
            "--reason",
            "both",
            "--tenant",
            "orz-platform",
            "--platform-cluster",
            cluster,
        ])
    };
    let (home, edge) = (publish("in-cluster"), publish("edge"));
    let release = |published: &serde_json::Value| published["items"][0]["release"].clone();
    assert_eq!(
        release(&home),
        release(&edge),
        "one release, a pointer for each cluster"
    );
    let first = release(&edge);
    for (published, cluster) in [(home, "in-cluster"), (edge, "edge")] {
        assert_eq!(published["items"][0]["cluster"], cluster);
        assert_eq!(published["items"][0]["pointer"]["result"], "created");
    }
    env.write("source/platform/reconciler.json", "{ \"soak\": \"6m\" }\n");
    env.commit("longer");
    let longer = publish("edge");
    let rollback = ["rollback", "orz-platform", "--reason", "too long"];
    assert_eq!(
        env.run(&rollback).code,
        1,
        "which of the two is not guessed"
    );
    let back = env.json(&[&rollback[..], &["--cluster", "edge"]].concat());
    let step = &back["moves"][0];
    assert_eq!(step["cluster"], "edge");
    assert_eq!((&step["from"], &step["to"]), (&release(&longer), &first));

    let ran = env.run(&["check", "--platform-cluster", "moon"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .contains("no cluster of the platform is named `moon`"),
        "{}",
        ran.stderr
    );
    env.run(&["verify", "--recompile"]).ok();
}

/// Two programs say the same thing twice: the reconciler without a release of the platform, and what ships.
#[test]
fn what_ships_is_what_a_reconciler_does_without_it() {
    let platform = Platform::load(&std::collections::BTreeMap::new())
        .value
        .expect("what ships is valid");
    let cluster: ClusterName = "in-cluster".parse().expect("valid");
    let usual = Settings::new(cluster);
    assert_eq!(usual.with(&platform.reconciler.settings()), usual);
}
