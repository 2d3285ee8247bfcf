//! What a process that is killed again and again leaves to the next one.

use super::*;

/// Each process sees one failure and is killed; together they see the outage.
#[test]
fn an_outage_that_kills_the_process_too_sets_the_brake() {
    let mut world = World::new();
    world.settings.brake = BrakeLimits {
        least: 3,
        ..BrakeLimits::default()
    };
    // Two that can be taken back, and two about which only a person can be called.
    let known = ["a", "b", "e"];
    for tenant in known {
        world.web(tenant, "1");
    }
    world.run(&mut world.follower(), 130);
    let fails = |tenant: &str| {
        world.web(tenant, "degraded");
        world.run(&mut world.follower(), 5);
    };
    let brake = || {
        let view = world.repo.view().expect("view");
        view.brake(&cluster()).expect("readable")
    };
    for tenant in ["a", "new", "b"] {
        fails(tenant);
        assert_eq!(brake(), None, "{tenant}");
    }
    assert_eq!(world.automatic("a").len() + world.automatic("b").len(), 2);
    fails("e");
    let set = brake().expect("the fourth one within ten minutes");
    assert_eq!(set.failed, 4);
    assert_eq!(world.automatic("e"), [], "it stays");

    // What a person has lifted is not counted again, by whichever process.
    let resumed = Request {
        now: world.clock.now(),
        ..request("over")
    };
    world.repo.resume(&cluster(), &resumed).expect("lifted");
    world.run(&mut world.follower(), 5);
    assert_eq!((brake(), world.automatic("e").len()), (None, 1));
    for tenant in ["n1", "n2", "n3"] {
        fails(tenant);
        assert_eq!(brake(), None, "{tenant}");
    }
    // Neither is what is long over.
    world.run(&mut world.follower(), 700);
    fails("newer");
    world.run(&mut world.follower(), 5);
    assert_eq!(brake(), None);
    assert_eq!(world.failed("newer").0, Phase::Failed);
}
