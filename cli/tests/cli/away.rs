//! A remote that goes away in the middle of an answer, one that is away for a while, and disks that are full on
//! either side of it: nothing is half written, and once it is over the same command succeeds.
//!
//! `ORZ_SCENARIO_SIZE=full` takes every place at which it can happen; otherwise a few.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use orz_fault_tools::{Errno, Fault, Kind, is_supported};

use crate::env::Env;
use crate::faulty::{PUBLISH, REMOTE, Scene, remote};

fn is_full_size() -> bool {
    std::env::var("ORZ_SCENARIO_SIZE").is_ok_and(|size| size == "full")
}

/// The remote is reached by a program that stands in for `ssh` and hands on so many bytes of what it sends to a fetch.
fn cut_off(env: &mut Env) {
    let script = "#!/bin/sh\n\
        shift\n\
        case \"$*\" in\n\
        *upload-pack*) sh -c \"$*\" | { dd bs=1 count=\"$CUT\" status=none; \
           test \"$(head -c 1 | wc -c)\" -eq 0 || kill -9 $$; } ;;\n\
        *) exec sh -c \"$*\" ;;\n\
        esac\n";
    env.write("ssh", script);
    let ssh = env.path("ssh");
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).expect("executable");
    env.set("GIT_SSH_COMMAND", &ssh.display().to_string());
    env.set("GIT_SSH_VARIANT", "simple");
    let address = format!("git@git.example.com:{}", env.path(REMOTE).display());
    env.set("ORZ_GITOPS", &address);
}

#[test]
fn a_fetch_that_is_cut_off_leaves_nothing() {
    let mut scene = remote(&PUBLISH);
    cut_off(&mut scene.env);
    let old = scene.state();
    let folder = scene.env.path("home/.cache/orz/gitops");
    let cached = || {
        let entries = fs::read_dir(&folder).expect("readable");
        let is_folder = |entry: &fs::DirEntry| entry.path().is_dir();
        entries.flatten().filter(is_folder).count()
    };
    let others = cached();
    let step = if is_full_size() { 17 } else { 400 };
    let mut cuts = 0;
    // With no cache yet, everything is fetched: the longest answer there is.
    let whole = (5..100_000).step_by(step).find(|cut: &usize| {
        scene.env.set("CUT", &cut.to_string());
        let ran = scene.env.run(&["status"]);
        let at = format!("cut off after {cut} bytes: {}", ran.stderr);
        if ran.code == 0 {
            return true;
        }
        cuts += 1;
        assert_eq!(ran.code, 70, "{at}");
        assert!(ran.stderr.contains("help: "), "{at}");
        assert_eq!(cached(), others, "{at}");
        false
    });
    assert!(cuts > 3 && whole.is_some(), "{cuts} cuts");
    // What somebody else publishes is less than that, and comes to a cache that stands.
    let aside = format!("file://{}", scene.env.path(REMOTE).display());
    let through = format!("git@git.example.com:{}", scene.env.path(REMOTE).display());
    scene.env.set("ORZ_GITOPS", &aside);
    scene.env.run(&["hold", "acme", "--reason", "wait"]).ok();
    let held = scene.state();
    assert_ne!(held, old);
    scene.env.set("ORZ_GITOPS", &through);
    for cut in (5..).step_by(step) {
        scene.env.set("CUT", &cut.to_string());
        let ran = scene.env.run(&["activate", "acme", "--reason", "go"]);
        let at = format!("cut off after {cut} bytes: {}", ran.stderr);
        assert_eq!(scene.state(), held, "{at}");
        let offline = scene.env.run(&["status", "--offline"]);
        assert_eq!(offline.code, 0, "{at}: {}", offline.stderr);
        assert!(
            !offline.stderr.contains("broken"),
            "{at}: {}",
            offline.stderr
        );
        if ran.code == 0 {
            // What is live already is activated by nothing.
            break;
        }
        assert_eq!(ran.code, 70, "{at}");
    }
    scene.is_valid("whole again");
    scene.env.set("CUT", "100000000");
    scene
        .env
        .run(&["release-hold", "acme", "--reason", "go on"])
        .ok();
    scene.env.run(&PUBLISH).ok();
    scene.is_valid("and used again");
}

#[test]
fn a_rollback_made_while_the_remote_is_away_reaches_it_when_it_is_back() {
    let scene = remote(&PUBLISH);
    let env = &scene.env;
    let old = scene.state();
    let told = || env.run(&["history", "acme"]).stdout;
    let before = told();
    fs::rename(env.path(REMOTE), env.path("away.git")).expect("moved");
    let rollback = ["rollback", "acme", "--reason", "broken at 3 a.m."];
    let ran = env.run(&rollback);
    assert_ne!(ran.code, 0, "{}", ran.stderr);
    env.run(&[&rollback[..], &["--offline"]].concat()).ok();
    let said = |told: &str| told.contains("broken at 3 a.m.");
    let offline = env.run(&["history", "acme", "--offline"]).stdout;
    assert!(said(&offline) && !said(&before), "{offline}");
    let ran = env.run(&["sync"]);
    assert_ne!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    fs::rename(env.path("away.git"), env.path(REMOTE)).expect("moved back");
    assert_eq!(scene.state(), old);
    env.run(&["sync"]).ok();
    assert_eq!(scene.state()[0], old[0], "a rollback moves a pointer alone");
    assert_ne!(scene.state()[1], old[1]);
    let message = env.git(REMOTE, &["log", "-1", "--format=%B", "main"]);
    assert!(
        message.contains("Orz-Reason: broken at 3 a.m."),
        "{message}"
    );
    assert!(said(&told()), "{}", told());
    scene.is_valid("when it is back");
}

impl Scene {
    /// From each call below `folder` on, the disk that it is on is full. What was said where the command succeeded.
    fn is_full_on(&self, folder: &str) -> Vec<String> {
        if !is_supported() {
            orz_fault_tools::say("NOT TESTED: faults can be made on Linux on x86-64 only");
            return Vec::new();
        }
        self.save();
        let old = self.state();
        let whole = self.follow_below(folder, &Kind::ROOM, None);
        assert_eq!(whole.code, Some(0), "{}", whole.stderr);
        let new = self.state();
        // Of an atomic push, `main` moves first.
        let torn = vec![old[0].clone(), new[1].clone()];
        let step = if is_full_size() { 1 } else { 9 };
        let (mut refused, mut ends) = (0, [0, 0, 0]);
        let mut said = Vec::new();
        for point in (1..=whole.calls.len()).filter(|point| point % step == 0) {
            self.restore();
            let fault = Some((point, Fault::From(Errno::NoSpace)));
            let ended = self.follow_below(folder, &Kind::ROOM, fault);
            let Some(call) = ended.calls.get(point - 1) else {
                continue;
            };
            let at = format!("{folder} is full at {point}, {call}: {}", ended.stderr);
            let state = self.state();
            let end = [&old, &torn, &new]
                .iter()
                .position(|known| **known == state);
            let end = end.unwrap_or_else(|| panic!("{at}: {state:?}"));
            ends[end] += 1;
            match ended.code {
                Some(0) => {
                    assert_eq!(state, new, "{at}");
                    said.push(ended.stderr);
                }
                Some(70) => {
                    refused += 1;
                    // Whatever the remote has is not called undone.
                    assert_ne!(state, new, "{at}");
                    assert!(ended.stderr.contains("help: "), "{at}");
                    assert!(!ended.stderr.contains("panicked"), "{at}");
                }
                code => panic!("{code:?}: {at}"),
            }
            if end != 1 {
                self.is_valid(&at);
            }
            // The fault is over.
            let again = self.env.run(&self.command);
            assert_eq!(again.code, 0, "{at}: {}", again.stderr);
            assert_eq!(self.state(), new, "{at}");
            self.is_valid(&at);
        }
        orz_fault_tools::say(&format!(
            "{folder} full: {} calls, {refused} refused; {} old, {} torn by the host, {} new",
            whole.calls.len(),
            ends[0],
            ends[1],
            ends[2]
        ));
        assert!(refused > 0);
        said
    }
}

#[test]
fn the_disk_of_a_remote_is_full() {
    remote(&PUBLISH).is_full_on(REMOTE);
}

#[test]
fn the_disk_with_the_cache_of_a_remote_is_full() {
    let said = remote(&PUBLISH).is_full_on("home");
    // The remote has it: that the copy here could not follow is no failure.
    let followed = |said: &String| said.contains("could not follow");
    assert!(!is_supported() || said.iter().any(followed), "{said:?}");
}
