//! What the loop does, told as stories over a made-up cluster and a real repository.

use jiff::SignedDuration;

use super::*;

#[test]
fn a_release_is_verified_and_a_broken_one_taken_back() {
    let world = World::new();
    let mut follower = world.follower();
    let good = world.web("acme", "1");
    world.run(&mut follower, 60);
    let status = world.status("acme", Part::Work);
    assert_eq!(
        (status.phase, status.observed.as_ref()),
        (Phase::Soaking, Some(&good))
    );
    assert_eq!(status.next.expect("something").what, "verified");
    world.run(&mut follower, 70);
    let status = world.status("acme", Part::Work);
    assert_eq!(
        (status.phase, &status.verified),
        (Phase::Verified, &vec![good.clone()])
    );
    assert_eq!(world.memory("acme").phase, Phase::Verified, "written down");

    // The memory is there before the first change.
    let bad = world.web("acme", "degraded");
    world
        .made
        .of(&name("acme"), Part::Work, |s| s.writes.clear());
    world.run(&mut follower, 5);
    let writes = world
        .made
        .of(&name("acme"), Part::Work, |s| s.writes.clone());
    assert_eq!(writes[..2], ["remember", "apply"]);
    let items = world.automatic("acme");
    assert_eq!(items.len(), 1);
    let cause = items[0].cause.as_ref().expect("a cause");
    assert_eq!(
        (cause.object.as_str(), cause.message.as_str()),
        ("Deployment acme/web", "exceeded its progress deadline")
    );
    assert_eq!(world.live("acme"), good);
    let hold = items[0].hold.as_ref().expect("a hold");
    assert!(hold.blocks(&bad) && !hold.blocks(&good));

    // It stays blocked, and the fixing one goes live; one that never becomes healthy is taken back too.
    assert_eq!(world.web("acme", "degraded"), bad);
    world.run(&mut follower, 5);
    assert_eq!(world.live("acme"), good);
    let fixed = world.web("acme", "2");
    world.run(&mut follower, 130);
    let status = world.status("acme", Part::Work);
    assert_eq!(
        (status.phase, &status.verified),
        (Phase::Verified, &vec![good, fixed.clone()])
    );
    let hangs = world.web("acme", "hangs");
    world.run(&mut follower, 590);
    assert_eq!(world.live("acme"), hangs);
    let status = world.status("acme", Part::Work);
    assert_eq!(status.health, HealthWord::Progressing);
    assert_eq!(status.blocking[0].object.name, "web");
    assert!(
        status
            .next
            .expect("something")
            .what
            .starts_with("rolled back to ")
    );
    world.run(&mut follower, 20);
    assert_eq!(world.live("acme"), fixed);
    assert_eq!(world.automatic("acme").len(), 2);
    assert_eq!(world.memory("acme").failed, [bad, hangs]);
}

#[test]
fn what_is_never_taken_back() {
    let world = World::new();
    let mut follower = world.follower();
    // Nothing was verified yet.
    let first = world.web("new", "degraded");
    // Broken before and changed, beside one that is well; and one that is broken and not changed.
    let both = |tag: &str, other: &str| {
        [
            deployment("old", "web", tag),
            deployment("old", "worker", other),
        ]
    };
    world.work("old", &both("1", "1"));
    world.web("frozen", "1");
    world.run(&mut follower, 130);
    let (phase, reason) = world.failed("new");
    assert_eq!((phase, world.live("new")), (Phase::Failed, first));
    assert_eq!(
        reason.as_deref(),
        Some("it stays, because no other release was verified yet")
    );

    world.work("old", &both("1", "degraded"));
    world.run(&mut follower, 5);
    let items = world.automatic("old");
    assert_eq!(items.len(), 1);
    // A person wants it all the same; it fails again, and stays.
    let broken = items[0].from.clone().expect("a release");
    let again = orz_gitops::ActivateOptions {
        override_hold: true,
        ..orz_gitops::ActivateOptions::default()
    };
    let asked = world.repo.activate(
        &name("old"),
        Part::Work,
        &broken,
        again,
        &request("all the same"),
    );
    asked.expect("activated");
    world.run(&mut follower, 30);
    assert_eq!(world.live("old"), broken);
    let (phase, reason) = world.failed("old");
    assert_eq!(phase, Phase::Failed);
    assert!(reason.expect("said").contains("once"));
    assert_eq!(world.automatic("old").len(), 1);

    // Now the worker is an old failure: the next release changes both, and only the other one counts.
    let next = world.work("old", &both("2", "degraded"));
    world.run(&mut follower, 130);
    assert_eq!(world.live("old"), next);
    assert_eq!(world.status("old", Part::Work).phase, Phase::Verified);

    world
        .repo
        .freeze(&name("frozen"), &[], None, &request("freeze"))
        .expect("frozen");
    let held = world.web("frozen", "degraded");
    world.run(&mut follower, 30);
    assert_eq!(
        (world.live("frozen"), world.failed("frozen").0),
        (held, Phase::Frozen)
    );
    let live = world
        .made
        .of(&name("frozen"), Part::Work, |s| s.objects.clone());
    assert!(
        live.values()
            .all(|o| health_of(o).health == Health::Healthy),
        "nothing was applied"
    );
}

/// What was gone back to is not left again by itself.
#[test]
fn a_rollback_is_not_rolled_back() {
    let world = World::new();
    let mut follower = world.follower();
    let mut releases = Vec::new();
    for tag in ["1", "2", "3"] {
        releases.push(world.web("acme", tag));
        world.run(&mut follower, 130);
    }
    // The second one breaks by itself while nobody looks at it any more.
    let broken = [deployment("acme", "web", "2")].map(|o| (o.key(), o));
    world
        .repo
        .rollback(
            &name("acme"),
            &[Part::Work],
            Some(&releases[1]),
            &request("back"),
        )
        .expect("back");
    follower.step();
    world.made.of(&name("acme"), Part::Work, |stand| {
        stand.objects.clear();
        stand.objects.extend(broken);
    });
    world.run(&mut follower, 130);
    assert_eq!(world.live("acme"), releases[1]);
    assert_eq!(world.automatic("acme"), []);
}

#[test]
fn one_that_is_away_delays_nobody_and_no_time_passes_for_it() {
    let world = World::new();
    let mut follower = world.follower();
    world.web("away", "1");
    world.web("good", "1");
    world.run(&mut follower, 130);
    world.web("away", "hangs");
    world.run(&mut follower, 10);
    world.made.of(&name("away"), Part::Work, |s| s.down = true);
    let hangs = world.live("away");
    let moved = world.web("good", "2");
    world.run(&mut follower, 3_600);
    assert_eq!(
        world.status("good", Part::Work).verified.last(),
        Some(&moved)
    );
    assert_eq!(world.live("away"), hangs, "an hour that nobody saw");
    let reason = world.failed("away").1.expect("said");
    assert!(reason.contains("the cluster is away"), "{reason}");
    world.made.of(&name("away"), Part::Work, |s| s.down = false);
    world.run(&mut follower, 500);
    assert_eq!(world.live("away"), hangs);
    world.run(&mut follower, 200);
    assert_ne!(world.live("away"), hangs);
}

#[test]
fn a_clock_that_jumps_decides_nothing() {
    let world = World::new();
    let mut follower = world.follower();
    world.web("acme", "1");
    world.run(&mut follower, 60);
    for _ in 0..2 {
        *world.clock.0.borrow_mut() += Duration::from_hours(1);
        world.run(&mut follower, 2);
        assert_eq!(world.status("acme", Part::Work).phase, Phase::Soaking);
    }
    world.run(&mut follower, 60);
    assert_eq!(world.status("acme", Part::Work).phase, Phase::Verified);
    world.web("acme", "hangs");
    world.run(&mut follower, 60);
    *world.clock.0.borrow_mut() += Duration::from_hours(1);
    world.run(&mut follower, 2);
    assert_eq!(world.automatic("acme"), []);
}

/// What is decided, and when, is the same whatever the time of day does, also where a new process takes over.
#[test]
fn the_clock_on_the_wall_decides_nothing() {
    let calm = by_the_wall(SignedDuration::ZERO);
    let phases: Vec<_> = calm
        .iter()
        .map(|(_, phase, back)| (*phase, *back))
        .collect();
    let expected = [
        (Phase::Soaking, 0),
        (Phase::Verified, 0),
        (Phase::Progressing, 0),
        (Phase::Soaking, 1),
        (Phase::Verified, 1),
    ];
    assert_eq!(phases, expected, "{calm:?}");
    for hours in [1, -1] {
        let jumps = by_the_wall(SignedDuration::from_hours(hours));
        assert_eq!(jumps, calm, "{hours} h");
    }
}

/// One release is verified and one taken back, while the time of day jumps, and new processes take over: the
/// phases, with the time at which each was seen and how often something had been taken back by then.
fn by_the_wall(jump: SignedDuration) -> Vec<(Duration, Phase, usize)> {
    let mut world = World::new();
    world.settings.timings.soak = Duration::from_secs(20);
    world.settings.timings.deadline = Duration::from_secs(40);
    world.settings.poll = Duration::from_secs(1);
    let first = world.web("acme", "1");
    let mut follower = world.follower();
    let mut seen: Vec<(Duration, Phase, usize)> = Vec::new();
    let mut before = Duration::ZERO;
    for step in 0..130 {
        match step {
            // In the middle of the soak, of the deadline, and of the soak of what was gone back to.
            8 | 60 | 70 | 95 => world.clock.jump(jump),
            12 | 65 => {
                drop(follower);
                before += world.clock.elapsed();
                world.clock.restart();
                follower = world.follower();
            }
            50 => drop(world.web("acme", "hangs")),
            _ => {}
        }
        world.run(&mut follower, 1);
        let phase = world.status("acme", Part::Work).phase;
        if seen.last().is_none_or(|(_, last, _)| *last != phase) {
            let at = before + world.clock.elapsed();
            seen.push((at, phase, world.automatic("acme").len()));
        }
    }
    assert_eq!(world.live("acme"), first);
    seen
}

#[test]
fn parts_wait_for_what_they_require_and_their_clocks_too() {
    let world = World::new();
    let mut follower = world.follower();
    let disk = volume("acme", "disk");
    let web = deployment("acme", "web", "1");
    publish(
        &world.repo,
        "acme",
        Part::Work,
        &[web],
        &[(Part::Data, &disk)],
    );
    world.run(&mut follower, 1_200);
    let status = world.status("acme", Part::Work);
    assert_eq!(status.phase, Phase::Waiting);
    assert_eq!(
        status.reason.as_deref(),
        Some("waits for PersistentVolumeClaim acme/disk: is not provided yet")
    );
    publish(&world.repo, "acme", Part::Data, &[disk], &[]);
    world.run(&mut follower, 10);
    assert_eq!(world.status("acme", Part::Work).phase, Phase::Soaking);
}

#[test]
fn the_brake_is_set_once_and_lifted_by_a_person() {
    let mut world = World::new();
    world.settings.brake = BrakeLimits {
        least: 2,
        ..BrakeLimits::default()
    };
    let tenants = ["a", "b", "c", "d", "e"];
    let mut follower = world.follower();
    for tenant in tenants {
        world.web(tenant, "1");
    }
    world.run(&mut follower, 130);
    for tenant in tenants {
        world.web(tenant, "degraded");
    }
    world.run(&mut follower, 300);
    let moved = |world: &World| {
        tenants
            .iter()
            .filter(|t| !world.automatic(t).is_empty())
            .count()
    };
    assert_eq!(moved(&world), 2);
    let view = world.repo.view().expect("view");
    let brake = view.brake(&cluster()).expect("readable").expect("set");
    assert_eq!(brake.failed, 3);
    let standing = tenants
        .iter()
        .find(|t| world.automatic(t).is_empty())
        .expect("some");
    assert!(world.failed(standing).1.expect("said").contains("brake"));

    // The brake holds over a restart too.
    drop(follower);
    let mut follower = world.follower();
    world.run(&mut follower, 60);
    assert_eq!(moved(&world), 2);
    world
        .repo
        .resume(&cluster(), &request("over"))
        .expect("lifted");
    world.run(&mut follower, 60);
    // What was broken when it was lifted is taken back, all of it.
    assert_eq!(moved(&world), 5);
    let view = world.repo.view().expect("view");
    assert_eq!(view.brake(&cluster()).expect("readable"), None);
    // What breaks later counts anew.
    for tenant in tenants {
        let broken = deployment(tenant, "web", "degraded");
        world.work(tenant, &[broken, deployment(tenant, "more", "1")]);
    }
    world.run(&mut follower, 60);
    let view = world.repo.view().expect("view");
    let brake = view.brake(&cluster()).expect("readable").expect("set");
    assert_eq!(brake.failed, 3);
}

/// Stopped after any number of steps and started again, the end is the same: nothing is taken back twice.
#[test]
fn a_kill_at_any_step_changes_nothing() {
    // A process that is always killed in its first step gets nowhere.
    for steps in [2, 3, 4, 5, 7, 11] {
        let mut world = World::new();
        world.settings.timings.soak = Duration::from_secs(10);
        world.settings.status = Duration::from_mins(1);
        let mut follower = world.follower();
        let good = world.web("acme", "1");
        world.run(&mut follower, 30);
        drop(follower);
        let bad = world.web("acme", "degraded");
        let restarts = |times: usize| {
            for _ in 0..times {
                let mut follower = world.follower();
                for _ in 0..steps {
                    follower.step();
                }
            }
        };
        // Each process only gets so far.
        restarts(8);
        assert_eq!(world.live("acme"), good, "{steps} steps");
        assert_eq!(world.automatic("acme").len(), 1, "{steps} steps");
        let fixed = world.web("acme", "2");
        restarts(8);
        world.run(&mut world.follower(), 60);
        assert_eq!(world.live("acme"), fixed, "{steps} steps");
        assert_eq!(world.automatic("acme").len(), 1, "{steps} steps");
        let memory = world.memory("acme");
        assert_eq!(memory.phase, Phase::Verified, "{steps} steps");
        assert_eq!(memory.verified.last(), Some(&fixed), "{steps} steps");
        assert!(
            memory.failed.is_empty() || memory.failed == [bad],
            "{steps} steps"
        );
    }
}

#[test]
fn a_malformed_pointer_is_nobody_elses_matter() {
    let world = World::new();
    let mut follower = world.follower();
    world.web("broken", "1");
    world.web("good", "1");
    world.run(&mut follower, 130);
    let path = paths::pointer(&cluster(), &name("broken"), Part::Work);
    crate::testing::commit_file(&world.repo, &path, b"{");
    let moved = world.web("good", "2");
    world.run(&mut follower, 130);
    assert_eq!(
        world.status("good", Part::Work).verified.last(),
        Some(&moved)
    );
    let status = world.status("broken", Part::Work);
    assert_eq!(status.phase, Phase::Invalid);
    assert!(
        status
            .reason
            .expect("said")
            .starts_with("pointer-invalid: malformed")
    );
    assert_eq!(
        status.verified.len(),
        1,
        "what was verified is not forgotten"
    );
    let live = world
        .made
        .of(&name("broken"), Part::Work, |s| s.objects.len());
    assert_eq!(live, 1, "what is live stays");
}

#[test]
fn a_tenant_retires_in_order_and_is_destroyed_only_when_asked() {
    let world = World::new();
    let mut follower = world.follower();
    let labels =
        json!({"orz.dev/tenant": "acme", "pod-security.kubernetes.io/enforce": "restricted"});
    let labels = json!({"metadata": {"name": "acme", "labels": labels}});
    let tenancy = [
        object("v1", "Namespace", None, "acme", &labels),
        object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            Some("acme"),
            "default-deny",
            &json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}),
        ),
        object("v1", "ServiceAccount", Some("acme"), "secrets", &json!({})),
    ];
    publish(&world.repo, "acme", Part::Tenancy, &tenancy, &[]);
    publish(
        &world.repo,
        "acme",
        Part::Data,
        &[volume("acme", "disk")],
        &[],
    );
    world.web("acme", "1");
    world.run(&mut follower, 130);

    world
        .repo
        .retire(&name("acme"), &request("over"))
        .expect("retired");
    world.run(&mut follower, 60);
    let left = |part| {
        world.made.of(&name("acme"), part, |stand| {
            stand
                .objects
                .keys()
                .map(|k| k.kind.clone())
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(left(Part::Work), Vec::<String>::new());
    assert_eq!(left(Part::Data), ["PersistentVolumeClaim"]);
    assert_eq!(left(Part::Tenancy), ["Namespace", "NetworkPolicy"]);
    for part in Part::OF_TENANT {
        let status = world.status("acme", part);
        assert_eq!(status.phase, Phase::Retiring);
        let reason = status.reason.expect("said");
        assert!(
            reason.starts_with("nothing is left but what is durable"),
            "{reason}"
        );
    }

    world
        .repo
        .destroy(&name("acme"), &request("for good"))
        .expect("destroyed");
    world.run(&mut follower, 60);
    for part in Part::OF_TENANT {
        assert_eq!(left(part), Vec::<String>::new());
    }
    let view = world.repo.view().expect("view");
    assert_eq!(view.pointers().expect("listed"), []);
    assert_eq!(world.repo.statuses_of(&name("acme")).expect("statuses"), []);
}

#[test]
fn the_directory_is_followed_judged_and_emptied() {
    let world = World::new();
    let target = world.folder.path().join("live");
    let engine = || Box::new(DirEngine::open(&target).expect("opens"));
    let mut follower = world.follower_with(engine());
    let first = world.work(
        "acme",
        &[deployment("acme", "web", "1"), config("acme", "a", "1")],
    );
    world.run(&mut follower, 130);
    assert_eq!(
        world.status("acme", Part::Work).verified,
        std::slice::from_ref(&first)
    );
    let file = target.join("in-cluster/acme/work/configmap_acme_a.yaml");
    let was = std::fs::read(&file).expect("there");

    // Somebody edits a file: it is put right, and the soak of what is live is long over.
    std::fs::remove_file(&file).expect("removed");
    world.run(&mut follower, 130);
    assert_eq!(std::fs::read(&file).expect("there"), was);

    // What is remembered is found by the next process.
    drop(follower);
    let mut follower = world.follower_with(engine());
    let second = world.work("acme", &[deployment("acme", "web", "2")]);
    world.run(&mut follower, 130);
    assert_eq!(world.status("acme", Part::Work).verified, [first, second]);

    world
        .repo
        .retire(&name("acme"), &request("over"))
        .expect("retired");
    world
        .repo
        .destroy(&name("acme"), &request("for good"))
        .expect("destroyed");
    world.run(&mut follower, 30);
    assert!(!target.join("in-cluster/acme").exists());
    assert!(
        world
            .repo
            .view()
            .expect("view")
            .pointers()
            .expect("listed")
            .is_empty()
    );
}

/// The release job `migrate` of this tag.
fn job(tag: &str) -> Object {
    let template = json!({"spec": {
        "restartPolicy": "Never",
        "containers": [{"name": "migrate", "image": format!("registry.example/web:{tag}")}],
    }});
    let mut job = object(
        "batch/v1",
        "Job",
        Some("acme"),
        &jobs::object_name("web-migrate", &template),
        &json!({"spec": {"template": template}}),
    )
    .into_value();
    job["metadata"]["labels"] = json!({jobs::LABEL: "migrate"});
    job["metadata"]["annotations"] = json!(jobs::annotations(false));
    Object::new(job).expect("an object")
}

#[test]
fn a_release_waits_for_its_job_and_stops_with_it() {
    let world = World::new();
    let mut follower = world.follower();
    let live = |object: &Object| {
        let found = world.made.of(&name("acme"), Part::Work, |s| {
            s.objects.get(&object.key()).map(without_status)
        });
        found.as_ref() == Some(object)
    };
    let ends = |object: &Object, kind: &str| {
        world.made.of(&name("acme"), Part::Work, |stand| {
            let live = stand.objects.get_mut(&object.key()).expect("it runs");
            let mut value = live.clone().into_value();
            value["status"] = json!({"conditions": [
                {"type": kind, "status": "True", "reason": "BackoffLimitExceeded", "message": ""},
            ]});
            *live = Object::new(value).expect("an object");
        });
    };

    // The rest comes when the job is complete, however long that takes.
    let (first, web) = (job("1"), deployment("acme", "web", "1"));
    let good = world.work("acme", &[first.clone(), web.clone()]);
    world.run(&mut follower, 60);
    assert!(live(&first) && !live(&web));
    assert_eq!(world.status("acme", Part::Work).phase, Phase::Progressing);
    ends(&first, "Complete");
    world.run(&mut follower, 200);
    assert!(live(&web));
    let status = world.status("acme", Part::Work);
    assert_eq!(
        (status.phase, status.verified),
        (Phase::Verified, vec![good.clone()])
    );

    // A job that fails stops its release before anything else changed; what it did cannot be undone.
    let (second, newer) = (job("2"), deployment("acme", "web", "2"));
    let bad = world.work("acme", &[second.clone(), newer.clone()]);
    world.run(&mut follower, 5);
    assert!(
        live(&second) && live(&web) && live(&first),
        "the old job is kept"
    );
    ends(&second, "Failed");
    world.run(&mut follower, 60);
    assert!(live(&web) && !live(&newer));
    assert_eq!(world.live("acme"), bad);
    assert!(world.automatic("acme").is_empty());
    let (phase, reason) = world.failed("acme");
    let expected = format!(
        "it stays, because release job {} ran and is not reversible",
        second.key()
    );
    assert_eq!((phase, reason), (Phase::Failed, Some(expected)));

    // A person goes back: no job stands in the way.
    let rolled = world.repo.rollback(
        &name("acme"),
        &[Part::Work],
        Some(&good),
        &request("2 is bad"),
    );
    rolled.expect("rolled back");
    world.run(&mut follower, 5);
    assert!(live(&web) && live(&first) && live(&second));
    let inventory = world
        .made
        .of(&name("acme"), Part::Work, |s| s.inventory.clone());
    assert!(inventory.is_some_and(|i| i.complete && i.release == good));
}
