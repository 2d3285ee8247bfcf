use std::thread;

use orz_gitops::Error;

use super::{BOB, World, activate, publish, releases};
use crate::support::{name, request, work};

const WRITERS: usize = 6;
const EACH: usize = 4;

#[test]
fn writers_of_different_tenants_all_land() {
    let world = World::new();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let world = &world;
            // Two share a cache, the others have their own.
            let person = format!("person{}", writer / 2);
            scope.spawn(move || {
                for n in 0..EACH {
                    let repo = world.open(&person);
                    publish(&repo, &format!("t{writer}"), &format!("text {n}"));
                }
            });
        }
    });
    for writer in 0..WRITERS {
        let history = world
            .open("first")
            .history(&name(&format!("t{writer}")), None)
            .expect("history");
        assert_eq!(history.len(), EACH, "t{writer}: none lost, none doubled");
    }
    let commits = world.git(&["rev-list", "--count", "main"]);
    assert_eq!(commits, (1 + WRITERS * EACH).to_string());
    world.is_sound();
}

#[test]
fn of_two_writers_of_one_pointer_one_wins_and_the_other_is_told_who() {
    let world = World::new();
    let ann = world.open("ann");
    let ids = releases(&ann, "acme", &["one", "two", "three"]);
    let bob = world.open("bob");
    activate(&bob, "acme", &ids[1], BOB).expect("bob is first");
    // Ann looked before bob moved it.
    let error = activate(&ann, "acme", &ids[0], "Ann <ann@example.com>").expect_err("too late");
    assert!(matches!(error, Error::Moved { .. }), "{error:?}");
    assert!(error.to_string().contains(BOB), "{error}");
    assert_eq!(error.exit_code().code(), 5);
    assert_eq!(
        world.live("acme").as_ref(),
        Some(&ids[1]),
        "bob's move stands"
    );
    world.is_sound();
}

#[test]
fn whoever_wants_the_same_is_done() {
    let world = World::new();
    let ann = world.open("ann");
    let ids = releases(&ann, "acme", &["one", "two"]);
    let bob = world.open("bob");
    activate(&bob, "acme", &ids[0], BOB).expect("bob is first");
    activate(&ann, "acme", &ids[0], "Ann <ann@example.com>").expect("done by bob");
    assert_eq!(world.git(&["rev-list", "--count", "main"]), "4");
}

#[test]
fn a_publish_goes_on_from_what_another_published() {
    let world = World::new();
    let (ann, bob) = (world.open("ann"), world.open("bob"));
    let theirs = publish(&bob, "acme", "bob's");
    let ours = ann
        .publish(
            vec![work("acme", "ann's"), work("other", "ann's")],
            true,
            &request("later"),
        )
        .expect("published");
    let first = theirs.items[0].release.clone();
    assert!(
        matches!(&ours.items[0].pointer, orz_gitops::PointerMove::Moved { from, .. } if *from == first),
        "{ours:?}"
    );
    assert_eq!(
        world.git(&["rev-list", "--count", "--first-parent", "releases"]),
        "3"
    );
    world.is_sound();
}
