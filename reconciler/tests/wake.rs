//! The binary is told of what is new: by the files of the repository, and by a Git host. It polls once an hour here, so
//! that nothing else can have told it.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
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
const SECRET: &str = "only for this test";

/// The program, which ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended by itself has been found out by the test.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the program on `gitops`, with its live folder, cache and log in `folder`.
fn start(folder: &Path, gitops: &str, more: &[&str]) -> TestResult<Running> {
    let log = fs::File::create(folder.join("log"))?;
    let child = Command::new(env!("CARGO_BIN_EXE_orz-reconciler"))
        .args(["--engine", "dir", "--poll", "1h", "--gitops", gitops])
        .args(more)
        .arg("--target")
        .arg(folder.join("live"))
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .stdout(Stdio::null())
        .stderr(log)
        .stdin(Stdio::null())
        .spawn()?;
    Ok(Running(child))
}

#[test]
fn a_commit_on_this_machine_wakes_the_loop() -> TestResult {
    let folder = tempfile::tempdir()?;
    let remote = folder.path().join("gitops.git");
    let repo = Repo::init(&remote, &request())?;
    repo.publish(vec![release("acme", "one")?], true, &request())?;
    let gitops = remote.to_str().ok_or("not UTF-8")?;
    let _running = start(folder.path(), gitops, &[])?;
    let live = |text: &str| holds(&folder.path().join("live"), text);
    wait("the first release", || live("one"))?;
    repo.publish(vec![release("acme", "two")?], true, &request())?;
    wait("a commit", || live("two"))?;
    // The references move into one file, and out of it again.
    let packed = Command::new("git")
        .args(["--git-dir", gitops, "pack-refs", "--all"])
        .status()?;
    assert!(packed.success());
    repo.publish(vec![release("acme", "three")?], true, &request())?;
    wait("a commit after packing", || live("three"))
}

#[test]
fn a_git_host_wakes_the_loop() -> TestResult {
    let folder = tempfile::tempdir()?;
    let remote = folder.path().join("gitops.git");
    let repo = Repo::init(&remote, &request())?;
    repo.publish(vec![release("acme", "one")?], true, &request())?;
    let secret = folder.path().join("secret");
    fs::write(&secret, format!("{SECRET}\n"))?;
    let secret = secret.to_str().ok_or("not UTF-8")?;
    let running = start(
        folder.path(),
        &format!("file://{}", remote.display()),
        &["--webhook", "127.0.0.1:0", "--webhook-secret-file", secret],
    )?;
    let live = |text: &str| holds(&folder.path().join("live"), text);
    let log = || fs::read_to_string(folder.path().join("log")).unwrap_or_default();
    wait("the first release", || live("one"))?;
    wait("an address", || log().contains("listens at"))?;
    let said = log();
    let address = said.split("listens at ").nth(1).ok_or("no address")?;
    let address = address.split('"').next().ok_or("no address")?;
    let post = |token: &str| -> TestResult<String> {
        let body = r#"{"ref":"refs/heads/never-logged"}"#;
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "POST / HTTP/1.1\r\nHost: a\r\nX-Gitlab-Token: {token}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };

    repo.publish(vec![release("acme", "two")?], true, &request())?;
    assert!(post("somebody else's")?.starts_with("HTTP/1.1 401 "));
    std::thread::sleep(Duration::from_secs(3));
    assert!(!live("two"), "a request without the secret was heard");
    assert!(post(SECRET)?.starts_with("HTTP/1.1 202 "));
    wait("what the Git host told of", || live("two"))?;

    drop(running);
    let log = log();
    assert!(
        !log.contains("never-logged") && !log.contains(SECRET),
        "{log}"
    );
    assert_eq!(log.matches("has something new").count(), 1, "{log}");
    Ok(())
}

#[test]
fn a_webhook_without_a_secret_is_refused_at_the_start() -> TestResult {
    let folder = tempfile::tempdir()?;
    let remote = folder.path().join("gitops.git");
    Repo::init(&remote, &request())?;
    let gitops = remote.to_str().ok_or("not UTF-8")?;
    let empty = folder.path().join("secret");
    fs::write(&empty, "\n")?;
    let empty = empty.to_str().ok_or("not UTF-8")?;
    let listen = ["--webhook", "127.0.0.1:0"];
    for (more, code) in [(&[][..], 2), (&["--webhook-secret-file", empty], 70)] {
        let mut running = start(folder.path(), gitops, &[&listen[..], more].concat())?;
        assert_eq!(running.0.wait()?.code(), Some(code), "{more:?}");
    }
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
