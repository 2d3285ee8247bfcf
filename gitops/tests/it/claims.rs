//! Claims: unique over all tenants, taken in the commit that moves the pointer.

use orz_core::format::{Claim, ClaimKey, ClaimState};
use orz_core::id::{ClusterName, Part, ReleaseId};
use orz_gitops::check::reason;
use orz_gitops::{ActivateOptions, Error, NewRelease};

use crate::support::{Fixture, failed, hostname, name, request, work};

fn with_host(tenant: &str, host: &str) -> NewRelease {
    let mut release = work(tenant, host);
    release.claims = vec![hostname(host)];
    release
}

fn claim(fixture: &Fixture, host: &str) -> Option<Claim> {
    fixture
        .repo
        .view()
        .expect("view")
        .claim(&hostname(host))
        .expect("readable")
}

#[test]
fn a_claim_goes_from_hand_to_hand() {
    let fixture = Fixture::new();
    fixture.live(vec![with_host("acme", "shop.example.com")]);
    let held = claim(&fixture, "shop.example.com").expect("taken");
    assert_eq!(
        (held.tenant, held.part, held.state),
        (name("acme"), Part::Work, ClaimState::Held)
    );

    let foreign = || {
        fixture.repo.publish(
            vec![with_host("globex", "shop.example.com")],
            true,
            &request("x"),
        )
    };
    let before = fixture.fingerprint();
    let error = foreign().expect_err("held by acme");
    assert!(matches!(
        error,
        Error::Claimed {
            releasing: false,
            ..
        }
    ));
    assert_eq!(error.exit_code().code(), 4);
    assert!(error.to_string().contains("`acme/work`"), "{error}");
    assert_eq!(
        fixture.fingerprint(),
        before,
        "not even the release is written"
    );

    fixture.live(vec![with_host("acme", "new.example.com")]);
    assert_eq!(
        claim(&fixture, "shop.example.com")
            .expect("still there")
            .state,
        ClaimState::Releasing
    );
    assert_eq!(
        claim(&fixture, "new.example.com").expect("taken").state,
        ClaimState::Held
    );
    assert!(
        matches!(
            foreign(),
            Err(Error::Claimed {
                releasing: true,
                ..
            })
        ),
        "its objects may still exist"
    );

    // Its holder may take it again.
    fixture
        .repo
        .rollback(&name("acme"), &[Part::Work], None, &request("x"))
        .expect("rollback");
    assert_eq!(
        claim(&fixture, "shop.example.com").expect("again").state,
        ClaimState::Held
    );
    assert_eq!(
        claim(&fixture, "new.example.com").expect("left").state,
        ClaimState::Releasing
    );
    assert!(fixture.repo.verify(None).expect("verify").is_ok());
}

#[test]
fn publishing_without_activation_claims_nothing_and_activation_does() {
    let fixture = Fixture::new();
    let waiting = fixture.repo.publish(
        vec![with_host("globex", "a.example.com")],
        false,
        &request("x"),
    );
    let waiting = waiting.expect("publish").items[0].release.clone();
    assert_eq!(claim(&fixture, "a.example.com"), None);
    fixture.live(vec![with_host("acme", "a.example.com")]);
    let options = ActivateOptions::default();
    let activate = || {
        fixture.repo.activate(
            &name("globex"),
            Part::Work,
            &waiting,
            options,
            &request("x"),
        )
    };
    assert!(matches!(activate(), Err(Error::Claimed { .. })));

    // Two tenants in one publish cannot take the same either.
    let both = vec![
        with_host("aa", "b.example.com"),
        with_host("bb", "b.example.com"),
    ];
    assert!(matches!(
        fixture.repo.publish(both, true, &request("x")),
        Err(Error::Claimed { .. })
    ));
}

#[test]
fn a_claim_lost_by_a_plain_revert_stops_the_pointer_until_it_is_taken_again() {
    let fixture = Fixture::new();
    fixture.live(vec![with_host("acme", "a.example.com")]);
    let path = orz_core::paths::claim(&hostname("a.example.com"));
    fixture.commit_by_hand("main", &[(&path, None)]);
    let check = || {
        let view = fixture.repo.view().expect("view");
        let stored = view.pointer(
            &"in-cluster".parse().expect("valid"),
            &name("acme"),
            Part::Work,
        );
        view.check(&stored.expect("readable").expect("there"))
            .map(|checked| checked.objects.len())
    };
    let invalid = check().expect_err("its claim is gone");
    assert_eq!(invalid.reason, reason::CLAIM_LOST);
    assert!(invalid.to_string().starts_with("claim-lost: "), "{invalid}");

    let again = fixture.live(vec![with_host("acme", "a.example.com")]);
    assert!(
        again.main_commit.is_some(),
        "the pointer stays, the claim is written"
    );
    assert_eq!(check(), Ok(2));
}

#[test]
fn a_tenant_on_two_clusters_keeps_what_either_claims() {
    let fixture = Fixture::new();
    let edge = |host: &str| {
        let mut release = with_host("acme", host);
        release.cluster = "edge".parse().expect("valid");
        release
    };
    fixture.live(vec![
        with_host("acme", "a.example.com"),
        edge("a.example.com"),
    ]);
    fixture.live(vec![edge("b.example.com")]);
    assert_eq!(
        claim(&fixture, "a.example.com").expect("held").state,
        ClaimState::Held
    );
    fixture.live(vec![with_host("acme", "b.example.com")]);
    assert_eq!(
        claim(&fixture, "a.example.com").expect("left").state,
        ClaimState::Releasing
    );
    assert!(fixture.repo.verify(None).expect("verify").is_ok());

    // Both at once, so that neither keeps what the other no longer has.
    fixture.live(vec![
        with_host("acme", "c.example.com"),
        edge("c.example.com"),
    ]);
    assert_eq!(
        claim(&fixture, "b.example.com").expect("left").state,
        ClaimState::Releasing
    );
    assert!(fixture.repo.verify(None).expect("verify").is_ok());

    let error = fixture
        .repo
        .rollback(&name("acme"), &[Part::Work], None, &request("x"));
    assert!(
        matches!(error, Err(Error::SeveralClusters { .. })),
        "{error:?}"
    );
}

/// The hosts of `acme` in the order in which they were live, and the release of each.
fn moved(fixture: &Fixture) -> (ReleaseId, ReleaseId) {
    let live = |host| {
        fixture.live(vec![with_host("acme", host)]).items[0]
            .release
            .clone()
    };
    (live("a.example.com"), live("b.example.com"))
}

/// Somebody has seen that this release is alone in the cluster.
fn gives_back(fixture: &Fixture, alone: Option<&ReleaseId>) -> Option<Vec<ClaimKey>> {
    let cluster: ClusterName = "in-cluster".parse().expect("valid");
    let alone = alone.map(|release| (cluster, release.clone()));
    let released = fixture.repo.release_claims(
        &name("acme"),
        Part::Work,
        &alone.into_iter().collect(),
        &request("gone"),
    );
    released.expect("released")
}

#[test]
fn what_was_in_place_before_the_pointer_moved_gives_nothing_back() {
    let fixture = Fixture::new();
    let (_, second) = moved(&fixture);
    // The second release is seen alone; before that is acted on, the third one becomes live, which claims neither.
    let third = fixture.live(vec![with_host("acme", "c.example.com")]).items[0]
        .release
        .clone();
    let before = fixture.fingerprint();
    for alone in [Some(&second), None] {
        assert_eq!(gives_back(&fixture, alone), None);
        assert_eq!(fixture.fingerprint(), before);
    }
    let both = ["a.example.com", "b.example.com"].map(hostname);
    assert_eq!(gives_back(&fixture, Some(&third)).expect("alone"), both);
}

#[test]
fn whoever_goes_back_to_what_somebody_else_claims_by_now_is_denied() {
    type Verb = fn(&Fixture, &ReleaseId) -> Result<(), Error>;
    let verbs: [(&str, Verb); 4] = [
        ("rollback", |fixture, _| {
            fixture
                .repo
                .rollback(&name("acme"), &[Part::Work], None, &request("x"))
                .map(drop)
        }),
        ("activate", |fixture, first| {
            let options = ActivateOptions::default();
            fixture
                .repo
                .activate(&name("acme"), Part::Work, first, options, &request("x"))
                .map(drop)
        }),
        ("publish", |fixture, _| {
            fixture
                .repo
                .publish(
                    vec![with_host("acme", "a.example.com")],
                    true,
                    &request("x"),
                )
                .map(drop)
        }),
        ("auto-rollback", |fixture, first| {
            let second = fixture.live_release("acme", Part::Work).expect("live");
            fixture
                .repo
                .auto_rollback(&failed("acme", &second, first), &request("x"))
                .map(drop)
        }),
    ];
    for (verb, run) in verbs {
        let fixture = Fixture::new();
        let (first, second) = moved(&fixture);
        let released = gives_back(&fixture, Some(&second)).expect("alone");
        assert_eq!(released, [hostname("a.example.com")]);
        fixture.live(vec![with_host("globex", "a.example.com")]);
        let before = fixture.fingerprint();
        let error = run(&fixture, &first).expect_err(verb);
        assert!(matches!(error, Error::Claimed { .. }), "{verb}: {error}");
        assert_eq!(error.exit_code().code(), 4, "{verb}");
        assert_eq!(fixture.fingerprint(), before, "{verb}: nothing is written");
    }
}

#[test]
fn what_is_live_takes_a_lost_claim_again_by_any_of_the_verbs() {
    type Verb = fn(&Fixture, &ReleaseId);
    let verbs: [(&str, Verb); 3] = [
        ("publish", |fixture, _| {
            fixture.live(vec![with_host("acme", "b.example.com")]);
        }),
        ("activate", |fixture, live| {
            let options = ActivateOptions::default();
            let moved =
                fixture
                    .repo
                    .activate(&name("acme"), Part::Work, live, options, &request("x"));
            moved.expect("free");
        }),
        ("rollback", |fixture, live| {
            let moved =
                fixture
                    .repo
                    .rollback(&name("acme"), &[Part::Work], Some(live), &request("x"));
            moved.expect("free");
        }),
    ];
    for (verb, run) in verbs {
        let fixture = Fixture::new();
        let (_, live) = moved(&fixture);
        let path = orz_core::paths::claim(&hostname("b.example.com"));
        fixture.commit_by_hand("main", &[(&path, None)]);
        run(&fixture, &live);
        let again = claim(&fixture, "b.example.com").expect(verb);
        assert_eq!(again.state, ClaimState::Held, "{verb}");
        assert!(fixture.repo.verify(None).expect("verify").is_ok(), "{verb}");
    }
}

#[test]
fn what_a_live_release_claims_is_never_given_back() {
    let fixture = Fixture::new();
    let first = fixture.live(vec![with_host("acme", "a.example.com")]);
    let pointer = fixture.pointer("acme", Part::Work);
    fixture.live(vec![with_host("acme", "b.example.com")]);
    let view = fixture.repo.view().expect("view");
    let giving = view.releasing_since(None).expect("readable");
    assert_eq!(Vec::from_iter(giving), [(name("acme"), Part::Work)]);
    // A plain `git revert` of the pointer, without its claims.
    fixture.edit_pointer("acme", Part::Work, |live| *live = pointer.clone());
    let released = gives_back(&fixture, Some(&first.items[0].release));
    assert_eq!(released.expect("alone"), []);
    let held = claim(&fixture, "a.example.com").expect("live");
    assert_eq!(held.state, ClaimState::Held);
    assert_eq!(
        fixture.live_release("acme", Part::Work).as_ref(),
        Some(&first.items[0].release)
    );
    let later = fixture.repo.view().expect("view");
    let giving = later.releasing_since(Some(&view)).expect("readable");
    assert!(giving.is_empty(), "only what is new is told: {giving:?}");
}
