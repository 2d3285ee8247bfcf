//! Following the branches: what changed between two views.

use orz_core::id::Part;

use crate::support::{Fixture, work};

#[test]
fn only_what_changed_is_named() {
    let fixture = Fixture::new();
    fixture.live(vec![work("acme", "1"), work("other", "1")]);
    let before = fixture.repo.view().expect("view");
    let heads = fixture.repo.heads().expect("heads");
    assert_eq!(heads, (before.head_main(), before.head_releases()));
    assert!(
        before
            .pointers_changed_since(&before)
            .expect("compared")
            .is_empty()
    );

    fixture.live(vec![work("acme", "2"), work("new", "1")]);
    let gone = fixture.stored("other", Part::Work).path;
    fixture.commit_by_hand("main", &[(&gone, None)]);
    let after = fixture.repo.view().expect("view");
    let changed = after.pointers_changed_since(&before).expect("compared");
    let mut expected = vec![
        fixture.stored("acme", Part::Work).path,
        fixture.stored("new", Part::Work).path,
        gone.clone(),
    ];
    expected.sort();
    assert_eq!(changed.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(after.pointer_at(&gone).expect("read"), None);
    let stored = fixture.stored("acme", Part::Work);
    let found = after
        .pointer_at(&stored.path)
        .expect("read")
        .expect("there");
    assert_eq!(found.valid(), Some(&stored));
}

#[test]
fn a_branch_that_lost_commits_is_told_from_one_that_moved_on() {
    let fixture = Fixture::new();
    fixture.live(vec![work("acme", "1")]);
    let (main, releases) = (
        fixture.git(&["rev-parse", "main"]),
        fixture.git(&["rev-parse", "releases"]),
    );
    let first = fixture.repo.view().expect("view");
    fixture.live(vec![work("acme", "2")]);
    let second = fixture.repo.view().expect("view");
    assert_eq!(second.replaced_since(&first).expect("walked"), []);
    assert_eq!(second.replaced_since(&second).expect("walked"), []);

    // As a merge of what somebody made upon the older head, where the newer one is the other parent.
    let tree = fixture.git(&["rev-parse", "main^{tree}"]);
    let aside = fixture.git(&["commit-tree", "-m", "aside", "-p", &main, &tree]);
    let merge = [
        "commit-tree",
        "-m",
        "merge",
        "-p",
        &aside,
        "-p",
        "main",
        &tree,
    ];
    let merged = fixture.git(&merge);
    fixture.git(&["update-ref", "refs/heads/main", &merged]);
    let third = fixture.repo.view().expect("view");
    assert_eq!(third.replaced_since(&second).expect("walked"), []);

    fixture.git(&["update-ref", "refs/heads/main", &aside]);
    fixture.git(&["update-ref", "refs/heads/releases", &releases]);
    let forced = fixture.repo.view().expect("view");
    assert_eq!(
        forced.replaced_since(&third).expect("walked"),
        [
            ("releases", third.head_releases()),
            ("main", third.head_main())
        ]
    );
    assert_eq!(forced.replaced_since(&first).expect("walked"), []);
}
