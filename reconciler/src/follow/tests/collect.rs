//! Release jobs that have run: kept while somebody may go back to them, and no longer.

use super::*;

/// A release job of which the image has this tag.
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
        &json!({"spec": {"template": template, "activeDeadlineSeconds": 3_000}}),
    )
    .into_value();
    job["metadata"]["labels"] = json!({jobs::LABEL: "migrate"});
    job["metadata"]["annotations"] = json!(jobs::annotations(true));
    Object::new(job).expect("an object")
}

impl World {
    fn ends(&self, job: &Object, made: usize) {
        self.made.of(&name("acme"), Part::Work, |stand| {
            let live = stand.objects.get_mut(&job.key()).expect("it runs");
            let mut value = live.clone().into_value();
            value["metadata"]["creationTimestamp"] = json!(format!("2026-01-01T00:00:{made:02}Z"));
            value["status"] = json!({"conditions": [{"type": "Complete", "status": "True"}]});
            *live = Object::new(value).expect("an object");
        });
    }

    fn jobs(&self) -> Vec<ObjectKey> {
        self.made.of(&name("acme"), Part::Work, |stand| {
            let keys = stand.objects.keys().filter(|key| key.kind == "Job");
            keys.cloned().collect()
        })
    }
}

#[test]
fn what_nobody_can_go_back_to_is_collected() {
    let mut world = World::new();
    world.settings.timings.soak = Duration::from_secs(1);
    let mut follower = world.follower();
    let mut releases = Vec::new();
    for number in 1..=24 {
        let job = job(&number.to_string());
        releases.push(world.work("acme", std::slice::from_ref(&job)));
        world.run(&mut follower, 1);
        world.ends(&job, number);
        world.run(&mut follower, 7);
        assert_eq!(world.memory("acme").phase, Phase::Verified, "{number}");
    }
    world.run(&mut follower, 60);
    // That of the live release, and those of the twenty before it.
    let left = world.jobs();
    assert_eq!(left.len(), 21);
    for (number, stays) in [(1, false), (3, false), (4, true), (24, true)] {
        assert_eq!(
            left.contains(&job(&format!("{number}")).key()),
            stays,
            "{number}"
        );
    }
    // Going back to a release of them runs nothing.
    let back = world.repo.rollback(
        &name("acme"),
        &[Part::Work],
        Some(&releases[4]),
        &request("back"),
    );
    back.expect("back");
    world.run(&mut follower, 60);
    assert_eq!(world.memory("acme").phase, Phase::Verified);
    assert_eq!(
        world.jobs().len(),
        21,
        "that of 24 is one of the others now"
    );
}

/// Its own time is long, and the deadline of the rest begins when it is over.
#[test]
fn a_job_uses_up_its_own_time() {
    let world = World::new();
    let mut follower = world.follower();
    let slow = job("slow");
    let release = world.work("acme", &[slow.clone(), deployment("acme", "web", "hangs")]);
    world.run(&mut follower, 2_000);
    let status = world.status("acme", Part::Work);
    assert_eq!((status.phase, status.next), (Phase::Progressing, None));
    let reason = status.reason.expect("said");
    assert!(
        reason.starts_with("release job Job acme/web-migrate-"),
        "{reason}"
    );
    world.ends(&slow, 1);
    world.run(&mut follower, 550);
    assert_eq!(world.status("acme", Part::Work).phase, Phase::Progressing);
    world.run(&mut follower, 100);
    assert_eq!(world.failed("acme").0, Phase::Failed);
    assert_eq!(world.live("acme"), release);
}
