//! A hermetic place to run `orzc` and `git` in.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use serde_json::Value;

/// A temporary folder with a home of its own, a fixed time and a fixed person.
pub(crate) struct Env {
    root: tempfile::TempDir,
    extra: BTreeMap<String, String>,
    /// Ids in the order in which they were first seen, so that one id keeps one name in all transcripts.
    seen: Mutex<Vec<String>>,
}

/// How one run ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Env {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        let env = Self {
            root,
            extra: BTreeMap::new(),
            seen: Mutex::new(Vec::new()),
        };
        env.write(
            "home/gitconfig",
            "[user]\n\tname = Ann Operator\n\temail = ann@example.com\n[init]\n\tdefaultBranch = main\n",
        );
        env
    }

    /// Sets a variable for every run from here on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.extra.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    pub(crate) fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        std::fs::write(path, text).expect("a writable file");
    }

    pub(crate) fn read(&self, relative: &str) -> String {
        std::fs::read_to_string(self.path(relative)).expect("a readable file")
    }

    /// `program` in `folder`, with nothing of the caller's environment but the way to Git.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>, folder: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path(folder))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").expect("PATH is set"))
            .env("HOME", self.path("home"))
            .env("GIT_CONFIG_GLOBAL", self.path("home/gitconfig"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CEILING_DIRECTORIES", self.root.path())
            .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
            .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")
            .env("ORZ_NOW", "2026-01-31T12:00:00Z")
            .envs(&self.extra);
        command
    }

    /// Runs `orzc` in `folder` below the root.
    pub(crate) fn run_in(&self, folder: &str, args: &[&str]) -> Ran {
        let output = self
            .command(env!("CARGO_BIN_EXE_orzc"), folder)
            .args(args)
            .output()
            .expect("orzc runs");
        Ran::of(output)
    }

    /// Runs `orzc` in the folder `source`.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_in("source", args)
    }

    /// Runs `orzc` in the folder `source`, and gives the document that it printed.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--format", "json"]].concat());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| {
            panic!(
                "{args:?} printed no JSON: {error}\n{}{}",
                ran.stdout, ran.stderr
            )
        })
    }

    /// Runs `orzc` in the folder `source` for each line of `script`, and gives what a person would have seen:
    /// command, standard output, standard error, and the exit code where it is not 0.
    pub(crate) fn transcript(&self, script: &[&[&str]]) -> String {
        let mut text = String::new();
        for args in script {
            let words: Vec<String> = args
                .iter()
                .map(|w| {
                    if w.contains([' ', '"']) {
                        format!("'{w}'")
                    } else {
                        (*w).to_owned()
                    }
                })
                .collect();
            let ran = self.run(args);
            writeln!(text, "$ orzc {}", words.join(" ")).expect("writing to a String cannot fail");
            text.push_str(&ran.stdout);
            text.push_str(&ran.stderr);
            if ran.code != 0 {
                writeln!(text, "[exit {}]", ran.code).expect("writing to a String cannot fail");
            }
            text.push('\n');
        }
        self.steady(&text)
    }

    /// `git` in `folder` below the root; must succeed.
    pub(crate) fn git(&self, folder: &str, args: &[&str]) -> String {
        let ran = Ran::of(
            self.command("git", folder)
                .args(args)
                .output()
                .expect("git runs"),
        );
        assert_eq!(ran.code, 0, "git {args:?} in {folder}: {}", ran.stderr);
        ran.stdout
    }

    /// Commits everything in the folder `source`, which becomes a repository if it is none.
    pub(crate) fn commit(&self, message: &str) {
        if !self.path("source/.git").exists() {
            self.git("source", &["init", "-q"]);
        }
        self.git("source", &["add", "-A"]);
        self.git("source", &["commit", "-q", "-m", message]);
    }

    /// `text` without what differs between runs and between versions of the platform's data: ids are
    /// numbered in the order of their first appearance, timings and the temporary folder are named.
    pub(crate) fn steady(&self, text: &str) -> String {
        let text = text.replace(&self.root.path().display().to_string(), "[ROOT]");
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some(c) = rest.chars().next() {
            let word = rest
                .find(|c: char| !c.is_ascii_alphanumeric())
                .unwrap_or(rest.len());
            if word == 0 {
                out.push(c);
                rest = &rest[c.len_utf8()..];
                continue;
            }
            let (token, tail) = rest.split_at(word);
            let is_id = token.len() >= 12
                && token
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            out.push_str(&if is_id {
                self.name_of(token)
            } else {
                token.to_owned()
            });
            rest = tail;
        }
        without_timings(&out)
    }

    fn name_of(&self, id: &str) -> String {
        let mut seen = self
            .seen
            .lock()
            .expect("no test panics while it holds this");
        let position = seen
            .iter()
            .position(|known| known.starts_with(id) || id.starts_with(known.as_str()));
        let position = position.unwrap_or_else(|| {
            seen.push(id.to_owned());
            seen.len() - 1
        });
        format!("<id-{}>", position + 1)
    }
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        Self {
            code: output.status.code().expect("not killed"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The standard output of a run that must have succeeded.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self.stdout
    }
}

/// `text` with `[TIME]` for every `0.12 s`.
fn without_timings(text: &str) -> String {
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    let mut out = String::new();
    for (position, word) in words.iter().enumerate() {
        let number = word.trim_end();
        let is_number =
            number.contains('.') && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let unit = words.get(position + 1).is_some_and(|next| {
            next.starts_with('s') && !next[1..].starts_with(char::is_alphanumeric)
        });
        out.push_str(&if is_number && unit {
            word.replace(number, "[TIME]")
        } else {
            (*word).to_owned()
        });
    }
    out
}

/// Copies a folder of files.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a readable folder") {
        let entry = entry.expect("a readable entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
