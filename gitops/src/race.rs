//! What happens when somebody moves a branch between our look and our move: made to happen, not hoped for.

mod life;
mod signed;

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use orz_core::id::{CommitId, Part, ReleaseId, TenantName};

use crate::support::{Fixture, NOW, git, name, request, source, work};
use crate::{
    ActivateOptions, Belief, Believed, Error, PointerMove, PublishOptions, Relation, Repo, Request,
    SourceCheck, SourceHistory, SourceRule,
};

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
fn with_override_an_operation_begins_anew_on_what_somebody_else_made_live() {
    type Verb = fn(&Repo, &[ReleaseId]) -> Result<(), Error>;
    let acme = || name("acme");
    // What is asked for, where Bob goes meanwhile, and where it ends.
    let cases: [(&str, Verb, usize, usize); 4] = [
        (
            "activate",
            |repo, ids| {
                let options = ActivateOptions::default();
                repo.activate(&name("acme"), Part::Work, &ids[0], options, &request("x"))
                    .map(drop)
            },
            1,
            0,
        ),
        (
            "rollback to",
            |repo, ids| {
                repo.rollback(&name("acme"), &[Part::Work], Some(&ids[0]), &request("x"))
                    .map(drop)
            },
            1,
            0,
        ),
        // Chosen anew: from the first release, the one that was live before is the third.
        (
            "rollback",
            |repo, _| {
                repo.rollback(&name("acme"), &[Part::Work], None, &request("x"))
                    .map(drop)
            },
            0,
            2,
        ),
        // Bob did what was asked for, so there is nothing left to do, and no second step back.
        (
            "rollback there",
            |repo, _| {
                repo.rollback(&name("acme"), &[Part::Work], None, &request("x"))
                    .map(drop)
            },
            1,
            1,
        ),
    ];
    for (verb, run, bob, end) in cases {
        for all in [false, true] {
            if all && verb != "rollback" && verb != "rollback there" {
                continue;
            }
            let (fixture, ids) = three_releases();
            let other = ids[bob].clone();
            let mut repo = raced(&fixture.path(), move |repo| {
                let options = ActivateOptions::default();
                repo.activate(&name("acme"), Part::Work, &other, options, &as_bob())
                    .expect("bob is first");
            });
            repo.repeat_when_moved();
            if all {
                repo.rollback_all(&acme(), &request("x")).expect(verb);
            } else {
                run(&repo, &ids).expect(verb);
            }
            let live = fixture.live_release("acme", Part::Work);
            assert_eq!(live.as_ref(), Some(&ids[end]), "{verb}, all: {all}");
            fixture.fsck();
        }
    }
    let (fixture, ids) = three_releases();
    let mut repo = raced(&fixture.path(), move |repo| {
        let options = ActivateOptions::default();
        repo.activate(&name("acme"), Part::Work, &ids[0], options, &as_bob())
            .expect("bob is first");
    });
    repo.repeat_when_moved();
    let held = repo.hold(&acme(), &[], None, &request("x"));
    assert!(held.expect("held")[0].commit.is_some());
}

#[test]
fn what_is_expected_is_looked_at_again_after_a_lost_race() {
    let (fixture, ids) = three_releases();
    let (first, third) = (ids[0].clone(), ids[2].clone());
    let expecting = |mut repo: Repo| {
        repo.expect(vec![Belief {
            tenant: name("acme"),
            part: Part::Work,
            cluster: None,
            live: Believed::Id(third.as_str()[..12].to_owned()),
        }]);
        repo
    };
    let target = first.clone();
    let repo = expecting(raced(&fixture.path(), move |repo| {
        let options = ActivateOptions::default();
        repo.activate(&name("acme"), Part::Work, &target, options, &as_bob())
            .expect("bob is first");
    }));
    // Even where somebody else made it what is asked for: whoever expects something wants to know.
    let options = ActivateOptions::default();
    let error = repo.activate(&name("acme"), Part::Work, &first, options, &request("x"));
    let error = error.expect_err("it moved");
    assert_eq!(error.exit_code().code(), 5, "{error}");
    assert!(error.to_string().contains(BOB), "{error}");

    // The same for the version that a plan was made from.
    let key = (
        name("acme"),
        Part::Work,
        "in-cluster".parse().expect("valid"),
    );
    let base = fixture.stored("acme", Part::Work).blob;
    let repo = raced(&fixture.path(), |repo| {
        repo.hold(&name("acme"), &[], None, &as_bob())
            .map(drop)
            .expect("bob is first");
    });
    let expected = [(key, Some(base))].into();
    let error = repo.publish_expecting(vec![work("acme", "four")], true, &expected, &request("x"));
    let error = error.expect_err("it moved");
    assert!(matches!(error, Error::Moved { .. }), "{error}");
    assert!(error.to_string().contains(BOB), "{error}");
}

/// A source history of which only the order of the numbers in its commits is known.
#[derive(Debug)]
struct InOrder;

impl SourceHistory for InOrder {
    fn relations(
        &self,
        ours: &CommitId,
        theirs: &BTreeSet<CommitId>,
    ) -> Result<BTreeMap<CommitId, Relation>, String> {
        let relation = |theirs: &CommitId| match ours.cmp(theirs) {
            Ordering::Less => Relation::Older,
            Ordering::Equal => Relation::Same,
            Ordering::Greater => Relation::Newer,
        };
        let answers = theirs.iter();
        Ok(answers.map(|t| (t.clone(), relation(t))).collect())
    }

    fn touched(
        &self,
        _ours: &CommitId,
        _since: &BTreeSet<(TenantName, CommitId)>,
    ) -> Result<BTreeSet<(TenantName, CommitId)>, String> {
        Ok(BTreeSet::new())
    }
}

#[test]
fn a_source_is_checked_again_on_what_somebody_else_published_first() {
    let publish = |repo: &Repo, commit: u32, request: &Request<'_>| {
        let mut release = work("acme", &commit.to_string());
        release.source = source(commit);
        let options = PublishOptions {
            activate: true,
            source: Some(SourceCheck {
                history: &InOrder,
                rule: SourceRule::Descendants,
            }),
            ..PublishOptions::default()
        };
        repo.publish_with(vec![release], options, request)
    };
    for (bob, lands) in [(3, true), (5, true), (7, false)] {
        let fixture = Fixture::new();
        publish(&fixture.repo, 1, &request("first")).expect("the first one");
        let repo = raced(&fixture.path(), move |repo| {
            publish(repo, bob, &as_bob()).expect("bob is first");
        });
        let ours = publish(&repo, 5, &request("x"));
        let live = fixture.pointer("acme", Part::Work).newest_source;
        if lands {
            ours.expect("bob's is older, or the same");
            assert_eq!(live, source(5).commit, "bob published {bob}");
        } else {
            let error = ours.expect_err("bob's is newer");
            assert_eq!(error.exit_code().code(), 5, "{error}");
            assert!(error.to_string().contains(BOB), "{error}");
            assert_eq!(live, source(bob).commit, "bob's stays");
        }
        fixture.fsck();
    }
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
