//! What is wrong with a source repository is said all at once, by place, with exit code 1.

use crate::env::Env;

#[test]
fn several_errors_of_several_tenants_are_all_reported_in_one_run() {
    let env = Env::new();
    env.write("source/orz.toml", "gitops = \"../gitops.git\"\n");
    env.write(
        "source/tenants/good/bundle.json",
        "{ \"tenant\": { \"name\": \"good\" } }\n",
    );
    env.write(
        "source/tenants/bad/bundle.json",
        "{\n  \"tenant\": { \"nmae\": \"bad\" },\n  \"configs\": [{ \"name\": 7, \"version\": \"v1\", \"data\": {} }]\n}\n",
    );
    env.write("source/tenants/worse/bundle.json", "{ \"tenant\": \n");
    env.git("source", &["init", "-q"]);
    let text = env.transcript(&[
        &["check"],
        &["check", "--tenant", "good"],
        &["check", "--tenant", "godo"],
        &["check", "--tenant", "bad", "--color", "always"],
        &["build", "--out", "../out"],
        &["init"],
        &["publish"],
        &["publish", "--keep-going"],
        &["publish", "--keep-going", "--quiet"],
    ]);
    assert!(
        !env.path("out").exists(),
        "nothing is built when anything is wrong"
    );
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/check.txt"]);
}

#[test]
fn what_cannot_be_read_is_never_taken_for_absent() {
    let env = Env::new();
    env.write("source/orz.toml", "gitops = \"../gitops.git\"\n");
    env.write("source/elsewhere.json", "{}");
    env.write(
        "source/tenants/acme/bundle.json",
        "{ \"tenant\": { \"name\": \"acme\" } }\n",
    );
    std::os::unix::fs::symlink(
        "../../elsewhere.json",
        env.path("source/tenants/acme/more.json"),
    )
    .expect("a link");
    env.write("source/tenants/loose.json", "{}");
    env.write("source/tenants/Bad_Name/bundle.json", "{}");
    let mut text = env.transcript(&[&["check"], &["check", "--tenant", "acme"]]);
    std::fs::remove_dir_all(env.path("source/tenants")).expect("removable");
    text.push_str(&env.transcript(&[&["check"]]));
    env.write(
        "source/tenants/acme/bundle.json",
        &" ".repeat((1 << 20) + 1),
    );
    text.push_str(&env.transcript(&[&["check"], &["check", "--source", "../nowhere"]]));
    text.push_str(&env.steady(&env.run_in("home", &["check"]).stderr));
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/unreadable.txt"]);
}

#[test]
#[expect(
    clippy::print_stderr,
    reason = "a test that cannot try something says so"
)]
fn an_unreadable_folder_stops_everything() {
    use std::os::unix::fs::PermissionsExt as _;
    let env = Env::new();
    env.write("source/orz.toml", "");
    env.write(
        "source/tenants/acme/bundle.json",
        "{ \"tenant\": { \"name\": \"acme\" } }\n",
    );
    env.write(
        "source/tenants/beta/bundle.json",
        "{ \"tenant\": { \"name\": \"beta\" } }\n",
    );
    let folder = env.path("source/tenants/beta");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o000)).expect("chmod");
    let readable = std::fs::read_dir(&folder).is_ok();
    let ran = env.run(&["check"]);
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    if readable {
        eprintln!(
            "root reads every folder, so permissions were not tried; the loader's other refusals were"
        );
        return;
    }
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.contains("unreadable") && ran.stderr.contains("tenants/beta"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stdout, "");
}
