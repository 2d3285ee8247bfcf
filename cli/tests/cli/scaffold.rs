//! `init` and `build`: what they write, and what they never overwrite.

use crate::env::Env;

#[test]
fn init_never_overwrites() {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    let text = env.transcript(&[
        &["init", "--tenant", "acme"],
        &["init"],
        &["init", "--tenant", "acme"],
        &["init", "--tenant", "beta"],
        &["check"],
        &["init", "--gitops", "../second.git"],
        &["init", "--gitops", "../home"],
    ]);
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/init.txt"]);
    assert_eq!(
        env.git("source", &["rev-parse", "--is-inside-work-tree"])
            .trim(),
        "true"
    );
    assert_eq!(
        env.git("source-gitops.git", &["rev-parse", "--is-bare-repository"])
            .trim(),
        "true"
    );
}

#[test]
fn the_source_is_never_the_gitops_repository() {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    env.run(&["init"]).ok();
    env.commit("start");
    env.git("source", &["worktree", "add", "-q", "../tree"]);
    env.git(
        "source",
        &[
            "remote",
            "add",
            "origin",
            "https://git.example.com/shop.git",
        ],
    );
    env.git(".", &["clone", "-q", "--bare", "source", "other.git"]);
    let before = env.git("source", &["for-each-ref"]);
    for (address, said) in [
        (".", "is the source repository"),
        ("../tree", "is the source repository"),
        (
            "https://git.example.com/shop.git",
            "is the source repository",
        ),
        ("../other.git", "holds `orz.toml`, `platform`, `tenants`"),
    ] {
        let ran = env.run(&["init", "--gitops", address]);
        assert_eq!(ran.code, 64, "{address}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{address}: {}", ran.stderr);
    }
    let ran = env.run(&["status", "--gitops", "."]);
    assert_eq!(ran.code, 64, "{}", ran.stderr);
    assert!(!ran.stderr.contains("--gitops ."), "{}", ran.stderr);
    let ran = env.run_in(".", &["init", "fresh", "--gitops", "fresh"]);
    assert_eq!(ran.code, 64, "{}", ran.stderr);
    assert_eq!(env.git("source", &["for-each-ref"]), before);

    // What a host puts into a new repository is in nobody's way.
    env.write("hosted/README.md", "# pointers\n");
    env.git("hosted", &["init", "-q"]);
    env.git("hosted", &["add", "-A"]);
    env.git("hosted", &["commit", "-q", "-m", "first"]);
    env.run(&["init", "--gitops", "../hosted"]).ok();
}

#[test]
fn a_target_is_a_folder_of_its_own() {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    env.run(&["init"]).ok();
    env.write("foreign/precious", "x");
    for (target, said) in [
        ("dir:.", "is the source repository itself"),
        ("dir:tenants", "lies in what is compiled"),
        ("dir:platform/live", "lies in what is compiled"),
        ("dir:../foreign", "made none of them"),
        ("dir:orz.toml", "is not a folder"),
    ] {
        let ran = env.run(&["up", "--once", "--target", target]);
        assert_eq!(ran.code, 64, "{target}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{target}: {}", ran.stderr);
    }
    env.run(&["check"]).ok();
    assert!(!env.path("foreign/.orz").exists());
    let up: &[&str] = &["up", "--once", "--target", "dir:../live"];
    env.run(up).ok();
    env.run(up).ok();
}

#[test]
fn build_replaces_only_what_it_made() {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    env.run(&["init"]).ok();
    let build: &[&str] = &["build", "--out", "../out"];
    env.run(build).ok();
    env.write("out/demo/work/stray.yaml", "left over");
    env.write("out/README.md", "not ours");
    env.run(build).ok();
    assert!(
        !env.path("out/demo/work/stray.yaml").exists(),
        "the tenant's folder is replaced as a whole"
    );
    assert_eq!(env.read("out/README.md"), "not ours");

    // What `build` writes is what a release holds.
    env.run(&["publish", "--activate", "--reason", "first"])
        .ok();
    let release = env.json(&["show", "demo/work", "--manifests"]);
    for (file, text) in release["manifests"].as_object().expect("manifests") {
        assert_eq!(
            env.read(&format!("out/demo/work/{file}")),
            text.as_str().expect("text"),
            "{file}"
        );
    }

    env.write("foreign/demo/precious", "x");
    let ran = env.run(&["build", "--out", "../foreign"]);
    assert_eq!(
        (ran.code, env.read("foreign/demo/precious").as_str()),
        (1, "x"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_is_not_there_or_not_committed_is_said() {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    env.run(&["init"]).ok();
    env.commit("start");
    for (args, code, said) in [
        (
            &["build", "--out", "orz.toml"][..],
            64,
            "`orz.toml` is not a folder",
        ),
        (
            &["check", "--source", "orz.toml"],
            1,
            "name the source repository",
        ),
        (
            &["check", "--tenant", "nosuch"],
            1,
            "name one that is there: `demo`",
        ),
    ] {
        let ran = env.run(args);
        assert_eq!(ran.code, code, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{args:?}: {}", ran.stderr);
    }
    let publish: &[&str] = &["publish", "--activate", "--reason", "x"];
    let uncommitted = "changes that are not committed";
    let ran = env.run(publish);
    assert!(
        ran.code == 0 && !ran.stderr.contains(uncommitted),
        "{}",
        ran.stderr
    );
    let bundle = env.read("source/tenants/demo/bundle.json");
    let bundle = bundle.replace("hello", "welcome").replace("v1", "v2");
    env.write("source/tenants/demo/bundle.json", &bundle);
    let ran = env.run(publish);
    assert!(
        ran.code == 0 && ran.stderr.contains(uncommitted),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_stream_to_a_reader_that_goes_away_is_no_error() {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    env.run(&["init"]).ok();
    let script = format!("{} schema bundle | head -n 1", env!("CARGO_BIN_EXE_orzc"));
    let output = env
        .command("sh", "source")
        .args(["-c", &script])
        .output()
        .expect("sh runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
