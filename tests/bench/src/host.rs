//! What a Git host sees: a clone that is up to date fetches a small change of a repository with all tenants.

use std::path::Path;

use orz_core::id::Part;
use orz_gitops::Repo;

use crate::change::moved;
use crate::measure::{Timing, again, repeat};
use crate::report::{Report, Row};
use crate::source;
use crate::world::{World, compile, releases, request};
use crate::{Outcome, git};

const SECTION: &str = "host: a fetch by a clone that is up to date";
const RUNS: usize = 10;

pub(crate) fn run(world: &World, report: &mut Report) -> Outcome {
    let repo = world.published("host.git")?;
    let address = format!("file://{}", repo.path().display());
    let clone = world.fresh("clone.git")?;
    let (cloning, _) = again(1, || {
        git::git(&clone, &["init", "--quiet", "--bare"])?;
        // So that what was received can be weighed.
        git::git(&clone, &["config", "fetch.unpackLimit", "1"])?;
        git::git(&clone, &["config", "gc.auto", "0"])?;
        git::git(&clone, &["config", "maintenance.auto", "false"])?;
        fetch(&clone, &address)
    })?;
    report
        .row(Row::timed(SECTION, "the first fetch: everything", &cloning).of_size(packs(&clone)?));
    let (idle, _) = again(RUNS, || fetch(&clone, &address))?;
    report.row(Row::timed(SECTION, "nothing changed", &idle));

    let (publish, bytes) = fetched(&clone, &address, |run| change(world, &repo, run))?;
    report.row(
        Row::timed(
            SECTION,
            "one tenant published and activated; the size is that of the pack",
            &publish,
        )
        .of_size(bytes)
        .beside("nothing changed", &idle),
    );
    let (pointer, bytes) = fetched(&clone, &address, |run| {
        let tenant = &world.tenants[world.turn(run)].0;
        repo.rollback(tenant, &[Part::Work], None, &request())?;
        Ok(())
    })?;
    report.row(
        Row::timed(SECTION, "one pointer moved back", &pointer)
            .of_size(bytes)
            .beside("nothing changed", &idle),
    );
    Ok(())
}

fn change(world: &World, repo: &Repo, run: usize) -> Outcome {
    let i = world.turn(run);
    let files = source::tenant(i, u64::try_from(run)? + 1)?;
    let output = compile(&world.tenants[i].0, files, &world.platform)?;
    moved(repo.publish(releases(vec![output]), true, &request())?)?;
    Ok(())
}

/// Fetches after each change; the time, and how many bytes of packs a fetch brings.
fn fetched(
    clone: &Path,
    address: &str,
    change: impl FnMut(usize) -> Outcome,
) -> Outcome<(Timing, u64)> {
    let before = packs(clone)?;
    let (timing, _) = repeat(RUNS, change, |()| fetch(clone, address))?;
    let bytes = (packs(clone)? - before) / u64::try_from(RUNS)?;
    if bytes == 0 {
        return Err("a fetch brought nothing".into());
    }
    Ok((timing, bytes))
}

/// As a cache of the command line or of the reconciler does it: both branches.
fn fetch(clone: &Path, address: &str) -> Outcome<Vec<u8>> {
    let branches = ["main", "releases"].map(|b| format!("+refs/heads/{b}:refs/heads/{b}"));
    git::git(
        clone,
        &[
            "fetch",
            "--quiet",
            "--no-tags",
            address,
            &branches[0],
            &branches[1],
        ],
    )
}

/// The bytes of all packs, without their indexes.
fn packs(clone: &Path) -> Outcome<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(clone.join("objects/pack"))? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|e| e == "pack") {
            sum += entry.metadata()?.len();
        }
    }
    Ok(sum)
}
