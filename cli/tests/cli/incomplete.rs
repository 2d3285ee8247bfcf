//! A source that lacks what is committed deletes nothing.

use crate::env::Env;

fn world() -> Env {
    let env = Env::new();
    env.write("source/orz.toml", "gitops = \"../gitops.git\"\n");
    for tenant in ["acme", "beta"] {
        env.write(
            &format!("source/tenants/{tenant}/bundle.json"),
            &format!("{{ \"tenant\": {{ \"name\": \"{tenant}\" }} }}\n"),
        );
        env.write(
            &format!("source/platform/tenants/{tenant}.json"),
            "{ \"plan\": \"free\" }\n",
        );
    }
    env.write("source/tenants/acme/.notes/todo.json", "nobody reads it\n");
    env.commit("state");
    env.run(&["init"]).ok();
    env.run(&["publish", "--activate", "--reason", "state"])
        .ok();
    env
}

fn lost(env: &Env, path: &str) {
    std::fs::remove_file(env.path(&format!("source/{path}"))).expect("it was there");
}

#[test]
fn what_is_committed_and_not_there_is_an_error() {
    let missing = "error[missing-file]: `tenants/beta/bundle.json` is committed and is not there";
    for sparse in [true, false] {
        let env = world();
        let main = env.git("gitops.git", &["rev-parse", "main"]);
        if sparse {
            let set = [
                "sparse-checkout",
                "set",
                "--no-cone",
                "/*",
                "!/tenants/beta/",
            ];
            env.git("source", &set);
        } else {
            lost(&env, "tenants/beta/bundle.json");
        }
        for args in [
            &["check"][..],
            &["check", "--tenant", "beta"],
            &["plan"],
            &["publish", "--activate", "--reason", "x"],
            &["publish", "--activate", "--keep-going", "--reason", "x"],
            &["up", "--once", "--target", "dir:../live"],
        ] {
            let ran = env.run(args);
            assert_eq!(ran.code, 1, "{args:?}: {}", ran.stderr);
            assert!(ran.stderr.contains(missing), "{args:?}: {}", ran.stderr);
            assert!(!ran.stderr.contains("unknown-tenant"), "{}", ran.stderr);
        }
        assert_eq!(env.git("gitops.git", &["rev-parse", "main"]), main);
        // Nothing of theirs is missing.
        env.run(&["check", "--tenant", "acme"]).ok();
    }
}

#[test]
fn what_is_not_read_and_what_is_meant_to_go_is_not_missed() {
    let env = world();
    lost(&env, "tenants/acme/.notes/todo.json");
    env.run(&["check"]).ok();

    // Half of a tenant: the operator's file alone.
    lost(&env, "platform/tenants/beta.json");
    let ran = env.run(&["check"]);
    assert!(
        ran.stderr
            .contains("`platform/tenants/beta.json` is committed"),
        "{}",
        ran.stderr
    );

    env.git(
        "source",
        &[
            "rm",
            "-q",
            "-r",
            "tenants/beta",
            "platform/tenants/beta.json",
        ],
    );
    let ran = env.run(&["publish", "--activate", "--reason", "x"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let note = "1 tenant without a folder under `tenants/` stays live: `beta`; `orzc retire beta --reason TEXT` takes it out";
    assert!(ran.stderr.contains(note), "{}", ran.stderr);
    let ran = env.run(&["publish", "--tenant", "acme"]);
    assert!(!ran.stderr.contains("stays live"), "{}", ran.stderr);
    env.run(&["retire", "beta", "--reason", "it moves out"])
        .ok();
    let ran = env.run(&["publish"]);
    assert!(!ran.stderr.contains("stays live"), "{}", ran.stderr);
}

#[test]
fn many_lost_tenants_are_counted() {
    let env = Env::new();
    env.write("source/orz.toml", "");
    for n in 0..12 {
        let bundle = format!("{{ \"tenant\": {{ \"name\": \"t{n}\" }} }}\n");
        env.write(&format!("source/tenants/t{n}/bundle.json"), &bundle);
        env.write(
            &format!("source/tenants/t{n}/projects/p/bundle.json"),
            &bundle,
        );
    }
    env.commit("state");
    std::fs::remove_dir_all(env.path("source/tenants")).expect("it was there");
    let ran = env.run(&["check"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .contains("`tenants/t0/bundle.json` and 1 more are committed and are not there"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("files of 2 more tenants are committed and are not there"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("11 errors"), "{}", ran.stderr);
}
