//! The binary where only trusted publishers are followed.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use orz_gitops::{Repo, Request};

type TestResult<T = ()> = Result<T, Box<dyn Error>>;

fn key(folder: &Path, name: &str) -> TestResult<PathBuf> {
    let file = folder.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-t", "ed25519", "-f"])
        .arg(&file)
        .status()
        .map_err(|e| format!("this test needs `ssh-keygen` (package openssh-client): {e}"))?;
    assert!(made.success());
    Ok(file)
}

#[test]
fn it_does_not_begin_where_it_would_not_be_believed_itself() -> TestResult {
    let folder = tempfile::tempdir()?;
    let place = |name: &str| folder.path().join(name);
    let request = Request {
        reason: None,
        actor: "Ann",
        request_id: None,
        now: "2027-01-31T12:00:00Z".to_owned(),
    };
    let repo = Repo::init(place("gitops.git"), &request)?;
    let (ann, other) = (key(folder.path(), "ann")?, key(folder.path(), "other")?);
    let public = fs::read_to_string(ann.with_extension("pub"))?;
    fs::write(place("allowed"), format!("ann {public}"))?;
    let run = |signing_key: Option<&Path>, more: &[&str]| -> TestResult<Output> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orz-reconciler"));
        command
            .args(["--engine", "dir"])
            .arg("--gitops")
            .arg(repo.path())
            .arg("--target")
            .arg(place("live"))
            .arg("--trusted-publishers")
            .arg(place("allowed"))
            .args(more)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env_remove("ORZ_SIGNING_KEY");
        if let Some(file) = signing_key {
            command.env("ORZ_SIGNING_KEY", file);
        }
        Ok(command.output()?)
    };
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    for (signing_key, says) in [
        (None, "does not trust it: unsigned: it has no signature"),
        (Some(other.as_path()), "does not trust it: unknown-key: "),
        (
            Some(Path::new("/nowhere")),
            "`ORZ_SIGNING_KEY` names no file that is there",
        ),
        (Some(Path::new("")), "`ORZ_SIGNING_KEY` is empty"),
    ] {
        let output = run(signing_key, &[])?;
        assert_eq!(output.status.code(), Some(70), "{says}: {}", said(&output));
        assert!(said(&output).contains(says), "{}", said(&output));
    }
    let since = format!(
        "{},{}",
        repo.view()?.head_main(),
        repo.view()?.head_releases()
    );
    // One pass writes nothing to the repository, so it needs no key.
    let output = run(None, &["--once", "--trusted-since", &since])?;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let name = format!(
        "{}{}",
        said(&output),
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(
        name.contains("follows only what is signed by: ann SHA256:"),
        "{name}"
    );
    Ok(())
}
