//! Rollback: where it goes by default, and that it only moves a pointer.

use orz_core::format::{Blocks, HoldKind};
use orz_core::id::{Part, ReleaseId};
use orz_gitops::{ActivateOptions, Chosen, Error, PointerMove};

use crate::support::{Fixture, failed, name, release, request, status, work};

/// A script over releases named by letters: what happens, and where the default rollback then goes.
#[test]
fn where_a_rollback_goes_by_default() {
    let cases = [
        // publish a-c, roll back
        ("pa pb pc r", Some("b")),
        // the release that a rollback left is no target again
        ("pa pb pc r! pd r", Some("b")),
        ("pa pb r! pc r", Some("a")),
        // twice in a row goes further back
        ("pa pb pc r! r", Some("a")),
        ("pa pb pc r! r! r", None),
        // a deliberate activation of an older release is no rollback
        ("pa pb pc aa r", Some("c")),
        // an explicit rollback skips, and leaves only what was live
        ("pa pb pc ta! pd r", Some("a")),
        // a plain `git revert` says the same about the release it leaves
        ("pa pb g pc r", Some("a")),
        ("pa pb g r", None),
        // an automatic hold blocks releases by name; one on everything blocks no rollback
        ("pa pb pc xb r", Some("a")),
        ("pa pb pc h r", Some("b")),
        // releasing a hold and holding again are no moves
        ("pa pb h u h r", Some("a")),
        // activated again after a rollback left it, it is as good as any
        ("pa pb r! ab pc r", Some("b")),
        // published and never live
        ("pa nb pc r", Some("a")),
        ("pa r", None),
    ];
    for (script, expected) in cases {
        let fixture = Fixture::new();
        let tenant = name("acme");
        let id = |letter: &str| -> ReleaseId {
            let published = fixture
                .repo
                .publish(vec![work("acme", letter)], false, &request("x"))
                .expect("publish");
            published.items[0].release.clone()
        };
        let rollback = |to: Option<&ReleaseId>| {
            fixture
                .repo
                .rollback(&tenant, &[Part::Work], to, &request("x"))
                .map(|mut moves| moves.remove(0))
        };
        let release_hold = || {
            fixture
                .repo
                .release_hold(&tenant, &[], &request("x"))
                .expect("released")
        };
        let (steps, last) = script.rsplit_once(' ').expect("several steps");
        assert_eq!(last, "r");
        for step in steps.split(' ') {
            let (verb, letter) = step.split_at(1);
            match verb {
                "p" => {
                    let published = fixture.live(vec![work("acme", letter)]);
                    assert!(
                        !matches!(published.items[0].pointer, PointerMove::Held { .. }),
                        "{script}"
                    );
                }
                "n" => drop(id(letter)),
                "a" => {
                    let options = ActivateOptions::default();
                    fixture
                        .repo
                        .activate(&tenant, Part::Work, &id(letter), options, &request("x"))
                        .expect("activate");
                }
                "r" => {
                    rollback(None).expect(script);
                    release_hold();
                }
                "t" => {
                    rollback(Some(&id(letter.trim_end_matches('!')))).expect(script);
                    release_hold();
                }
                "g" => fixture.revert_main(),
                "h" => drop(
                    fixture
                        .repo
                        .hold(&tenant, &[], None, &request("x"))
                        .expect("hold"),
                ),
                "u" => drop(release_hold()),
                "x" => {
                    fixture
                        .repo
                        .hold(&tenant, &[], None, &request("x"))
                        .expect("hold");
                    let blocked = id(letter);
                    fixture.edit_pointer("acme", Part::Work, |pointer| {
                        let hold = pointer.hold.as_mut().expect("held");
                        hold.kind = HoldKind::Auto;
                        hold.blocks = Blocks::Releases(vec![blocked.clone()]);
                    });
                }
                _ => panic!("{script}"),
            }
        }
        match (rollback(None), expected) {
            (Ok(moved), Some(letter)) => assert_eq!(moved.to, id(letter), "{script}"),
            (Err(Error::NoRollbackTarget { .. }), None) => {}
            (found, _) => panic!("{script}: {found:?}"),
        }
        assert!(
            fixture.repo.verify(None).expect("verify").is_ok(),
            "{script}"
        );
    }
}

#[test]
fn a_rollback_moves_the_pointer_and_nothing_else() {
    let fixture = Fixture::new();
    let one = fixture.live(vec![work("acme", "one")]).items[0]
        .release
        .clone();
    let before = fixture.pointer("acme", Part::Work);
    let two = fixture.live(vec![work("acme", "two")]).items[0]
        .release
        .clone();
    let releases = fixture.git(&["rev-parse", "releases"]);
    let main = fixture.git(&["rev-list", "--count", "main"]);

    let moves = fixture
        .repo
        .rollback(&name("acme"), &[Part::Work], None, &request("broken"))
        .expect("rollback");
    assert_eq!((moves[0].from.as_ref(), &moves[0].to), (Some(&two), &one));
    let after = fixture.pointer("acme", Part::Work);
    let hold = after.hold.clone().expect("a manual rollback holds");
    assert_eq!(
        (hold.kind, hold.blocks, hold.by.as_str()),
        (HoldKind::Manual, Blocks::All, "Ann <ann@example.com>")
    );
    assert_eq!(
        orz_core::format::Pointer {
            hold: None,
            newest_source: before.newest_source.clone(),
            ..after
        },
        before
    );
    assert_eq!(
        fixture.git(&["rev-parse", "releases"]),
        releases,
        "the newer release still stands on the index"
    );
    assert_eq!(
        fixture
            .git(&["diff", "--name-only", "main~1", "main"])
            .lines()
            .count(),
        1,
        "one file"
    );
    assert_ne!(fixture.git(&["rev-list", "--count", "main"]), main);

    let still = fixture.fingerprint();
    let again = fixture
        .repo
        .rollback(&name("acme"), &[Part::Work], Some(&one), &request("again"))
        .expect("there");
    assert_eq!(again[0].commit, None);
    assert_eq!(fixture.fingerprint(), still, "it is there already");
}

#[test]
fn several_parts_go_back_in_one_commit() {
    let fixture = Fixture::new();
    let both = |text: &str, size: &str| {
        vec![
            release("acme", Part::Data, &[("disk", size)]),
            work("acme", text),
        ]
    };
    fixture.live(both("one", "1Gi"));
    let old = (
        fixture.live_release("acme", Part::Data),
        fixture.live_release("acme", Part::Work),
    );
    fixture.live(both("two", "2Gi"));
    let parts = [Part::Work, Part::Data, Part::Work];
    let moves = fixture
        .repo
        .rollback(&name("acme"), &parts, None, &request("x"))
        .expect("rollback");
    assert_eq!(moves.len(), 2);
    assert_eq!(moves[0].commit, moves[1].commit);
    assert_eq!(
        (
            fixture.live_release("acme", Part::Data),
            fixture.live_release("acme", Part::Work)
        ),
        old
    );

    let one = old.1.expect("live");
    let error = fixture.repo.rollback(
        &name("acme"),
        &[Part::Work, Part::Data],
        Some(&one),
        &request("x"),
    );
    assert!(matches!(error, Err(Error::SeveralParts { .. })));
    let error = fixture
        .repo
        .rollback(&name("acme"), &[Part::Tenancy], None, &request("x"));
    assert!(matches!(error, Err(Error::NoPointer { .. })), "{error:?}");
}

#[test]
fn all_parts_go_back_to_what_stood_together() {
    let fixture = Fixture::new();
    let tenancy = |size| release("acme", Part::Tenancy, &[("plan", size)]);
    let data = |size| release("acme", Part::Data, &[("disk", size)]);
    let live = |part| fixture.live_release("acme", part).expect("live");

    // `tenancy` never changes, `data` changes twice, `work` three times; the second step moves both.
    fixture.live(vec![tenancy("s"), data("1Gi"), work("acme", "one")]);
    fixture.live(vec![data("2Gi")]);
    let before = (live(Part::Tenancy), live(Part::Data), live(Part::Work));
    fixture.live(vec![data("3Gi"), work("acme", "two")]);
    let moves = fixture
        .repo
        .rollback_all(&name("acme"), &request("x"))
        .expect("rollback");
    assert_eq!(
        (live(Part::Tenancy), live(Part::Data), live(Part::Work)),
        before,
        "not each part one step of its own"
    );
    let went: Vec<Part> = moves
        .iter()
        .filter(|m| m.commit.is_some())
        .map(|m| m.part)
        .collect();
    assert_eq!(went, [Part::Data, Part::Work]);
    let held = |part| {
        let view = fixture.repo.view().expect("view");
        let pointer = view.pointer(&"in-cluster".parse().expect("valid"), &name("acme"), part);
        pointer
            .expect("readable")
            .expect("live")
            .pointer
            .hold
            .is_some()
    };
    assert_eq!(
        (held(Part::Tenancy), held(Part::Work)),
        (false, true),
        "what stays is not held"
    );

    let error = fixture.repo.rollback_all(&name("nobody"), &request("x"));
    assert!(matches!(error, Err(Error::NoPointer { .. })), "{error:?}");
}

#[test]
fn the_last_verified_release_is_where_it_goes() {
    // What is live in turn, what status calls verified, oldest first, and where it goes.
    let cases = [
        ("a b c", "a", "a", Chosen::Verified),
        ("a b c", "b a", "a", Chosen::Verified),
        ("a b c", "a c", "a", Chosen::Verified),
        // not one that a hold names, nor one that a rollback left
        ("a b xb c", "a b", "a", Chosen::Verified),
        ("a b r c", "a b", "a", Chosen::Verified),
        // not one that the index does not have
        ("a b c", "a ?", "a", Chosen::Verified),
        // none that fits
        ("a b c", "", "b", Chosen::LiveBefore),
        ("a b c", "c", "b", Chosen::LiveBefore),
        ("a b c", "?", "b", Chosen::LiveBefore),
        // status of something else
        ("a b c", "edge a", "b", Chosen::LiveBefore),
    ];
    for ((script, verified, expected, chosen), all) in cases
        .iter()
        .flat_map(|case| [(*case, false), (*case, true)])
    {
        let fixture = Fixture::new();
        let repo = &fixture.repo;
        let id = |letter: &str| -> ReleaseId {
            if letter == "?" {
                return "0123456789abcdef0123456789abcdef01234567"
                    .parse()
                    .expect("valid");
            }
            let published = repo.publish(vec![work("acme", letter)], false, &request("x"));
            published.expect("publish").items[0].release.clone()
        };
        for step in script.split(' ') {
            match step {
                "xb" => {
                    fixture.live(vec![work("acme", "a")]);
                    fixture.live(vec![work("acme", "b")]);
                    repo.auto_rollback(&failed("acme", &id("b"), &id("a")), &request("x"))
                        .expect("rolled back")
                        .expect("moved");
                }
                "r" => {
                    repo.rollback(&name("acme"), &[Part::Work], None, &request("x"))
                        .expect("rollback");
                    repo.release_hold(&name("acme"), &[], &request("x"))
                        .expect("released");
                }
                letter => drop(fixture.live(vec![work("acme", letter)])),
            }
        }
        let ids: Vec<ReleaseId> = verified
            .split_whitespace()
            .filter(|word| *word != "edge")
            .map(id)
            .collect();
        let mut published = status("acme", Part::Work, &ids.iter().collect::<Vec<_>>());
        if verified.starts_with("edge") {
            published.cluster = "edge".parse().expect("valid");
        }
        let cluster = published.cluster.clone();
        repo.write_status(&cluster, 0, &[published], crate::support::NOW)
            .expect("status");
        let moves = if all {
            repo.rollback_all(&name("acme"), &request("x"))
        } else {
            repo.rollback(&name("acme"), &[Part::Work], None, &request("x"))
        };
        let moves = moves.expect(script);
        assert_eq!(
            (&moves[0].to, moves[0].chosen),
            (&id(expected), chosen),
            "{script}, verified {verified}, all {all}"
        );
    }
}

#[test]
fn what_status_alone_remembers_takes_no_other_part_along() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    fixture.live(vec![
        release("acme", Part::Data, &[("disk", "1Gi")]),
        work("acme", "b"),
    ]);
    let never = repo.publish(vec![work("acme", "a")], false, &request("x"));
    let never = never.expect("publish").items[0].release.clone();
    let published = status("acme", Part::Work, &[&never]);
    let cluster = published.cluster.clone();
    repo.write_status(&cluster, 0, &[published], crate::support::NOW)
        .expect("status");
    let data = fixture.live_release("acme", Part::Data);
    let moves = repo
        .rollback_all(&name("acme"), &request("x"))
        .expect("rollback");
    let went: Vec<_> = moves
        .iter()
        .map(|m| (m.part, m.chosen, m.commit.is_some()))
        .collect();
    assert_eq!(
        went,
        [
            (Part::Data, Chosen::StoodBeside, false),
            (Part::Work, Chosen::Verified, true)
        ]
    );
    assert_eq!(fixture.live_release("acme", Part::Data), data);
    let named = repo.rollback(&name("acme"), &[Part::Work], Some(&never), &request("x"));
    assert_eq!(named.expect("there")[0].chosen, Chosen::Named);
}

#[test]
fn on_several_clusters_one_has_to_be_named() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    let edge = "edge".parse().expect("valid");
    let on = |cluster: &str, text: &str| {
        let mut release = work("acme", text);
        release.cluster = cluster.parse().expect("valid");
        release
    };
    // The same releases on both, in another order: what leads back is the history of each pointer.
    let mut ids = std::collections::BTreeMap::new();
    for (here, there) in [("a", "b"), ("b", "a"), ("c", "c")] {
        let published = fixture.live(vec![on("in-cluster", here), on("edge", there)]);
        let here_is = published
            .items
            .iter()
            .find(|i| i.cluster.as_str() == "in-cluster");
        ids.insert(here, here_is.expect("published").release.clone());
    }
    let (tenant, parts) = (name("acme"), [Part::Work]);
    let error = repo.rollback(&tenant, &parts, None, &request("x"));
    assert!(
        matches!(error, Err(Error::SeveralClusters { .. })),
        "{error:?}"
    );
    let nowhere = "moon".parse().expect("valid");
    let error = repo.rollback_on(&tenant, &nowhere, &parts, None, &request("x"));
    assert!(
        matches!(error, Err(Error::NotOnCluster { .. })),
        "{error:?}"
    );
    let moves = repo
        .rollback_on(&tenant, &edge, &parts, None, &request("x"))
        .expect("rolled back");
    assert_eq!((moves.len(), &moves[0].cluster), (1, &edge));
    assert_eq!(moves[0].to, ids["a"]);
    let view = repo.view().expect("view");
    let live = |cluster: &str| {
        let found = view.pointer(&cluster.parse().expect("valid"), &tenant, Part::Work);
        found.expect("readable").expect("there").pointer
    };
    assert_eq!(live("in-cluster").release, ids["c"]);
    assert_eq!(live("in-cluster").hold, None);
    assert!(live("edge").hold.is_some());
    assert!(repo.verify(None).expect("verify").is_ok());
}

#[test]
fn a_rollback_leads_away_from_what_a_hand_made_invalid() {
    let fixture = Fixture::new();
    let tenant = name("acme");
    let releases: Vec<ReleaseId> = ["1", "2"]
        .map(|text| {
            fixture.live(vec![work("acme", text)]);
            fixture.pointer("acme", Part::Work).release
        })
        .into();
    let [one, two] = releases.as_slice() else {
        unreachable!("two were published")
    };
    let rollback = |to: Option<&ReleaseId>| {
        let moved = fixture
            .repo
            .rollback(&tenant, &[Part::Work], to, &request("x"));
        moved.expect("there is a way").remove(0)
    };
    let is_sound = || {
        let view = fixture.repo.view().expect("view");
        view.check(&fixture.stored("acme", Part::Work)).is_ok()
    };
    // Nobody followed it, so nothing was left by it: the way leads to what is in place.
    fixture.edit_pointer("acme", Part::Work, |p| p.release = one.clone());
    assert!(!is_sound());
    assert_eq!(rollback(None).to, *two);
    assert!(is_sound());
    // To the release that it names, it is put right.
    fixture.edit_pointer("acme", Part::Work, |p| p.release = one.clone());
    let moved = rollback(Some(one));
    assert_eq!(moved.to, *one);
    assert!(is_sound());
}
