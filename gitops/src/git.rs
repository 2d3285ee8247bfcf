//! The `git` program as a child process, for what only it does right: moving references durably
//! and refusing ids of objects that do not exist, and bringing a checked-out work tree along.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::commit::Ident;
use crate::error::{Error, Result};

/// A `git` command that sees nothing of the caller's environment that could redirect it.
pub(crate) struct Git {
    command: Command,
    subcommand: String,
    input: Option<Vec<u8>>,
    answer: Option<File>,
}

impl Git {
    /// `git <subcommand>` outside of any repository.
    pub(crate) fn new(subcommand: &str) -> Self {
        Self::with(&[], subcommand)
    }

    /// `git <subcommand>` on the repository whose Git folder is `git_dir`.
    pub(crate) fn on(git_dir: &Path, subcommand: &str) -> Self {
        let mut git_dir_option = std::ffi::OsString::from("--git-dir=");
        git_dir_option.push(git_dir);
        Self::with(&[&git_dir_option], subcommand)
    }

    /// `git <subcommand>` inside a work tree.
    pub(crate) fn inside(work_tree: &Path, subcommand: &str) -> Self {
        Self::with(&[OsStr::new("-C"), work_tree.as_os_str()], subcommand)
    }

    fn with(options: &[&OsStr], subcommand: &str) -> Self {
        let mut command = Command::new("git");
        // Inside a hook these point at another repository, index or object folder.
        let keep = [
            "GIT_CONFIG_GLOBAL",
            "GIT_CONFIG_SYSTEM",
            "GIT_CONFIG_NOSYSTEM",
            "GIT_EXEC_PATH",
        ];
        for (key, _) in std::env::vars_os() {
            if key
                .to_str()
                .is_some_and(|k| k.starts_with("GIT_") && !keep.contains(&k))
            {
                command.env_remove(key);
            }
        }
        // Messages are read by us only to be shown, but paths in them must not be translated around.
        command
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0");
        command.args(options);
        for setting in [
            // References reach the disk before we say that they moved.
            "core.fsync=reference,loose-object,pack,pack-metadata,index",
            "core.fsyncMethod=fsync",
            // How long a lock of another process is waited for.
            "core.filesRefLockTimeout=3000",
            "core.packedRefsTimeout=3000",
            "core.useReplaceRefs=false",
            "gc.auto=0",
            "advice.graftFileDeprecated=false",
        ] {
            command.arg("-c").arg(setting);
        }
        command.arg(subcommand);
        Self {
            command,
            subcommand: subcommand.to_owned(),
            input: None,
            answer: None,
        }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// A file that it writes its standard output to, and holds as long as it lives.
    pub(crate) fn answer_to(mut self, file: File) -> Self {
        self.answer = Some(file);
        self
    }

    /// Who stands in the reflog.
    pub(crate) fn ident(mut self, ident: &Ident) -> Self {
        let date = format!("@{} +0000", ident.seconds);
        for role in ["AUTHOR", "COMMITTER"] {
            self.command.env(format!("GIT_{role}_NAME"), &ident.name);
            self.command.env(format!("GIT_{role}_EMAIL"), &ident.email);
            self.command.env(format!("GIT_{role}_DATE"), &date);
        }
        self
    }

    /// Its standard output; any other end than success is an error with what it said.
    pub(crate) fn output(self) -> Result<Vec<u8>> {
        let subcommand = self.subcommand.clone();
        let output = self.finish()?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(Error::Git {
            command: subcommand,
            message: said(&output),
        })
    }

    /// How it ended, whatever that is.
    pub(crate) fn finish(mut self) -> Result<Output> {
        let failed = |source: std::io::Error| Error::Git {
            command: self.subcommand.clone(),
            message: source.to_string(),
        };
        self.command
            .stdin(Stdio::piped())
            .stdout(self.answer.take().map_or_else(Stdio::piped, Stdio::from))
            .stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(failed)?;
        let mut stdin = child.stdin.take().expect("stdin was asked to be a pipe");
        let input = self.input.take().unwrap_or_default();
        // Written from a thread of its own, so that a child that fills its output first cannot block us.
        let writer = std::thread::spawn(move || {
            // A child that ends early closes the pipe; its exit status tells why.
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().map_err(failed)?;
        let _ = writer.join();
        Ok(output)
    }
}

/// What a child said on standard error, on one line.
pub(crate) fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        format!("ended with {}", output.status)
    } else {
        text
    }
}
