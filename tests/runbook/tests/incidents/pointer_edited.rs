use orz_runbook_tests::{TestResult, World};

/// Somebody edits a pointer by hand, and gets it wrong in two ways.
#[test]
fn an_invalid_pointer_changes_nothing_until_it_is_repaired() -> TestResult {
    let mut world = World::new()?;
    let _reconciler = world.reconciler()?;
    let one = world.deploy("acme", "1.0.0", "one")?;
    let live = world.deploy("acme", "2.0.0", "live")?;
    world.until_verified("acme")?;
    world.git(".", "clone --quiet gitops.git clone")?;
    world.git(".", "clone --quiet gitops.git bobs-clone")?;
    let path = world.pointer("acme")?;
    let sound = world.read(&format!("bobs-clone/{path}"))?;
    let other = sound.replace(live.as_str(), one.as_str());
    let conflict = format!("<<<<<<< HEAD\n{sound}=======\n{other}>>>>>>> hotfix\n");
    edit(&world, &conflict, "merge the hotfix", "edit")?;
    until_invalid(&world)?;
    world.play("pointer-edited.md", |world, event| match event {
        "another-release-and-not-its-digest" => {
            world.git("bobs-clone", "pull --quiet")?;
            let first = sound.replace(live.as_str(), one.as_str());
            edit(world, &first, "back to 1.0.0, quickly", "second-edit")?;
            until_invalid(world)
        }
        other => Err(format!("nothing is called `{other}`").into()),
    })
}

fn edit(world: &World, text: &str, message: &str, name: &str) -> TestResult {
    let path = world.pointer("acme")?;
    world.write(&format!("bobs-clone/{path}"), text)?;
    let bob = "-c user.name=Bob -c user.email=bob@example.com";
    world.git(
        "bobs-clone",
        &format!("{bob} commit --quiet --all --message '{message}'"),
    )?;
    world.git("bobs-clone", "push --quiet")?;
    world.name(name, &world.git("bobs-clone", "rev-parse HEAD")?);
    Ok(())
}

fn until_invalid(world: &World) -> TestResult {
    world.until("the reconciler has seen the edit", || {
        let statuses = world.repo()?.statuses_of(&"acme".parse()?)?;
        Ok(statuses
            .iter()
            .any(|s| s.phase == orz_core::format::Phase::Invalid))
    })
}
