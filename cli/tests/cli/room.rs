//! A disk without room, one that may only be read, one that breaks, and files that are cut off: the error says what
//! to do, nothing is half written, and once the fault is over the same command succeeds.
//!
//! `ORZ_SCENARIO_SIZE=full` lets every call of a publish fail; otherwise every seventh does.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use orz_fault_tools::{Errno, Fault, Kind, is_supported};

use crate::faulty::{GITOPS, PUBLISH, Scene, locks, prepare_next, second_version, source};

impl Scene {
    /// Has every call fail, from each one on, or that one only.
    fn fail_everywhere(&self, kinds: &[Kind], fault: impl Fn(Errno) -> Fault, errno: Errno) {
        if !is_supported() {
            orz_fault_tools::say("NOT TESTED: faults can be made on Linux on x86-64 only");
            return;
        }
        self.save();
        let old = self.state();
        let whole = self.follow(kinds, None);
        assert_eq!(whole.code, Some(0), "{}", whole.stderr);
        let new = self.state();
        let between = vec![new[0].clone(), old[1].clone()];
        let full = std::env::var("ORZ_SCENARIO_SIZE").is_ok_and(|size| size == "full");
        let step = if full { 1 } else { self.step };
        let (cause, fix) = match errno {
            Errno::NoSpace => ("o space left on device", "room"),
            Errno::ReadOnly => ("ead-only file system", "written to"),
            Errno::Broken => ("nput/output error", "disk"),
        };
        let mut refused = 0;
        for point in (1..=whole.calls.len()).filter(|point| point % step == 0) {
            self.restore();
            let ended = self.follow(kinds, Some((point, fault(errno))));
            let Some(call) = ended.calls.get(point - 1) else {
                continue;
            };
            let at = format!("{errno:?} at {point}, {call}: {}", ended.stderr);
            let state = self.state();
            match ended.code {
                // It was not needed.
                Some(0) => assert_eq!(state, new, "{at}"),
                Some(70) => {
                    refused += 1;
                    // Both branches have moved, and nobody knows whether that lasts.
                    let unsynced = state == new && errno != Errno::NoSpace;
                    assert!(state == old || state == between || unsynced, "{at}");
                    let said = |words: &str| ended.stderr.contains(words);
                    // Git does not always say why, or says it in words of its own.
                    let own = ["couldn't write", "couldn't set", "Out of diskspace"];
                    assert!(said(cause) || own.into_iter().any(said), "{at}");
                    let help = ended.stderr.split_once("help: ");
                    assert!(help.is_some_and(|(_, help)| help.contains(fix)), "{at}");
                }
                code => panic!("{code:?}: {at}"),
            }
            self.is_valid(&at);
            // The fault is over.
            let again = self.env.run(&self.command);
            assert_eq!(again.code, 0, "{at}: {}", again.stderr);
            assert_eq!(self.state(), new, "{at}");
            self.is_valid(&at);
            if state == new {
                // Nothing was left to write, so a lock that could not be taken away waits for the next write.
                self.goes_on(&at);
            } else {
                assert_eq!(
                    locks(&self.env.path(self.repository)),
                    [""; 0].map(PathBuf::from),
                    "{at}"
                );
            }
        }
        orz_fault_tools::say(&format!(
            "{errno:?}: {} calls, {refused} refused",
            whole.calls.len()
        ));
        assert!(refused > 0);
    }
}

#[test]
fn the_disk_is_full_from_any_instant_on() {
    let scene = Scene::local(second_version(), &PUBLISH);
    scene.fail_everywhere(&Kind::ROOM, Fault::From, Errno::NoSpace);
}

#[test]
fn the_disk_is_full_for_an_instant() {
    let scene = Scene::local(second_version(), &PUBLISH);
    scene.fail_everywhere(&Kind::ROOM, Fault::Once, Errno::NoSpace);
}

#[test]
fn the_file_system_becomes_read_only() {
    let scene = Scene::local(second_version(), &PUBLISH);
    scene.fail_everywhere(&Kind::ALL, Fault::From, Errno::ReadOnly);
}

#[test]
fn the_disk_breaks() {
    let scene = Scene::local(second_version(), &PUBLISH);
    scene.fail_everywhere(&[Kind::Write, Kind::Sync], Fault::From, Errno::Broken);
}

#[test]
fn a_repack_without_room_takes_nothing_away() {
    let env = source(3);
    prepare_next(&env, 4);
    let scene = Scene::local(env, &["repack"]);
    scene.fail_everywhere(&Kind::ROOM, Fault::From, Errno::NoSpace);
    scene.restore();
    let before = scene.state();
    let done = scene.env.json(&["repack"]);
    assert_eq!(done["before"]["packs"], 4, "{done}");
    assert_eq!(done["after"]["packs"], 1, "{done}");
    assert_eq!(scene.state(), before);
}

/// Only one of them is there.
fn largest_pack(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder.join("objects/pack")).expect("readable");
    let packs = entries.map(|entry| entry.expect("readable").path());
    packs
        .filter(|path| path.extension().is_some_and(|e| e == "pack"))
        .max_by_key(|path| fs::metadata(path).expect("readable").len())
        .expect("a pack")
}

#[test]
fn a_pack_that_is_cut_off_is_said_and_nothing_is_written() {
    let env = second_version();
    env.git(GITOPS, &["repack", "-adq"]);
    let scene = Scene::local(env, &PUBLISH);
    scene.save();
    let old = scene.state();
    let pack = largest_pack(&scene.env.path(GITOPS));
    let length = fs::metadata(&pack).expect("readable").len();
    for keep in [0, 20, length / 2, length - 30] {
        scene.restore();
        let mut mode = fs::metadata(&pack).expect("readable").permissions();
        mode.set_mode(0o644);
        fs::set_permissions(&pack, mode).expect("owned");
        let file = File::options().write(true).open(&pack).expect("writable");
        file.set_len(keep).expect("cut");
        for command in [&PUBLISH[..], &["verify"], &["status"]] {
            let ran = scene.env.run(command);
            let at = format!("{command:?} with {keep} of {length} bytes: {}", ran.stderr);
            // What was cut off may be something that a command does not read; whoever looks at all of it sees it.
            if ran.code == 0 {
                assert_ne!(command, &["verify"], "{at}");
                continue;
            }
            assert!(matches!(ran.code, 1 | 70), "{at}");
            let finding = command == ["verify"] && ran.code == 1;
            assert!(finding || ran.stderr.contains("fsck"), "{at}{}", ran.stdout);
            assert!(!ran.stderr.contains("panicked"), "{at}");
        }
        scene.restore();
        assert_eq!(scene.state(), old);
        scene.env.run(&PUBLISH).ok();
    }
}

#[test]
fn formats_that_we_cannot_read_are_refused_by_name() {
    let mut env = second_version();
    for (format, said) in [
        ("--object-format=sha256", "SHA-256"),
        ("--ref-format=reftable", "reftable"),
    ] {
        let made = env
            .command("git", "")
            .args([
                "init",
                "-q",
                "--bare",
                "--initial-branch=main",
                format,
                said,
            ])
            .output()
            .expect("git runs");
        if !made.status.success() {
            // A Git that cannot make them; what marks one is what a newer Git writes.
            env.git("", &["init", "-q", "--bare", "--initial-branch=main", said]);
            env.git(said, &["config", "core.repositoryFormatVersion", "1"]);
            env.git(said, &["config", "extensions.refStorage", "reftable"]);
        }
        let path = env.path(said).display().to_string();
        env.set("ORZ_GITOPS", &path);
        let files = files(&env.path(said));
        for command in [&PUBLISH[..], &["status"], &["verify"], &["init"]] {
            let ran = env.run(command);
            assert_eq!(ran.code, 1, "{command:?}: {}", ran.stderr);
            assert!(ran.stderr.contains(said), "{command:?}: {}", ran.stderr);
            assert!(ran.stderr.contains("help: "), "{command:?}: {}", ran.stderr);
        }
        assert_eq!(self::files(&env.path(said)), files, "nothing is written");
    }
}

/// Every file below a folder, with its length.
fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let length = fs::metadata(&path).expect("readable").len();
            found.push((path, length));
        }
    }
    found.sort();
    found
}
