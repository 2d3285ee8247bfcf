//! Verified, taken back, killed, braked.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use orz_core::format::Phase;
use orz_core::id::Part;
use orz_gitops::ActivateOptions;

use crate::world::{TestResult, World, request};

/// Verified; taken back by a commit that says why; blocked; fixed; and an old failure that triggers nothing.
#[test]
fn a_bad_release_comes_back_by_itself() -> TestResult {
    let world = World::start()?;
    world.tenant("acme")?;
    let _running = world.reconciler(&[])?;
    let first = world.apps("acme", &[("web", "1"), ("worker", "1")])?;
    world.until_phase("acme", &first, Phase::Verified)?;

    world.cannot_pull("web", "bad");
    let bad = world.apps("acme", &[("web", "bad"), ("worker", "1")])?;
    world.until("taken back", || Ok(world.live("acme")? == first))?;
    let items = world.automatic("acme")?;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].from.as_ref(), Some(&bad));
    let cause = items[0].cause.as_ref().ok_or("no cause")?;
    assert_eq!(cause.object, "Deployment acme/web");
    assert!(
        cause.message.contains("has timed out progressing"),
        "{cause:?}"
    );
    let details = cause.details.join("\n");
    assert!(
        details.contains("ImagePull") || details.contains("ErrImage"),
        "{cause:?}"
    );
    assert!(!format!("{cause:?}").contains("hunter2"), "{cause:?}");
    let hold = items[0].hold.as_ref().ok_or("no hold")?;
    assert!(hold.blocks(&bad));
    world.until_phase("acme", &first, Phase::Verified)?;

    // The failed one stays blocked, the fixing one goes live.
    assert_eq!(world.apps("acme", &[("web", "bad"), ("worker", "1")])?, bad);
    assert_eq!(world.live("acme")?, first);
    let fixed = world.apps("acme", &[("web", "2"), ("worker", "1")])?;
    world.until_phase("acme", &fixed, Phase::Verified)?;

    // Somebody insists on a broken worker: it fails and stays.
    world.cannot_pull("worker", "bad");
    let broken = world.apps("acme", &[("web", "2"), ("worker", "bad")])?;
    world.until("taken back again", || {
        Ok(world.automatic("acme")?.len() == 2)
    })?;
    world.until_phase("acme", &fixed, Phase::Verified)?;
    let insist = ActivateOptions {
        override_hold: true,
        ..ActivateOptions::default()
    };
    world.repo.activate(
        &"acme".parse()?,
        Part::Work,
        &broken,
        insist,
        &request("all the same"),
    )?;
    world.until_phase("acme", &broken, Phase::Failed)?;
    assert_eq!(world.live("acme")?, broken, "never a second time");

    // Now it is an old failure, and the next release changes it too: only the other app counts.
    world.cannot_pull("worker", "worse");
    let next = world.apps("acme", &[("web", "3"), ("worker", "worse")])?;
    world.until_phase("acme", &next, Phase::Verified)?;
    assert_eq!(world.automatic("acme")?.len(), 2);
    let log = std::fs::read_to_string(world.log())?;
    assert!(
        !log.contains("hunter2"),
        "no value of the environment is logged"
    );
    Ok(())
}

/// Killed at odd instants while releases fail and recover, the end is the same as without.
#[test]
fn killed_at_any_instant_it_ends_in_the_same_state() -> TestResult {
    let world = World::start()?;
    let tenants = ["ant", "bee", "cat"];
    for tenant in tenants {
        world.tenant(tenant)?;
        world.cannot_pull(tenant, "bad");
    }
    let mut first = BTreeMap::new();
    {
        let _running = world.reconciler(&[])?;
        for tenant in tenants {
            first.insert(tenant, world.apps(tenant, &[(tenant, "1")])?);
        }
        for tenant in tenants {
            world.until_phase(tenant, &first[tenant], Phase::Verified)?;
        }
    }
    for tenant in tenants {
        world.apps(tenant, &[(tenant, "bad")])?;
    }
    // Lifetimes from a few milliseconds, in which it does not even begin, to a few seconds; no two are alike.
    for life in (0..20_u64).map(|n| 15 + n * n * 11 % 2_300) {
        let _running = world.reconciler(&[])?;
        thread::sleep(Duration::from_millis(life));
    }
    let _running = world.reconciler(&[])?;
    for tenant in tenants {
        world.until_phase(tenant, &first[tenant], Phase::Verified)?;
        assert_eq!(world.automatic(tenant)?.len(), 1, "{tenant}");
        let fixed = world.apps(tenant, &[(tenant, "2")])?;
        world.until_phase(tenant, &fixed, Phase::Verified)?;
        assert_eq!(world.automatic(tenant)?.len(), 1, "{tenant}");
    }
    Ok(())
}

/// Too many failures at once are an outage: nothing moves until a person says so.
#[test]
fn an_outage_sets_the_brake() -> TestResult {
    let world = World::start()?;
    let tenants = ["ant", "bee", "cat", "dog"];
    let running = world.reconciler(&["--brake-min", "1"])?;
    let mut first = BTreeMap::new();
    for tenant in tenants {
        world.tenant(tenant)?;
        first.insert(tenant, world.apps(tenant, &[(tenant, "1")])?);
    }
    for tenant in tenants {
        world.until_phase(tenant, &first[tenant], Phase::Verified)?;
        world.cannot_pull(tenant, "bad");
    }
    for tenant in tenants {
        world.apps(tenant, &[(tenant, "bad")])?;
    }
    let cluster = "in-cluster".parse()?;
    world.until("the brake is set", || {
        Ok(world.repo.view()?.brake(&cluster)?.is_some())
    })?;
    thread::sleep(Duration::from_secs(10));
    let moved = || -> TestResult<usize> {
        let mut moved = 0;
        for tenant in tenants {
            moved += world.automatic(tenant)?.len();
        }
        Ok(moved)
    };
    assert_eq!(moved()?, 1);
    drop(running);
    let log = std::fs::read_to_string(world.log())?;
    assert_eq!(log.matches("the brake is set").count(), 1, "{log}");

    world.repo.resume(&cluster, &request("it is over"))?;
    let _running = world.reconciler(&["--brake-min", "100"])?;
    world.until(
        "the others are taken back",
        || Ok(moved()? == tenants.len()),
    )?;
    for tenant in tenants {
        world.until_phase(tenant, &first[tenant], Phase::Verified)?;
    }
    Ok(())
}
