//! Publishing from commits that are not the newest one, with real clones and real processes.

use std::collections::BTreeMap;
use std::thread;

use serde_json::Value;

use crate::env::{Env, Ran, copy};

const GITOPS: &str = "source-gitops.git";

fn bundle(tenant: &str, version: &str) -> String {
    format!(
        r#"{{ "tenant": {{ "name": "{tenant}" }},
  "configs": [{{ "name": "greeting", "version": "{version}", "data": {{ "text": "hello" }}, "activate": true }}] }}
"#
    )
}

fn write(env: &Env, tenant: &str, version: &str) {
    let path = format!("source/tenants/{tenant}/bundle.json");
    env.write(&path, &bundle(tenant, version));
}

/// A source repository with these tenants in one commit; nothing is published.
fn source(tenants: &[&str]) -> Env {
    let mut env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    env.run(&["init"]).ok();
    // Clones stand elsewhere, and publish to the same repository.
    let gitops = env.path(GITOPS).display().to_string();
    env.set("ORZ_GITOPS", &gitops);
    std::fs::remove_dir_all(env.path("source/tenants")).expect("the first example");
    for tenant in tenants {
        write(&env, tenant, "v1");
    }
    env.commit("v1");
    env
}

/// Commits another version of a tenant, and gives the commit.
fn change(env: &Env, tenant: &str, version: &str) -> String {
    write(env, tenant, version);
    env.commit(version);
    head(env)
}

fn head(env: &Env) -> String {
    env.git("source", &["rev-parse", "HEAD"]).trim().to_owned()
}

fn checkout(env: &Env, commit: &str) {
    env.git("source", &["checkout", "-q", "--detach", commit]);
}

const PUBLISH: &[&str] = &["publish", "--activate", "--reason", "why"];

fn publish_in(env: &Env, folder: &str, more: &[&str]) -> Ran {
    env.run_in(folder, &[PUBLISH, more].concat())
}

fn publish(env: &Env, more: &[&str]) -> Ran {
    publish_in(env, "source", more)
}

/// The pointer of `work`.
fn pointer(env: &Env, tenant: &str) -> Value {
    let paths = env.git(
        GITOPS,
        &["ls-tree", "-r", "--name-only", "main", "pointers"],
    );
    let path = paths
        .lines()
        .find(|path| path.ends_with(&format!("/{tenant}/work.json")))
        .expect("a pointer");
    let text = env.git(GITOPS, &["cat-file", "blob", &format!("main:{path}")]);
    serde_json::from_str(&text).expect("JSON")
}

fn newest(env: &Env, tenant: &str) -> String {
    let newest = pointer(env, tenant)["newestSource"].clone();
    newest.as_str().expect("a commit").to_owned()
}

fn refs(env: &Env) -> String {
    env.git(GITOPS, &["for-each-ref"])
}

/// Refused with this code, and nothing was written.
fn refused(env: &Env, ran: &Ran, before: &str, code: &str) {
    assert_eq!(ran.code, 5, "{}{}", ran.stdout, ran.stderr);
    let said = format!("error[{code}]");
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    assert_eq!(refs(env), before, "nothing is written");
}

#[test]
fn a_slow_job_is_refused_though_nothing_raced() {
    let env = source(&["acme", "other"]);
    let old = head(&env);
    publish(&env, &[]).ok();
    let new = change(&env, "acme", "v2");
    publish(&env, &[]).ok();
    assert_eq!(newest(&env, "acme"), new);
    assert_eq!(newest(&env, "other"), old, "nothing of it was touched");
    let before = refs(&env);

    checkout(&env, &old);
    refused(&env, &publish(&env, &[]), &before, "stale-source");
    let text = env.transcript(&[
        PUBLISH,
        &[
            "publish",
            "--activate",
            "--reason",
            "x",
            "--allow-unrelated-source",
        ],
        &["explain", "stale-source"],
        &["explain", "unrelated-source"],
        &["explain", "shallow-source"],
    ]);
    snapbox::assert_data_eq!(text, snapbox::file!["snapshots/stale-source.txt"]);
    let ran = publish(&env, &["--format", "json"]);
    let error: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(error["exitCode"], 5);
    assert_eq!(error["diagnostics"][0]["code"], "stale-source");
    let message = error["diagnostics"][0]["message"].as_str().expect("text");
    for part in [&old, &new, "Ann Operator", "2026-01-31T12:00:00Z"] {
        assert!(message.contains(part), "{message}");
    }
    // Only what goes live is asked.
    env.run(&["publish"]).ok();

    // The others are not stale, and go on; it is said all the same.
    let ran = publish(&env, &["--keep-going", "--format", "json"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    let done: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(done["refused"][0]["code"], "stale-source");
    assert_eq!(done["refused"][0]["newestSource"], new.as_str());
    let items = done["items"].as_array().expect("items");
    assert!(items.iter().all(|item| item["tenant"] == "other"), "{done}");
    let ran = publish(&env, &["--fleet", "1"]);
    refused(&env, &ran, &before, "stale-source");

    // The same commit again, a clean one or with changes of a person, and a newer one, go on.
    checkout(&env, &new);
    publish(&env, &[]).ok();
    write(&env, "acme", "v3");
    publish(&env, &[]).ok();
    assert_eq!(pointer(&env, "acme")["source"]["dirty"], true);
    assert_eq!(newest(&env, "acme"), new);
    env.git("source", &["checkout", "-q", "."]);
    let last = change(&env, "acme", "v4");
    publish(&env, &[]).ok();
    assert_eq!(newest(&env, "acme"), last);
}

#[test]
fn what_was_taken_back_in_the_source_stays_taken_back() {
    let env = source(&["acme", "other"]);
    let first = head(&env);
    publish(&env, &[]).ok();
    let bad = change(&env, "acme", "v2");
    let back = change(&env, "acme", "v1");
    // The release is the one that is live, and the job of the commit in between has not run yet.
    let text = env.transcript(&[PUBLISH, PUBLISH]);
    assert!(text.contains("live already, as of"), "{text}");
    assert_eq!(newest(&env, "acme"), back);
    assert_eq!(newest(&env, "other"), first);
    let before = refs(&env);
    checkout(&env, &bad);
    refused(&env, &publish(&env, &[]), &before, "stale-source");

    // On a branch that was merged, too; and a merge alone touches nobody.
    checkout(&env, &back);
    env.git("source", &["checkout", "-q", "-b", "side", &first]);
    change(&env, "other", "v2");
    change(&env, "other", "v1");
    env.git("source", &["checkout", "-q", "-b", "trunk", &back]);
    env.git("source", &["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    publish(&env, &[]).ok();
    assert_eq!(newest(&env, "other"), head(&env));
    assert_eq!(newest(&env, "acme"), back);

    // A rollback goes back; the newest source does not.
    let trunk = head(&env);
    change(&env, "acme", "v5");
    publish(&env, &[]).ok();
    let last = head(&env);
    env.run(&["rollback", "acme", "--reason", "broken"]).ok();
    assert_eq!(newest(&env, "acme"), last);
    env.run(&["release-hold", "acme", "--reason", "x"]).ok();
    let before = refs(&env);
    checkout(&env, &trunk);
    refused(&env, &publish(&env, &[]), &before, "stale-source");
}

#[test]
fn a_shallow_clone_is_told_to_fetch_everything() {
    let env = source(&["acme"]);
    publish(&env, &[]).ok();
    change(&env, "acme", "v2");
    let url = format!("file://{}", env.path("source").display());
    env.git("home", &["clone", "-q", "--depth", "1", &url, "../ci"]);
    let before = refs(&env);
    let ran = publish_in(&env, "ci", &[]);
    refused(&env, &ran, &before, "shallow-source");
    assert!(ran.stderr.contains("fetch-depth: 0"), "{}", ran.stderr);
    // That it is unrelated is not known, so it cannot be allowed.
    let ran = publish_in(&env, "ci", &["--allow-unrelated-source"]);
    refused(&env, &ran, &before, "shallow-source");
    env.git("ci", &["fetch", "-q", "--unshallow"]);
    publish_in(&env, "ci", &[]).ok();
    // The commit that is live is the one that is there: nothing has to be known beyond it.
    env.git("home", &["clone", "-q", "--depth", "1", &url, "../again"]);
    publish_in(&env, "again", &[]).ok();
}

#[test]
fn another_history_goes_live_only_on_purpose() {
    let env = source(&["acme"]);
    env.git("home", &["clone", "-q", "../source", "../behind"]);
    publish(&env, &[]).ok();
    change(&env, "acme", "v2");
    publish(&env, &[]).ok();
    env.git("source", &["commit", "-q", "--amend", "-m", "reworded"]);
    let before = refs(&env);
    let ran = publish(&env, &[]);
    refused(&env, &ran, &before, "unrelated-source");
    assert!(
        ran.stderr.contains("--allow-unrelated-source"),
        "{}",
        ran.stderr
    );
    let unsaid = env.run(&["publish", "--activate", "--allow-unrelated-source"]);
    assert_eq!(unsaid.code, 64, "a reason is needed: {}", unsaid.stderr);
    let ran = publish_in(&env, "behind", &[]);
    refused(&env, &ran, &before, "unrelated-source");
    assert!(ran.stderr.contains("git pull"), "{}", ran.stderr);
    // Neither a folder without history.
    copy(&env.path("source/tenants"), &env.path("plain/tenants"));
    copy(&env.path("source/platform"), &env.path("plain/platform"));
    let ran = publish_in(&env, "plain", &[]);
    refused(&env, &ran, &before, "unrelated-source");

    publish(&env, &["--allow-unrelated-source"]).ok();
    assert_eq!(newest(&env, "acme"), head(&env));
    let rewritten = head(&env);
    publish_in(&env, "plain", &["--allow-unrelated-source"]).ok();
    assert_eq!(newest(&env, "acme"), rewritten, "it has none to name");
    publish(&env, &[]).ok();
}

#[test]
fn a_source_without_history_gets_one() {
    let env = source(&["acme"]);
    let history = env.path("source/.git");
    std::fs::rename(&history, env.path("history")).expect("moved away");
    publish(&env, &[]).ok();
    assert_eq!(pointer(&env, "acme")["newestSource"], Value::Null);
    write(&env, "acme", "v2");
    publish(&env, &[]).ok();
    std::fs::rename(env.path("history"), &history).expect("moved back");
    env.commit("v2");
    publish(&env, &[]).ok();
    assert_eq!(newest(&env, "acme"), head(&env));
    let before = refs(&env);
    publish(&env, &[]).ok();
    assert_eq!(refs(&env), before, "once is enough");
}

#[test]
fn many_tenants_with_a_newest_source_each() {
    let names: Vec<String> = (0..10).map(|n| format!("t{n}")).collect();
    let tenants: Vec<&str> = names.iter().map(String::as_str).collect();
    let env = source(&tenants);
    publish(&env, &[]).ok();
    let commits: BTreeMap<&str, String> = tenants
        .iter()
        .map(|tenant| {
            let commit = change(&env, tenant, "v2");
            publish(&env, &["--tenant", tenant]).ok();
            (*tenant, commit)
        })
        .collect();
    env.write("source/notes.md", "nothing that is compiled\n");
    env.commit("notes");
    let before = refs(&env);
    publish(&env, &[]).ok();
    assert_eq!(refs(&env), before, "nobody's inputs were touched");
    checkout(&env, &commits["t4"]);
    let ran = publish(&env, &[]);
    refused(&env, &ran, &before, "stale-source");
    assert_eq!(
        ran.stderr.matches("error[stale-source]").count(),
        5,
        "{}",
        ran.stderr
    );

    env.git("source", &["checkout", "-q", "-"]);
    env.write(
        "source/platform/tenants/t3.json",
        "{ \"plan\": \"free\" }\n",
    );
    env.commit("the operator's word on one");
    publish(&env, &[]).ok();
    assert_eq!(newest(&env, "t3"), head(&env));
    assert_eq!(newest(&env, "t4"), commits["t4"]);
    env.write("source/platform/settings.json", "{}\n");
    env.commit("the platform");
    publish(&env, &[]).ok();
    for tenant in &tenants {
        assert_eq!(newest(&env, tenant), head(&env), "{tenant}");
    }
    let message = env.git(GITOPS, &["log", "-1", "--format=%s", "main"]);
    assert!(message.contains("20 pointers unchanged"), "{message}");
}

#[test]
fn what_the_caller_expects_is_live_or_nothing_happens() {
    let env = source(&["acme"]);
    publish(&env, &["--expect", "acme/work=none"]).ok();
    let live = pointer(&env, "acme")["release"].clone();
    let live = live.as_str().expect("an id").to_owned();
    change(&env, "acme", "v2");
    publish(&env, &["--expect", &format!("acme/work={live}")]).ok();
    let before = refs(&env);
    let wrong = format!("work={live}");
    for args in [
        &["publish", "--activate", "--tenant", "acme"][..],
        &["activate", "acme"],
        &["rollback", "acme"],
        &["hold", "acme"],
    ] {
        let ran = env.run(&[args, &["--reason", "x", "--expect", &wrong]].concat());
        assert_eq!(ran.code, 5, "{args:?}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("changed by Ann Operator"),
            "{}",
            ran.stderr
        );
        assert_eq!(refs(&env), before, "{args:?}");
    }
    let unclear = env.run(&["hold", "acme", "--reason", "x", "--expect", &live]);
    assert_eq!(unclear.code, 64, "which part: {}", unclear.stderr);
    let status = env.json(&["status", "acme"]);
    let text = status.to_string();
    let blob = pointer_version(&env);
    assert!(text.contains(&blob), "status tells the version: {text}");
    env.run(&["rollback", "acme", "--reason", "x", "--expect", &blob])
        .ok();
    env.run(&["hold", "acme", "--reason", "x", "--override"])
        .ok();
}

fn pointer_version(env: &Env) -> String {
    let listed = env.git(GITOPS, &["ls-tree", "-r", "main", "pointers"]);
    let line = listed
        .lines()
        .find(|line| line.ends_with("/acme/work.json"));
    let line = line.expect("a pointer");
    line.split([' ', '\t']).nth(2).expect("an id").to_owned()
}

/// How many publish at the same time: a few for every commit, twenty when asked for everything.
fn publishers() -> usize {
    match std::env::var("ORZ_SCENARIO_SIZE").as_deref() {
        Ok("full") => 20,
        _ => 5,
    }
}

#[test]
fn the_newest_of_many_publishers_is_live_whoever_comes_first() {
    for remote in [false, true] {
        let mut env = source(&["acme"]);
        if remote {
            let url = format!("file://{}", env.path(GITOPS).display());
            env.set("ORZ_GITOPS", &url);
        }
        publish(&env, &[]).ok();
        let commits: Vec<String> = (2..2 + publishers())
            .map(|version| change(&env, "acme", &format!("v{version}")))
            .collect();
        // A clone each, as jobs of CI have.
        let folders: Vec<String> = (0..commits.len()).map(|n| format!("job-{n}")).collect();
        for (folder, commit) in folders.iter().zip(&commits) {
            let path = format!("../{folder}");
            env.git(
                "source",
                &["worktree", "add", "-q", "--detach", &path, commit],
            );
        }
        let (env, folders) = (&env, &folders);
        let ended: Vec<Ran> = thread::scope(|scope| {
            // The newest is not the last one to be started.
            let mut jobs: Vec<_> = (0..folders.len())
                .map(|n| (n * 7 + 3) % folders.len())
                .map(|n| (n, scope.spawn(move || publish_in(env, &folders[n], &[]))))
                .collect();
            jobs.sort_by_key(|(n, _)| *n);
            let jobs = jobs.into_iter();
            jobs.map(|(_, job)| job.join().expect("no panic")).collect()
        });
        let last = commits.last().expect("several");
        assert_eq!(newest(env, "acme"), *last, "remote: {remote}");
        assert_eq!(pointer(env, "acme")["source"]["commit"], last.as_str());
        assert_eq!(
            ended.last().expect("several").code,
            0,
            "the newest one lands"
        );

        // What is in the log is what said that it landed, in the order of the source.
        let log = env.git(
            GITOPS,
            &["log", "--reverse", "--format=%H", "main", "--", "pointers"],
        );
        let mut landed = Vec::new();
        for commit in log.lines() {
            let listed = env.git(
                GITOPS,
                &["ls-tree", "-r", "--name-only", commit, "pointers"],
            );
            let path = listed.lines().find(|path| path.ends_with("work.json"));
            let Some(path) = path else { continue };
            let text = env.git(GITOPS, &["cat-file", "blob", &format!("{commit}:{path}")]);
            let pointer: Value = serde_json::from_str(&text).expect("JSON");
            let source = pointer["source"]["commit"].as_str().expect("a commit");
            landed.push(source.to_owned());
        }
        let place = |source: &String| commits.iter().position(|commit| commit == source);
        let places: Vec<usize> = landed.iter().filter_map(place).collect();
        assert!(
            places.is_sorted_by(|a, b| a < b),
            "remote: {remote}: {places:?}"
        );
        for (n, ran) in ended.iter().enumerate() {
            let expected = if places.contains(&n) { 0 } else { 5 };
            assert_eq!(
                ran.code, expected,
                "job {n}, remote: {remote}: {}",
                ran.stderr
            );
            if expected == 5 {
                assert!(ran.stderr.contains("stale-source"), "{}", ran.stderr);
            }
        }
        assert_eq!(env.git(GITOPS, &["fsck", "--strict", "--no-dangling"]), "");
        env.run(&["verify"]).ok();
    }
}

#[test]
fn the_inner_loop_goes_back_on_a_repository_of_ones_own_and_not_on_a_shared_one() {
    let mut env = source(&["acme"]);
    let up: &[&str] = &["up", "--once", "--target", "dir:../live"];
    let old = head(&env);
    let new = change(&env, "acme", "v2");
    env.run(up).ok();
    let newer = pointer(&env, "acme")["release"].clone();
    checkout(&env, &old);
    env.run(up).ok();
    let live = pointer(&env, "acme");
    assert_ne!(live["release"], newer, "the folder is the truth");
    assert_eq!(live["source"]["commit"], old.as_str());
    assert_eq!(newest(&env, "acme"), new, "and CI is not fooled by it");
    checkout(&env, &new);
    env.run(up).ok();

    let url = format!("file://{}", env.path(GITOPS).display());
    env.set("ORZ_GITOPS", &url);
    checkout(&env, &old);
    let before = refs(&env);
    refused(&env, &env.run(up), &before, "stale-source");
}

#[test]
fn a_fleet_says_of_what_is_live_that_it_comes_from_a_newer_source_too() {
    let env = source(&["acme", "other"]);
    publish(&env, &[]).ok();
    let first = head(&env);
    change(&env, "acme", "v2");
    change(&env, "acme", "v1");
    publish(&env, &["--fleet", "1"]).ok();
    assert_eq!(newest(&env, "acme"), head(&env));
    assert_eq!(newest(&env, "other"), first);
    let before = refs(&env);
    publish(&env, &["--fleet", "1"]).ok();
    assert_eq!(refs(&env), before);
}
