//! Holds: what each of them stops.

use orz_core::format::{Blocks, HoldKind};
use orz_core::id::Part;
use orz_gitops::{ActivateOptions, Error, PointerMove};

use crate::support::{Fixture, name, release, request, request_at, work};

#[test]
fn a_hold_stops_activation_but_neither_publishing_nor_rollback() {
    let fixture = Fixture::new();
    let one = fixture.live(vec![work("acme", "one")]).items[0]
        .release
        .clone();
    let two = fixture.live(vec![work("acme", "two")]).items[0]
        .release
        .clone();
    let changes = fixture
        .repo
        .hold(
            &name("acme"),
            &[Part::Work],
            None,
            &request("investigating"),
        )
        .expect("hold");
    let hold = changes[0].hold.clone().expect("held");
    assert_eq!(
        (hold.kind, &hold.blocks, hold.reason.as_str()),
        (HoldKind::Manual, &Blocks::All, "investigating")
    );
    assert!(changes[0].commit.is_some());

    let published = fixture
        .repo
        .publish(vec![work("acme", "three")], true, &request("x"))
        .expect("publish");
    assert_eq!(
        published.items[0].pointer,
        PointerMove::Held {
            hold,
            live: two.clone()
        }
    );
    assert!(
        published.items[0].new && published.main_commit.is_none(),
        "published, and not activated"
    );
    let three = published.items[0].release.clone();

    let activate = |options| {
        fixture
            .repo
            .activate(&name("acme"), Part::Work, &three, options, &request("x"))
    };
    let error = activate(ActivateOptions::default()).expect_err("held");
    assert!(matches!(error, Error::Held { .. }));
    assert_eq!(error.exit_code().code(), 4);
    let overridden = activate(ActivateOptions {
        override_hold: true,
        ..ActivateOptions::default()
    })
    .expect("overridden");
    assert!(overridden.hold.is_some(), "the hold itself stays");

    let moves = fixture
        .repo
        .rollback(&name("acme"), &[Part::Work], Some(&one), &request("x"))
        .expect("allowed");
    assert_eq!(moves[0].to, one);
    fixture
        .repo
        .release_hold(&name("acme"), &[Part::Work], &request("done"))
        .expect("released");
    assert_eq!(fixture.pointer("acme", Part::Work).hold, None);
    let again = fixture
        .repo
        .release_hold(&name("acme"), &[Part::Work], &request("done"));
    assert!(matches!(again, Err(Error::NotHeld { .. })), "{again:?}");
    let before = fixture.fingerprint();
    assert_eq!(
        fixture
            .repo
            .release_hold(&name("acme"), &[], &request("done"))
            .expect("nothing held")
            .len(),
        0
    );
    assert_eq!(fixture.fingerprint(), before);
}

#[test]
fn what_a_hold_blocks_and_until_when() {
    let all = |until: Option<&str>| ("all", until.map(str::to_owned));
    let only = |which: &'static str| (which, None);
    // What is blocked, and whether `publish --activate` of release three moves the pointer at 12:00.
    let cases = [
        (all(None), false),
        (all(Some("2027-01-31T12:00:01Z")), false),
        (all(Some("2027-01-31T12:00:00Z")), true),
        (all(Some("2026-01-01T00:00:00Z")), true),
        (only("three"), false),
        (only("two"), true),
    ];
    for ((blocks, until), moves) in cases {
        let fixture = Fixture::new();
        fixture.live(vec![work("acme", "one")]);
        let ids = ["two", "three"].map(|text| {
            let published = fixture
                .repo
                .publish(vec![work("acme", text)], false, &request("x"))
                .expect("publish");
            published.items[0].release.clone()
        });
        fixture
            .repo
            .hold(&name("acme"), &[], until.as_deref(), &request("x"))
            .expect("hold");
        if blocks != "all" {
            // As an automatic rollback leaves it.
            let blocked = if blocks == "two" { &ids[0] } else { &ids[1] };
            fixture.edit_pointer("acme", Part::Work, |pointer| {
                let hold = pointer.hold.as_mut().expect("held");
                hold.kind = HoldKind::Auto;
                hold.blocks = Blocks::Releases(vec![blocked.clone()]);
            });
        }
        let published = fixture.live(vec![work("acme", "three")]);
        let moved = matches!(published.items[0].pointer, PointerMove::Moved { .. });
        assert_eq!(moved, moves, "{blocks} until {until:?}");
        let hold = fixture.pointer("acme", Part::Work).hold;
        assert_eq!(
            hold.is_some(),
            !moves || until.is_none(),
            "an ended hold goes with the next move"
        );
    }
}

#[test]
fn all_parts_or_the_named_ones() {
    let fixture = Fixture::new();
    fixture.live(vec![
        release("acme", Part::Data, &[("disk", "1Gi")]),
        work("acme", "one"),
        work("globex", "one"),
    ]);
    let until = "2027-12-31T00:00:00Z";
    let held = fixture.repo.hold(
        &name("acme"),
        &[],
        Some(until),
        &request_at("x", "2027-02-02T00:00:00Z"),
    );
    let held = held.expect("hold");
    assert_eq!(
        held.iter().map(|h| h.part).collect::<Vec<_>>(),
        [Part::Data, Part::Work]
    );
    assert_eq!(held[0].commit, held[1].commit);
    assert_eq!(fixture.pointer("globex", Part::Work).hold, None);
    fixture
        .repo
        .release_hold(&name("acme"), &[Part::Data], &request("x"))
        .expect("released");
    assert!(
        fixture.pointer("acme", Part::Data).hold.is_none()
            && fixture.pointer("acme", Part::Work).hold.is_some()
    );
    for (tenant, part) in [("acme", Part::Tenancy), ("nobody", Part::Work)] {
        let error = fixture
            .repo
            .hold(&name(tenant), &[part], None, &request("x"));
        assert!(matches!(error, Err(Error::NoPointer { .. })), "{error:?}");
    }
    let error = fixture
        .repo
        .hold(&name("acme"), &[], Some("tomorrow"), &request("x"))
        .expect_err("no time");
    assert_eq!(error.exit_code().code(), 64);
}
