//! Commits signed with real keys, as `git` and `ssh-keygen` see them.

use std::path::{Path, PathBuf};
use std::process::Command;

use orz_core::id::Part;
use orz_gitops::{ActivateOptions, Error, Repo, Signing};

use crate::support::{Fixture, failed, git, git_command, name, request, work};

/// A key of `ssh-keygen`, without a passphrase.
pub(crate) struct Key {
    pub(crate) file: PathBuf,
    /// `ssh-… AAAA…`
    pub(crate) public: String,
}

impl Key {
    pub(crate) fn new(folder: &Path, name: &str, kind: &[&str]) -> Self {
        let file = folder.join(name);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-N", "", "-C", name, "-t"])
            .args(kind)
            .arg("-f")
            .arg(&file)
            .output();
        let made = made
            .expect("these tests need `ssh-keygen` (package openssh-client), which Git signs with");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let public = std::fs::read_to_string(file.with_extension("pub")).expect("a public key");
        let words: Vec<&str> = public.split(' ').take(2).collect();
        Self {
            file,
            public: words.join(" "),
        }
    }

    pub(crate) fn ed25519(folder: &Path, name: &str) -> Self {
        Self::new(folder, name, &["ed25519"])
    }
}

/// Sets what Git calls this key in the settings of a repository.
pub(crate) fn sign_with(repository: &Path, key: &str, format: Option<&str>) {
    git(repository, &["config", "user.signingKey", key]);
    if let Some(format) = format {
        git(repository, &["config", "gpg.format", format]);
    }
}

/// The repository of a fixture, whose commits this key signs.
pub(crate) fn signing(fixture: &Fixture, key: &Key) -> Repo {
    sign_with(
        &fixture.path(),
        key.file.to_str().expect("UTF-8"),
        Some("ssh"),
    );
    Repo::open(fixture.path())
        .expect("open")
        .signing(Signing::AsUser)
}

/// Every commit of a branch that is its own, newest first.
fn commits(fixture: &Fixture, range: &str) -> Vec<String> {
    let listed = fixture.git(&["rev-list", "--first-parent", range]);
    listed.lines().map(str::to_owned).collect()
}

/// What Git says about the signature of each commit.
fn judged_by_git(folder: &Path, allowed: &Path, commits: &[String]) {
    for commit in commits {
        let mut command = git_command(folder);
        command
            .arg("-c")
            .arg(format!("gpg.ssh.allowedSignersFile={}", allowed.display()));
        let output = command
            .args(["verify-commit", commit])
            .output()
            .expect("git runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{commit}: {said}");
        assert!(
            said.contains("Good \"git\" signature for ann@example.com"),
            "{said}"
        );
    }
}

#[test]
fn every_writer_signs_and_git_accepts_it() {
    let fixture = Fixture::new();
    let key = Key::ed25519(fixture.folder(), "ann");
    let allowed = fixture.folder().join("allowed");
    std::fs::write(&allowed, format!("ann@example.com {}\n", key.public)).expect("written");
    let repo = signing(&fixture, &key);
    assert!(repo.signs().expect("a key"));

    let request = request("x");
    let acme = name("acme");
    let publish = |text| {
        let published = repo
            .publish(vec![work("acme", text)], true, &request)
            .expect("published");
        published.items[0].release.clone()
    };
    let (one, two) = (publish("one"), publish("two"));
    let options = ActivateOptions::default();
    repo.activate(&acme, Part::Work, &one, options, &request)
        .expect("activated");
    repo.rollback(&acme, &[Part::Work], Some(&two), &request)
        .expect("rolled back");
    repo.release_hold(&acme, &[], &request)
        .expect("hold released");
    repo.hold(&acme, &[], None, &request).expect("held");
    repo.release_hold(&acme, &[], &request)
        .expect("hold released");
    repo.freeze(&acme, &[], None, &request).expect("frozen");
    repo.thaw(&acme, &[], &request).expect("thawed");
    let three = publish("three");
    repo.auto_rollback(&failed("acme", &three, &one), &request)
        .expect("taken back");
    let cluster = "in-cluster".parse().expect("valid");
    repo.set_brake(&crate::brake::brake("in-cluster", 9), &request)
        .expect("set");
    repo.resume(&cluster, &request).expect("lifted");
    let all: Vec<String> = [commits(&fixture, "releases"), commits(&fixture, "main")].concat();
    // The two first commits of the fixture were made without a key.
    let roots = fixture.git(&[
        "rev-list",
        "--max-parents=0",
        "--first-parent",
        "main",
        "releases",
    ]);
    let signed: Vec<String> = all
        .into_iter()
        .filter(|commit| !roots.contains(commit))
        .collect();
    assert_eq!(
        signed.len(),
        3 + 13,
        "three of the index, thirteen of `main`"
    );
    judged_by_git(&fixture.path(), &allowed, &signed);
    fixture.fsck();
    fixture.libgit2_reads_everything();

    let unsigned = Fixture::new();
    let release = unsigned.live(vec![work("acme", "one")]).items[0]
        .release
        .clone();
    assert_eq!(
        release, one,
        "a release is the same commit, whoever signs beside it"
    );
}

#[test]
fn the_first_commits_are_signed_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = Key::ed25519(folder.path(), "ann");
    let path = folder.path().join("gitops.git");
    git(folder.path(), &["init", "-q", "--bare", "gitops.git"]);
    sign_with(&path, key.file.to_str().expect("UTF-8"), None);
    Repo::init_with(&path, &request("init"), Signing::AsUser).expect("init");
    for branch in ["main", "releases"] {
        let commit = git(&path, &["cat-file", "commit", branch]);
        assert!(
            commit.contains("\ngpgsig -----BEGIN SSH SIGNATURE-----\n"),
            "{commit}"
        );
    }
}

#[test]
fn without_being_asked_nobody_signs() {
    let fixture = Fixture::new();
    let key = Key::ed25519(fixture.folder(), "ann");
    drop(signing(&fixture, &key));
    let repo = Repo::open(fixture.path()).expect("open");
    repo.publish(vec![work("acme", "one")], true, &request("x"))
        .expect("published");
    for branch in ["main", "releases"] {
        let commit = fixture.git(&["cat-file", "commit", branch]);
        assert!(!commit.contains("gpgsig"), "{commit}");
    }
}

#[test]
fn a_key_of_an_agent_is_named_by_its_public_half() {
    let fixture = Fixture::new();
    let key = Key::ed25519(fixture.folder(), "ann");
    // A program that stands in for `ssh-keygen`, as password managers ship one: it knows the private key.
    let program = fixture.folder().join("sign");
    let script = format!(
        "#!/bin/sh\n[ \"$1 $2 $3 $4 $5\" = '-Y sign -n git -f' ] || exit 3\ngrep -q 'ssh-ed25519 ' \"$6\" || exit 4\n\
         exec ssh-keygen -Y sign -n git -f '{}' \"$7\"\n",
        key.file.display()
    );
    std::fs::write(&program, script).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).expect("executable");
    fixture.git(&[
        "config",
        "gpg.ssh.program",
        program.to_str().expect("UTF-8"),
    ]);
    sign_with(&fixture.path(), &format!("key::{}", key.public), None);
    let repo = Repo::open(fixture.path())
        .expect("open")
        .signing(Signing::AsUser);
    repo.publish(vec![work("acme", "one")], true, &request("x"))
        .expect("published");
    let allowed = fixture.folder().join("allowed");
    std::fs::write(&allowed, format!("ann@example.com {}\n", key.public)).expect("written");
    // Git would verify with it too, and it only signs.
    fixture.git(&["config", "--unset", "gpg.ssh.program"]);
    judged_by_git(
        &fixture.path(),
        &allowed,
        &["main".to_owned(), "releases".to_owned()],
    );
}

#[test]
#[expect(
    clippy::print_stderr,
    reason = "a machine without `gpg` has to say that this was not tested"
)]
fn openpgp_signs_as_git_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("gnupg");
    std::fs::create_dir(&home).expect("made");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&home, mode).expect("private");
    let generated = Command::new("gpg")
        .args([
            "--batch",
            "--quiet",
            "--passphrase",
            "",
            "--quick-gen-key",
            "ann@example.com",
            "ed25519",
            "sign",
        ])
        .env("GNUPGHOME", &home)
        .output();
    match generated {
        Ok(done) if done.status.success() => {}
        _ => {
            eprintln!(
                "SKIPPED: there is no `gpg` here that makes a key, so nothing was signed with OpenPGP"
            );
            return;
        }
    }
    let fixture = Fixture::new();
    let program = folder.path().join("gpg");
    let script = format!(
        "#!/bin/sh\nGNUPGHOME='{}' exec gpg \"$@\"\n",
        home.display()
    );
    std::fs::write(&program, script).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).expect("executable");
    fixture.git(&["config", "gpg.program", program.to_str().expect("UTF-8")]);
    sign_with(&fixture.path(), "ann@example.com", Some("openpgp"));
    let repo = Repo::open(fixture.path())
        .expect("open")
        .signing(Signing::AsUser);
    repo.publish(vec![work("acme", "one")], true, &request("x"))
        .expect("published");
    for branch in ["main", "releases"] {
        let said = fixture.git(&["verify-commit", "--raw", branch]);
        assert_eq!(said, "", "good signatures are told on standard error");
    }
    // The agent that `gpg` started would outlive its folder.
    let _ = Command::new("gpgconf")
        .args(["--kill", "gpg-agent"])
        .env("GNUPGHOME", &home)
        .status();
}

#[test]
fn a_key_that_cannot_sign_leaves_everything_as_it_was() {
    let fixture = Fixture::new();
    fixture.live(vec![work("acme", "one")]);
    let before = fixture.fingerprint();
    let garbage = fixture.folder().join("hush-garbage");
    std::fs::write(&garbage, "hush-content\n").expect("written");
    let cases = [
        (
            "/nowhere/hush",
            "ssh",
            "`user.signingKey` names no file that is there",
        ),
        (
            garbage.to_str().expect("UTF-8"),
            "ssh",
            "the key that `user.signingKey` names did not sign: `ssh-keygen`: ",
        ),
        (
            "key::ssh-ed25519 AAAAhush",
            "ssh",
            "the key that `user.signingKey` names did not sign: `ssh-keygen`: ",
        ),
        ("x", "pgp", "`gpg.format` has the unknown value `pgp`"),
    ];
    for (key, format, says) in cases {
        sign_with(&fixture.path(), key, Some(format));
        let repo = Repo::open(fixture.path())
            .expect("open")
            .signing(Signing::AsUser);
        let error = repo
            .publish(vec![work("acme", "two")], true, &request("x"))
            .expect_err(says);
        let said = format!("{error}");
        assert!(said.starts_with(says), "{key}: {said}");
        assert!(
            !said.contains("AAAAhush") && !said.contains("hush-content"),
            "{said}"
        );
        assert!(
            error
                .help()
                .is_some_and(|help| help.contains("nothing was written") || format == "pgp")
        );
        assert!(matches!(
            error,
            Error::NotSigned { .. } | Error::SigningKey { .. }
        ));
        assert_eq!(fixture.fingerprint(), before, "{key}: nothing was written");
    }
    fixture.git(&["config", "gpg.ssh.program", "/nowhere/ssh-keygen"]);
    let key = Key::ed25519(fixture.folder(), "ann");
    let repo = signing(&fixture, &key);
    let error = repo
        .hold(&name("acme"), &[], None, &request("x"))
        .expect_err("no program");
    assert!(
        error
            .to_string()
            .contains("`/nowhere/ssh-keygen`: No such file"),
        "{error}"
    );
    assert_eq!(fixture.fingerprint(), before, "nothing was written");
}
