//! History: the log of a pointer's file.

use orz_core::format::Action;
use orz_core::id::Part;
use orz_gitops::PointerFile;

use crate::support::{Fixture, git, name, release, request, request_at, work};

#[test]
fn every_change_with_who_why_and_when() {
    let fixture = Fixture::new();
    let one = fixture.live(vec![work("acme", "one")]).items[0]
        .release
        .clone();
    fixture.live(vec![work("globex", "noise")]);
    let two = fixture.repo.publish(
        vec![work("acme", "two")],
        true,
        &request_at("ship it", "2027-02-01T00:00:00Z"),
    );
    let two = two.expect("publish").items[0].release.clone();
    fixture
        .repo
        .rollback(&name("acme"), &[Part::Work], None, &request("broken"))
        .expect("rollback");
    fixture
        .repo
        .release_hold(&name("acme"), &[], &request("fine"))
        .expect("released");
    fixture.revert_main();

    let history = fixture
        .repo
        .history(&name("acme"), Some(Part::Work))
        .expect("history");
    let rows: Vec<_> = history
        .iter()
        .map(|item| {
            (
                item.action,
                item.from.clone(),
                item.to.clone(),
                item.reason.as_deref(),
                item.hold.is_some(),
            )
        })
        .collect();
    let (one, two) = (Some(one), Some(two));
    assert_eq!(
        rows,
        [
            (None, one.clone(), one.clone(), None, true),
            (
                Some(Action::ReleaseHold),
                one.clone(),
                one.clone(),
                Some("fine"),
                false
            ),
            (
                Some(Action::Rollback),
                two.clone(),
                one.clone(),
                Some("broken"),
                true
            ),
            (
                Some(Action::Activate),
                one.clone(),
                two.clone(),
                Some("ship it"),
                false
            ),
            (
                Some(Action::Activate),
                None,
                one.clone(),
                Some("publish"),
                false
            ),
        ]
    );
    assert_eq!(
        history[0].actor, "A Person <person@example.com>",
        "by plain Git: its author"
    );
    assert_eq!(history[3].time, "2027-02-01T00:00:00Z");
    let log = fixture.git(&[
        "log",
        "--format=%H",
        "main",
        "--",
        &fixture.stored("acme", Part::Work).path,
    ]);
    let commits: Vec<_> = history.iter().map(|item| item.commit.to_string()).collect();
    assert_eq!(
        log.lines().collect::<Vec<_>>(),
        commits,
        "as `git log` tells it"
    );
}

#[test]
fn parts_are_told_in_the_order_of_the_commits() {
    let fixture = Fixture::new();
    // All within one second.
    fixture.live(vec![work("acme", "one")]);
    fixture.live(vec![release("acme", Part::Data, &[("disk", "1Gi")])]);
    fixture.live(vec![work("acme", "two")]);
    fixture.live(vec![release("acme", Part::Data, &[("disk", "2Gi")])]);
    let history = fixture.repo.history(&name("acme"), None).expect("history");
    let parts: Vec<Part> = history.iter().map(|item| item.part).collect();
    assert_eq!(parts, [Part::Data, Part::Work, Part::Data, Part::Work]);
    assert_eq!(
        fixture.repo.history(&name("nobody"), None).expect("empty"),
        []
    );
}

#[test]
fn a_change_that_came_by_a_merge_is_told_where_it_was_made() {
    let fixture = Fixture::new();
    fixture.live(vec![work("acme", "one"), work("globex", "one")]);
    let base = fixture.git(&["rev-parse", "main"]);
    fixture.live(vec![work("acme", "two")]);
    let side = fixture.git(&["rev-parse", "main"]);
    // As after a pull request: main went on without it, then merged it.
    fixture.git(&["update-ref", "refs/heads/main", &base]);
    fixture.live(vec![work("globex", "two")]);
    let main = fixture.git(&["rev-parse", "main"]);
    let path = fixture.path();
    let tree = fixture.git(&["merge-tree", "--write-tree", &main, &side]);
    let merge = git(
        &path,
        &[
            "commit-tree",
            "-p",
            &main,
            "-p",
            &side,
            "-m",
            "Merge",
            &tree,
        ],
    );
    fixture.git(&["update-ref", "refs/heads/main", &merge]);

    let acme = fixture.repo.history(&name("acme"), None).expect("history");
    assert_eq!(acme[0].commit.as_str(), side);
    assert_eq!(acme.len(), 2);
    let globex = fixture
        .repo
        .history(&name("globex"), None)
        .expect("history");
    assert_eq!(globex[0].commit.as_str(), main);
    assert!(fixture.repo.verify(None).expect("verify").is_ok());
}

#[test]
fn what_a_hand_left_is_explained_and_blamed() {
    let fixture = Fixture::new();
    fixture.live(vec![work("acme", "one"), work("globex", "one")]);
    let sound = fixture.stored("acme", Part::Work).path;
    let globex = fixture.pointer("globex", Part::Work);
    let cases: [(&str, &[u8], &str); 6] = [
        (
            &sound,
            b"<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> fix\n",
            "malformed: it holds the conflict markers of a merge",
        ),
        (
            "pointers/in-cluster/zz/kube-system/work.json",
            b"{}",
            "path-mismatch: the path names no pointer: tenant name `kube-system` is reserved",
        ),
        (
            "pointers/in-cluster/zz/acme/work.json",
            b"{}",
            &format!("path-mismatch: the pointer of `acme/work` belongs at `{sound}`"),
        ),
        (
            "pointers/in-cluster/zz/acme/work",
            b"{}",
            "path-mismatch: the path names no pointer: `work` does not end in `.json`",
        ),
        (
            "pointers/in-cluster/work.json",
            b"{}",
            "path-mismatch: a pointer is `pointers/<cluster>/<xx>/<tenant>/<part>.json`",
        ),
        (
            &sound,
            &orz_core::format::to_bytes(&globex),
            "path-mismatch: it is the pointer of `globex/work` on `in-cluster`",
        ),
    ];
    for (path, bytes, expected) in cases {
        fixture.commit_by_hand("main", &[(path, Some(bytes))]);
        let view = fixture.repo.view().expect("view");
        let files = view.pointers().expect("readable");
        let file = files.iter().find(|file| file.path() == path);
        let Some(PointerFile::Invalid(file)) = file else {
            panic!("{path}: {file:?}");
        };
        let said = file.invalid.to_string();
        assert_eq!(said, format!("pointer-invalid: {expected}"));
        let changed = view.last_change(path).expect("readable").expect("there");
        assert_eq!(changed.commit, view.head_main(), "{path}");
        fixture.revert_main();
    }

    fixture.edit_pointer("acme", Part::Work, |pointer| {
        pointer.release = globex.release.clone();
    });
    let view = fixture.repo.view().expect("view");
    let invalid = view.check(&fixture.stored("acme", Part::Work));
    let detail = invalid.expect_err("another tenant's").detail;
    assert!(detail.ends_with(": it is one of `globex/work`"), "{detail}");
    assert_eq!(
        view.last_change("pointers/nothing").expect("readable"),
        None
    );
}
