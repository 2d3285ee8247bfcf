//! A publish from a source that is not the newest one: by what is known of the source repository, of which only the
//! order of commits is made up here.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use orz_core::format::Pointer;
use orz_core::id::{CommitId, Part, TenantName};
use orz_gitops::{
    ActivateOptions, Error, NewRelease, PointerMove, PublishOptions, Published, Relation,
    SourceCheck, SourceHistory, SourceRule, StaleReason,
};

use crate::support::{Fixture, failed, name, release, request, source, work};

/// Commits in a line, by number: those from 100 on are of another repository, those from 200 on in nobody's history.
#[derive(Debug, Default)]
struct Line {
    /// Below this one, history is cut off.
    from: u32,
    /// The commits that changed a tenant's files.
    touched: Vec<(&'static str, u32)>,
    /// How often it was asked.
    asked: RefCell<usize>,
}

fn number(commit: &CommitId) -> u32 {
    u32::from_str_radix(&commit.as_str()[32..], 16).expect("a number")
}

impl SourceHistory for Line {
    fn relations(
        &self,
        ours: &CommitId,
        theirs: &BTreeSet<CommitId>,
    ) -> Result<BTreeMap<CommitId, Relation>, String> {
        *self.asked.borrow_mut() += 1;
        let relation = |theirs: u32| match (number(ours), theirs) {
            (_, theirs) if theirs < self.from => Relation::Shallow,
            (_, 200..) => Relation::Missing,
            (ours, theirs) if (ours < 100) != (theirs < 100) => Relation::Unrelated,
            (ours, theirs) if ours > theirs => Relation::Newer,
            (ours, theirs) if ours < theirs => Relation::Older,
            _ => Relation::Same,
        };
        let answers = theirs.iter();
        Ok(answers.map(|t| (t.clone(), relation(number(t)))).collect())
    }

    fn touched(
        &self,
        ours: &CommitId,
        since: &BTreeSet<(TenantName, CommitId)>,
    ) -> Result<BTreeSet<(TenantName, CommitId)>, String> {
        let hit = |pair: &&(TenantName, CommitId)| {
            self.touched.iter().any(|(tenant, commit)| {
                pair.0.as_str() == *tenant && (number(&pair.1) + 1..=number(ours)).contains(commit)
            })
        };
        Ok(since.iter().filter(hit).cloned().collect())
    }
}

fn from(commit: u32, release: NewRelease) -> NewRelease {
    NewRelease {
        source: source(commit),
        ..release
    }
}

fn publish(
    fixture: &Fixture,
    line: &Line,
    rule: SourceRule,
    releases: Vec<NewRelease>,
) -> Result<Published, Error> {
    let options = PublishOptions {
        activate: true,
        source: Some(SourceCheck {
            history: line,
            rule,
        }),
        ..PublishOptions::default()
    };
    fixture.repo.publish_with(releases, options, &request("x"))
}

fn newest(pointer: &Pointer) -> Option<u32> {
    pointer.newest_source.as_ref().map(number)
}

fn sources(fixture: &Fixture, tenant: &str) -> (Option<u32>, Option<u32>) {
    let pointer = fixture.pointer(tenant, Part::Work);
    (pointer.source.commit.as_ref().map(number), newest(&pointer))
}

#[test]
fn what_may_go_live_over_what() {
    use SourceRule::{Any, Descendants, Unrelated};
    use StaleReason as Why;
    const NONE: u32 = 0;
    // What was live, what comes, under which rule; why not, or the newest source after it.
    let cases = [
        (5, 5, Descendants, Ok(5)),
        (5, 6, Descendants, Ok(6)),
        (5, 4, Descendants, Err(Why::Older)),
        (5, 4, Unrelated, Err(Why::Older)),
        (5, 4, Any, Ok(5)),
        (5, 101, Descendants, Err(Why::Unrelated)),
        (5, 101, Unrelated, Ok(101)),
        (5, 101, Any, Ok(101)),
        (200, 5, Descendants, Err(Why::Missing)),
        (200, 5, Unrelated, Ok(5)),
        (1, 5, Descendants, Err(Why::Shallow)),
        (1, 5, Unrelated, Err(Why::Shallow)),
        (1, 5, Any, Ok(1)),
        (5, NONE, Descendants, Err(Why::NoCommit)),
        (5, NONE, Unrelated, Ok(5)),
        (NONE, 5, Descendants, Ok(5)),
        (NONE, NONE, Descendants, Ok(NONE)),
    ];
    for (live, comes, rule, expected) in cases {
        let case = format!("{comes} over {live} by {rule:?}");
        let fixture = Fixture::new();
        let line = Line {
            from: 2,
            ..Line::default()
        };
        let of = |commit: u32, text: &str| {
            let mut release = from(commit, work("acme", text));
            release.source.commit = release.source.commit.filter(|_| commit != NONE);
            release
        };
        fixture.live(vec![of(live, "one")]);
        // What somebody else does to the pointer does not hide who made the commit live.
        fixture
            .repo
            .hold(&name("acme"), &[], None, &request("x"))
            .expect("hold");
        fixture
            .repo
            .release_hold(&name("acme"), &[], &request("x"))
            .expect("release");
        let first = fixture.repo.history(&name("acme"), None).expect("history");
        let first = first.last().expect("three changes").commit.clone();
        let before = fixture.fingerprint();
        match (
            publish(&fixture, &line, rule, vec![of(comes, "two")]),
            expected,
        ) {
            (Ok(published), Ok(expected)) => {
                assert!(matches!(
                    published.items[0].pointer,
                    PointerMove::Moved { .. }
                ));
                let (source, newest) = sources(&fixture, "acme");
                assert_eq!(newest.unwrap_or(NONE), expected, "{case}");
                assert_eq!(source.unwrap_or(NONE), comes, "{case}");
            }
            (Err(error), Err(why)) => {
                assert_eq!(error.exit_code().code(), 5, "{case}: {error}");
                let said = error.to_string();
                let Error::Source { refused } = error else {
                    panic!("{case}: {said}")
                };
                assert_eq!(refused[0].why, why, "{case}");
                assert_eq!(number(&refused[0].newest), live, "{case}");
                let by = refused[0].by.as_ref().expect("in the log");
                assert_eq!(by.commit, first, "{case}");
                assert!(said.contains("Ann <ann@example.com>"), "{case}: {said}");
                assert!(said.contains(refused[0].newest.as_str()), "{case}: {said}");
                assert_eq!(fixture.fingerprint(), before, "{case}");
            }
            (found, expected) => panic!("{case}: {found:?}, not {expected:?}"),
        }
    }
}

#[test]
fn a_release_that_did_not_change_moves_its_source_only_where_its_inputs_were_touched() {
    let fixture = Fixture::new();
    let line = Line {
        touched: vec![("acme", 3), ("acme", 4)],
        ..Line::default()
    };
    let publish = |commit: u32, text: &str| {
        let releases = vec![
            from(commit, work("acme", text)),
            from(commit, work("other", "same")),
        ];
        publish(&fixture, &line, SourceRule::Descendants, releases)
    };
    publish(1, "one").expect("the first one");
    let before = fixture.fingerprint();
    let again = publish(2, "one").expect("nothing to do");
    assert_eq!((again.index_commit, again.main_commit), (None, None));
    assert_eq!(fixture.fingerprint(), before, "nothing was touched");

    // What 3 changed, 4 took back: the job of 3 must not come late.
    let confirmed = publish(4, "one").expect("the same release");
    assert!(matches!(
        confirmed.items[0].pointer,
        PointerMove::Confirmed { .. }
    ));
    assert_eq!(confirmed.items[1].pointer, PointerMove::Unchanged);
    assert_eq!(confirmed.index_commit, None, "no new release");
    assert_eq!(sources(&fixture, "acme"), (Some(4), Some(4)));
    assert_eq!(sources(&fixture, "other"), (Some(1), Some(1)));
    let log = fixture.git(&["log", "-1", "--format=%s", "main"]);
    assert!(log.starts_with("activate acme/work: "), "{log}");
    assert!(publish(3, "two").is_err());
    let before = fixture.fingerprint();
    publish(4, "one").expect("again");
    assert_eq!(fixture.fingerprint(), before);
    fixture.fsck();

    // Held, it confirms all the same: nothing else goes live by that.
    fixture
        .repo
        .hold(&name("acme"), &[], None, &request("x"))
        .expect("held");
    let line = Line {
        touched: vec![("acme", 6)],
        ..Line::default()
    };
    let releases = vec![from(6, work("acme", "one"))];
    let held = super::source::publish(&fixture, &line, SourceRule::Descendants, releases);
    assert!(matches!(
        held.expect("published").items[0].pointer,
        PointerMove::Confirmed { .. }
    ));
    assert!(fixture.pointer("acme", Part::Work).hold.is_some());
}

#[test]
fn the_newest_source_never_goes_back() {
    let fixture = Fixture::new();
    let line = Line::default();
    let publish = |commit: u32, text: &str| {
        let releases = vec![from(commit, work("acme", text))];
        publish(&fixture, &line, SourceRule::Descendants, releases)
    };
    let ids = [1, 2, 3].map(|commit| {
        let published = publish(commit, &commit.to_string()).expect("in order");
        published.items[0].release.clone()
    });
    let (acme, x) = (name("acme"), request("x"));
    let repo = &fixture.repo;
    let to = &ids[0];
    let verbs: [(&str, &dyn Fn()); 3] = [
        ("rollback", &|| {
            repo.rollback(&acme, &[Part::Work], Some(to), &x)
                .map(drop)
                .expect("rollback");
        }),
        ("activate", &|| {
            let options = ActivateOptions {
                override_hold: true,
                ..ActivateOptions::default()
            };
            repo.activate(&acme, Part::Work, to, options, &x)
                .map(drop)
                .expect("activate");
        }),
        ("auto-rollback", &|| {
            let moved = repo.auto_rollback(&failed("acme", &ids[2], to), &x);
            assert!(moved.expect("allowed").is_some());
        }),
    ];
    for (verb, run) in verbs {
        run();
        assert_eq!(sources(&fixture, "acme"), (Some(1), Some(3)), "{verb}");
        repo.release_hold(&acme, &[], &x).expect("if there is one");
        let error = publish(2, "2").expect_err(verb);
        assert!(matches!(error, Error::Source { .. }), "{verb}: {error}");
        publish(3, "3").expect("the newest one again");
        assert_eq!(sources(&fixture, "acme"), (Some(3), Some(3)), "{verb}");
    }
}

#[test]
fn what_was_activated_by_hand_is_not_undone_by_a_late_job() {
    let fixture = Fixture::new();
    let line = Line::default();
    let go_live = |commit: u32| {
        let releases = vec![from(commit, work("acme", &commit.to_string()))];
        publish(&fixture, &line, SourceRule::Descendants, releases)
    };
    go_live(1).expect("the first");
    let third = vec![from(3, work("acme", "3"))];
    let published = fixture.repo.publish(third, false, &request("x"));
    let third = published.expect("published").items[0].release.clone();
    let options = ActivateOptions::default();
    fixture
        .repo
        .activate(&name("acme"), Part::Work, &third, options, &request("x"))
        .expect("activated");
    assert_eq!(sources(&fixture, "acme"), (Some(3), Some(1)));
    let error = go_live(2).expect_err("older than what is live");
    let Error::Source { refused } = error else {
        panic!("{error}")
    };
    assert_eq!(refused[0].why, StaleReason::Older);
    assert_eq!(number(&refused[0].newest), 3);
    assert!(refused[0].by.is_some(), "who activated it is named");
    go_live(4).expect("newer than both");
    assert_eq!(sources(&fixture, "acme"), (Some(4), Some(4)));
}

#[test]
fn one_stale_tenant_writes_nothing_or_is_left_out() {
    let fixture = Fixture::new();
    let line = Line::default();
    let tenancy = |tenant: &str, pods: &str| release(tenant, Part::Tenancy, &[("fence", pods)]);
    let all = |commit: u32, text: &str| -> Vec<NewRelease> {
        ["ant", "bee", "cow"]
            .iter()
            .flat_map(|tenant| [work(tenant, text), tenancy(tenant, text)])
            .map(|release| from(commit, release))
            .collect()
    };
    let newer = |tenant| vec![from(7, work(tenant, "7")), from(7, tenancy(tenant, "7"))];
    fixture.live(all(1, "1"));
    fixture.live(newer("ant"));
    fixture.live(newer("cow"));
    let before = fixture.fingerprint();
    let error = publish(&fixture, &line, SourceRule::Descendants, all(4, "4")).expect_err("stale");
    let Error::Source { refused } = error else {
        panic!("{error}")
    };
    let named: Vec<(&str, usize)> = refused
        .iter()
        .map(|stale| (stale.tenant.as_str(), stale.parts.len()))
        .collect();
    assert_eq!(named, [("ant", 2), ("cow", 2)], "all at once");
    assert_eq!(fixture.fingerprint(), before);
    assert_eq!(*line.asked.borrow(), 1, "all are asked for at once");

    let options = PublishOptions {
        activate: true,
        source: Some(SourceCheck {
            history: &line,
            rule: SourceRule::Descendants,
        }),
        keep_going: true,
        ..PublishOptions::default()
    };
    let published = fixture
        .repo
        .publish_with(all(4, "4"), options, &request("x"));
    let published = published.expect("the others");
    assert_eq!(published.refused, refused);
    let written: BTreeSet<&str> = published.items.iter().map(|i| i.tenant.as_str()).collect();
    assert_eq!(written, BTreeSet::from(["bee"]));
    assert_eq!(sources(&fixture, "bee"), (Some(4), Some(4)));
    assert_eq!(sources(&fixture, "ant"), (Some(7), Some(7)));
    let entries = fixture.repo.view().expect("view");
    let entries = entries.entries(&name("ant"), Part::Work).expect("readable");
    assert_eq!(entries.len(), 2, "not even the release is published");
    assert!(fixture.repo.verify(None).expect("verify").is_ok());
}
