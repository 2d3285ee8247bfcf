//! Somebody who changes again and again what is put right.

use super::*;

/// Another program that undoes each correction is named, and answered ever more seldom; nothing is judged by it.
#[test]
fn a_dispute_is_named_and_ends() {
    let world = World::new();
    let mut follower = world.follower();
    let release = world.web("acme", "1");
    world.run(&mut follower, 130);
    let edited = deployment("acme", "web", "degraded");
    let key: Key = (name("acme"), Part::Work);
    let edits = |follower: &mut Follower<'_, TestClock>| {
        world.made.of(&key.0, key.1, |stand| {
            stand.objects.insert(edited.key(), edited.clone());
        });
        follower
            .parts
            .get_mut(&key)
            .expect("known")
            .touch(world.clock.elapsed());
    };
    let applied = || {
        let writes = world.made.of(&key.0, key.1, |stand| stand.writes.clone());
        writes.iter().filter(|write| **write == "apply").count()
    };
    let before = applied();
    for _ in 0..600 {
        edits(&mut follower);
        world.run(&mut follower, 1);
    }
    // 3 at once, then after 1, 2, 4, … 256 s.
    let corrections = applied() - before;
    assert!((10..=13).contains(&corrections), "{corrections}");
    let status = world.status("acme", Part::Work);
    let expected =
        "`somebody` changes Deployment acme/web again and again: put right again at most every ";
    assert!(status.reason.expect("said").starts_with(expected));
    assert_eq!(
        (status.phase, world.live("acme")),
        (Phase::Verified, release)
    );
    assert_eq!(world.automatic("acme"), []);

    // Another release is put in place at once, and judged by what it does itself.
    let next = world.web("acme", "2");
    world.run(&mut follower, 1);
    let live = world.made.of(&key.0, key.1, |stand| {
        without_status(&stand.objects[&edited.key()])
    });
    assert_eq!(live, deployment("acme", "web", "2"));
    world.run(&mut follower, 1_000);
    let status = world.status("acme", Part::Work);
    assert_eq!((status.phase, status.reason), (Phase::Verified, None));
    assert_eq!(status.verified.last(), Some(&next));

    // It is over: the next edit is put right at once.
    let before = applied();
    edits(&mut follower);
    world.run(&mut follower, 1);
    assert_eq!(applied() - before, 1);
}
