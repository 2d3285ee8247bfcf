//! What moved lately.

use std::time::Duration;

use orz_core::format::Brake;
use orz_core::id::ClusterName;
use orz_gitops::ActivateOptions;

use crate::support::{Fixture, NOW, failed, name, request_at, work};

fn at(minute: u32) -> String {
    format!("2027-01-31T12:{minute:02}:00Z")
}

#[test]
fn moves_within_the_window_and_what_a_person_lifted() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    let cluster: ClusterName = "in-cluster".parse().expect("valid");
    let publish = |tenant: &str, tag: &str, minute: u32| {
        let time = at(minute);
        let request = request_at("publish", &time);
        let published = repo.publish(vec![work(tenant, tag)], true, &request);
        published.expect("published").items[0].release.clone()
    };
    let first = publish("acme", "1", 1);
    let bad = publish("acme", "2", 20);
    // A clock that is behind hides nothing that comes before it.
    publish("late", "1", 2);
    let back = failed("acme", &bad, &first);
    repo.auto_rollback(&back, &request_at("bad", &at(21)))
        .expect("back");
    let brake = Brake {
        cluster: cluster.clone(),
        at: NOW.to_owned(),
        failed: 1,
        recent: 1,
        reason: "x".to_owned(),
    };
    repo.set_brake(&brake, &request_at("outage", &at(22)))
        .expect("set");
    repo.resume(&cluster, &request_at("over", &at(23)))
        .expect("lifted");
    // No move.
    repo.hold(&name("acme"), &[], None, &request_at("hold", &at(24)))
        .expect("held");
    let insist = ActivateOptions {
        override_hold: true,
        ..ActivateOptions::default()
    };
    let part = orz_core::id::Part::Work;
    repo.activate(
        &name("acme"),
        part,
        &bad,
        insist,
        &request_at("again", &at(25)),
    )
    .expect("activated");

    let view = repo.view().expect("view");
    let recent = |window: u64| {
        let recent = view.recent(&cluster, &at(30), Duration::from_secs(window * 60));
        recent.expect("read")
    };
    let told = |window: u64| -> Vec<(String, u64, bool)> {
        let moves = recent(window).moves.into_iter().map(|moved| {
            let minutes = moved.age.as_secs() / 60;
            (moved.tenant.to_string(), minutes, moved.automatic)
        });
        moves.collect()
    };
    let acme = |minutes: u64, automatic: bool| ("acme".to_owned(), minutes, automatic);
    assert_eq!(told(5), [acme(5, false)]);
    assert_eq!(told(15), [acme(5, false), acme(9, true), acme(10, false)]);
    assert_eq!(told(60).len(), 5);
    assert_eq!(recent(15).resumed, Some(Duration::from_mins(7)));
    assert_eq!(recent(5).resumed, None);
    let lifted: Vec<bool> = recent(15).moves.iter().map(|moved| moved.lifted).collect();
    assert_eq!(lifted, [false, true, true]);
    let newest = &recent(5).moves[0];
    assert_eq!((newest.from.as_ref(), &newest.to), (Some(&first), &bad));
    let other = "edge".parse().expect("valid");
    let none = view
        .recent(&other, &at(30), Duration::from_hours(1))
        .expect("read");
    assert_eq!(none, orz_gitops::Recent::default());
    // What is dated into the future has just happened.
    let early = view
        .recent(&cluster, &at(3), Duration::from_mins(1))
        .expect("read");
    assert!(early.moves.iter().any(|moved| moved.age == Duration::ZERO));
}
