use orz_runbook_tests::{TestResult, World};

/// A checkout that lacks what was committed, in two ways; nothing may be deleted by either.
#[test]
fn an_incomplete_source_deletes_nothing() -> TestResult {
    let mut world = World::new()?;
    let _reconciler = world.reconciler()?;
    for tenant in ["acme", "beta"] {
        world.deploy(tenant, "1.0.0", &format!("{tenant}-live"))?;
        world.until_verified(tenant)?;
    }
    let before = world.git("gitops.git", "rev-parse main")?;
    // As a job that fetches only what it thinks it needs: Git itself calls the result clean.
    world.git(
        "source",
        "sparse-checkout set --no-cone '/*' '!/tenants/beta/'",
    )?;
    assert_eq!(world.git("source", "status --porcelain")?, "");
    world.play("source-incomplete.md", |world, event| match event {
        "a-folder-is-lost" => Ok(std::fs::remove_dir_all(world.path("source/tenants"))?),
        "a-link" => {
            std::fs::remove_file(world.path("source/tenants/beta/bundle.json"))?;
            let to = world.path("source/tenants/beta/bundle.json");
            Ok(std::os::unix::fs::symlink("/mnt/bundles/beta.json", to)?)
        }
        "removed-in-a-commit" => {
            world.git("source", "rm --quiet -r tenants/beta")?;
            world.commit("away with it")
        }
        other => Err(format!("nothing is called `{other}`").into()),
    })?;
    assert_eq!(world.git("gitops.git", "rev-parse main")?, before);
    Ok(())
}
