use orz_runbook_tests::{TestResult, World};

/// A publisher that thinks it is 2036, one that thinks it is 2016, and one that is right.
#[test]
fn a_wrong_clock_moves_no_release_and_leaves_a_long_hold() -> TestResult {
    let mut world = World::new()?;
    let _reconciler = world.reconciler()?;
    world.deploy("acme", "1.0.0", "one")?;
    world.until_verified("acme")?;
    world.set("ORZ_NOW", "2036-01-31T12:00:00Z");
    world.deploy("acme", "2.0.0", "two")?;
    world.until_verified("acme")?;
    world.ok("orzc hold acme --part work --until 2h --reason 'the fair'")?;
    world.set("ORZ_NOW", "2016-01-31T12:00:00Z");
    world.deploy("beta", "1.0.0", "beta-live")?;
    world.set("ORZ_NOW", "");
    world.until_verified("beta")?;
    world.bundle("acme", "3.0.0")?;
    world.commit("web 3.0.0")?;
    world.play("wrong-clock.md", |_, event| {
        Err(format!("nothing is called `{event}`").into())
    })
}
