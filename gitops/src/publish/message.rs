//! The commits of a publish, and what they say.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::format::{self, Trailers};
use orz_core::id::TenantName;
use orz_core::paths;

use super::{PointerMove, PublishedItem};
use crate::moves;
use crate::release::Built;
use crate::transaction::IndexCommit;

/// The commits on `releases` that add these releases, each with as many as one may carry.
///
/// The last one adds the files of all: every commit would write most folders of the index anew, and an entry must
/// not stand on a commit that does not keep its release.
pub(super) fn index_commits(
    fresh: &[&Built],
    parents_max: usize,
    trailers: &Trailers,
) -> Vec<IndexCommit> {
    let mut commits: Vec<IndexCommit> = fresh
        .chunks(parents_max)
        .map(|chunk| {
            let releases = chunk.iter().map(|built| built.commit).collect();
            let lines: Vec<String> = chunk
                .iter()
                .map(|built| {
                    format!(
                        "{}/{} {}",
                        built.entry.tenant,
                        built.entry.part,
                        moves::short(&built.id)
                    )
                })
                .collect();
            let message = match lines.as_slice() {
                [line] => trailers.message(&format!("publish {line}")),
                lines => trailers.message(&format!(
                    "publish {} releases\n\n{}",
                    lines.len(),
                    moves::body(lines)
                )),
            };
            IndexCommit {
                releases,
                files: BTreeMap::new(),
                message,
            }
        })
        .collect();
    if let Some(last) = commits.last_mut() {
        last.files = files(fresh);
    }
    commits
}

/// The index entries of these releases, and the inputs that they were compiled from.
fn files(fresh: &[&Built]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for built in fresh {
        let path = paths::index_entry(&built.entry.tenant, built.entry.part, &built.id);
        files.insert(path, format::to_bytes(&built.entry));
        for (digest, bytes) in built.inputs() {
            // The parts of a tenant share theirs, and all tenants those of the platform.
            files
                .entry(paths::input(digest))
                .or_insert_with(|| bytes.to_vec());
        }
    }
    files
}

/// What the commit on `main` says.
pub(super) fn main_message(items: &[PublishedItem], trailers: &Trailers) -> String {
    let lines: Vec<String> = items
        .iter()
        .filter_map(|item| {
            let from = match &item.pointer {
                PointerMove::Created => None,
                PointerMove::Moved { from, .. } => Some(from),
                _ => return None,
            };
            Some(format!(
                "{}/{}: {}",
                item.tenant,
                item.part,
                moves::arrow(from, &item.release)
            ))
        })
        .collect();
    match lines.as_slice() {
        [] => trailers.message(&of_unmoved(items)),
        [line] => trailers.message(&format!("activate {line}")),
        lines => {
            let tenants: BTreeSet<&TenantName> = items.iter().map(|item| &item.tenant).collect();
            let of = match tenants.first() {
                Some(tenant) if tenants.len() == 1 => format!("{} parts of {tenant}", lines.len()),
                _ => format!("{} pointers of {} tenants", lines.len(), tenants.len()),
            };
            trailers.message(&format!("activate {of}\n\n{}", moves::body(lines)))
        }
    }
}

/// What is said where no pointer names another release.
fn of_unmoved(items: &[PublishedItem]) -> String {
    let confirmed: Vec<String> = items
        .iter()
        .filter_map(|item| match &item.pointer {
            PointerMove::Confirmed { to, .. } => Some(format!(
                "{}/{}: {} as of source {}",
                item.tenant,
                item.part,
                moves::short(&item.release),
                &to.as_str()[..12]
            )),
            _ => None,
        })
        .collect();
    match confirmed.as_slice() {
        [] => "activate: take lost claims again".to_owned(),
        [line] => format!("activate {line}"),
        lines => format!(
            "activate: {} pointers unchanged as of a newer source\n\n{}",
            lines.len(),
            moves::body(lines)
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::Repo;
    use crate::support::{Fixture, request, work};

    #[test]
    fn a_chain_keeps_every_release_and_its_last_commit_has_every_entry() {
        let fixture = Fixture::new();
        let mut repo = Repo::open(fixture.path()).expect("open");
        repo.parents_max = 6;
        // So many that several threads build and check them.
        let releases: Vec<_> = (0..20)
            .map(|i| work(&format!("tenant-{i:02}"), "x"))
            .collect();
        let mut wrong = releases.clone();
        wrong[13].digest = wrong[12].inputs[0].0.sha256.clone();
        let before = fixture.fingerprint();
        let error = repo.publish(wrong, true, &request("x")).expect_err("wrong");
        assert!(error.to_string().contains("tenant-13"), "{error}");
        assert_eq!(fixture.fingerprint(), before, "nothing was written");

        repo.publish(releases.clone(), true, &request("x"))
            .expect("published");
        let log = fixture.git(&["log", "--first-parent", "--format=%T %P", "releases"]);
        let parents: Vec<usize> = log.lines().map(|l| l.split(' ').count() - 1).collect();
        assert_eq!(parents, [1 + 2, 1 + 6, 1 + 6, 1 + 6, 0]);
        let trees: Vec<&str> = log.lines().filter_map(|l| l.split(' ').next()).collect();
        assert_ne!(trees[0], trees[1]);
        assert!(trees[1..].iter().all(|tree| *tree == trees[1]), "{log}");
        let again = repo.publish(releases, true, &request("x")).expect("again");
        assert_eq!((again.index_commit, again.main_commit), (None, None));
        let report = repo.verify(None).expect("verify");
        assert!(report.is_ok() && report.releases == 20, "{report:#?}");
        fixture.fsck();
    }
}
