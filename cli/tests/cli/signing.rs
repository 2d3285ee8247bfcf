//! Commits that are signed, and who looks whether they are.

use std::process::Command;

use crate::env::Env;

/// An environment with a key that signs, and a file in which it is trusted.
fn with_key() -> Env {
    let mut env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    std::fs::create_dir(env.path("home/keys")).expect("a folder");
    let key = env.path("home/keys/ann");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-t", "ed25519", "-f"])
        .arg(&key)
        .status()
        .expect("these tests need `ssh-keygen` (package openssh-client), which Git signs with");
    assert!(made.success());
    let public = env.read("home/keys/ann.pub");
    env.write("allowed", &format!("ann@example.com {public}"));
    env.set("ORZ_SIGNING_KEY", "~/keys/ann");
    env
}

/// Git's own verdict on each commit of a branch, newest first.
fn judged(env: &Env, branch: &str) -> String {
    let allowed = format!(
        "gpg.ssh.allowedSignersFile={}",
        env.path("allowed").display()
    );
    let args = [
        "-c",
        &allowed,
        "log",
        "--first-parent",
        "--format=%G?",
        branch,
    ];
    env.git("source-gitops.git", &args).replace('\n', "")
}

#[test]
fn what_commands_write_is_signed_and_verified() {
    let mut env = with_key();
    env.run(&["init"]).ok();
    env.commit("the first bundle");
    env.run(&["publish", "--activate", "--reason", "first"])
        .ok();
    env.run(&["hold", "demo", "--reason", "wait"]).ok();
    assert_eq!(
        (judged(&env, "main"), judged(&env, "releases")),
        ("GGG".to_owned(), "GG".to_owned())
    );
    let ran = env.run(&["verify", "--trusted", "../allowed"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout
            .contains("; 5 of 5 commits signed by trusted publishers"),
        "{}",
        ran.stdout
    );

    let heads = env.git("source-gitops.git", &["for-each-ref"]);
    for (key, says) in [
        ("", "error: `ORZ_SIGNING_KEY` is empty"),
        (
            "/nowhere/key",
            "error: `ORZ_SIGNING_KEY` names no file that is there",
        ),
    ] {
        env.set("ORZ_SIGNING_KEY", key);
        let ran = env.run(&["release-hold", "demo", "--reason", "go on"]);
        assert_eq!(ran.code, 64, "{}", ran.stderr);
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
        assert!(!ran.stderr.contains("/nowhere"), "{}", ran.stderr);
        assert_eq!(env.run(&["status"]).code, 0, "who only reads needs no key");
    }
    assert_eq!(
        env.git("source-gitops.git", &["for-each-ref"]),
        heads,
        "nothing was written"
    );
}

#[test]
fn commits_that_nobody_trusted_signed_are_listed() {
    let mut env = with_key();
    env.run(&["init"]).ok();
    env.commit("the first bundle");
    env.run(&["publish", "--activate", "--reason", "first"])
        .ok();
    // As a host merges, or a person at night with plain Git.
    let tree = env.git("source-gitops.git", &["rev-parse", "main^{tree}"]);
    let by_hand = [
        "commit-tree",
        "-p",
        "main",
        "-m",
        "by hand\n\nat night",
        tree.trim(),
    ];
    let commit = env.git("source-gitops.git", &by_hand);
    env.git(
        "source-gitops.git",
        &["update-ref", "refs/heads/main", commit.trim()],
    );

    let ran = env.run(&["verify", "--trusted", "../allowed"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    let said = format!(
        "unsigned  main {}  by hand\n  it has no signature\n  by Ann Operator <ann@example.com> at 2026-01-01T00:00:00Z\n",
        &commit[..12]
    );
    assert!(ran.stdout.starts_with(&said), "{}", ran.stdout);
    let report = env.json(&["verify", "--trusted", "../allowed"]);
    assert_eq!(report["signatures"]["checked"], 5);
    let expected = serde_json::json!([{
        "branch": "main", "commit": commit.trim(), "reason": "unsigned", "message": "it has no signature",
        "key": null, "author": "Ann Operator <ann@example.com>", "time": "2026-01-01T00:00:00Z",
        "subject": "by hand",
    }]);
    assert_eq!(report["signatures"]["untrusted"], expected);
    assert_eq!(report["ok"], false);
    assert_eq!(env.json(&["verify"])["signatures"], serde_json::Value::Null);

    let heads = env.git("source-gitops.git", &["rev-parse", "main", "releases"]);
    let since = heads.trim().replace('\n', ",");
    let ran = env.run(&[
        "verify",
        "--trusted",
        "../allowed",
        "--trusted-since",
        &since,
    ]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    env.set("ORZ_SIGNING_KEY", "~/keys/ann");
    env.run(&["hold", "demo", "--reason", "wait"]).ok();
    let ran = env.run(&[
        "verify",
        "--trusted",
        "../allowed",
        "--trusted-since",
        &since,
    ]);
    assert!(
        ran.stdout.contains("; 1 of 1 commit signed by"),
        "{}",
        ran.stdout
    );
    let ran = env.run(&["verify", "--trusted", "../nowhere"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
}
