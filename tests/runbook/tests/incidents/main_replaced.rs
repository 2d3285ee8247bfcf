use orz_runbook_tests::{TestResult, World};

/// Somebody pushes an old clone over `main` by force: an activation is undone, and a tenant has no pointer any more.
#[test]
fn what_a_forced_push_dropped_is_activated_again() -> TestResult {
    let mut world = World::new()?;
    let _reconciler = world.reconciler()?;
    world.deploy("acme", "1.0.0", "one")?;
    world.git(".", "clone --quiet gitops.git bobs-clone")?;
    world.deploy("acme", "2.0.0", "two")?;
    world.deploy("beta", "1.0.0", "beta-live")?;
    world.until_verified("acme")?;
    world.until_verified("beta")?;
    world.git(".", "clone --quiet gitops.git clone")?;
    world.name("dropped", &world.git("gitops.git", "rev-parse main")?);
    world.write("bobs-clone/README.md", "what these files are\n")?;
    world.git("bobs-clone", "add --all")?;
    let bob = "-c user.name=Bob -c user.email=bob@example.com";
    world.git(
        "bobs-clone",
        &format!("{bob} commit --quiet --message 'a readme'"),
    )?;
    world.git("bobs-clone", "push --quiet --force")?;
    world.name("forced", &world.git("bobs-clone", "rev-parse HEAD")?);
    world.until_verified("acme")?;
    world.play("main-replaced.md", |_, event| {
        Err(format!("nothing is called `{event}`").into())
    })
}
