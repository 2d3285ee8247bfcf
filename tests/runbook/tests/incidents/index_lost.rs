use orz_runbook_tests::{TestResult, World};

/// The branch with the index is deleted, then replaced by an older one, then by one that nobody has a clone of.
#[test]
fn a_lost_index_comes_back_from_a_clone_or_from_the_source() -> TestResult {
    let mut world = World::new()?;
    let _reconciler = world.reconciler()?;
    world.deploy("beta", "1.0.0", "beta-live")?;
    world.git(".", "clone --quiet gitops.git bobs-clone")?;
    world.deploy("acme", "1.0.0", "good")?;
    world.until_verified("acme")?;
    world.git(".", "clone --quiet gitops.git clone")?;
    world.name("index", &world.git("gitops.git", "rev-parse releases")?);
    let older = world.git("bobs-clone", "rev-parse origin/releases")?;
    let live = world.live("acme")?;
    world.git("bobs-clone", "push --quiet origin --delete releases")?;
    world.play("index-lost.md", |world, event| match event {
        "replaced" => {
            let older = older.trim();
            let push = format!("push --quiet --force origin {older}:refs/heads/releases");
            world.git("bobs-clone", &push)?;
            // What was fetched after that is no better.
            world.git("clone", "fetch --quiet --force origin").map(drop)
        }
        other => Err(format!("nothing is called `{other}`").into()),
    })?;
    assert_eq!(world.live("acme")?, live);
    Ok(())
}
