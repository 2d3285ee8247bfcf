//! The programs that sign, called as Git calls them.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::settings::{Format, Key, Settings};
use crate::error::{Error, Result};
use crate::git::said;

/// The namespace of Git's signatures: one that was made for something else is none.
const NAMESPACE: &str = "git";

/// The armoured signature over these bytes.
pub(super) fn sign(settings: &Settings, payload: &[u8]) -> Result<Vec<u8>> {
    let signature = match (settings.format, &settings.key) {
        (Format::Ssh, Key::Literal(public)) => ssh_literal(settings, public, payload),
        (Format::Ssh, Key::File(file)) => ssh(settings, file, payload),
        (Format::Ssh, Key::Id(id)) => ssh(settings, Path::new(id), payload),
        (_, Key::Id(id)) => gpg(settings, id, payload),
        (_, Key::Literal(_) | Key::File(_)) => {
            unreachable!("only keys of SSH are files or literal")
        }
    }?;
    if signature.starts_with(b"-----BEGIN ") {
        // A program made for another system may end its lines in two characters.
        Ok(signature
            .into_iter()
            .filter(|byte| *byte != b'\r')
            .collect())
    } else {
        Err(unsigned(settings, "it made no signature".to_owned()))
    }
}

fn ssh_literal(settings: &Settings, public: &str, payload: &[u8]) -> Result<Vec<u8>> {
    let io = |e: std::io::Error| unsigned(settings, e.to_string());
    let folder = tempfile::tempdir().map_err(io)?;
    let file = folder.path().join("key.pub");
    std::fs::write(&file, format!("{public}\n")).map_err(io)?;
    ssh(settings, &file, payload)
}

/// By way of files, because that is what programs that stand in for `ssh-keygen` expect of Git.
fn ssh(settings: &Settings, key: &Path, payload: &[u8]) -> Result<Vec<u8>> {
    let io = |e: std::io::Error| unsigned(settings, e.to_string());
    let folder = tempfile::tempdir().map_err(io)?;
    let file = folder.path().join("commit");
    std::fs::write(&file, payload).map_err(io)?;
    let mut command = Command::new(&settings.program);
    command
        .args(["-Y", "sign", "-n", NAMESPACE, "-f"])
        .arg(key)
        .arg(&file);
    run(settings, command, &[])?;
    std::fs::read(folder.path().join("commit.sig")).map_err(io)
}

fn gpg(settings: &Settings, id: &str, payload: &[u8]) -> Result<Vec<u8>> {
    let mut command = Command::new(&settings.program);
    command.args(["--status-fd=2", "-bsau", id]);
    let output = run(settings, command, payload)?;
    let said = String::from_utf8_lossy(&output.stderr);
    if said
        .lines()
        .any(|line| line.starts_with("[GNUPG:] SIG_CREATED "))
    {
        Ok(output.stdout)
    } else {
        Err(failed(settings, &output))
    }
}

/// A passphrase is asked for at the terminal, never on our standard input.
fn run(settings: &Settings, mut command: Command, input: &[u8]) -> Result<Output> {
    let io = |e: std::io::Error| {
        let program = settings.program.to_string_lossy();
        unsigned(settings, format!("`{program}`: {e}"))
    };
    let mut child = command
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(io)?;
    let mut stdin = child.stdin.take().expect("stdin was asked to be a pipe");
    // A commit of ours is smaller than what a pipe holds unless it has many parents; a child that ends early
    // closes the pipe, and its exit status tells why.
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().map_err(io)?;
    let _ = writer.join();
    if output.status.success() {
        Ok(output)
    } else {
        Err(failed(settings, &output))
    }
}

fn failed(settings: &Settings, output: &Output) -> Error {
    let program = settings.program.to_string_lossy();
    let message = masked(settings, &said(output));
    unsigned(settings, format!("`{program}`: {message}"))
}

/// What a program said, without what names the key, which may be the key.
fn masked(settings: &Settings, said: &str) -> String {
    match &settings.key {
        Key::Literal(secret) | Key::Id(secret) => said.replace(secret.as_str(), "…"),
        // It is there, so it is the name of a file.
        Key::File(_) => said.to_owned(),
    }
}

fn unsigned(settings: &Settings, message: String) -> Error {
    Error::NotSigned {
        named_by: settings.named_by,
        message,
    }
}
