//! The `git` program, for what it knows about people and the source repository.
//!
//! The GitOps repository is never touched here; `orz-gitops` does that.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::CommandError;

/// Variables with which a surrounding `git` (in a hook, say) points at another repository than `folder`.
const POINTERS: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// What `git` answered.
pub(crate) struct Answer {
    /// Whether it exited with 0.
    pub(crate) ok: bool,
    /// Its standard output, as bytes because paths need not be UTF-8.
    pub(crate) stdout: Vec<u8>,
    /// Its standard error.
    pub(crate) stderr: String,
}

impl Answer {
    /// The output as one trimmed line; `None` when `git` failed or said nothing.
    pub(crate) fn line(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.stdout).trim().to_owned();
        (self.ok && !text.is_empty()).then_some(text)
    }
}

/// Runs `git` in `folder`, with its messages in English and without locks that a reader does not need.
pub(crate) fn git(folder: &Path, args: &[&str]) -> Result<Answer, CommandError> {
    git_with(folder, args, None)
}

/// Like [`git`], with something on its standard input.
pub(crate) fn git_with(
    folder: &Path,
    args: &[&str],
    input: Option<Vec<u8>>,
) -> Result<Answer, CommandError> {
    let mut command = Command::new("git");
    for variable in POINTERS {
        command.env_remove(variable);
    }
    let cannot_run = |error| {
        CommandError::internal(format!("cannot run `git`: {error}"))
            .help("install Git and put it on `PATH`")
    };
    let stdin = match input {
        Some(_) => Stdio::piped(),
        None => Stdio::null(),
    };
    let mut child = command
        .arg("-C")
        .arg(folder)
        .args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"])
        .args(args)
        .env("LC_ALL", "C")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(cannot_run)?;
    // Beside the reading, because neither side must wait for the other. A `git` that ends early says why.
    let writer = child.stdin.take().zip(input).map(|(mut stdin, input)| {
        std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        })
    });
    let output = child.wait_with_output().map_err(cannot_run)?;
    if let Some(writer) = writer {
        let _ = writer.join();
    }
    Ok(Answer {
        ok: output.status.success(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}
