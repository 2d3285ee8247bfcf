//! The binary on a real repository: what a pass makes of pointers that people edited by hand.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use orz_core::format::{Compiler, Source, digest_of};
use orz_core::id::{Digest, Part};
use orz_core::object::Object;
use orz_core::{emit, paths};
use orz_gitops::{NewRelease, Repo, Request};
use serde_json::{Value, json};

type TestResult<T = ()> = Result<T, Box<dyn Error>>;

struct World {
    folder: tempfile::TempDir,
    repo: Repo,
}

impl World {
    fn new() -> TestResult<Self> {
        let folder = tempfile::tempdir()?;
        let repo = Repo::init(folder.path().join("gitops.git"), &request())?;
        Ok(Self { folder, repo })
    }

    fn publish(&self, tenant: &str, text: &str) -> TestResult {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": tenant}, "data": {"text": text},
        });
        let reference = Object::new(object.clone())?.reference();
        let files: BTreeMap<_, _> =
            [(reference.file.clone(), emit::yaml(&object).into_bytes())].into();
        let release = NewRelease {
            tenant: tenant.parse()?,
            part: Part::Work,
            cluster: "in-cluster".parse()?,
            namespace: tenant.to_owned(),
            digest: digest_of(
                files
                    .iter()
                    .map(|(path, bytes)| (path.as_str(), bytes.as_slice())),
            ),
            files,
            objects: vec![reference],
            requires: Vec::new(),
            claims: Vec::new(),
            inputs: Vec::new(),
            at: None,
            source: Source {
                repository: "test".to_owned(),
                commit: None,
                dirty: false,
            },
            compiler: Compiler {
                version: "0".to_owned(),
                digest: Digest::of(b""),
            },
        };
        self.repo.publish(vec![release], true, &request())?;
        Ok(())
    }

    /// Edits a pointer with nothing but Git, as a person in a hurry does.
    fn edit(&self, tenant: &str, edit: impl FnOnce(&str) -> TestResult<String>) -> TestResult {
        let clone = self.folder.path().join("clone");
        let bare = self.folder.path().join("gitops.git");
        git(
            self.folder.path(),
            &[
                "clone",
                "--quiet",
                "--branch",
                "main",
                path(&bare)?,
                path(&clone)?,
            ],
        )?;
        let pointer = clone.join(paths::pointer(
            &"in-cluster".parse()?,
            &tenant.parse()?,
            Part::Work,
        ));
        let edited = edit(&fs::read_to_string(&pointer)?)?;
        fs::write(&pointer, edited)?;
        git(
            &clone,
            &["commit", "--quiet", "--all", "--message", "by hand"],
        )?;
        git(&clone, &["push", "--quiet", "origin", "main"])?;
        Ok(fs::remove_dir_all(&clone)?)
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("live")
    }

    fn live(&self, tenant: &str) -> TestResult<String> {
        Ok(fs::read_to_string(
            self.target()
                .join("in-cluster")
                .join(tenant)
                .join(format!("work/configmap_{tenant}_a.yaml")),
        )?)
    }

    /// Runs the binary once: its exit code and what it logged.
    fn pass(&self) -> TestResult<(Option<i32>, String)> {
        let output = reconciler()
            .arg("--gitops")
            .arg(self.folder.path().join("gitops.git"))
            .args(["--engine", "dir", "--once", "--target"])
            .arg(self.target())
            .output()?;
        assert!(output.stdout.is_empty(), "logs go to standard error");
        Ok((output.status.code(), String::from_utf8(output.stderr)?))
    }
}

fn reconciler() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orz-reconciler"));
    command.env_clear();
    // Git is found through it.
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

fn request() -> Request<'static> {
    Request {
        reason: None,
        actor: "Test <test@example.com>",
        request_id: None,
        now: "2026-01-01T00:00:00Z".to_owned(),
    }
}

fn path(path: &Path) -> TestResult<&str> {
    Ok(path.to_str().ok_or("not UTF-8")?)
}

fn git(folder: &Path, arguments: &[&str]) -> TestResult<Output> {
    let output = Command::new("git")
        .current_dir(folder)
        .args([
            "-c",
            "user.name=Test",
            "-c",
            "user.email=test@example.com",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()?;
    if output.status.success() {
        Ok(output)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into())
    }
}

#[test]
fn pointers_that_people_edited() -> TestResult {
    let world = World::new()?;
    for tenant in ["broken", "foreign", "frozen", "good"] {
        world.publish(tenant, "1")?;
    }
    let (code, log) = world.pass()?;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(log.lines().count(), 4, "{log}");
    assert!(
        log.contains("tenant=good part=work ") && log.contains("1 created, 0 updated"),
        "{log}"
    );

    for tenant in ["broken", "foreign", "frozen", "good"] {
        world.publish(tenant, "2")?;
    }
    world.edit("broken", |text| Ok(text[..text.len() / 2].to_owned()))?;
    let release = world
        .repo
        .view()?
        .pointer(&"in-cluster".parse()?, &"good".parse()?, Part::Work)?
        .ok_or("none")?
        .pointer
        .release;
    world.edit("foreign", |text| {
        let mut pointer: Value = serde_json::from_str(text)?;
        pointer["release"] = json!(release);
        Ok(pointer.to_string())
    })?;
    world.edit("frozen", |text| {
        let mut pointer: Value = serde_json::from_str(text)?;
        pointer["state"]["kind"] = json!("frozen");
        Ok(pointer.to_string())
    })?;

    // Each says what is wrong with it, what is live stays, and the good one moves.
    let (code, log) = world.pass()?;
    assert_eq!(code, Some(1), "{log}");
    for expected in [
        "level=error tenant=broken part=work msg=\"pointer-invalid: malformed: ",
        "level=error tenant=foreign part=work msg=\"pointer-invalid: no-index-entry: ",
        "msg=\"frozen, 1 objects differ",
        "level=info tenant=good part=work ",
    ] {
        assert!(log.contains(expected), "{expected}: {log}");
    }
    for tenant in ["broken", "foreign", "frozen"] {
        assert!(world.live(tenant)?.contains("\"1\""), "{tenant}");
    }
    assert!(world.live("good")?.contains("\"2\""));
    Ok(())
}

#[test]
fn a_repository_that_is_not_there() -> TestResult {
    let folder = tempfile::tempdir()?;
    let output = reconciler()
        .args([
            "--gitops",
            path(&folder.path().join("none"))?,
            "--engine",
            "dir",
            "--once",
            "--target",
            path(folder.path())?,
        ])
        .output()?;
    assert_eq!(output.status.code(), Some(70));
    assert!(String::from_utf8(output.stderr)?.starts_with("level=error "));
    Ok(())
}
