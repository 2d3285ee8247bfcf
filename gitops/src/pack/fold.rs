//! Folding small packs into larger ones.
//!
//! Every write is a pack of its own, and whoever looks for an object may have to look through all of them: without
//! this, the five-thousandth commit takes a hundred times as long as the first.

use crate::Repo;
use crate::git::Git;

/// Folds the packs of a repository that has too many, so that each is at least twice as large as the next: the cost,
/// spread over the writes, grows with the logarithm of their number.
///
/// Call it after the branches moved. Nothing unreachable is dropped, packs that somebody is writing are left alone,
/// and a reader whose pack has gone looks for another (see [`crate::objects::Objects::try_read`]). If it does not
/// work, as when another process is at it, a later write tries again; what was written stands either way.
pub(crate) fn fold(repo: &Repo) {
    if count(repo) > repo.packs_max {
        let _ = Git::on(repo.common_dir(), "repack")
            .arg("--geometric=2")
            .arg("-d")
            .arg("-l")
            .arg("-n")
            .arg("-q")
            .arg("--threads=1")
            .arg("--no-write-bitmap-index")
            .finish();
    }
}

/// How many packs there are that may be folded.
fn count(repo: &Repo) -> usize {
    let Ok(entries) = std::fs::read_dir(repo.objects_dir().join("pack")) else {
        return 0;
    };
    let indexes = entries.flatten().map(|entry| entry.path());
    indexes
        .filter(|path| path.extension().is_some_and(|e| e == "idx"))
        .filter(|path| !path.with_extension("keep").exists())
        .count()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use orz_core::id::Part;

    use super::*;
    use crate::support::{Fixture, NOW, name, request, status, work};

    #[test]
    fn packs_stay_few_while_several_write_and_read() {
        const WRITERS: usize = 3;
        const ROUNDS: usize = 12;
        let fixture = Fixture::new();
        let path = fixture.path();
        let open = || {
            let mut repo = Repo::open(&path).expect("open");
            repo.packs_max = 4;
            repo
        };
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let open = &open;
                    scope.spawn(move || {
                        let repo = open();
                        let tenant = format!("tenant-{writer}");
                        let cluster = "in-cluster".parse().expect("valid");
                        for round in 0..ROUNDS {
                            let release = work(&tenant, &round.to_string());
                            repo.publish(vec![release], true, &request("x"))
                                .expect("lands");
                            let mut status = status(&tenant, Part::Work, &[]);
                            status.reason = Some(round.to_string());
                            repo.write_status(
                                &cluster,
                                u32::try_from(writer).expect("few"),
                                &[status],
                                NOW,
                            )
                            .expect("lands");
                        }
                    })
                })
                .collect();
            let reader = scope.spawn(|| {
                let repo = open();
                let mut looks = 0;
                while !done.load(Ordering::Relaxed) {
                    let view = repo.view().expect("view");
                    for file in view.pointers().expect("readable") {
                        let stored = file.valid().expect("valid");
                        view.check(stored).expect("whole");
                    }
                    repo.statuses().expect("readable");
                    looks += 1;
                }
                looks
            });
            for writer in writers {
                writer.join().expect("no panic");
            }
            done.store(true, Ordering::Relaxed);
            assert!(reader.join().expect("no panic") > 0);
        });
        let repo = open();
        repo.publish(vec![work("last", "one")], true, &request("x"))
            .expect("lands");
        assert!(count(&repo) <= repo.packs_max + 1, "{} packs", count(&repo));
        for writer in 0..WRITERS {
            let history = repo.history(&name(&format!("tenant-{writer}")), None);
            assert_eq!(history.expect("history").len(), ROUNDS);
        }
        let report = repo.verify(None).expect("verify");
        assert!(report.is_ok(), "{:#?}", report.findings);
        fixture.fsck();
    }
}
