//! The `git` program: what it takes for the same work.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Outcome;

/// Runs `git` on a repository and gives what it prints.
pub(crate) fn git(repo: &Path, args: &[&str]) -> Outcome<Vec<u8>> {
    with_input(repo, args, &[])
}

/// The same, with something to read.
pub(crate) fn with_input(repo: &Path, args: &[&str], input: &[u8]) -> Outcome<Vec<u8>> {
    let mut child = Command::new("git")
        .arg("--git-dir")
        .arg(repo)
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([
            ("GIT_AUTHOR_NAME", "Bench"),
            ("GIT_AUTHOR_EMAIL", "bench@example.com"),
            ("GIT_COMMITTER_NAME", "Bench"),
            ("GIT_COMMITTER_EMAIL", "bench@example.com"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or("the child has no input")?;
    // Beside the reading: neither side may wait for the other with a full pipe.
    let output = std::thread::scope(|scope| {
        let writer = scope.spawn(move || stdin.write_all(input));
        let output = child.wait_with_output();
        let written = writer.join().map_err(|_| "the writing thread panicked")?;
        let output = output?;
        if output.status.success() {
            written?;
        }
        Outcome::Ok(output)
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`git {}` says: {said}", args.join(" ")).into());
    }
    Ok(output.stdout)
}

/// One line that `git` prints.
pub(crate) fn line(repo: &Path, args: &[&str]) -> Outcome<String> {
    Ok(String::from_utf8(git(repo, args)?)?.trim().to_owned())
}

/// The size of all files below a folder, in bytes.
pub(crate) fn size(folder: &Path) -> Outcome<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        sum += if entry.file_type()?.is_dir() {
            size(&entry.path())?
        } else {
            entry.metadata()?.len()
        };
    }
    Ok(sum)
}
