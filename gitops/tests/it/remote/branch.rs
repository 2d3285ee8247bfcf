use orz_core::id::Part;
use orz_gitops::{Error, Repo};

use super::{BOB, World, activate, publish, releases};
use crate::support::{Fixture, git, name, request, work};

#[test]
fn a_change_for_review_moves_no_pointer_until_it_is_merged() {
    let world = World::new();
    let ids = releases(&world.open("ann"), "acme", &["one", "two"]);
    let main = world.git(&["rev-parse", "main"]);

    let mut ann = world.open("ann");
    ann.to_branch("review/back").expect("a name");
    activate(&ann, "acme", &ids[0], BOB).expect("for review");
    assert_eq!(world.git(&["rev-parse", "main"]), main);
    assert_eq!(world.git(&["rev-parse", "review/back~1"]), main);
    assert_eq!(
        world
            .git(&["diff", "--name-only", "main", "review/back"])
            .lines()
            .count(),
        1
    );

    let mut ann = world.open("ann");
    ann.to_branch("new").expect("a name");
    let published = ann
        .publish(vec![work("acme", "three")], true, &request("three"))
        .expect("for review");
    assert_eq!(world.git(&["rev-parse", "main"]), main);
    assert_eq!(
        world.git(&["rev-parse", "releases"]),
        published.index_commit.expect("on the index").to_string()
    );

    // Squashed by a host, it still points at what is on the index.
    let tree = world.git(&["rev-parse", "new^{tree}"]);
    let squashed = world.git(&["commit-tree", "-p", "main", "-m", "three (#1)", &tree]);
    world.git(&["update-ref", "refs/heads/main", &squashed]);
    assert_eq!(world.live("acme"), Some(published.items[0].release.clone()));
    world.is_sound();
}

#[test]
fn a_branch_that_stands_is_not_touched() {
    let world = World::new();
    let ids = releases(&world.open("ann"), "acme", &["one", "two", "three"]);
    for id in &ids[..2] {
        let mut ann = world.open("ann");
        ann.to_branch("back").expect("a name");
        let before = world.refs();
        let done = activate(&ann, "acme", id, BOB);
        if *id == ids[0] {
            done.expect("the first");
        } else {
            let error = done.expect_err("it stands");
            assert!(matches!(error, Error::BranchExists { .. }), "{error:?}");
            assert_eq!(world.refs(), before);
        }
    }
    let mut ann = world.open("ann");
    for bad in ["main", "releases", "runs", "a b", "-x", "a..b", ""] {
        let error = ann.to_branch(bad).expect_err(bad);
        assert_eq!(error.exit_code().code(), 64, "{bad}");
    }
    publish(&world.open("ann"), "acme", "four");
}

#[test]
fn on_this_machine_it_works_the_same() {
    let fixture = Fixture::new();
    let one = fixture.live(vec![work("acme", "one")]).items[0]
        .release
        .clone();
    fixture.live(vec![work("acme", "two")]);
    let main = fixture.git(&["rev-parse", "main"]);
    let mut repo = Repo::open(fixture.path()).expect("open");
    repo.to_branch("back").expect("a name");
    let moves = repo
        .rollback(&name("acme"), &[Part::Work], Some(&one), &request("back"))
        .expect("for review");
    assert_eq!(fixture.git(&["rev-parse", "main"]), main);
    let commit = moves[0].commit.as_ref().expect("a commit");
    assert_eq!(
        git(&fixture.path(), &["rev-parse", "back"]),
        commit.to_string()
    );
    let error = repo
        .rollback(&name("acme"), &[Part::Work], Some(&one), &request("back"))
        .expect_err("it stands");
    assert!(matches!(error, Error::BranchExists { .. }), "{error:?}");
    fixture.fsck();
}
