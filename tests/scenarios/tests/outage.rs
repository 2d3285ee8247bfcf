//! The API server cannot be reached for a while, in the middle of an activation.

use std::thread;
use std::time::{Duration, Instant};

use orz_cluster_tests::standin::Outcome;
use orz_core::format::{HealthWord, Phase};
use orz_core::id::Part;
use orz_scenario_tests::{App, Engine, TestResult, World, image};
use orz_test_tools::say;
use serde_json::json;

#[test]
fn an_unreachable_server_takes_nothing_back_with_apply() -> TestResult {
    an_unreachable_server_takes_nothing_back(Engine::Apply)
}

#[test]
fn an_unreachable_server_takes_nothing_back_with_argocd() -> TestResult {
    an_unreachable_server_takes_nothing_back(Engine::ArgoCd)
}

const OUTAGE: Duration = Duration::from_secs(20);
/// By when status has to say that nobody answers: a write that was under way is waited for, then a read.
const SILENCE_SAID: Duration = Duration::from_secs(75);

/// One tenant is in the middle of an activation that cannot become healthy yet, another one stands. Nobody sees
/// either of them for longer than the first one's patience has left: nothing is rolled back, the pointers can be
/// written meanwhile, and everything goes on afterwards.
fn an_unreachable_server_takes_nothing_back(engine: Engine) -> TestResult {
    let world = World::start(engine)?;
    // Kubernetes itself counts an outage, so that what it says of progress must come later.
    let slow = json!({"progress_deadline_seconds": 600});
    world.write("platform/apps.json", &slow)?;
    let timed = ["--soak", "3s", "--deadline", "45s", "--poll", "50ms"];
    let intervals = ["--status-interval", "1s", "--drift-interval", "3s"];
    let _running = world.untimed_reconciler(&[timed.as_slice(), &intervals].concat())?;
    let stands = world.deploy("bee", &[App::new("web", "1")])?;
    let first = world.deploy("acme", &[App::new("web", "1")])?;
    world.until_phase("bee", Part::Work, &stands, Phase::Verified)?;
    world.until_phase("acme", Part::Work, &first, Phase::Verified)?;

    world.pods("web", "2", Outcome::NeverReady);
    let second = world.deploy("acme", &[App::new("web", "2")])?;
    world.until_phase("acme", Part::Work, &second, Phase::Progressing)?;
    world.until("its pod is there", || {
        Ok(world.image("acme", "web")? == Some(image("web", "2")))
    })?;
    world.plane.pause_api_server()?;
    let began = Instant::now();
    let unseen = loop {
        let status = world.status("acme", Part::Work)?;
        let unseen = status
            .is_some_and(|status| status.health == HealthWord::Unknown && status.reason.is_some());
        if unseen || began.elapsed() >= SILENCE_SAID {
            break unseen;
        }
        thread::sleep(Duration::from_millis(200));
    };
    say(&format!(
        "{}: after {:.1} s of silence status says so: {unseen}",
        engine.name(),
        began.elapsed().as_secs_f64()
    ));
    // Releases and pointers are Git's: the neighbour's next release is published and activated all the same. Not
    // sooner, because a write that waits for its answer keeps engine `argocd` from looking at anybody else.
    let next = world.deploy("bee", &[App::new("web", "3")]);
    thread::sleep(OUTAGE.saturating_sub(began.elapsed()));
    let live = world.live("acme", Part::Work);
    let phase = world.status("acme", Part::Work)?.map(|status| status.phase);
    world.plane.resume_api_server()?;
    let next = next?;
    assert_eq!(live?, second, "nobody saw it, so nobody took it back");
    assert_eq!(phase, Some(Phase::Progressing));
    assert!(unseen, "{:#?}", world.status("acme", Part::Work)?);

    world.pods("web", "2", Outcome::Runs);
    world.until_phase("acme", Part::Work, &second, Phase::Verified)?;
    world.until_phase("bee", Part::Work, &next, Phase::Verified)?;
    for tenant in ["acme", "bee"] {
        assert!(world.automatic(tenant)?.is_empty(), "{tenant}");
    }
    assert_eq!(world.image("bee", "web")?, Some(image("web", "3")));
    let brake = world.repo.view()?.brake(&"in-cluster".parse()?)?;
    assert_eq!(brake, None, "an outage of one server is no failed release");
    Ok(())
}
