//! A command on a repository that can be put back to what it was before, again and again.

use std::path::{Path, PathBuf};
use std::process::Command;

use orz_fault_tools::{Ended, Fault, Kind, Run, Victims};

use crate::env::Env;

pub(crate) const GITOPS: &str = "source-gitops.git";
pub(crate) const REMOTE: &str = "remote.git";
pub(crate) const PUBLISH: [&str; 4] = ["publish", "--activate", "--reason", "go"];
/// Of the branches, in the order in which they move.
const BRANCHES: [&str; 2] = ["refs/heads/releases", "refs/heads/main"];

/// A command, and the place where it is killed.
pub(crate) struct Scene {
    pub(crate) env: Env,
    /// Folders that are as they were before each kill.
    pub(crate) folders: Vec<&'static str>,
    /// The repository whose state counts.
    pub(crate) repository: &'static str,
    pub(crate) command: Vec<&'static str>,
    pub(crate) victims: Victims,
    /// Every which instant is enough for every day.
    pub(crate) step: usize,
}

pub(crate) fn bundle(version: u32) -> String {
    format!(
        r#"{{ "tenant": {{ "name": "acme" }},
  "configs": [{{ "name": "settings", "version": "v{version}", "data": {{ "greeting": "hello" }}, "activate": true }}] }}
"#
    )
}

/// The source says something new from here on.
pub(crate) fn say(env: &Env, version: u32) {
    env.write("source/tenants/acme/bundle.json", &bundle(version));
    env.commit(&format!("version {version}"));
}

pub(crate) fn publish(env: &Env) {
    env.run(&["publish", "--activate", "--reason", "go"]).ok();
}

/// A source whose third version is to be published, after so many were.
pub(crate) fn source(published: u32) -> Env {
    let env = Env::new();
    std::fs::create_dir(env.path("source")).expect("a folder");
    env.run(&["init"]).ok();
    std::fs::remove_dir_all(env.path("source/tenants")).expect("the first example");
    for version in 1..=published {
        say(&env, version);
        publish(&env);
    }
    env
}

impl Scene {
    pub(crate) fn local(env: Env, command: &[&'static str]) -> Self {
        Self {
            env,
            folders: vec![GITOPS],
            repository: GITOPS,
            command: command.to_vec(),
            victims: Victims::All,
            step: 7,
        }
    }

    pub(crate) fn only(self, victims: Victims) -> Self {
        Self { victims, ..self }
    }

    pub(crate) fn save(&self) {
        for folder in &self.folders {
            copy(
                &self.env.path(folder),
                &self.env.path(&format!("saved/{folder}")),
            );
        }
    }

    pub(crate) fn restore(&self) {
        for folder in &self.folders {
            let path = self.env.path(folder);
            std::fs::remove_dir_all(&path).expect("removed");
            copy(&self.env.path(&format!("saved/{folder}")), &path);
        }
    }

    pub(crate) fn follow(&self, kinds: &[Kind], fault: Option<(usize, Fault)>) -> Ended {
        self.follow_below("", kinds, fault)
    }

    /// With calls below one folder alone.
    pub(crate) fn follow_below(
        &self,
        folder: &str,
        kinds: &[Kind],
        fault: Option<(usize, Fault)>,
    ) -> Ended {
        let mut command = self.env.command(env!("CARGO_BIN_EXE_orzc"), "source");
        command.args(&self.command);
        let run = Run {
            command,
            below: self.env.path(folder),
            kinds: kinds.iter().copied().collect(),
            fault,
        };
        run.end().expect("followed")
    }

    /// Where the branches stand.
    pub(crate) fn state(&self) -> Vec<String> {
        let of = |branch| {
            let args = ["for-each-ref", "--format=%(objectname)", branch];
            self.env.git(self.repository, &args).trim().to_owned()
        };
        BRANCHES.map(of).to_vec()
    }

    pub(crate) fn is_valid(&self, at: &str) {
        let fsck = ["fsck", "--strict", "--no-dangling", "--full"];
        assert_eq!(self.env.git(self.repository, &fsck), "", "{at}");
        let verified = self.env.run(&["verify"]);
        assert_eq!(
            verified.code, 0,
            "{at}: {}{}",
            verified.stdout, verified.stderr
        );
    }
}

/// Every file of a repository that is a lock of Git.
pub(crate) fn locks(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            found.extend(locks(&path));
        } else if path.extension().is_some_and(|e| e == "lock") {
            found.push(path);
        }
    }
    found
}

/// With modes and times, which a lock is judged by.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().expect("below the root")).expect("a folder");
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.expect("cp runs").success());
}

/// What is to be said by the next publish stands on a branch of its own.
pub(crate) fn prepare_next(env: &Env, version: u32) {
    env.git("source", &["checkout", "-q", "-b", "next"]);
    say(env, version);
    env.git("source", &["checkout", "-q", "main"]);
}

pub(crate) fn second_version() -> Env {
    let env = source(1);
    say(&env, 2);
    prepare_next(&env, 3);
    env
}

/// The same source, with a repository on a remote.
pub(crate) fn remote(command: &[&'static str]) -> Scene {
    let mut env = Env::new();
    env.git(
        "",
        &["init", "-q", "--bare", "--initial-branch=main", REMOTE],
    );
    let address = format!("file://{}", env.path(REMOTE).display());
    env.set("ORZ_GITOPS", &address);
    env.write("source/orz.toml", "");
    env.commit("start");
    env.run(&["init"]).ok();
    for version in 1..=2 {
        say(&env, version);
        publish(&env);
    }
    if command == PUBLISH {
        say(&env, 3);
    }
    prepare_next(&env, 4);
    Scene {
        env,
        folders: vec![REMOTE, "home"],
        repository: REMOTE,
        command: command.to_vec(),
        victims: Victims::Client,
        step: 47,
    }
}
