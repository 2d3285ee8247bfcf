use orz_core::format::Cause;
use orz_core::id::Part;
use orz_gitops::{AutoRollback, Request};
use orz_runbook_tests::{TestResult, World};

/// A release was taken back by itself. Nothing is unhealthy in a folder, so the rollback is written here as a
/// reconciler writes it; on a real cluster it does so in the scenarios (`tests/scenarios/tests/rollback.rs`, `hang.rs`).
#[test]
fn after_an_automatic_rollback_the_fix_goes_live_by_itself() -> TestResult {
    let mut world = World::new()?;
    let reconciler = world.reconciler()?;
    let good = world.deploy("acme", "1.0.0", "good")?;
    world.until_verified("acme")?;
    drop(reconciler);
    let bad = world.deploy("acme", "2.0.0", "bad")?;
    let rollback = AutoRollback {
        cluster: "in-cluster".parse()?,
        tenant: "acme".parse()?,
        part: Part::Work,
        from: bad.clone(),
        to: good,
        cause: Cause {
            object: "Deployment acme/web".to_owned(),
            message: "not healthy within 600 s: 0 of 1 replicas are ready".to_owned(),
            details: vec!["pod web-7c9: container web: CrashLoopBackOff".to_owned()],
        },
    };
    let reason = format!("release {} did not become healthy", &bad.as_str()[..12]);
    let now = world.ok("date -u +%Y-%m-%dT%H:%M:%SZ")?.trim().to_owned();
    let request = Request {
        reason: Some(&reason),
        actor: "orz-reconciler",
        request_id: None,
        now,
    };
    let moved = world.repo()?.auto_rollback(&rollback, &request)?;
    assert!(moved.is_some());
    let _reconciler = world.reconciler()?;
    world.until_verified("acme")?;
    world.play("bad-release.md", |world, event| match event {
        "the-fix" => {
            world.bundle("acme", "2.0.1")?;
            world.commit("web 2.0.1 starts again")
        }
        other => Err(format!("nothing is called `{other}`").into()),
    })
}
