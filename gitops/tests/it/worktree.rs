//! Repositories with a work tree: the files follow the branch, and a person's changes win.

use std::path::Path;

use orz_core::id::Part;
use orz_gitops::{Error, Repo};

use crate::support::{git, hostname, name, request, work};

fn checked_out() -> (tempfile::TempDir, Repo) {
    let folder = tempfile::tempdir().expect("folder");
    git(folder.path(), &["init", "-q", "-b", "main"]);
    let repo = Repo::init(folder.path(), &request("x")).expect("init");
    (folder, repo)
}

fn status(folder: &Path) -> String {
    git(folder, &["status", "--porcelain", "--untracked-files=all"])
}

#[test]
fn the_files_follow_the_branch() {
    let (folder, repo) = checked_out();
    let path = folder.path();
    assert_eq!(status(path), "");
    let publish = |text: &str| {
        let mut release = work("acme", text);
        release.claims = vec![hostname(&format!("{text}.example.com"))];
        repo.publish(vec![release], true, &request("x"))
            .expect("publish");
        assert_eq!(status(path), "", "{text}");
    };
    std::fs::write(path.join("notes.txt"), "mine").expect("written");
    git(path, &["add", "notes.txt"]);
    git(path, &["commit", "-q", "-m", "notes"]);
    publish("one");
    publish("two");
    repo.rollback(&name("acme"), &[Part::Work], None, &request("x"))
        .expect("rollback");
    assert_eq!(status(path), "");
    let view = repo.view().expect("view");
    let stored = view.pointers_of(&name("acme")).expect("readable").remove(0);
    let bytes = std::fs::read(path.join(stored.path())).expect("checked out");
    assert_eq!(
        git(path, &["hash-object", stored.path()]),
        stored.valid().expect("valid").blob.to_string()
    );
    assert!(!bytes.is_empty());
    assert_eq!(
        std::fs::read_to_string(path.join("notes.txt")).expect("read"),
        "mine"
    );
}

#[test]
fn changes_of_a_person_in_the_same_file_win() {
    let (folder, repo) = checked_out();
    let path = folder.path();
    repo.publish(vec![work("acme", "one")], true, &request("x"))
        .expect("publish");
    let pointer = repo
        .view()
        .expect("view")
        .pointers_of(&name("acme"))
        .expect("readable")
        .remove(0);
    let file = path.join(pointer.path());
    std::fs::write(&file, "edited by hand\n").expect("written");
    let refs = git(path, &["for-each-ref"]);
    let error = repo
        .publish(vec![work("acme", "two")], true, &request("x"))
        .expect_err("dirty");
    assert!(
        matches!(&error, Error::DirtyWorkTree { paths, .. } if paths == &[pointer.path()]),
        "{error}"
    );
    assert_eq!(
        git(path, &["for-each-ref"]),
        refs,
        "refused before anything moved"
    );
    assert_eq!(
        std::fs::read_to_string(&file).expect("read"),
        "edited by hand\n"
    );

    // Changes elsewhere are left alone.
    repo.publish(vec![work("globex", "one")], true, &request("x"))
        .expect("other files");
    assert_eq!(status(path), format!(" M {}", pointer.path()));
    git(path, &["checkout", "-q", "--", pointer.path()]);
    repo.publish(vec![work("acme", "two")], true, &request("x"))
        .expect("clean again");
    assert_eq!(status(path), "");

    // A file that Git does not know yet would be overwritten as well.
    let next = orz_core::paths::pointer(
        &"in-cluster".parse().expect("valid"),
        &name("initech"),
        Part::Work,
    );
    std::fs::create_dir_all(path.join(&next).parent().expect("a folder")).expect("made");
    std::fs::write(path.join(&next), "mine").expect("written");
    let error = repo
        .publish(vec![work("initech", "one")], true, &request("x"))
        .expect_err("in the way");
    assert!(matches!(error, Error::DirtyWorkTree { .. }), "{error}");
}

#[test]
fn other_branches_and_linked_work_trees() {
    let (folder, repo) = checked_out();
    let path = folder.path();
    git(path, &["checkout", "-q", "-b", "topic"]);
    let linked = folder.path().join("../").join(format!(
        "{}-linked",
        path.file_name().expect("name").to_string_lossy()
    ));
    git(
        path,
        &["worktree", "add", "-q", &linked.to_string_lossy(), "main"],
    );
    repo.publish(vec![work("acme", "one")], true, &request("x"))
        .expect("publish");
    assert_eq!(status(path), "", "another branch is checked out here");
    assert_eq!(
        std::fs::read_dir(path).expect("read").count(),
        1,
        "only `.git`"
    );
    assert_eq!(status(&linked), "", "and `main` there");
    let through_linked = Repo::open(&linked).expect("a linked work tree is the same repository");
    through_linked
        .publish(vec![work("acme", "two")], true, &request("x"))
        .expect("publish");
    assert_eq!(status(&linked), "");
    git(path, &["fsck", "--strict"]);
    std::fs::remove_dir_all(linked).expect("removed");
}

#[test]
fn several_writers_leave_a_clean_work_tree() {
    let (folder, _repo) = checked_out();
    let path = folder.path();
    std::thread::scope(|scope| {
        for writer in 0..3 {
            scope.spawn(move || {
                let repo = Repo::open(path).expect("open");
                for round in 0..4 {
                    let tenant = format!("tenant-{writer}");
                    let releases = vec![work(&tenant, &round.to_string())];
                    repo.publish(releases, true, &request("x")).expect("lands");
                }
            });
        }
    });
    assert_eq!(status(path), "");
    assert_eq!(git(path, &["rev-list", "--count", "main"]), "13");
    assert!(
        Repo::open(path)
            .expect("open")
            .verify(None)
            .expect("verify")
            .is_ok()
    );
}
