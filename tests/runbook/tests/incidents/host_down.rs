use orz_runbook_tests::{TestResult, World};

/// The host of the GitOps repository is away while a bad release is live.
#[test]
fn a_rollback_needs_no_host() -> TestResult {
    let mut world = World::with_host()?;
    let mut reconciler = Some(world.reconciler()?);
    world.deploy("acme", "1.0.0", "good")?;
    world.until_verified("acme")?;
    world.deploy("acme", "2.0.0", "bad")?;
    world.until_verified("acme")?;
    // What a person's machine knows is from before.
    world.ok("orzc status")?;
    world.write("down", "")?;
    world.play("host-down.md", |world, event| match event {
        "the-reconciler-is-stopped" => {
            reconciler = None;
            Ok(())
        }
        "the-host-is-back" => Ok(std::fs::remove_file(world.path("down"))?),
        "the-reconciler-is-started" => {
            reconciler = Some(world.reconciler()?);
            Ok(())
        }
        other => Err(format!("nothing is called `{other}`").into()),
    })?;
    drop(reconciler);
    Ok(())
}
