//! Killed at every call that changes a file: the old state or the new one, and the next write goes on.
//!
//! `ORZ_SCENARIO_SIZE=full` takes every instant; otherwise every seventh is taken, and fewer with a remote.

use orz_fault_tools::{Fault, Kind, Victims, is_supported};

use crate::faulty::{
    PUBLISH, REMOTE, Scene, locks, prepare_next, remote, say, second_version, source,
};

impl Scene {
    /// Kills the command at every instant.
    fn kill_everywhere(&self, what: &str) {
        if !is_supported() {
            orz_fault_tools::say("NOT TESTED: faults can be made on Linux on x86-64 only");
            return;
        }
        self.save();
        let old = self.state();
        let whole = self.follow(&Kind::NAMES, None);
        assert_eq!(whole.code, Some(0), "{}", whole.stderr);
        let new = self.state();
        let between = vec![new[0].clone(), old[1].clone()];
        // Git moves the branches of an atomic push one after the other, `main` first: a host that dies between them
        // has a pointer to a release that is on no index, which nobody acts on.
        let torn = vec![old[0].clone(), new[1].clone()];
        let is_host = self.repository == REMOTE && self.victims == Victims::All;
        let points = whole.calls.len();
        assert!(points > 10, "{points} calls");
        let (mut ends, mut torn_ends, mut locks) = ([0, 0, 0], 0, 0);
        let full = std::env::var("ORZ_SCENARIO_SIZE").is_ok_and(|size| size == "full");
        let step = if full { 1 } else { self.step };
        for point in (1..=points).filter(|point| point % step == 0) {
            self.restore();
            let fault = Some((point, Fault::Kill(self.victims)));
            let killed = self.follow(&Kind::NAMES, fault);
            let Some(call) = killed.calls.get(point - 1) else {
                assert_eq!(killed.code, Some(0), "{}", killed.stderr);
                continue;
            };
            let at = format!("{what}: killed at {point} of {points}, {call}");
            if self.victims == Victims::All {
                assert_eq!(killed.code, None, "{at}: {}", killed.stderr);
            }
            let state = self.state();
            if is_host && state == torn {
                torn_ends += 1;
                self.lock_of_the_remote(&at);
                self.goes_on(&at);
                continue;
            }
            let end = [&old, &between, &new]
                .iter()
                .position(|known| **known == state);
            let end = end.unwrap_or_else(|| panic!("{at}: {state:?} is neither old nor new"));
            ends[end] += 1;
            self.is_valid(&at);
            if is_host {
                self.lock_of_the_remote(&at);
            }
            locks += self.goes_on(&at);
        }
        orz_fault_tools::say(&format!(
            "{what}: {points} instants, {} old, {} published and not live, {} new, {torn_ends} torn by the host; {locks} left locks removed",
            ends[0], ends[1], ends[2]
        ));
    }

    /// What a remote left of itself is for whoever runs it to judge: it is named, and nothing else happens.
    fn lock_of_the_remote(&self, at: &str) {
        let left = locks(&self.env.path(REMOTE));
        if left.is_empty() {
            return;
        }
        let before = self.state();
        self.env.git("source", &["checkout", "-q", "next"]);
        let refused = self.env.run(&PUBLISH);
        self.env.git("source", &["checkout", "-q", "main"]);
        if refused.code != 0 {
            assert_eq!(refused.code, 70, "{at}: {}", refused.stderr);
            assert!(
                refused.stderr.contains(".lock': File exists"),
                "{at}: {}",
                refused.stderr
            );
            assert_eq!(self.state(), before, "{at}");
        }
        for lock in left {
            std::fs::remove_file(lock).expect("removed by hand");
        }
    }

    /// The next version is published, and every lock that was left is gone and was named. How many there were.
    pub(crate) fn goes_on(&self, at: &str) -> usize {
        let left = locks(&self.env.path(self.repository));
        self.env.git("source", &["checkout", "-q", "next"]);
        let next = self.env.run(&["publish", "--activate", "--reason", "next"]);
        self.env.git("source", &["checkout", "-q", "main"]);
        assert_eq!(next.code, 0, "{at}: {}", next.stderr);
        for lock in &left {
            let name = lock.strip_prefix(self.env.path(self.repository));
            let name = name.expect("below it").display().to_string();
            let said = next
                .stderr
                .lines()
                .find(|line| line.contains(&name) && line.contains("removed"));
            let said = said.unwrap_or_else(|| panic!("{at}: {}", next.stderr));
            assert!(said.contains("process"), "{at}: why that was safe: {said}");
        }
        let still = locks(&self.env.path(self.repository));
        assert_eq!(still, [""; 0].map(std::path::PathBuf::from), "{at}");
        self.is_valid(at);
        left.len()
    }
}

#[test]
fn a_publish_is_killed_at_every_instant() {
    Scene::local(second_version(), &PUBLISH).kill_everywhere("publish");
}

#[test]
fn a_publish_is_killed_and_its_git_is_not() {
    let scene = Scene::local(second_version(), &PUBLISH).only(Victims::First);
    scene.kill_everywhere("publish without its git");
}

#[test]
fn the_first_publish_is_killed_at_every_instant() {
    let env = source(0);
    say(&env, 1);
    prepare_next(&env, 2);
    Scene::local(env, &PUBLISH).kill_everywhere("first publish");
}

#[test]
fn an_activation_is_killed_at_every_instant() {
    let env = source(1);
    say(&env, 2);
    env.run(&["publish", "--reason", "go"]).ok();
    prepare_next(&env, 3);
    Scene::local(env, &["activate", "acme", "--reason", "go"]).kill_everywhere("activate");
}

#[test]
fn a_rollback_is_killed_at_every_instant() {
    let env = source(2);
    prepare_next(&env, 3);
    Scene::local(env, &["rollback", "acme", "--reason", "back"]).kill_everywhere("rollback");
}

#[test]
fn a_publish_to_a_remote_is_killed_at_every_instant() {
    remote(&PUBLISH).kill_everywhere("publish to a remote");
}

#[test]
fn a_rollback_on_a_remote_is_killed_at_every_instant() {
    remote(&["rollback", "acme", "--reason", "back"]).kill_everywhere("rollback on a remote");
}

#[test]
fn a_publish_to_a_remote_that_dies_too() {
    remote(&PUBLISH)
        .only(Victims::All)
        .kill_everywhere("publish with its remote");
}
