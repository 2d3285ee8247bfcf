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

/// However short each life is: what was watched adds up, and is not begun again and again.
#[test]
fn lives_of_a_second_verify_a_release() {
    let mut world = World::new();
    world.settings.timings.soak = Duration::from_secs(30);
    let release = world.web("acme", "1");
    let mut lives = 0;
    while world.clock.elapsed() < Duration::from_mins(5) {
        world.run(&mut world.follower(), 1);
        lives += 1;
        if world.memory("acme").phase == Phase::Verified {
            break;
        }
    }
    let memory = world.memory("acme");
    assert_eq!(
        (memory.phase, &memory.verified),
        (Phase::Verified, &vec![release])
    );
    assert!(
        (30..=75).contains(&lives),
        "{lives} lives of a second for 30 s of soak"
    );
    let writes = world
        .made
        .of(&name("acme"), Part::Work, |s| s.writes.clone());
    let applied = writes.iter().filter(|write| **write == "apply").count();
    assert_eq!(applied, 1, "nothing is done twice");
}

/// A process that is killed at once verifies nothing, because a moment is no time; what it must do it does once. One
/// that is killed before its second look has only found out which release was in place before.
#[test]
fn lives_of_a_moment_act_once() {
    let world = World::new();
    let good = world.web("acme", "1");
    world.run(&mut world.follower(), 130);
    let lives = |steps: usize| {
        for _ in 0..4 {
            let mut follower = world.follower();
            for _ in 0..steps {
                follower.step();
            }
        }
    };
    let bad = world.web("acme", "degraded");
    lives(1);
    assert_eq!(
        (world.live("acme"), world.memory("acme").release),
        (bad.clone(), good.clone())
    );
    lives(2);
    assert_eq!(world.live("acme"), good);
    let items = world.automatic("acme");
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].from.as_ref(), Some(&bad));
    let healthy = world.web("acme", "2");
    lives(2);
    let memory = world.memory("acme");
    assert_eq!((&memory.release, memory.healthy_ms), (&healthy, 0));
    assert_eq!(world.automatic("acme").len(), 1);
}

/// Killed before or after any single write of a pass: the next process goes on from there.
#[test]
fn killed_between_any_two_writes() {
    for calls in 2..=6 {
        let world = World::new();
        let good = world.web("acme", "1");
        world.run(&mut world.follower(), 130);
        let bad = world.web("acme", "degraded");
        let set = |fuse| world.made.of(&name("acme"), Part::Work, |s| s.fuse = fuse);
        for _ in 0..4 {
            set(Some(calls));
            let mut follower = world.follower();
            for _ in 0..3 {
                follower.step();
            }
        }
        set(None);
        world.run(&mut world.follower(), 10);
        let said = format!("after {calls} calls");
        assert_eq!(world.live("acme"), good, "{said}");
        let items = world.automatic("acme");
        assert_eq!(items.len(), 1, "{said}");
        let cause = items[0].cause.as_ref().expect("a cause");
        assert_eq!(cause.object, "Deployment acme/web", "{said}");
        // The baseline was written before the first change: the one that was well counts.
        assert_eq!(items[0].from.as_ref(), Some(&bad), "{said}");
        world.run(&mut world.follower(), 130);
        let memory = world.memory("acme");
        assert_eq!(
            (memory.release, memory.phase),
            (good, Phase::Verified),
            "{said}"
        );
    }
}
