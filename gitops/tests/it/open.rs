//! Which folders are GitOps repositories, and what is said about the others.

use std::path::Path;

use orz_gitops::{Error, Repo};

use crate::support::{Fixture, git, request, work};

#[test]
fn init_is_the_same_everywhere_and_does_nothing_twice() {
    let (one, other) = (Fixture::new(), Fixture::new());
    let refs = one.git(&["for-each-ref"]);
    assert_eq!(refs, other.git(&["for-each-ref"]));
    assert_eq!(one.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    for branch in ["main", "releases"] {
        assert!(
            one.git(&["log", "-1", "--format=%B", branch])
                .contains("\nOrz-Action: init\n")
        );
        assert_eq!(one.git(&["rev-list", "--count", branch]), "1");
    }
    one.live(vec![work("acme", "one")]);
    let before = one.fingerprint();
    Repo::init(one.path(), &request("again")).expect("only opens");
    assert_eq!(one.fingerprint(), before);
    one.fsck();
    one.libgit2_reads_everything();
}

#[test]
fn init_in_an_existing_repository_adds_what_is_missing() {
    let folder = tempfile::tempdir().expect("folder");
    git(folder.path(), &["init", "-q", "-b", "main"]);
    std::fs::write(folder.path().join("README.md"), "ours\n").expect("written");
    git(folder.path(), &["add", "README.md"]);
    git(folder.path(), &["commit", "-q", "-m", "first"]);
    let main = git(folder.path(), &["rev-parse", "main"]);
    let repo = Repo::open(folder.path()).expect("a Git repository");
    let error = repo.view().map(drop).expect_err("no index yet");
    assert!(
        matches!(
            error,
            Error::NotInitialised {
                branch: "releases",
                ..
            }
        ),
        "{error}"
    );
    assert!(error.help().is_some_and(|help| help.contains("orzc init")));
    Repo::init(folder.path(), &request("x")).expect("init");
    assert_eq!(git(folder.path(), &["rev-parse", "main"]), main);
    assert_eq!(git(folder.path(), &["status", "--porcelain"]), "");
    repo.view().expect("both branches stand");
}

#[test]
fn a_branch_that_was_lost_is_not_made_anew() {
    let fixture = Fixture::new();
    fixture.live(vec![work("acme", "1")]);
    for (lost, needs) in [("releases", "main"), ("main", "releases")] {
        let stood = fixture.git(&["rev-parse", lost]);
        let name = format!("refs/heads/{lost}");
        fixture.git(&["update-ref", "-d", &name]);
        let errors = [
            fixture.repo.view().map(drop),
            fixture.repo.heads().map(drop),
            Repo::init(fixture.path(), &request("x")).map(drop),
        ];
        for error in errors {
            let error = error.expect_err("a branch is missing");
            assert!(
                matches!(&error, Error::BranchLost { branch, other, .. } if (*branch, *other) == (lost, needs)),
                "{error}"
            );
            let help = error.help().expect("help");
            assert!(help.contains(&format!("origin/{lost}:{name}")), "{help}");
            assert_eq!(error.exit_code().code(), 1);
        }
        fixture.git(&["update-ref", &name, &stood]);
        fixture.repo.view().expect("both stand");
    }
}

#[test]
fn what_is_no_repository_of_ours_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("folder");
    let at = |name: &str| folder.path().join(name);
    let path_of = |path: &Path| path.to_string_lossy().into_owned();
    std::fs::create_dir(at("plain")).expect("made");
    std::fs::write(at("plain").join("file"), "x").expect("written");
    git(
        folder.path(),
        &[
            "init",
            "-q",
            "--bare",
            "--object-format=sha256",
            &path_of(&at("sha256")),
        ],
    );
    for name in ["reftable", "work/tree"] {
        git(folder.path(), &["init", "-q", &path_of(&at(name))]);
        // The version of `git` here cannot make one; this is how such a repository says it.
        git(&at(name), &["config", "core.repositoryFormatVersion", "1"]);
        std::fs::write(
            at(name).join(".git/config"),
            "[core]\n\trepositoryformatversion = 1\n[extensions]\n\trefStorage = reftable\n",
        )
        .expect("written");
    }
    for (name, expected) in [
        ("nothing", "is not a Git repository"),
        ("plain", "is not a Git repository"),
        (
            "sha256",
            "names its objects by SHA-256, which is not supported",
        ),
        (
            "reftable",
            "keeps its references in the `reftable` format, which is not supported",
        ),
        (
            "work/tree",
            "keeps its references in the `reftable` format, which is not supported",
        ),
    ] {
        let error = Repo::open(at(name)).expect_err(name);
        assert!(error.to_string().ends_with(expected), "{name}: {error}");
        assert_eq!(error.exit_code().code(), 1);
        assert!(error.help().is_some(), "{name}");
    }
    assert!(matches!(
        Repo::init(at("plain"), &request("x")),
        Err(Error::NotEmpty { .. })
    ));
    Repo::init(at("new/deep"), &request("x")).expect("folders are made");
}

#[test]
fn the_environment_of_a_hook_does_not_redirect_us() {
    // Inside a hook `git` sets these; a child of ours that obeyed them would write elsewhere.
    let fixture = Fixture::new();
    let published = fixture.live(vec![work("acme", "one")]);
    fixture.git(&["pack-refs", "--all"]);
    fixture.live(vec![work("acme", "two")]);
    assert!(
        fixture.path().join("refs/heads/main").exists(),
        "a loose reference over a packed one"
    );
    fixture.git(&["pack-refs", "--all"]);
    let view = fixture.repo.view().expect("packed references are read");
    assert_ne!(Some(view.head_main()), published.main_commit);
    fixture.fsck();
}

#[test]
fn a_stale_lock_is_named() {
    let fixture = Fixture::new();
    let lock = fixture.path().join("refs/heads/main.lock");
    std::fs::write(&lock, "").expect("written");
    let error = fixture
        .repo
        .publish(vec![work("acme", "one")], true, &request("x"))
        .expect_err("locked");
    assert!(
        matches!(&error, Error::Locked { path } if path.ends_with("refs/heads/main.lock")),
        "{error}"
    );
    assert!(
        error
            .help()
            .is_some_and(|help| help.contains(&*lock.to_string_lossy())),
        "{:?}",
        error.help()
    );
    assert_eq!(
        fixture.git(&["rev-list", "--count", "releases"]),
        "1",
        "neither branch moved"
    );
    std::fs::remove_file(lock).expect("removed");
    fixture.live(vec![work("acme", "one")]);
    fixture.fsck();
}

#[cfg(unix)]
#[test]
fn a_repository_of_somebody_else_runs_no_program_of_theirs() {
    let fixture = Fixture::new();
    let path = fixture.path();
    let nobody = Some(65_534);
    let give = |path: &Path| std::os::unix::fs::chown(path, nobody, nobody);
    if give(&path).is_err() {
        let said = b"NOT TESTED: only root can make a repository somebody else's\n";
        std::io::Write::write_all(&mut std::io::stderr(), said).expect("standard error");
        return;
    }
    let error = Repo::open(&path).expect_err("theirs");
    assert!(error.to_string().contains("dubious ownership"), "{error}");
    let help = error.help().expect("a help");
    assert!(help.contains("safe.directory"), "{help}");
}
