//! Go programs and the source folders of Go modules.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Digest, ToolError, cache_dir, made_once, say};

/// A Go module with one `main`, which tests run.
pub struct GoProgram<'a> {
    /// The module's folder, with `go.mod`, `go.sum` and its sources.
    pub module_dir: &'a Path,
    /// Flags for the linker, such as `-s -w`; may be empty.
    pub ldflags: &'a str,
    /// What is built and how long it takes, as in `the control plane (about 5 minutes)`.
    pub what: &'a str,
}

impl GoProgram<'_> {
    /// The path of the built program. Built at most once per content of the module and flags;
    /// `go` is needed only then.
    pub fn binary(&self) -> Result<PathBuf, ToolError> {
        let name = self
            .module_dir
            .file_name()
            .map_or_else(|| "program".into(), |name| name.to_string_lossy());
        let entry = format!("bin/{name}-{}", self.digest()?);
        made_once(&entry, |target| self.build(target))
    }

    /// The hash that names this program: of `go.mod`, `go.sum`, every `*.go` of the folder and
    /// the flags.
    pub fn digest(&self) -> Result<Digest, ToolError> {
        let mut sources = Vec::new();
        for entry in fs::read_dir(self.module_dir).map_err(ToolError::io(self.module_dir))? {
            let path = entry.map_err(ToolError::io(self.module_dir))?.path();
            let is_source = path.extension().is_some_and(|extension| extension == "go")
                || path.ends_with("go.mod")
                || path.ends_with("go.sum");
            if is_source {
                sources.push(path);
            }
        }
        sources.sort();
        let mut digest = Digest::default().with(self.ldflags);
        for path in sources {
            let content = fs::read(&path).map_err(ToolError::io(&path))?;
            let name = path.file_name().unwrap_or_default();
            digest = digest.with(name.as_encoded_bytes()).with(content);
        }
        Ok(digest)
    }

    fn build(&self, target: &Path) -> Result<(), ToolError> {
        say(&format!("building {} once", self.what));
        let started = Instant::now();
        let mut command = Command::new("go");
        command
            .args(["build", "-trimpath", "-buildvcs=false", "-ldflags"])
            .arg(self.ldflags)
            .arg("-o")
            .arg(target)
            .arg(".")
            .current_dir(self.module_dir)
            .env("CGO_ENABLED", "0")
            .env("GOWORK", "off");
        let what = format!("building {}", self.what);
        let output = run(&mut command, &what)?;
        if !output.status.success() {
            return Err(ToolError::Failed {
                what,
                output: last_lines(&output.stderr),
                help: String::new(),
            });
        }
        say(&format!("built in {} s", started.elapsed().as_secs()));
        Ok(())
    }
}

/// The folder that holds the sources of a Go module at a version; had by the Go command, which
/// checks them against its checksum database.
pub fn go_module_dir(module: &str, version: &str) -> Result<PathBuf, ToolError> {
    let what = format!("download of the Go module `{module}@{version}`");
    let mut command = Command::new("go");
    command
        .args(["mod", "download", "-json"])
        .arg(format!("{module}@{version}"))
        // Outside any module: what a `go.mod` above replaces or requires must not count.
        .current_dir(cache_dir()?)
        .env("GOWORK", "off");
    let output = run(&mut command, &what)?;
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    match answer.get("Dir").and_then(Value::as_str) {
        Some(dir) if output.status.success() => Ok(PathBuf::from(dir)),
        _ => Err(ToolError::Failed {
            what,
            output: answer.get("Error").and_then(Value::as_str).map_or_else(
                || last_lines(&output.stderr),
                |reason| last_lines(reason.as_bytes()),
            ),
            help: "the Go command needs its module proxy, or a filled module cache".into(),
        }),
    }
}

/// Runs to the end, with a sign of life each minute.
fn run(command: &mut Command, what: &str) -> Result<Output, ToolError> {
    let started = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| missing_go(source, command))?;
    thread::scope(|scope| {
        let waiting = scope.spawn(|| child.wait_with_output());
        let mut told = 0;
        while !waiting.is_finished() {
            thread::sleep(Duration::from_millis(20));
            let minutes = started.elapsed().as_secs() / 60;
            if minutes > told {
                told = minutes;
                say(&format!("{what}: {minutes} min"));
            }
        }
        match waiting.join() {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(source)) => Err(ToolError::Io {
                path: "go".into(),
                source,
            }),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn missing_go(source: io::Error, command: &Command) -> ToolError {
    let absent_folder = command
        .get_current_dir()
        .is_some_and(|folder| !folder.is_dir());
    if source.kind() == io::ErrorKind::NotFound && !absent_folder {
        ToolError::Missing {
            program: "go".into(),
            help: "install Go 1.26 or newer (https://go.dev/dl) and put its `bin` folder on PATH"
                .into(),
        }
    } else {
        ToolError::Io {
            path: command.get_current_dir().unwrap_or(Path::new("go")).into(),
            source,
        }
    }
}

/// The end of a program's output: a Go build prints its reason last.
fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
