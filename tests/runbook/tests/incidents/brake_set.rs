use orz_core::format::Brake;
use orz_gitops::Request;
use orz_runbook_tests::{TestResult, World};

/// The brake stands. A folder has no outages, so it is set here as a reconciler sets it; a real outage on a real
/// cluster sets it in the scenarios (`tests/scenarios/tests/brake.rs`).
#[test]
fn a_brake_is_lifted_by_a_person() -> TestResult {
    let mut world = World::new()?;
    let _reconciler = world.reconciler()?;
    for tenant in ["acme", "beta"] {
        world.deploy(tenant, "1.0.0", &format!("{tenant}-one"))?;
        world.until_verified(tenant)?;
    }
    let reason = "6 of 40 activations failed within 600 s: an outage, and no bad release";
    let now = world.ok("date -u +%Y-%m-%dT%H:%M:%SZ")?.trim().to_owned();
    let brake = Brake {
        cluster: "in-cluster".parse()?,
        at: now.clone(),
        failed: 6,
        recent: 40,
        reason: reason.to_owned(),
    };
    let request = Request {
        reason: Some(reason),
        actor: "orz-reconciler",
        request_id: None,
        now,
    };
    let set = world.repo()?.set_brake(&brake, &request)?;
    assert!(set.is_some());
    world.deploy("acme", "2.0.0", "acme-two")?;
    world.play("brake-set.md", |_, event| {
        Err(format!("nothing is called `{event}`").into())
    })
}
