//! `verify` finds what somebody did to a GitOps repository behind the back of `orzc`.
//!
//! Everything is planted with plain Git, or, for a publisher that lies, with the library that publishes.

use std::collections::BTreeMap;

use orz_core::format::{InputFile, Release, digest_of};
use orz_core::id::Part;
use orz_gitops::{NewRelease, Repo, Request};
use serde_json::Value;

use crate::env::Env;

/// A live tenant, with its GitOps repository checked out beside it twice: `main` and `releases`.
fn live() -> Env {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    env.run(&["init"]).ok();
    env.commit("the first bundle");
    env.run(&["publish", "--activate", "--reason", "first"])
        .ok();
    let bundle = env
        .read("source/tenants/demo/bundle.json")
        .replace("v1", "v2");
    env.write("source/tenants/demo/bundle.json", &bundle);
    env.run(&["publish", "--activate", "--reason", "second"])
        .ok();
    for branch in ["main", "releases"] {
        env.git(
            ".",
            &[
                "clone",
                "-q",
                "--branch",
                branch,
                "source-gitops.git",
                branch,
            ],
        );
    }
    assert_eq!(codes(&env, false), Vec::<String>::new());
    assert_eq!(codes(&env, true), Vec::<String>::new());
    env
}

/// The codes that `verify` finds, each once.
fn codes(env: &Env, recompile: bool) -> Vec<String> {
    let mut args = vec!["verify", "--format", "json"];
    args.extend(recompile.then_some("--recompile"));
    let ran = env.run(&args);
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    assert_eq!(ran.code, i32::from(!findings.is_empty()), "{}", ran.stderr);
    let codes = findings
        .iter()
        .map(|finding| finding["code"].as_str().expect("a code").to_owned());
    codes
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// The only file of a checkout whose path starts and ends like this and holds `needle`.
fn file(env: &Env, checkout: &str, start: &str, needle: &str) -> String {
    let listed = env.git(checkout, &["ls-files", start]);
    let mut found = listed
        .lines()
        .filter(|path| env.read(&format!("{checkout}/{path}")).contains(needle));
    let path = found
        .next()
        .unwrap_or_else(|| panic!("no file below {start} holds {needle}"));
    format!("{checkout}/{path}")
}

fn push(env: &Env, checkout: &str) {
    env.git(checkout, &["add", "-A"]);
    env.git(checkout, &["commit", "-q", "-m", "nothing to see here"]);
    env.git(checkout, &["push", "-q"]);
}

#[test]
fn a_pointer_to_a_release_of_another_part_is_found() {
    let env = live();
    let pointer = file(&env, "main", "pointers", "\"part\": \"work\"");
    let tenancy: Value =
        serde_json::from_str(&env.read(&file(&env, "main", "pointers", "\"part\": \"tenancy\"")))
            .expect("JSON");
    let mut work: Value = serde_json::from_str(&env.read(&pointer)).expect("JSON");
    work["release"] = tenancy["release"].clone();
    work["digest"] = tenancy["digest"].clone();
    env.write(&pointer, &work.to_string());
    push(&env, "main");
    assert_eq!(codes(&env, false), ["pointer-invalid"]);

    // It is refused where it would be acted on, and a rollback leads out of it.
    let text = env.transcript(&[
        &["status", "demo"],
        &["plan"],
        &["verify"],
        &["rollback", "demo", "--reason", "back to a sound one"],
        &["verify"],
    ]);
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/tampered-pointer.txt"]);
}

#[test]
fn a_changed_index_entry_is_found() {
    let env = live();
    let entry = file(&env, "releases", "tenants", "\"part\": \"work\"");
    let text = env
        .read(&entry)
        .replace("\"repository\": \"local\"", "\"repository\": \"elsewhere\"");
    env.write(&entry, &text);
    push(&env, "releases");
    assert_eq!(codes(&env, false), ["index-changed"]);
}

#[test]
fn a_vanished_index_entry_is_found() {
    let env = live();
    let pointer: Value =
        serde_json::from_str(&env.read(&file(&env, "main", "pointers", "\"part\": \"work\"")))
            .expect("JSON");
    let release = pointer["release"].as_str().expect("a release");
    let listed = env.git("releases", &["ls-files", "tenants"]);
    let old = listed
        .lines()
        .find(|path| path.contains("/work/") && !path.contains(release))
        .expect("the first one");
    std::fs::remove_file(env.path("releases").join(old)).expect("removable");
    push(&env, "releases");
    assert_eq!(codes(&env, false), ["index-vanished"]);
}

#[test]
fn a_changed_input_is_found() {
    let env = live();
    let input = file(&env, "releases", "inputs", "\"v2\"");
    let text = env.read(&input).replace("hello", "howdy");
    env.write(&input, &text);
    push(&env, "releases");
    let found = codes(&env, false);
    assert!(found.contains(&"input-changed".to_owned()), "{found:?}");
}

#[test]
fn a_release_that_its_inputs_do_not_give_is_found_by_recompiling() {
    let env = live();
    let repo = Repo::open(env.path("source-gitops.git")).expect("a repository");
    let view = repo.view().expect("heads");
    let tenant = "demo".parse().expect("valid");
    let cluster = "in-cluster".parse().expect("valid");
    let pointer = view
        .pointer(&cluster, &tenant, Part::Work)
        .expect("readable")
        .expect("live");
    let entry = view
        .entry(&tenant, Part::Work, &pointer.pointer.release)
        .expect("readable")
        .expect("indexed");
    let mut files = view.manifests(&entry.release).expect("readable");
    for bytes in files.values_mut() {
        let text = String::from_utf8(std::mem::take(bytes)).expect("UTF-8");
        *bytes = text.replace("hello", "your password, please").into_bytes();
    }
    let inputs: Vec<(InputFile, Vec<u8>)> = entry
        .inputs
        .files
        .iter()
        .map(|file| {
            (
                file.clone(),
                view.input(&file.sha256)
                    .expect("readable")
                    .expect("recorded"),
            )
        })
        .collect();
    let request = Request {
        reason: Some("trust me"),
        actor: "mallory",
        request_id: None,
        now: "2026-02-01T00:00:00Z".into(),
    };
    repo.publish(vec![forged(entry, files, inputs)], true, &request)
        .expect("a publisher is believed");

    assert_eq!(
        codes(&env, false),
        Vec::<String>::new(),
        "everything agrees with itself"
    );
    assert_eq!(codes(&env, true), ["recompile-mismatch"]);
    let text = env.transcript(&[&["verify", "--recompile"]]);
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/forged-release.txt"]);
}

fn forged(
    entry: Release,
    files: BTreeMap<String, Vec<u8>>,
    inputs: Vec<(InputFile, Vec<u8>)>,
) -> NewRelease {
    let digest = digest_of(
        files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
    );
    assert_ne!(digest, entry.digest, "nothing was forged");
    NewRelease {
        tenant: entry.tenant,
        part: entry.part,
        cluster: entry.cluster,
        namespace: entry.namespace,
        files,
        objects: entry.objects,
        requires: entry.requires,
        claims: entry.claims,
        digest,
        inputs,
        at: entry.inputs.at,
        source: entry.source,
        compiler: entry.compiler,
    }
}
