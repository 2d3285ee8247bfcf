//! The binary on a remote: it follows what is pushed there, pushes what it writes, and outlives the remote's absence.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use orz_core::emit;
use orz_core::format::{Compiler, Source, digest_of};
use orz_core::id::{Digest, Part};
use orz_core::object::Object;
use orz_gitops::{NewRelease, Repo, Request};
use serde_json::json;

type TestResult<T = ()> = Result<T, Box<dyn Error>>;

/// For a machine that does other things as well.
const PATIENCE: Duration = Duration::from_mins(3);

/// The program, which ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended by itself has been found out by the test.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_remote_is_followed_written_to_and_outlived() -> TestResult {
    let folder = tempfile::tempdir()?;
    let place = |name: &str| folder.path().join(name);
    let (remote, away) = (place("remote.git"), place("away.git"));
    let repo = Repo::init(&remote, &request())?;
    repo.publish(vec![release("acme", "one")?], true, &request())?;

    let log = fs::File::create(place("log"))?;
    let start = |log: fs::File| -> TestResult<Running> {
        let child = Command::new(env!("CARGO_BIN_EXE_orz-reconciler"))
            .args(["--engine", "dir", "--poll", "300ms", "--soak", "1s"])
            .args(["--status-interval", "200ms"])
            .arg("--gitops")
            .arg(format!("file://{}", remote.display()))
            .arg("--target")
            .arg(place("live"))
            .env("XDG_CACHE_HOME", place("cache"))
            // Nobody's key signs what a test writes.
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env_remove("ORZ_SIGNING_KEY")
            .stdout(log.try_clone()?)
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()?;
        Ok(Running(child))
    };
    let running = start(log.try_clone()?)?;
    let live = |text: &str| holds(&place("live"), text);
    let said = |text: &str| {
        fs::read_to_string(place("log"))
            .unwrap_or_default()
            .matches(text)
            .count()
    };
    wait("the first release", || live("one"))?;

    repo.publish(vec![release("acme", "two")?], true, &request())?;
    wait("what was pushed", || live("two"))?;
    // What it writes is on the remote.
    wait("its status", || {
        repo.statuses()
            .is_ok_and(|statuses| statuses.iter().any(|status| !status.verified.is_empty()))
    })?;

    fs::rename(&remote, &away)?;
    wait("a word on the remote", || {
        said("goes on with what was fetched before") == 1
    })?;
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(said("goes on with what was fetched before"), 1, "said once");
    // A new process has nothing but the cache.
    drop(running);
    fs::remove_dir_all(place("live"))?;
    let _running = start(log)?;
    wait("the cache", || live("two"))?;
    fs::rename(&away, &remote)?;
    repo.publish(vec![release("acme", "three")?], true, &request())?;
    wait("the remote again", || live("three"))?;
    Ok(())
}

/// Whether a file somewhere below holds `text`.
fn holds(folder: &Path, text: &str) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return fs::read_to_string(folder)
            .is_ok_and(|file| file.contains(&format!("text: {text}")));
    };
    entries.flatten().any(|entry| holds(&entry.path(), text))
}

fn wait(what: &str, mut done: impl FnMut() -> bool) -> TestResult {
    let began = Instant::now();
    while !done() {
        if began.elapsed() > PATIENCE {
            return Err(format!("{what} never came").into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn request<'a>() -> Request<'a> {
    Request {
        reason: Some("test"),
        actor: "Ann <ann@example.com>",
        request_id: None,
        now: "2027-01-31T12:00:00Z".to_owned(),
    }
}

fn release(tenant: &str, text: &str) -> TestResult<NewRelease> {
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": tenant}, "data": {"text": text},
    });
    let reference = Object::new(object.clone())?.reference();
    let files: BTreeMap<_, _> = [(reference.file.clone(), emit::yaml(&object).into_bytes())].into();
    Ok(NewRelease {
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
    })
}
