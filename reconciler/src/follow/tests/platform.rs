//! Settings from the platform's own release.

use orz_core::format::{BrakeSettings, Interval, Pointer, ReconcilerSettings, to_bytes};
use orz_core::id::hex;

use super::*;
use crate::follow::Given;
use crate::testing::commit_file;

fn interval(text: &str) -> Interval {
    text.parse().expect("valid")
}

/// Makes a release of the platform live that states this soak.
fn soak(world: &World, soak: &str) -> ReleaseId {
    let settings = ReconcilerSettings {
        soak: interval(soak),
        deadline: interval("10m"),
        brake: BrakeSettings {
            window: interval("10m"),
            min: 5,
            percent: 5,
        },
        drift_interval: interval("1m"),
        status_interval: interval("1s"),
    };
    let text = String::from_utf8(to_bytes(&settings)).expect("JSON is UTF-8");
    let object = object(
        "v1",
        "ConfigMap",
        Some("orz-system"),
        ReconcilerSettings::NAME,
        &json!({"data": {ReconcilerSettings::KEY: text}}),
    );
    publish(
        &world.repo,
        TenantName::PLATFORM,
        Part::Platform,
        &[object],
        &[],
    )
}

fn phase(world: &World) -> Phase {
    world.status("acme", Part::Work).phase
}

fn platform(world: &World) -> Status {
    world.status(TenantName::PLATFORM, Part::Platform)
}

#[test]
fn a_release_of_the_platform_changes_the_soak_and_a_rollback_changes_it_back() {
    let world = World::new();
    let mut follower = world.follower();
    soak(&world, "10m");
    let short = soak(&world, "10s");
    world.web("acme", "1");
    world.run(&mut follower, 20);
    assert_eq!(phase(&world), Phase::Verified);
    let status = platform(&world);
    assert_eq!(
        (status.phase, status.observed),
        (Phase::Verified, Some(short)),
        "it is judged like any part"
    );

    // What runs is judged by the new one without a restart, in both directions.
    world.web("acme", "2");
    world.run(&mut follower, 5);
    let back = world
        .repo
        .rollback(
            &TenantName::platform(),
            &[Part::Platform],
            None,
            &request("too short"),
        )
        .expect("rolled back");
    assert_eq!(back.len(), 1);
    world.run(&mut follower, 60);
    assert_eq!(phase(&world), Phase::Soaking, "ten minutes hold again");
    world.run(&mut follower, 600);
    assert_eq!(phase(&world), Phase::Verified);
}

#[test]
fn a_pointer_that_must_not_be_followed_changes_nothing() {
    let world = World::new();
    let mut follower = world.follower();
    soak(&world, "10s");
    world.run(&mut follower, 20);
    let cluster = cluster();
    let view = world.repo.view().expect("view");
    let stored = view
        .pointer(&cluster, &TenantName::platform(), Part::Platform)
        .expect("readable")
        .expect("there");
    let nowhere = Pointer {
        release: hex(&[7; 20]).parse().expect("40 hex digits"),
        ..stored.pointer
    };
    commit_file(&world.repo, &stored.path, &to_bytes(&nowhere));
    world.run(&mut follower, 5);
    let status = platform(&world);
    assert_eq!(status.phase, Phase::Invalid);
    let reason = status.reason.expect("a reason");
    assert!(
        reason.starts_with("pointer-invalid: no-index-entry"),
        "{reason}"
    );
    world.web("acme", "1");
    world.run(&mut follower, 20);
    assert_eq!(phase(&world), Phase::Verified, "the last good soak stays");
}

#[test]
fn what_was_given_at_the_start_wins() {
    let mut world = World::new();
    let given = Given {
        soak: Some(Duration::from_secs(10)),
        ..Given::default()
    };
    world.settings = Settings {
        status: Duration::from_secs(1),
        ..Settings::given(cluster(), given)
    };
    let mut follower = world.follower();
    soak(&world, "10m");
    world.web("acme", "1");
    world.run(&mut follower, 20);
    assert_eq!(phase(&world), Phase::Verified);
}

#[test]
fn a_new_process_knows_the_soak_before_it_judges() {
    let world = World::new();
    let mut first = world.follower();
    soak(&world, "10m");
    // Its name comes before that of the platform, and so does its turn.
    world.web("acme", "1");
    world.run(&mut first, 300);
    assert_eq!(phase(&world), Phase::Soaking);
    drop(first);
    let mut second = world.follower();
    world.run(&mut second, 60);
    assert_eq!(
        phase(&world),
        Phase::Soaking,
        "the usual soak had passed long ago"
    );
}

#[test]
fn without_a_pointer_the_usual_settings_hold_again() {
    let world = World::new();
    let mut follower = world.follower();
    soak(&world, "10s");
    world.run(&mut follower, 20);
    let platform = TenantName::platform();
    let retired = world.repo.retire(&platform, &request("by flags again"));
    assert_eq!(retired.expect("retired").len(), 1);
    world.run(&mut follower, 20);
    world.web("acme", "1");
    world.run(&mut follower, 20);
    assert_eq!(
        phase(&world),
        Phase::Verified,
        "while the pointer is there, it is followed"
    );
    let destroyed = world.repo.destroy(&platform, &request("by flags again"));
    assert_eq!(destroyed.expect("destroyed").len(), 1);
    world.run(&mut follower, 60);
    let view = world.repo.view().expect("view");
    let left = view.pointer(&cluster(), &platform, Part::Platform);
    assert_eq!(left.expect("readable"), None);
    world.web("acme", "2");
    world.run(&mut follower, 60);
    assert_eq!(phase(&world), Phase::Soaking);
    world.run(&mut follower, 70);
    assert_eq!(phase(&world), Phase::Verified);
}
