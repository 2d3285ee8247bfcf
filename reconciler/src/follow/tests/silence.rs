//! A server that gives no answer.

use super::*;

#[test]
fn silence_is_said_of_all_at_once_and_everybody_is_looked_at_when_it_ends() {
    let world = World::new();
    let mut follower = world.follower();
    for tenant in ["acme", "calm"] {
        world.web(tenant, "1");
    }
    world.run(&mut follower, 300);
    let before = world.status("calm", Part::Work);
    assert_eq!(before.phase, Phase::Verified);

    // Only one of them is asked for, because its pointer moves.
    world
        .made
        .of(&name("acme"), Part::Work, |s| s.silent = true);
    let moved = world.web("acme", "2");
    world.run(&mut follower, 3);
    let status = world.status("calm", Part::Work);
    assert_eq!(status.phase, Phase::Verified);
    assert_eq!(status.health, HealthWord::Unknown);
    let reason = status.reason.expect("said");
    assert!(reason.contains("did not answer"), "{reason}");

    // The answer to one is the sign to look at all of them.
    world
        .made
        .of(&name("acme"), Part::Work, |s| s.silent = false);
    world.run(&mut follower, 30);
    assert_eq!(world.status("calm", Part::Work).health, before.health);
    world.run(&mut follower, 300);
    let status = world.status("acme", Part::Work);
    assert_eq!(status.verified.last(), Some(&moved));
}
