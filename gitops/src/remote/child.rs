//! `git` as it talks to a remote.
//!
//! Unlike everything else that we ask of Git, it runs in the user's environment: how `ssh` is called, who is known to
//! which host and which proxy leads there is theirs to say. Only what would turn it to another repository is taken out.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::said;
use super::url::RemoteUrl;
use crate::error::{Error, Result};

/// The name of the remote in the settings of one process; no file knows it.
pub(crate) const NAME: &str = "orz-remote";

/// Variables with which a surrounding `git`, in a hook, points at another repository.
pub(crate) const POINTERS: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_REPLACE_REF_BASE",
];

/// What holds for every exchange, whatever the user's settings say.
const SETTINGS: &[&str] = &[
    // What a remote sends is looked at before it is taken.
    "fetch.fsckObjects=true",
    "transfer.fsckObjects=true",
    // One pack for each fetch: loose objects would pile up, because nothing collects them here.
    "fetch.unpackLimit=1",
    "transfer.unpackLimit=1",
    "fetch.writeCommitGraph=false",
    "fetch.recurseSubmodules=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "core.hooksPath=/dev/null",
    "core.useReplaceRefs=false",
    "core.fsync=reference,loose-object,pack,pack-metadata,index",
    "push.followTags=false",
    "push.recurseSubmodules=no",
    "push.default=nothing",
];

/// How often a child that says nothing is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// What a child that has ended may still have in its pipes. A connection of `ssh` that outlives it keeps them open.
const REST: Duration = Duration::from_millis(300);

/// A command to run.
pub(crate) struct Exchange<'a> {
    command: Command,
    url: &'a RemoteUrl,
    /// How long it may be silent.
    stall: Option<Duration>,
}

/// How it ended.
pub(crate) struct Ended {
    /// `None`: it was ended for its silence.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stdout: String,
    pub(crate) stderr: Vec<u8>,
    /// What it said, without progress and secrets.
    pub(crate) lines: Vec<String>,
}

impl Ended {
    pub(crate) fn ok(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

impl<'a> Exchange<'a> {
    /// `git <subcommand>` on the cache at `git_dir`. With `prompt`, Git may ask at the terminal, and is waited for.
    pub(crate) fn new(
        git_dir: &Path,
        url: &'a RemoteUrl,
        subcommand: &str,
        prompt: bool,
        stall: Duration,
    ) -> Self {
        let mut command = Command::new("git");
        for variable in POINTERS {
            command.env_remove(variable);
        }
        command.env("LC_ALL", "C").env("LANGUAGE", "C");
        if !prompt {
            command.env("GIT_TERMINAL_PROMPT", "0");
        }
        let mut git_dir_option = std::ffi::OsString::from("--git-dir=");
        git_dir_option.push(git_dir);
        command.arg(git_dir_option);
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        told_apart(&mut command, url);
        command.arg(subcommand);
        Self {
            command,
            url,
            stall: (!prompt).then_some(stall),
        }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Runs it to its end, or until it was silent for too long.
    pub(crate) fn run(mut self) -> Result<Ended> {
        let failed = |source: std::io::Error| Error::Git {
            command: "remote".to_owned(),
            message: source.to_string(),
        };
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(failed)?;
        let (sender, receiver) = channel();
        read(child.stdout.take(), false, &sender);
        read(child.stderr.take(), true, &sender);
        drop(sender);

        let mut ended = Ended {
            status: None,
            stdout: String::new(),
            stderr: Vec::new(),
            lines: Vec::new(),
        };
        let mut stdout = Vec::new();
        let mut silent = false;
        let mut heard = Instant::now();
        loop {
            match receiver.recv_timeout(LOOK) {
                Ok((is_error, bytes)) => {
                    heard = Instant::now();
                    if is_error {
                        ended.stderr.extend(bytes);
                    } else {
                        stdout.extend(bytes);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    if child.try_wait().map_err(failed)?.is_some() {
                        rest(&receiver, &mut stdout, &mut ended.stderr);
                        break;
                    }
                    silent = self.stall.is_some_and(|stall| heard.elapsed() >= stall);
                    if silent {
                        // It may have ended by itself just now; either way it is over.
                        let _ = child.kill();
                        break;
                    }
                }
            }
        }
        let status = child.wait().map_err(failed)?;
        ended.status = (!silent).then_some(status);
        ended.stdout = self.url.mask(&String::from_utf8_lossy(&stdout));
        ended.lines = said::lines(self.url, &ended.stderr);
        if silent {
            let seconds = self.stall.unwrap_or_default().as_secs_f32();
            ended
                .lines
                .push(format!("the remote did not answer for {seconds} s"));
        } else if !status.success() && ended.lines.is_empty() {
            ended.lines.push(format!("`git` ended with {status}"));
        }
        Ok(ended)
    }
}

/// Names the remote to Git, by the environment: arguments can be read by everybody on the machine.
fn told_apart(command: &mut Command, url: &RemoteUrl) {
    let mut settings = vec![
        (format!("remote.{NAME}.url"), url.address().to_owned()),
        (format!("remote.{NAME}.tagOpt"), "--no-tags".to_owned()),
    ];
    // For this host alone: Git goes where a redirect sends it, and asks for what lets in there.
    let of_host = |key: &str| format!("credential.{}.{key}", url.host_url());
    if let Some(user) = url.user() {
        settings.push((of_host("username"), user.to_owned()));
    }
    if let Some(password) = url.password() {
        // The empty one forgets the user's helpers, which must not keep what stands in an address.
        settings.push(("credential.helper".to_owned(), String::new()));
        settings.push((of_host("helper"), HELPER.to_owned()));
        command.env(PASSWORD, password);
        command.env(USER, url.user().unwrap_or_default());
    }
    let standing = std::env::var("GIT_CONFIG_COUNT")
        .ok()
        .and_then(|count| count.parse::<usize>().ok())
        .unwrap_or(0);
    for (position, (key, value)) in settings.iter().enumerate() {
        let position = standing + position;
        command.env(format!("GIT_CONFIG_KEY_{position}"), key);
        command.env(format!("GIT_CONFIG_VALUE_{position}"), value);
    }
    command.env("GIT_CONFIG_COUNT", (standing + settings.len()).to_string());
}

const USER: &str = "ORZ_REMOTE_USER";
const PASSWORD: &str = "ORZ_REMOTE_PASSWORD";
/// A credential helper that knows what stood in the address.
const HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"$ORZ_REMOTE_USER\" \
                      \"$ORZ_REMOTE_PASSWORD\"; }; f";

type Heard = (bool, Vec<u8>);

fn read(pipe: Option<impl Read + Send + 'static>, is_error: bool, sender: &Sender<Heard>) {
    let sender = sender.clone();
    // A pipe that a grandchild keeps open is left to its thread; nobody waits for it.
    std::thread::spawn(move || {
        let Some(mut pipe) = pipe else { return };
        let mut buffer = [0; 8192];
        while let Ok(length) = pipe.read(&mut buffer) {
            if length == 0 || sender.send((is_error, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    });
}

fn rest(receiver: &Receiver<Heard>, stdout: &mut Vec<u8>, stderr: &mut Vec<u8>) {
    while let Ok((is_error, bytes)) = receiver.recv_timeout(REST) {
        if is_error {
            stderr.extend(bytes);
        } else {
            stdout.extend(bytes);
        }
    }
}
