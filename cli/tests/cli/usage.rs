//! Bad usage: exit code 64, on standard error, with something to do about it.

use crate::env::Env;

#[test]
fn what_is_missing_or_wrong_is_said_with_exit_code_64() {
    let env = Env::new();
    env.write("source/orz.toml", "");
    let mut text = String::new();
    for args in [
        &[][..],
        &["frobnicate"],
        &["activate"],
        &["activate", "acme"],
        &[
            "rollback", "acme", "--all", "--part", "work", "--reason", "x",
        ],
        &["publish", "--activate"],
        &["up"],
        &["up", "--once", "--target", "ssh:x"],
        &["check", "--tenant", "Acme"],
        &["check", "--tenant", "kube-system"],
        &["history", "acme", "--part", "nothing"],
        &["check", "--format", "xml"],
        &["check", "--format", "markdown"],
        &["status"],
        &["diff", "acme/nothing", "0123"],
        &["explain", "unknown-feild"],
        &["show", "e"],
        &["hold", "acme", "--until", "tomorrow", "--reason", "x"],
        &["schema", "bundel"],
        &["-q", "-v", "check"],
    ] {
        let ran = env.run(args);
        assert_eq!(ran.code, 64, "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{args:?} printed a result");
        text.push_str(&env.transcript(&[args]));
    }
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/usage.txt"]);
}

#[test]
fn a_broken_orz_toml_is_shown_and_stops_only_what_reads_it() {
    let env = Env::new();
    env.write("source/orz.toml", "gitops = \"../g\"\nfromat = \"json\"\n");
    let text = env.transcript(&[&["check"], &["explain", "symlink"]]);
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/broken-config.txt"]);
}

#[test]
fn a_person_without_a_name_is_told_how_to_give_one() {
    let mut env = Env::new();
    env.write("home/nobody", "");
    env.set(
        "GIT_CONFIG_GLOBAL",
        &env.path("home/nobody").display().to_string(),
    );
    env.write("source/empty", "");
    let ran = env.run(&["init", "."]);
    assert_eq!(ran.code, 64);
    assert!(ran.stderr.contains("--actor NAME"), "{}", ran.stderr);
    assert!(!env.path("source/orz.toml").exists(), "nothing was written");
    env.set("ORZ_ACTOR", "robot");
    env.run(&["init", "."]).ok();
}
