//! `--gitops URL`: every command works there as it does on a folder, and no password is ever shown.

use std::os::unix::fs::PermissionsExt as _;

use crate::env::Env;

const BUNDLE: &str = r#"{
  "tenant": { "name": "acme" },
  "configs": [{ "name": "settings", "version": "v1", "data": { "greeting": "hello" }, "activate": true }]
}
"#;

/// A source with one tenant, and an empty repository as a host makes it, which is reached by this address.
fn world(address: impl Fn(&Env) -> String) -> Env {
    let mut env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    env.git(
        "source",
        &[
            "init",
            "-q",
            "--bare",
            "--initial-branch=main",
            "../remote.git",
        ],
    );
    let address = address(&env);
    env.set("ORZ_GITOPS", &address);
    env.write("source/tenants/acme/bundle.json", BUNDLE);
    env.write(
        "source/platform/tenants/acme.json",
        "{ \"plan\": \"free\" }\n",
    );
    env.write("source/orz.toml", "");
    env.commit("start");
    env.run(&["init"]).ok();
    env
}

fn file_url(env: &Env) -> String {
    format!("file://{}", env.path("remote.git").display())
}

/// Another greeting, as a new version.
fn greet(env: &Env, version: &str) {
    let text = BUNDLE.replace("\"v1\"", &format!("\"{version}\""));
    env.write("source/tenants/acme/bundle.json", &text);
    env.commit(version);
}

/// A program that stands in for `ssh`: `script` sees the host as `$1` and the command as `$2`.
fn ssh(env: &mut Env, script: &str) {
    env.write("ssh", &format!("#!/bin/sh\n{script}\n"));
    let path = env.path("ssh");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
    env.set("GIT_SSH_COMMAND", &path.display().to_string());
    env.set("GIT_SSH_VARIANT", "simple");
}

#[test]
fn a_remote_is_worked_on_like_a_folder() {
    let env = world(file_url);
    let because = &["--reason", "why"][..];
    env.run(&[&["publish", "--activate"], because].concat())
        .ok();
    greet(&env, "v2");
    env.run(&[&["publish", "--activate"], because].concat())
        .ok();
    let text = env.transcript(&[
        &[
            "rollback",
            "acme",
            "--reason",
            "broken",
            "--to-branch",
            "back",
        ],
        &[
            "rollback",
            "acme",
            "--reason",
            "broken",
            "--to-branch",
            "back",
        ],
        &["rollback", "acme", "--reason", "broken"],
        &["release-hold", "acme", "--reason", "go on"],
        &["hold", "acme", "--reason", "wait", "--offline"],
        &[
            "hold",
            "acme",
            "--reason",
            "wait",
            "--offline",
            "--to-branch",
            "x",
        ],
        &["history", "acme"],
        &["sync"],
        &["sync"],
        &["history", "acme"],
        &["verify"],
        &["init"],
    ]);
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/remote.txt"]);
    assert_eq!(
        env.git("remote.git", &["fsck", "--strict", "--no-dangling"]),
        ""
    );
    let ran = env.run(&["publish", "--to-branch", "x"]);
    assert_eq!(ran.code, 64, "{}", ran.stderr);
}

/// A repository that is gone is a host that is down: what there is a copy of goes on without it.
#[test]
fn a_remote_that_is_gone_leaves_its_copy() {
    let mut env = world(file_url);
    env.run(&["publish", "--activate", "--reason", "first"])
        .ok();
    std::fs::rename(env.path("remote.git"), env.path("away.git")).expect("moved");
    let ran = env.run(&["status"]);
    assert_eq!(ran.code, 70, "{}", ran.stderr);
    assert!(ran.stderr.contains("`--offline` reads"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("orzc init"), "{}", ran.stderr);
    env.run(&["status", "--offline"]).ok();

    let other = format!("{}-other", file_url(&env));
    env.set("ORZ_GITOPS", &other);
    let ran = env.run(&["status"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("orzc init"), "{}", ran.stderr);
}

/// What waits for `orzc sync` is never told as if it were so, also where only results are printed.
#[test]
fn what_is_done_offline_is_so_once_it_is_sent() {
    let env = world(file_url);
    env.run(&["publish", "--activate", "--reason", "first"])
        .ok();
    for (command, said) in [
        (&["hold", "acme"][..], "once sent: held by"),
        (&["release-hold", "acme"], "not held once sent"),
        (
            &["freeze", "acme", "--until", "2h"],
            "frozen once sent until",
        ),
        (&["freeze", "acme", "--until", "2h"], "frozen already until"),
        (&["thaw", "acme"], "live once sent"),
        (&["retire", "acme"], "retiring once sent"),
        (&["destroy", "acme", "--yes"], "destroying once sent"),
        (&["activate", "acme", "--override-leaving"], "called back"),
    ] {
        let args = [command, &["--offline", "--quiet", "--reason", "x"]].concat();
        let told = env.run(&args).ok();
        assert!(told.contains(said), "{args:?}: {told}");
    }
    greet(&env, "v2");
    let publish = ["publish", "--activate", "--offline", "-q", "--reason", "x"];
    let told = env.run(&publish).ok();
    assert!(told.contains("live once sent, was"), "{told}");
    let pending = env.json(&["hold", "acme", "--offline", "--reason", "x"]);
    assert_eq!(pending["pending"], true);
    let said = env.run(&["status", "--offline"]).stderr;
    assert!(
        said.contains("commits made offline before are not"),
        "{said}"
    );
}

#[test]
fn ssh_is_called_as_git_calls_it() {
    let mut env = world(file_url);
    let remote = env.path("remote.git");
    // The host is this machine.
    ssh(
        &mut env,
        &format!(
            "cd {} && shift && exec sh -c \"$*\"",
            remote.parent().expect("the root").display()
        ),
    );
    env.set("ORZ_GITOPS", "git@git.example.com:remote.git");
    env.run(&["publish", "--activate", "--reason", "why"]).ok();
    assert_eq!(
        env.git("remote.git", &["rev-list", "--count", "main"])
            .trim(),
        "2"
    );

    // The connection is cut after everything was sent, and before the answer.
    greet(&env, "v2");
    let sends = "case \"$*\" in *receive-pack*) sh -c \"$*\" | { dd bs=1 count=400 status=none; sleep 1; }; kill -9 $$;; esac";
    ssh(
        &mut env,
        &format!(
            "cd {}; shift; {sends}; exec sh -c \"$*\"",
            remote.parent().expect("the root").display()
        ),
    );
    let ran = env.run(&["publish", "--activate", "--reason", "why"]);
    let count = env.git("remote.git", &["rev-list", "--count", "main"]);
    match ran.code {
        // Either it was cut too early each time and nothing moved, or it landed once.
        0 => assert_eq!(count.trim(), "3", "{}", ran.stderr),
        _ => assert_eq!((ran.code, count.trim()), (70, "2"), "{}", ran.stderr),
    }

    ssh(
        &mut env,
        "echo 'git@git.example.com: Permission denied (publickey).' >&2; exit 255",
    );
    let ran = env.run(&["status"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    ssh(
        &mut env,
        "echo 'ssh: connect to host git.example.com port 22: Connection refused' >&2; exit 255",
    );
    let ran = env.run(&["publish", "--activate", "--reason", "why"]);
    assert_eq!(ran.code, 70, "{}", ran.stderr);
    assert!(ran.stderr.contains("Connection refused"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--offline"), "{}", ran.stderr);
    env.run(&["status", "--offline"]).ok();
}

#[test]
fn no_secret_of_an_address_is_shown_or_kept() {
    for address in [
        "https://ann:hunter22@127.0.0.1:1/a.git",
        "https://hunter22@127.0.0.1:1/a.git",
        "http://x:hunter%32%32@127.0.0.1:1/a.git?private_token=hunter22",
        "ssh://git:hunter22@127.0.0.1:1/a.git",
        "ann:hunter22@127.0.0.1:a.git",
        "ext::sh -c hunter22",
    ] {
        let mut env = Env::new();
        std::fs::create_dir(env.path("source")).expect("a folder");
        env.write("source/orz.toml", "");
        env.set("ORZ_GITOPS", address);
        for args in [
            &["status", "--verbose"][..],
            &["status", "--format", "json"],
            &["rollback", "acme", "--reason", "x", "--offline"],
            &["init", "--verbose"],
            &["init", "../other"],
        ] {
            let ran = env.run(args);
            assert_ne!(ran.code, 0, "{address} {args:?}");
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(!said.contains("hunter"), "{address} {args:?}: {said}");
        }
        let output = env
            .command("grep", "home")
            .args(["-r", "hunter", "."])
            .output()
            .expect("grep runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{address}");
    }
}
