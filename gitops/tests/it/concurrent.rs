//! Several writers at once, and garbage collection beside them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use orz_core::id::Part;
use orz_gitops::Repo;

use crate::support::{Fixture, git, git_command, name, request, work};

#[test]
fn publishers_of_different_tenants_and_of_the_same_one_all_land() {
    const WRITERS: usize = 6;
    const ROUNDS: usize = 4;
    let fixture = Fixture::new();
    let path = fixture.path();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let path = &path;
            scope.spawn(move || {
                let repo = Repo::open(path).expect("open");
                for round in 0..ROUNDS {
                    let own = work(&format!("tenant-{writer}"), &round.to_string());
                    repo.publish(vec![own], true, &request("own"))
                        .expect("lands");
                    let shared = work("shared", &format!("{writer}.{round}"));
                    repo.publish(vec![shared], true, &request("shared"))
                        .expect("lands");
                }
            });
        }
    });
    assert_eq!(
        fixture.git(&["rev-list", "--merges", "--count", "main"]),
        "0",
        "linear"
    );
    let commits = 2 * WRITERS * ROUNDS + 1;
    assert_eq!(
        fixture.git(&["rev-list", "--count", "main"]),
        commits.to_string(),
        "every one of them"
    );
    assert_eq!(
        fixture.git(&["rev-list", "--first-parent", "--count", "releases"]),
        commits.to_string()
    );
    let shared = fixture
        .repo
        .history(&name("shared"), Some(Part::Work))
        .expect("history");
    let live: BTreeSet<_> = shared.iter().map(|item| item.to.clone()).collect();
    assert_eq!(live.len(), WRITERS * ROUNDS, "each was live once");
    for writer in 0..WRITERS {
        let history = fixture
            .repo
            .history(&name(&format!("tenant-{writer}")), None)
            .expect("history");
        assert_eq!(history.len(), ROUNDS);
    }
    let report = fixture.repo.verify(None).expect("verify");
    assert_eq!(report.findings, []);
    fixture.fsck();
}

#[test]
fn identical_publishes_at_the_same_time_are_one() {
    let fixture = Fixture::new();
    let path = fixture.path();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let repo = Repo::open(path).expect("open");
                for round in 0..6 {
                    // The same bytes, actor and second: the very same commits, written four times at once.
                    repo.publish(vec![work("acme", &round.to_string())], false, &request("x"))
                        .expect("lands");
                }
            });
        }
    });
    assert_eq!(
        fixture.git(&["rev-list", "--first-parent", "--count", "releases"]),
        "7"
    );
    fixture.git(&["gc", "--quiet", "--prune=now"]);
    assert!(fixture.repo.verify(None).expect("verify").is_ok());
    fixture.fsck();
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn nothing_is_lost_beside_repack_and_gc() {
    let fixture = Fixture::new();
    let path = fixture.path();
    let stop = AtomicBool::new(false);
    let mut published = Vec::new();
    let collected = std::thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let mut rounds = 0;
            while !stop.load(Ordering::Relaxed) {
                for args in [
                    &["repack", "-adq"][..],
                    &["gc", "--quiet", "--prune=now"][..],
                ] {
                    // A lock that a publisher holds makes one of them give up; the next round comes.
                    let _ = git_command(&path).args(args).output().expect("git runs");
                }
                // Ours gives up like these two when the other one took its packs away.
                let _ = Repo::open(&path).expect("open").repack();
                rounds += 1;
            }
            rounds
        });
        // Also when an assertion fails, or the collector would be waited for until the end of days.
        let _stop = StopOnDrop(&stop);
        let full = std::env::var("ORZ_SCENARIO_SIZE").is_ok_and(|size| size == "full");
        let end = Instant::now() + Duration::from_secs(if full { 300 } else { 4 });
        let mut round = 0;
        while Instant::now() < end {
            for tenant in ["acme", "globex"] {
                let release = work(tenant, &round.to_string());
                let done = fixture
                    .repo
                    .publish(vec![release], true, &request("x"))
                    .expect("publish");
                published.push(done.items[0].release.clone());
            }
            if round % 5 == 4 {
                fixture
                    .repo
                    .rollback(&name("acme"), &[Part::Work], None, &request("x"))
                    .expect("rollback");
                fixture
                    .repo
                    .release_hold(&name("acme"), &[], &request("x"))
                    .expect("release hold");
            }
            round += 1;
        }
        stop.store(true, Ordering::Relaxed);
        collector.join().expect("collector")
    });
    assert!(
        collected >= 3 && published.len() >= 10,
        "{collected} collections beside {} publishes",
        published.len()
    );
    git(&path, &["gc", "--quiet", "--prune=now"]);
    fixture.fsck();
    for release in &published {
        assert!(
            !fixture
                .repo
                .view()
                .expect("view")
                .manifests(release)
                .expect("still there")
                .is_empty()
        );
    }
    let report = fixture.repo.verify(None).expect("verify");
    assert_eq!(report.findings, []);
}
