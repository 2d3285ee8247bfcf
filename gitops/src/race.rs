//! What happens when somebody moves a branch between our look and our move: made to happen, not hoped for.

mod life;

use std::cell::Cell;
use std::path::Path;

use orz_core::id::{Part, ReleaseId};

use crate::support::{Fixture, NOW, git, name, request, work};
use crate::{ActivateOptions, Error, PointerMove, Repo, Request};

const BOB: &str = "Bob <bob@example.com>";

fn as_bob<'a>() -> Request<'a> {
    Request {
        reason: Some("was faster"),
        actor: BOB,
        request_id: None,
        now: NOW.to_owned(),
    }
}

/// The repository, in which `other` happens once: after the objects are written, before the branches move.
fn raced(path: &Path, other: impl Fn(&Repo) + 'static) -> Repo {
    let mut repo = Repo::open(path).expect("open");
    let (path, done) = (path.to_owned(), Cell::new(false));
    repo.before_refs = Some(Box::new(move |_| {
        if !done.replace(true) {
            other(&Repo::open(&path).expect("open"));
        }
    }));
    repo
}

/// A tenant with three releases, of which the last one is live.
fn three_releases() -> (Fixture, Vec<ReleaseId>) {
    let fixture = Fixture::new();
    let releases = ["one", "two", "three"].map(|text| {
        fixture.live(vec![work("acme", text)]).items[0]
            .release
            .clone()
    });
    (fixture, releases.to_vec())
}

#[test]
fn whoever_moved_the_same_pointer_is_named() {
    type Verb = fn(&Repo, &[ReleaseId]) -> Result<(), Error>;
    let verbs: [(&str, Verb); 4] = [
        ("activate", |repo, ids| {
            let options = ActivateOptions::default();
            repo.activate(&name("acme"), Part::Work, &ids[0], options, &request("x"))
                .map(drop)
        }),
        ("rollback", |repo, _| {
            repo.rollback(&name("acme"), &[Part::Work], None, &request("x"))
                .map(drop)
        }),
        ("hold", |repo, _| {
            repo.hold(&name("acme"), &[], None, &request("x")).map(drop)
        }),
        ("rollback to", |repo, ids| {
            repo.rollback(&name("acme"), &[Part::Work], Some(&ids[0]), &request("x"))
                .map(drop)
        }),
    ];
    for (verb, run) in verbs {
        let (fixture, ids) = three_releases();
        let other = ids[1].clone();
        // Bob goes to a release that none of them wants.
        let other = if verb == "rollback" {
            ids[0].clone()
        } else {
            other
        };
        let repo = raced(&fixture.path(), move |repo| {
            let options = ActivateOptions::default();
            repo.activate(&name("acme"), Part::Work, &other, options, &as_bob())
                .expect("bob is first");
        });
        let before = fixture.live_release("acme", Part::Work);
        let error = run(&repo, &ids).expect_err(verb);
        assert_eq!(error.exit_code().code(), 5, "{verb}: {error}");
        assert!(error.to_string().contains(BOB), "{verb}: {error}");
        assert_ne!(
            fixture.live_release("acme", Part::Work),
            before,
            "{verb}: bob's move stands"
        );
        fixture.fsck();
    }
}

#[test]
fn the_same_target_is_done() {
    let (fixture, ids) = three_releases();
    let target = ids[0].clone();
    let repo = raced(&fixture.path(), move |repo| {
        repo.activate(
            &name("acme"),
            Part::Work,
            &target,
            ActivateOptions::default(),
            &as_bob(),
        )
        .expect("bob");
    });
    let options = ActivateOptions::default();
    let done = repo
        .activate(&name("acme"), Part::Work, &ids[0], options, &request("x"))
        .expect("done by bob");
    assert_eq!(done.commit, None, "nothing was left to write");
    let history = fixture.repo.history(&name("acme"), None).expect("history");
    assert_eq!((history[0].actor.as_str(), history.len()), (BOB, 4));
}

#[test]
fn others_tenants_and_plain_commits_make_it_try_again() {
    type Other = fn(&Repo);
    let others: [(&str, Other); 3] = [
        ("another tenant", |repo| {
            repo.publish(vec![work("other", "x")], true, &as_bob())
                .map(drop)
                .expect("bob");
        }),
        ("a release without activation", |repo| {
            drop(
                repo.publish(vec![work("acme", "four")], false, &as_bob())
                    .expect("bob"),
            );
        }),
        ("a plain commit", |repo| {
            let new = git(
                repo.path(),
                &["commit-tree", "-p", "main", "-m", "by hand", "main^{tree}"],
            );
            git(repo.path(), &["update-ref", "refs/heads/main", &new]);
        }),
    ];
    for (what, other) in others {
        let (fixture, ids) = three_releases();
        let options = ActivateOptions::default();
        let repo = raced(&fixture.path(), other);
        let done = repo
            .activate(&name("acme"), Part::Work, &ids[0], options, &request("x"))
            .expect(what);
        assert!(done.commit.is_some(), "{what}");
        assert_eq!(
            fixture.live_release("acme", Part::Work).as_ref(),
            Some(&ids[0]),
            "{what}"
        );
        assert_eq!(
            fixture.git(&["rev-list", "--merges", "--count", "main"]),
            "0",
            "{what}: linear"
        );
        fixture.fsck();
    }
}

#[test]
fn a_publish_applies_itself_again_and_never_rebuilds_a_release() {
    let (fixture, ids) = three_releases();
    let repo = raced(&fixture.path(), |repo| {
        repo.publish(
            vec![work("acme", "bob's"), work("other", "bob's")],
            true,
            &as_bob(),
        )
        .expect("bob");
    });
    let before = fixture.packs();
    let published = repo
        .publish(vec![work("acme", "four")], true, &request("x"))
        .expect("published");
    let PointerMove::Moved { from, to } = &published.items[0].pointer else {
        panic!("{published:?}")
    };
    assert!(!ids.contains(from), "it moved on from bob's release");
    assert_eq!(fixture.live_release("acme", Part::Work).as_ref(), Some(to));
    let holding: Vec<_> = fixture
        .packs()
        .into_iter()
        .filter(|pack| !before.contains(pack))
        .filter(|pack| git(&fixture.path(), &["verify-pack", "-v", pack]).contains(to.as_str()))
        .collect();
    assert_eq!(
        holding.len(),
        1,
        "the release stands in the pack of the first attempt alone"
    );
    let parents = fixture.git(&["rev-list", "--first-parent", "--count", "releases"]);
    assert_eq!(parents, "6", "init, three, bob's, ours");
    fixture.fsck();
}

#[test]
fn an_endless_race_ends_with_an_error() {
    let (fixture, ids) = three_releases();
    let mut repo = Repo::open(fixture.path()).expect("open");
    let path = fixture.path();
    repo.before_refs = Some(Box::new(move |_| {
        let new = git(
            &path,
            &["commit-tree", "-p", "main", "-m", "by hand", "main^{tree}"],
        );
        git(&path, &["update-ref", "refs/heads/main", &new]);
    }));
    repo.attempts = 3;
    let options = ActivateOptions::default();
    let error = repo
        .activate(&name("acme"), Part::Work, &ids[0], options, &request("x"))
        .expect_err("no end");
    assert!(matches!(error, Error::Contended { attempts: 3 }), "{error}");
    assert_eq!(error.exit_code().code(), 5);
    let keeps = std::fs::read_dir(fixture.path().join("objects/pack")).expect("pack folder");
    let keeps = keeps.filter(|e| {
        e.as_ref()
            .is_ok_and(|e| e.path().extension().is_some_and(|x| x == "keep"))
    });
    assert_eq!(keeps.count(), 0, "nothing is kept from garbage collection");
}
