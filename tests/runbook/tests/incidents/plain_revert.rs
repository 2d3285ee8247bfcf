use orz_runbook_tests::{TestResult, World};

/// Somebody takes an activation back with plain Git; it holds only until the next job runs.
#[test]
fn a_plain_revert_is_followed_and_has_to_be_held() -> TestResult {
    let mut world = World::new()?;
    let _reconciler = world.reconciler()?;
    world.deploy("acme", "1.0.0", "good")?;
    world.until_verified("acme")?;
    world.deploy("acme", "2.0.0", "bad")?;
    world.until_verified("acme")?;
    world.git(".", "clone --quiet gitops.git bobs-clone")?;
    world.git(
        "bobs-clone",
        "-c user.name=Bob -c user.email=bob@example.com revert --no-edit HEAD",
    )?;
    world.git("bobs-clone", "push --quiet")?;
    world.name("revert", &world.git("bobs-clone", "rev-parse HEAD")?);
    world.until_verified("acme")?;
    world.play("plain-revert.md", |world, event| match event {
        "the-fix" => {
            world.bundle("acme", "2.0.1")?;
            world.commit("web 2.0.1 repairs the checkout")
        }
        other => Err(format!("nothing is called `{other}`").into()),
    })
}
