//! `orzc up` while somebody works on the source.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::env::Env;

/// For a machine that does other things as well.
const PATIENCE: Duration = Duration::from_mins(2);
/// So long nothing may happen, where nothing has to.
const QUIET: Duration = Duration::from_secs(3);
const BUNDLE: &str = "source/tenants/demo/bundle.json";

/// The program, whose events come one a line.
struct Up {
    child: Child,
    events: Receiver<Value>,
}

impl Drop for Up {
    fn drop(&mut self) {
        // One that has ended by itself has been found out by the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Up {
    fn start(env: &Env, more: &[&str]) -> Self {
        Self::spawn(&mut env.command(env!("CARGO_BIN_EXE_orzc"), "source"), more)
    }

    fn spawn(command: &mut Command, more: &[&str]) -> Self {
        let target = if more.contains(&"--target") {
            &[][..]
        } else {
            &["--target", "dir:../live"]
        };
        let mut child = command
            .args(["up", "--format", "json"])
            .args(target)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("orzc runs");
        let stdout = child.stdout.take().expect("it is piped");
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let line = line.expect("text");
                let event = serde_json::from_str(&line).expect("one JSON document a line");
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Self { child, events }
    }

    /// The next event, which must be of this kind.
    fn next(&self, event: &str) -> Value {
        let next = self.events.recv_timeout(PATIENCE).expect("an event");
        assert_eq!(next["event"], event, "{next:#}");
        assert_eq!(next["kind"], "UpEvent");
        next
    }

    /// The next round, which must be about these tenants and end like this.
    fn round(&self, tenants: &[&str], outcome: &str) -> Value {
        let round = self.next("round");
        assert_eq!(round["tenants"], serde_json::json!(tenants), "{round:#}");
        assert_eq!(round["outcome"], outcome, "{round:#}");
        round
    }

    fn nothing(&self, why: &str) {
        if let Ok(event) = self.events.recv_timeout(QUIET) {
            panic!("{why} is no event: {event:#}");
        }
    }

    /// Ctrl-C.
    fn end(mut self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status();
        assert!(sent.expect("kill runs").success());
        self.next("ended");
        let code = self.child.wait().expect("it ends").code();
        assert_eq!(code, Some(0));
    }
}

fn source() -> Env {
    let env = Env::new();
    fs::create_dir(env.path("source")).expect("a folder");
    env.run(&["init"]).ok();
    env.commit("the first bundle");
    env
}

fn head(env: &Env) -> String {
    env.git("source-gitops.git", &["rev-parse", "main"])
}

/// Whether a file below the target holds `text`.
fn live(env: &Env, text: &str) -> bool {
    fn holds(path: &std::path::Path, text: &str) -> bool {
        match fs::read_dir(path) {
            Ok(mut entries) => {
                entries.any(|entry| entry.is_ok_and(|entry| holds(&entry.path(), text)))
            }
            Err(_) => fs::read_to_string(path).is_ok_and(|file| file.contains(text)),
        }
    }
    // What was live before lies beside it for a while.
    holds(&env.path("live/in-cluster"), text)
}

#[test]
fn every_save_goes_live_and_a_broken_one_does_not() {
    for more in [&[][..], &["--poll"]] {
        let env = source();
        let first = env.read(BUNDLE);
        assert!(first.contains("hello"), "the scaffold greets");
        let up = Up::start(&env, more);
        up.next("watching");
        up.round(&["demo"], "live");
        assert!(live(&env, "hello"));
        up.nothing("our own reading");

        // As editors do it.
        env.write(
            "source/tenants/demo/.new",
            &first.replace("hello", "welcome"),
        );
        fs::rename(env.path("source/tenants/demo/.new"), env.path(BUNDLE)).expect("renamed");
        up.round(&["demo"], "live");
        assert!(live(&env, "welcome") && !live(&env, "hello"));

        let before = head(&env);
        env.write(BUNDLE, &first.replace("hello", "welcome"));
        up.nothing("a file written as it was");
        env.write(BUNDLE, "{");
        let broken = up.round(&["demo"], "error");
        assert_eq!(broken["broken"], serde_json::json!(["demo"]));
        assert_eq!(
            broken["diagnostics"][0]["code"], "truncated-document",
            "{broken:#}"
        );
        assert_eq!(head(&env), before);
        assert!(live(&env, "welcome"));
        env.write(BUNDLE, &first.replace("hello", "good day"));
        up.round(&["demo"], "live");
        assert!(live(&env, "good day"));

        // Another tenant, whose files come one after the other; the first is left alone.
        env.write(
            "source/tenants/other/bundle.json",
            &first.replace("demo", "other"),
        );
        let round = up.round(&["other"], "live");
        let parts = round["parts"].as_array().expect("parts");
        assert!(!parts.is_empty() && parts.iter().all(|part| part["tenant"] == "other"));

        // A tenant without files stays as it is, in Git and in the target.
        let before = head(&env);
        fs::rename(env.path("source/tenants/other"), env.path("other")).expect("renamed");
        let gone = up.round(&[], "gone");
        assert_eq!(gone["gone"], serde_json::json!(["other"]));
        assert_eq!(head(&env), before);
        fs::rename(env.path("other"), env.path("source/tenants/other")).expect("renamed");
        up.round(&["other"], "same");
        assert_eq!(head(&env), before);
        up.end();
    }
}

#[test]
fn a_branch_that_is_checked_out_is_one_round() {
    let env = source();
    let first = env.read(BUNDLE);
    env.git("source", &["switch", "-q", "-c", "greeting"]);
    for tenant in ["demo", "a", "b", "c"] {
        let bundle = first.replace("hello", "welcome").replace("demo", tenant);
        env.write(&format!("source/tenants/{tenant}/bundle.json"), &bundle);
    }
    env.commit("another greeting, and more tenants");
    let up = Up::start(&env, &[]);
    up.next("watching");
    up.round(&["a", "b", "c", "demo"], "live");
    let before = env.git("source-gitops.git", &["rev-list", "--count", "main"]);
    let count = |text: &str| text.trim().parse::<u32>().expect("a number");
    env.git("source", &["switch", "-q", "-"]);
    let round = up.round(&["demo"], "live");
    assert_eq!(round["gone"], serde_json::json!(["a", "b", "c"]));
    assert!(live(&env, "hello"));
    let after = env.git("source-gitops.git", &["rev-list", "--count", "main"]);
    assert_eq!(count(&after), count(&before) + 1);

    // The folder itself is replaced.
    fs::rename(env.path("source/tenants"), env.path("old")).expect("renamed");
    env.write(BUNDLE, &first.replace("hello", "good day"));
    let began = Instant::now();
    while !live(&env, "good day") {
        assert!(began.elapsed() < PATIENCE, "a replaced folder was not seen");
        std::thread::sleep(Duration::from_millis(100));
    }
    while up.events.recv_timeout(QUIET).is_ok() {}
    env.write(BUNDLE, &first);
    up.round(&["demo"], "live");
    up.end();
}

#[test]
fn what_is_written_inside_the_source_makes_no_loop() {
    let env = source();
    let refused = env.run(&["up", "--target", "dir:tenants/live"]);
    assert_eq!(refused.code, 64, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("lies in what is compiled"),
        "{}",
        refused.stderr
    );

    env.git(
        ".",
        &[
            "clone",
            "-q",
            "--mirror",
            "source-gitops.git",
            "source/gitops.git",
        ],
    );
    let up = Up::start(&env, &["--gitops", "gitops.git", "--target", "dir:live"]);
    up.next("watching");
    up.round(&["demo"], "live");
    env.commit("what a watch made, too");
    up.nothing("a commit of the source");
    up.end();
}

/// The limit is one of the user's, so the test makes a user of its own.
#[cfg(target_os = "linux")]
#[expect(clippy::print_stderr, reason = "a test that cannot run here says so")]
#[test]
fn a_reached_limit_is_said_and_files_are_looked_at() {
    let env = source();
    let mut command = env.command("unshare", "source");
    let limited = "echo 3 > /proc/sys/user/max_inotify_watches && exec \"$@\"";
    command.args(["--user", "--map-root-user", "sh", "-c", limited, "sh"]);
    let can = env
        .command("unshare", "source")
        .args([
            "--user",
            "--map-root-user",
            "sh",
            "-c",
            limited,
            "sh",
            "true",
        ])
        .status();
    if !can.is_ok_and(|can| can.success()) {
        eprintln!(
            "NOT TESTED: this machine lets nobody set the limit of watches in a user namespace"
        );
        return;
    }
    let up = Up::spawn(command.arg(env!("CARGO_BIN_EXE_orzc")), &[]);
    up.next("watching");
    up.round(&["demo"], "live");
    let said = up.next("looking");
    let message = said["message"].as_str().expect("a message");
    assert!(message.contains("max_user_watches"), "{message}");
    let bundle = env.read(BUNDLE).replace("hello", "welcome");
    env.write(BUNDLE, &bundle);
    up.round(&["demo"], "live");
    assert!(live(&env, "welcome"));
    up.end();
}
