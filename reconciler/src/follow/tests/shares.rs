//! Tenants that are shared with other replicas.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use orz_core::format::{Cause, Writer};
use orz_gitops::AutoRollback;

use super::*;
use crate::lease::{Held, Shard, Shares, Term};

/// Leases as a test says.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Say>>);

#[derive(Default)]
struct Say {
    held: Held,
    drained: BTreeSet<Shard>,
    outdated: Vec<(Shard, u64)>,
    /// Whether no term lasts, which the loop has not heard of yet.
    over: bool,
}

impl Told {
    fn hold(&self, tenants: &[&str], epoch: u64) {
        let shards: BTreeMap<Shard, u64> = tenants
            .iter()
            .map(|tenant| (Shard::of(&name(tenant)), epoch))
            .collect();
        self.0.lock().expect("whole").held = Held {
            shards,
            ..Held::default()
        };
    }
}

impl Shares for Told {
    fn name(&self) -> &'static str {
        "r-1"
    }

    fn held(&self) -> Held {
        self.0.lock().expect("whole").held.clone()
    }

    fn term(&self, shard: Shard, epoch: u64) -> Term {
        let told = self.clone();
        Term::new(move || {
            !told.0.lock().expect("whole").over && told.held().shards.get(&shard) == Some(&epoch)
        })
    }

    fn drained(&self, shards: &BTreeSet<Shard>) {
        self.0.lock().expect("whole").drained.clone_from(shards);
    }

    fn outdated(&self, shard: Shard, epoch: u64) {
        self.0.lock().expect("whole").outdated.push((shard, epoch));
    }
}

fn run(world: &World, follower: &mut Follower<'_, TestClock>, seconds: u64) {
    let end = world.clock.elapsed() + Duration::from_secs(seconds);
    while world.clock.elapsed() < end {
        assert_eq!(follower.look_at_share(), None);
        follower.step();
    }
}

fn writer(world: &World, tenant: &str) -> Option<Writer> {
    let stand = |stand: &mut Stand| stand.inventory.clone();
    world.made.of(&name(tenant), Part::Work, stand)?.writer
}

fn set_epoch(world: &World, tenant: &str, epoch: u64) {
    world.made.of(&name(tenant), Part::Work, |stand| {
        let inventory = stand.inventory.as_mut().expect("written");
        inventory.writer.as_mut().expect("shared").epoch = epoch;
        stand.writes.clear();
    });
}

#[test]
fn only_what_is_held_is_followed_and_published() {
    let world = World::new();
    let told = Told::default();
    let mut follower = world.follower().sharing(Box::new(told.clone()));
    assert_ne!(Shard::of(&name("acme")), Shard::of(&name("cleo")));
    world.web("acme", "1");
    world.web("cleo", "1");
    run(&world, &mut follower, 30);
    assert_eq!(
        (writer(&world, "acme"), writer(&world, "cleo")),
        (None, None)
    );

    told.hold(&["acme"], 3);
    run(&world, &mut follower, 30);
    let writer_of_acme = writer(&world, "acme").expect("followed");
    assert_eq!(
        (writer_of_acme.holder.as_str(), writer_of_acme.epoch),
        ("r-1", 3)
    );
    assert_eq!(writer(&world, "cleo"), None);
    assert_eq!(world.status("acme", Part::Work).phase, Phase::Soaking);
    assert!(
        world
            .repo
            .statuses_of(&name("cleo"))
            .expect("statuses")
            .is_empty()
    );

    // What another replica found out meanwhile is not overwritten by what was known before.
    told.hold(&[], 0);
    run(&world, &mut follower, 5);
    world.made.of(&name("acme"), Part::Work, |stand| {
        let memory = stand.inventory.as_mut().and_then(|i| i.memory.as_mut());
        memory.expect("remembered").healthy_ms = 119_000;
    });
    told.hold(&["acme", "cleo"], 5);
    run(&world, &mut follower, 10);
    assert_eq!(world.status("acme", Part::Work).phase, Phase::Verified);
    assert_eq!(writer(&world, "cleo").expect("followed").epoch, 5);
}

#[test]
fn a_shard_that_was_lost_and_came_back_between_two_looks_is_taken_over_too() {
    let world = World::new();
    let told = Told::default();
    let mut follower = world.follower().sharing(Box::new(told.clone()));
    told.hold(&["acme"], 3);
    world.web("acme", "1");
    run(&world, &mut follower, 30);
    // Another replica had it with epoch 4, and watched longer.
    world.made.of(&name("acme"), Part::Work, |stand| {
        let inventory = stand.inventory.as_mut().expect("written");
        inventory.writer.as_mut().expect("shared").epoch = 4;
        inventory.memory.as_mut().expect("remembered").healthy_ms = 119_000;
    });
    told.hold(&["acme"], 5);
    run(&world, &mut follower, 10);
    assert_eq!(world.status("acme", Part::Work).phase, Phase::Verified);
    assert_eq!(writer(&world, "acme").expect("followed").epoch, 5);
}

#[test]
fn claims_are_given_back_by_whoever_takes_over() {
    let world = World::new();
    let told = Told::default();
    let mut follower = world.follower().sharing(Box::new(told.clone()));
    let live = |host: &str| {
        let route = super::claims::route("acme", "web", host);
        world.host("acme", &route, &["in-cluster"]).expect("free");
    };
    live("a.example.com");
    told.hold(&["acme"], 1);
    run(&world, &mut follower, 10);
    told.hold(&[], 0);
    run(&world, &mut follower, 5);
    live("b.example.com");
    run(&world, &mut follower, 5);
    assert!(world.claim("a.example.com").is_some(), "nobody follows it");
    told.hold(&["acme"], 2);
    run(&world, &mut follower, 10);
    assert_eq!(world.claim("a.example.com"), None);
}

#[test]
fn a_higher_epoch_is_left_alone() {
    let world = World::new();
    let told = Told::default();
    let mut follower = world.follower().sharing(Box::new(told.clone()));
    told.hold(&["acme"], 3);
    let first = world.web("acme", "1");
    run(&world, &mut follower, 10);
    set_epoch(&world, "acme", 4);
    world.web("acme", "2");
    run(&world, &mut follower, 10);
    let stand = |stand: &mut Stand| (stand.inventory.clone(), stand.writes.clone());
    let (inventory, writes) = world.made.of(&name("acme"), Part::Work, stand);
    assert_eq!((inventory.expect("there").release, writes), (first, vec![]));
    let outdated = told.0.lock().expect("whole").outdated.clone();
    assert_eq!(outdated.first(), Some(&(Shard::of(&name("acme")), 4)));
    told.hold(&["acme"], 5);
    run(&world, &mut follower, 60);
    assert_eq!(writer(&world, "acme").expect("followed").epoch, 5);
}

#[test]
fn what_was_seen_before_another_replica_took_over_moves_nothing() {
    let world = World::new();
    let told = Told::default();
    let mut follower = world.follower().sharing(Box::new(told.clone()));
    told.hold(&["acme"], 1);
    let good = world.web("acme", "1");
    run(&world, &mut follower, 130);
    let bad = world.web("acme", "degraded");
    // Until a pass has seen it fail, of which the loop has not heard yet.
    for _ in 0..10 {
        assert_eq!(follower.look_at_share(), None);
        follower.turn();
        if world.memory("acme").release == bad {
            break;
        }
        follower.step();
    }
    assert_eq!(world.memory("acme").release, bad);
    told.hold(&[], 0);
    follower.step();
    assert_eq!(
        (world.live("acme"), world.automatic("acme").len()),
        (bad, 0)
    );
    told.hold(&["acme"], 3);
    run(&world, &mut follower, 10);
    assert_eq!(world.live("acme"), good, "ours again, and still broken");
}

#[test]
fn a_pass_whose_lease_ends_is_begun_anew_and_nothing_is_said() {
    let world = World::new();
    let told = Told::default();
    let mut follower = world.follower().sharing(Box::new(told.clone()));
    told.hold(&["acme"], 1);
    let release = world.web("acme", "1");
    told.0.lock().expect("whole").over = true;
    run(&world, &mut follower, 5);
    let writes = |stand: &mut Stand| stand.writes.clone();
    let written = world.made.of(&name("acme"), Part::Work, writes);
    assert!(!written.contains(&"apply"), "{written:?}");
    let part = &follower.parts[&(name("acme"), Part::Work)];
    assert_eq!((&part.said, &part.status), (&None, &None));
    told.0.lock().expect("whole").over = false;
    run(&world, &mut follower, 130);
    let memory = world.memory("acme");
    assert_eq!((memory.release, memory.phase), (release, Phase::Verified));
}

#[test]
fn status_is_published_only_of_what_is_held_at_that_instant() {
    let world = World::new();
    let told = Told::default();
    let mut follower = world.follower().sharing(Box::new(told.clone()));
    told.hold(&["acme"], 1);
    world.web("acme", "1");
    run(&world, &mut follower, 30);
    let part = follower.parts.get_mut(&(name("acme"), Part::Work));
    let status = part.expect("known").status.as_mut().expect("published");
    status.reason = Some("of before".to_owned());
    for (held, epoch, published) in [
        (&[][..], 0, false),
        (&["acme"], 2, false),
        (&["acme"], 1, true),
    ] {
        told.hold(held, epoch);
        (follower.unpublished, follower.published) = (true, None);
        follower.publish();
        let reason = world.status("acme", Part::Work).reason;
        assert_eq!(reason.as_deref() == Some("of before"), published, "{epoch}");
        assert_eq!(follower.unpublished, !published, "{epoch}");
    }
}

#[test]
fn failures_before_a_kill_are_counted_however_late_the_leases_come() {
    let mut world = World::new();
    world.settings.brake = BrakeLimits {
        least: 3,
        ..BrakeLimits::default()
    };
    let brake = || {
        let view = world.repo.view().expect("view");
        view.brake(&cluster()).expect("readable")
    };
    let tenants = ["n1", "n2", "n3", "n4"];
    for (lives, tenant) in tenants.into_iter().enumerate() {
        assert_eq!(brake(), None, "{tenant}");
        let told = Told::default();
        let mut follower = world.follower().sharing(Box::new(told.clone()));
        run(&world, &mut follower, 15);
        told.hold(&tenants, u64::try_from(lives).expect("few") + 1);
        run(&world, &mut follower, 2);
        world.web(tenant, "degraded");
        run(&world, &mut follower, 5);
    }
    let set = brake().expect("the fourth one within ten minutes");
    assert_eq!(set.failed, 4);
}

#[test]
fn what_is_given_up_is_drained_and_an_end_is_an_end() {
    let world = World::new();
    let told = Told::default();
    let mut follower = world.follower().sharing(Box::new(told.clone()));
    let shard = Shard::of(&name("acme"));
    told.hold(&["acme"], 1);
    world.web("acme", "1");
    run(&world, &mut follower, 5);
    told.0.lock().expect("whole").held = Held {
        leaving: BTreeSet::from([shard]),
        ..Held::default()
    };
    assert_eq!(follower.look_at_share(), None);
    assert!(told.0.lock().expect("whole").drained.contains(&shard));
    told.0.lock().expect("whole").held.ended = Some("another process".to_owned());
    assert_eq!(follower.look_at_share().as_deref(), Some("another process"));
}

#[test]
fn the_brake_counts_what_other_replicas_take_back() {
    let world = World::new();
    let told = Told::default();
    let mut follower = world.follower().sharing(Box::new(told.clone()));
    // Others follow the first five, and take them back; ours is the sixth.
    let others: Vec<String> = ["a", "b", "c", "d", "e", "f", "g", "h"]
        .into_iter()
        .filter(|tenant| Shard::of(&name(tenant)) != Shard::of(&name("acme")))
        .take(5)
        .map(str::to_owned)
        .collect();
    let good: BTreeMap<&String, ReleaseId> =
        others.iter().map(|t| (t, world.web(t, "1"))).collect();
    world.web("acme", "1");
    told.hold(&["acme"], 1);
    run(&world, &mut follower, 130);
    for tenant in &others {
        world.web(tenant, "degraded");
    }
    run(&world, &mut follower, 1);
    for tenant in &others {
        roll_back_as_another(&world, tenant, &good[tenant]);
    }
    run(&world, &mut follower, 1);
    let bad = world.web("acme", "degraded");
    run(&world, &mut follower, 30);
    assert_eq!(world.live("acme"), bad, "an outage: it stays");
    assert!(
        world
            .repo
            .view()
            .expect("view")
            .brake(&cluster())
            .expect("readable")
            .is_some()
    );
}

/// What another replica writes when it takes a release back.
fn roll_back_as_another(world: &World, tenant: &str, to: &ReleaseId) {
    let rollback = AutoRollback {
        cluster: cluster(),
        tenant: name(tenant),
        part: Part::Work,
        from: world.live(tenant),
        to: to.clone(),
        cause: Cause {
            object: "Deployment web".to_owned(),
            message: "exceeded its progress deadline".to_owned(),
            details: Vec::new(),
        },
    };
    let done = world.repo.auto_rollback(&rollback, &request("broken"));
    assert!(done.expect("allowed").is_some());
}
