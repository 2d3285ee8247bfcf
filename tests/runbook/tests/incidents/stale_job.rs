use orz_runbook_tests::{TestResult, World};

/// Jobs that come late: with an older commit, with a clone from before, and with a shallow one.
#[test]
fn a_late_job_undoes_nothing() -> TestResult {
    let mut world = World::new()?;
    let _reconciler = world.reconciler()?;
    world.deploy("acme", "1.0.0", "one")?;
    world.name("older", &world.git("source", "rev-parse HEAD")?);
    world.git(".", "clone --quiet source late-clone")?;
    world.deploy("acme", "2.0.0", "two")?;
    world.name("newer", &world.git("source", "rev-parse HEAD")?);
    world.until_verified("acme")?;
    world.git(".", "clone --quiet source job")?;
    world.git("job", "checkout --quiet HEAD~1")?;
    let live = world.live("acme")?;
    world.play("stale-job.md", |world, event| match event {
        "a-shallow-clone" => {
            // Something newer, of which a shallow clone has nothing but itself.
            world.write("source/README.md", "the bundles\n")?;
            world.commit("a readme")?;
            let url = format!("file://{}", world.path("source").display());
            world
                .git(".", &format!("clone --quiet --depth 1 {url} shallow"))
                .map(drop)
        }
        other => Err(format!("nothing is called `{other}`").into()),
    })?;
    assert_eq!(world.live("acme")?, live);
    Ok(())
}
