use orz_core::id::Part;

use super::{World, live_in, publish};
use crate::support::{NOW, name, request, status, work};

#[test]
fn everything_goes_to_the_remote_and_comes_from_it() {
    let world = World::new();
    let (ann, bob) = (world.open("ann"), world.open("bob"));
    let one = publish(&ann, "acme", "one");
    let two = publish(&ann, "acme", "two");
    assert_eq!(world.live("acme"), Some(two.items[0].release.clone()));
    assert_eq!(
        world.git(&["rev-parse", "main", "releases"]),
        format!(
            "{}\n{}",
            two.main_commit.as_ref().expect("moved"),
            two.index_commit.as_ref().expect("moved")
        )
    );
    assert_eq!(live_in(&bob, "acme"), None, "bob has not looked since");

    let bob = world.open("bob");
    bob.rollback(&name("acme"), &[Part::Work], None, &request("back"))
        .expect("rolled back");
    assert_eq!(world.live("acme"), Some(one.items[0].release.clone()));
    let ann = world.open("ann");
    ann.release_hold(&name("acme"), &[], &request("go on"))
        .expect("released");
    ann.write_status(
        &"in-cluster".parse().expect("valid"),
        0,
        &[status("acme", Part::Work, &[])],
        NOW,
    )
    .expect("status");
    let bob = world.open("bob");
    assert_eq!(bob.statuses().expect("readable").len(), 1);
    let history = bob.history(&name("acme"), None).expect("history");
    assert_eq!(history.len(), 4, "two publishes, a rollback, a release");
    let report = bob.verify(None).expect("verified");
    assert_eq!(report.findings, [], "nothing is wrong");
    world.is_sound();
}

#[test]
fn what_changes_nothing_is_not_pushed() {
    let world = World::new();
    let ann = world.open("ann");
    publish(&ann, "acme", "one");
    world.hook("pre-receive", "exit 1");
    let again = publish(&ann, "acme", "one");
    assert_eq!((again.index_commit, again.main_commit), (None, None));
}

#[test]
fn all_tenants_of_a_publish_share_one_push() {
    let world = World::new();
    let log = world.path().join("pushes");
    world.hook(
        "post-receive",
        &format!("cat >> {0}; echo . >> {0}", log.display()),
    );
    let releases = (0..40).map(|n| work(&format!("t{n}"), "one")).collect();
    let ann = world.open("ann");
    ann.publish(releases, true, &request("all"))
        .expect("published");
    let pushes = std::fs::read_to_string(log).expect("a log");
    assert_eq!(pushes.matches("\n.").count(), 1, "{pushes}");
    world.is_sound();
}
