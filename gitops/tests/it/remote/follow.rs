use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use orz_gitops::{Error, FetchEvent};

use super::{World, live_in, publish};
use crate::support::{request, work};

const PATIENCE: Duration = Duration::from_mins(2);

#[test]
fn a_follower_sees_what_others_push_and_outlives_the_remote() {
    let world = World::new();
    let follower = world.open("reconciler");
    let (sender, events) = channel();
    let fetching = follower
        .keep_fetching(Duration::from_millis(200), move |event| {
            sender.send(event).expect("heard");
        })
        .expect("followed");
    let one = publish(&world.open("ann"), "acme", "one");
    let began = Instant::now();
    while live_in(&follower, "acme").as_ref() != Some(&one.items[0].release) {
        assert!(began.elapsed() < PATIENCE, "never seen");
        std::thread::sleep(Duration::from_millis(20));
    }

    world.away();
    assert!(matches!(
        events.recv_timeout(PATIENCE).expect("said"),
        FetchEvent::Down { .. }
    ));
    assert_eq!(
        live_in(&follower, "acme").as_ref(),
        Some(&one.items[0].release),
        "what was fetched stays in use"
    );
    let error = follower
        .publish(vec![work("acme", "two")], true, &request("two"))
        .expect_err("down");
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    std::thread::sleep(Duration::from_secs(1));
    world.back();
    fetching.now();
    assert_eq!(
        events.recv_timeout(PATIENCE).expect("said"),
        FetchEvent::Back,
        "down was said once"
    );
    publish(&follower, "acme", "two");
    world.is_sound();
}
