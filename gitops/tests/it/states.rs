//! States of a part: what each verb does in each of them, and how a tenant leaves and comes back.

use orz_core::format::{Action, ClaimState, StateKind};
use orz_core::id::{Part, ReleaseId};
use orz_gitops::{ActivateOptions, Error, NewRelease, PointerMove, Repo, Request};

use crate::support::{Fixture, failed, hostname, name, release, request, request_at, work};

const BACK: ActivateOptions = ActivateOptions {
    override_hold: false,
    override_leaving: true,
    newest: false,
};

/// `acme` with three releases, of which the second is live and the third was never.
struct Lived {
    fixture: Fixture,
    ids: [ReleaseId; 3],
}

impl Lived {
    fn new() -> Self {
        let fixture = Fixture::new();
        let ids = ["a", "b", "c"].map(|text| {
            let live = text != "c";
            let published = fixture
                .repo
                .publish(vec![work("acme", text)], live, &request("x"))
                .expect("publish");
            published.items[0].release.clone()
        });
        Self { fixture, ids }
    }

    /// State and letter of the release, or the name of the error, which must leave everything as it was.
    fn outcome(&self, result: Result<(), Error>, before: &str) -> String {
        if let Err(error) = result {
            assert_eq!(self.fixture.fingerprint(), before, "{error}");
            let variant = format!("{error:?}");
            return variant.split([' ', '(']).next().expect("a name").to_owned();
        }
        let view = self.fixture.repo.view().expect("view");
        let cluster = "in-cluster".parse().expect("valid");
        let stored = view.pointer(&cluster, &name("acme"), Part::Work);
        let Some(stored) = stored.expect("readable") else {
            return "gone".to_owned();
        };
        let place = self.ids.iter().position(|id| *id == stored.pointer.release);
        let letter = ["a", "b", "c"][place.expect("one of them")];
        format!("{} {letter}", stored.pointer.state.kind)
    }
}

type Enter = fn(&Repo);
type Verb = fn(&Lived, &Repo) -> Result<(), Error>;

#[test]
fn what_each_verb_does_in_each_state() {
    let acme = || name("acme");
    let states: [(&str, Enter); 4] = [
        ("live", |_| {}),
        ("frozen", |repo| {
            repo.freeze(&name("acme"), &[], None, &request("x"))
                .map(drop)
                .expect("frozen");
        }),
        ("retiring", |repo| {
            repo.retire(&name("acme"), &request("x"))
                .map(drop)
                .expect("retiring");
        }),
        ("destroying", |repo| {
            repo.retire(&name("acme"), &request("x"))
                .map(drop)
                .expect("retiring");
            repo.destroy(&name("acme"), &request("x"))
                .map(drop)
                .expect("destroying");
        }),
    ];
    let verbs: [(&str, [&str; 4], Verb); 13] = [
        (
            "publish c",
            ["live c", "frozen c", "retiring b", "destroying b"],
            |_, repo| {
                repo.publish(vec![work("acme", "c")], true, &request("x"))
                    .map(drop)
            },
        ),
        (
            "publish b",
            ["live b", "frozen b", "retiring b", "destroying b"],
            |_, repo| {
                repo.publish(vec![work("acme", "b")], true, &request("x"))
                    .map(drop)
            },
        ),
        (
            "activate c",
            ["live c", "frozen c", "Leaving", "Leaving"],
            |it, repo| {
                let options = ActivateOptions::default();
                repo.activate(
                    &name("acme"),
                    Part::Work,
                    &it.ids[2],
                    options,
                    &request("x"),
                )
                .map(drop)
            },
        ),
        (
            "call b back",
            ["live b", "frozen b", "live b", "live b"],
            |it, repo| {
                repo.activate(&name("acme"), Part::Work, &it.ids[1], BACK, &request("x"))
                    .map(drop)
            },
        ),
        (
            "rollback",
            ["live a", "frozen a", "Leaving", "Leaving"],
            |_, repo| {
                repo.rollback(&name("acme"), &[Part::Work], None, &request("x"))
                    .map(drop)
            },
        ),
        (
            "rollback all",
            ["live a", "frozen a", "Leaving", "Leaving"],
            |_, repo| repo.rollback_all(&name("acme"), &request("x")).map(drop),
        ),
        (
            "hold",
            ["live b", "frozen b", "retiring b", "destroying b"],
            |_, repo| repo.hold(&name("acme"), &[], None, &request("x")).map(drop),
        ),
        (
            "freeze",
            ["frozen b", "frozen b", "Leaving", "Leaving"],
            |_, repo| {
                repo.freeze(&name("acme"), &[], None, &request("again"))
                    .map(drop)
            },
        ),
        (
            "thaw",
            ["NotFrozen", "live b", "Leaving", "Leaving"],
            |_, repo| {
                repo.thaw(&name("acme"), &[Part::Work], &request("x"))
                    .map(drop)
            },
        ),
        (
            "retire",
            ["retiring b", "retiring b", "retiring b", "retiring b"],
            |_, repo| repo.retire(&name("acme"), &request("again")).map(drop),
        ),
        (
            "destroy",
            ["NotRetired", "NotRetired", "destroying b", "destroying b"],
            |_, repo| repo.destroy(&name("acme"), &request("again")).map(drop),
        ),
        (
            "automatic rollback",
            ["live a", "frozen b", "retiring b", "destroying b"],
            |it, repo| {
                repo.auto_rollback(&failed("acme", &it.ids[1], &it.ids[0]), &request("x"))
                    .map(drop)
            },
        ),
        (
            "remove",
            ["NotRetired", "NotRetired", "gone", "gone"],
            |it, repo| {
                repo.remove_pointer(&it.fixture.stored("acme", Part::Work), &request("x"))
                    .map(drop)
            },
        ),
    ];
    for (verb, expected, run) in verbs {
        for ((state, enter), expected) in states.iter().zip(expected) {
            let lived = Lived::new();
            enter(&lived.fixture.repo);
            let before = lived.fixture.fingerprint();
            let result = run(&lived, &lived.fixture.repo);
            assert_eq!(lived.outcome(result, &before), expected, "{verb}, {state}");
            let report = lived.fixture.repo.verify(None).expect("verify");
            assert!(report.is_ok(), "{verb}, {state}: {:#?}", report.findings);
            drop(lived.fixture.repo.history(&acme(), None).expect("history"));
        }
    }
}

#[test]
fn a_freeze_says_who_why_and_until_when_and_ends_then() {
    let lived = Lived::new();
    let repo = &lived.fixture.repo;
    let until = "2027-01-31T13:00:00Z";
    let changes = repo
        .freeze(
            &name("acme"),
            &[Part::Work],
            Some(until),
            &request("incident 7"),
        )
        .expect("frozen");
    let state = &changes[0].state;
    assert_eq!(
        (
            changes[0].from,
            state.kind,
            state.by.as_deref(),
            state.reason.as_deref()
        ),
        (
            StateKind::Live,
            StateKind::Frozen,
            Some("Ann <ann@example.com>"),
            Some("incident 7")
        )
    );
    let stored = lived.fixture.stored("acme", Part::Work);
    for (now, expected) in [
        ("2027-01-31T12:59:59Z", StateKind::Frozen),
        (until, StateKind::Live),
        ("no time", StateKind::Frozen),
    ] {
        assert_eq!(stored.state_at(now), expected, "{now}");
    }
    let history = repo.history(&name("acme"), None).expect("history");
    assert_eq!(
        (history[0].action, history[0].state, history[0].automatic),
        (Some(Action::Freeze), Some(StateKind::Frozen), false)
    );

    // A publish says that the cluster waits; after the end it takes the state away with the move.
    let publish = |text: &str, now: &str| {
        let published = repo.publish(vec![work("acme", text)], true, &request_at("x", now));
        let item = published.expect("publish").items.remove(0);
        assert!(matches!(item.pointer, PointerMove::Moved { .. }));
        (
            item.state,
            lived.fixture.pointer("acme", Part::Work).state.kind,
        )
    };
    assert_eq!(
        publish("d", "2027-01-31T12:30:00Z"),
        (StateKind::Frozen, StateKind::Frozen)
    );
    assert_eq!(publish("e", until), (StateKind::Live, StateKind::Live));

    let error = repo.freeze(&name("acme"), &[], Some("soon"), &request("x"));
    assert_eq!(error.expect_err("no time").exit_code().code(), 64);
    let thawed = repo.thaw(&name("acme"), &[], &request("x")).expect("thaw");
    assert_eq!(thawed, [], "nothing frozen is no error for a whole tenant");
    for part in [Part::Data, Part::Work] {
        let error = repo.freeze(&name("nobody"), &[part], None, &request("x"));
        assert!(matches!(error, Err(Error::NoPointer { .. })), "{error:?}");
    }
}

/// A tenant with all parts, of which `work` claims a hostname.
fn whole(host: &str) -> Vec<NewRelease> {
    let mut app = work("acme", host);
    app.claims = vec![hostname(host)];
    vec![
        release("acme", Part::Tenancy, &[("plan", "1")]),
        release("acme", Part::Data, &[("disk", "1Gi")]),
        app,
    ]
}

#[test]
fn a_tenant_leaves_in_order_and_gives_back_its_claims() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    fixture.live(whole("a.example.com"));
    fixture.live(whole("b.example.com"));
    let claim = |host: &str| {
        let view = repo.view().expect("view");
        view.claim(&hostname(host)).expect("readable")
    };
    assert_eq!(
        claim("a.example.com").map(|c| c.state),
        Some(ClaimState::Releasing)
    );

    let silent = Request {
        reason: Some(" "),
        ..request("x")
    };
    let error = repo.retire(&name("acme"), &silent).expect_err("no reason");
    assert!(matches!(error, Error::ReasonNeeded { .. }), "{error}");
    assert_eq!(error.exit_code().code(), 64);
    let error = repo.retire(&name("nobody"), &request("x"));
    assert!(matches!(error, Err(Error::NoPointer { .. })), "{error:?}");

    let changes = repo
        .retire(&name("acme"), &request("moved out"))
        .expect("retire");
    assert_eq!(changes.len(), 3);
    assert!(
        changes
            .iter()
            .all(|c| c.commit == changes[0].commit && c.commit.is_some())
    );
    let again = repo
        .retire(&name("acme"), &request("twice"))
        .expect("retire");
    assert!(
        again
            .iter()
            .all(|c| c.commit.is_none() && c.state.reason.as_deref() == Some("moved out"))
    );

    let stored = |part| fixture.stored("acme", part);
    for part in [Part::Tenancy, Part::Data] {
        let error = repo.remove_pointer(&stored(part), &request("x"));
        let Err(Error::StillNeeded { left, .. }) = error else {
            panic!("{part}: {error:?}");
        };
        assert!(left.contains(&Part::Work), "{part}: {left:?}");
    }
    let old = stored(Part::Work);
    let removed = repo
        .remove_pointer(&old, &request("nothing is left"))
        .expect("removed")
        .expect("there");
    assert_eq!(
        removed.claims,
        [hostname("a.example.com"), hostname("b.example.com")],
        "what it held and what it was giving up"
    );
    assert_eq!(claim("b.example.com"), None);
    let before = fixture.fingerprint();
    assert_eq!(
        repo.remove_pointer(&old, &request("x")).expect("gone"),
        None
    );
    assert_eq!(fixture.fingerprint(), before);
    let history = repo
        .history(&name("acme"), Some(Part::Work))
        .expect("history");
    assert_eq!(
        (
            history[0].action,
            history[0].to.as_ref(),
            history[0].automatic
        ),
        (Some(Action::Remove), None, true)
    );

    // Its own pointer is gone, and the rest of the tenant still on its way out.
    let published = repo
        .publish(whole("c.example.com"), true, &request("ci"))
        .expect("publish");
    assert!(published.main_commit.is_none());
    for item in &published.items {
        let PointerMove::Leaving { state, live } = &item.pointer else {
            panic!("{item:?}");
        };
        assert_eq!(
            (state.reason.as_deref(), live.is_none()),
            (Some("moved out"), item.part == Part::Work)
        );
    }
    let app = published.items[2].release.clone();
    let options = ActivateOptions::default();
    let error = repo.activate(&name("acme"), Part::Work, &app, options, &request("x"));
    let error = error.expect_err("leaving");
    assert_eq!(error.exit_code().code(), 4, "{error}");
    assert!(error.to_string().contains("moved out"), "{error}");
    assert!(error.help().expect("help").contains("--override-leaving"));

    // Who insists calls all of it back, in one commit.
    let moves = repo
        .activate_parts(
            &name("acme"),
            &[(Part::Work, app.clone())],
            BACK,
            &request("stay"),
        )
        .expect("called back");
    assert_eq!(
        moves
            .iter()
            .map(|m| (m.part, m.called_back))
            .collect::<Vec<_>>(),
        [
            (Part::Work, false),
            (Part::Data, true),
            (Part::Tenancy, true)
        ]
    );
    assert!(
        moves
            .iter()
            .all(|m| m.commit.is_some() && m.commit == moves[0].commit)
    );
    for part in Part::OF_TENANT {
        assert_eq!(stored(part).pointer.state.kind, StateKind::Live, "{part}");
    }
    assert!(repo.verify(None).expect("verify").is_ok());

    // To the end this time.
    repo.retire(&name("acme"), &request("x")).expect("retire");
    repo.destroy(&name("acme"), &request("x")).expect("destroy");
    for part in [Part::Work, Part::Data, Part::Tenancy] {
        let removed = repo.remove_pointer(&stored(part), &request("x"));
        assert!(removed.expect("in order").is_some(), "{part}");
    }
    let view = repo.view().expect("view");
    assert_eq!(view.pointers().expect("pointers"), []);
    assert!(repo.verify(None).expect("verify").is_ok());
    fixture.fsck();
}

#[test]
fn on_several_clusters_one_has_to_be_named() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    let on = |cluster: &str, host: &str| {
        let mut release = work("acme", host);
        release.cluster = cluster.parse().expect("valid");
        release.claims = vec![hostname(host)];
        release
    };
    fixture.live(vec![on("old", "a.example.com"), on("new", "b.example.com")]);
    let error = repo.retire(&name("acme"), &request("x")).expect_err("two");
    assert!(matches!(error, Error::ClusterNeeded { .. }), "{error}");
    let (old, new) = ("old".parse().expect("valid"), "new".parse().expect("valid"));
    let error = repo.retire_on(
        &name("acme"),
        &"edge".parse().expect("valid"),
        &request("x"),
    );
    assert!(
        matches!(error, Err(Error::NotOnCluster { .. })),
        "{error:?}"
    );
    repo.retire_on(&name("acme"), &old, &request("moved"))
        .expect("retire");
    let error = repo.destroy_on(&name("acme"), &new, &request("x"));
    assert!(matches!(error, Err(Error::NotRetired { .. })), "{error:?}");
    repo.destroy_on(&name("acme"), &old, &request("moved"))
        .expect("destroy");

    let view = repo.view().expect("view");
    let pointer = |cluster| {
        let found = view.pointer(cluster, &name("acme"), Part::Work);
        found.expect("readable").expect("there")
    };
    assert_eq!(pointer(&new).pointer.state.kind, StateKind::Live);
    // What moved in is published there all the same, and what the old cluster alone claimed is only given up.
    let published = repo.publish(vec![on("new", "c.example.com")], true, &request("x"));
    let item = published.expect("publish").items.remove(0);
    assert!(matches!(item.pointer, PointerMove::Moved { .. }));
    let removed = repo.remove_pointer(&pointer(&old), &request("x"));
    assert_eq!(removed.expect("removed").expect("there").claims, []);
    assert!(repo.verify(None).expect("verify").is_ok());
    let alone = std::collections::BTreeMap::from([(new, item.release)]);
    let released = repo
        .release_claims(&name("acme"), Part::Work, &alone, &request("x"))
        .expect("released")
        .expect("alone");
    assert_eq!(
        released,
        [hostname("a.example.com"), hostname("b.example.com")]
    );
    let before = fixture.fingerprint();
    let released = repo.release_claims(&name("acme"), Part::Work, &alone, &request("x"));
    assert_eq!(released.expect("none").expect("alone"), []);
    assert_eq!(fixture.fingerprint(), before);
}
