//! One release against the one before it.

use std::fmt::Write as _;

use orz_core::diag::{Diagnostics, Sources};
use orz_core::id::{Part, ReleaseId};
use orz_core::object::Object;
use orz_core::{diff, read};
use orz_gitops::{PointerMove, Repo, View};

use crate::change::moved;
use crate::measure::{again, repeat};
use crate::report::{Report, Row, duration};
use crate::source;
use crate::world::{World, compile, releases, request};
use crate::{Outcome, git};

const SECTION: &str = "diff: one release against the one before";
const RUNS: usize = 40;
const RUNS_ALL: usize = 3;

pub(crate) fn run(world: &World, report: &mut Report) -> Outcome {
    let repo = world.published("diff.git")?;
    let mut pairs: Vec<(ReleaseId, ReleaseId)> = Vec::new();
    for n in 0..RUNS {
        let i = world.turn(n);
        let files = source::tenant(i, u64::try_from(n)? + 1)?;
        let output = compile(&world.tenants[i].0, files, &world.platform)?;
        let published = moved(repo.publish(releases(vec![output]), true, &request())?)?;
        let work = published
            .items
            .into_iter()
            .find(|item| item.part == Part::Work);
        match work.map(|item| item.pointer) {
            Some(PointerMove::Moved { from, to }) => pairs.push((from, to)),
            _ => return Err("a change moved no pointer of `work`".into()),
        }
    }
    let pair = |run: usize| Ok(&pairs[run]);
    let view = repo.view()?;
    let (open, _) = repeat(RUNS, pair, |pair| changes(&view, pair))?;
    let (cold, _) = repeat(RUNS, pair, |pair| {
        changes(&Repo::open(repo.path())?.view()?, pair)
    })?;
    let sets = |run: usize| -> Outcome<_> {
        Ok((
            objects(&view, &pairs[run].0)?,
            objects(&view, &pairs[run].1)?,
        ))
    };
    let (alone, _) = repeat(RUNS, sets, |(before, after)| {
        Ok(diff::diff(&before, &after))
    })?;
    let (theirs, _) = repeat(RUNS, pair, |(from, to)| {
        git::git(
            repo.path(),
            &["diff-tree", "-r", from.as_str(), to.as_str()],
        )
    })?;

    report.row(
        Row::timed(SECTION, "read both, parse and diff, repository open", &open)
            .beside("git diff-tree", &theirs),
    );
    report.row(
        Row::timed(SECTION, "the same, opening the repository", &cold)
            .beside("git diff-tree", &theirs),
    );
    report.row(
        Row::timed(SECTION, "diff alone, both in memory", &alone).beside("git diff-tree", &theirs),
    );
    report.row(Row::timed(SECTION, "git diff-tree -r", &theirs));
    all(world, report)?;
    report.target(
        "one-tenant diff",
        "faster than `git diff-tree -r`",
        format!(
            "{} against {}",
            duration(open.median()),
            duration(theirs.median())
        ),
        open.median() < theirs.median(),
    );
    Ok(())
}

/// A new release of every tenant, all compared.
fn all(world: &World, report: &mut Report) -> Outcome {
    let repo = world.published("diff-all.git")?;
    let published = repo.publish(releases(world.compile_all(1)?), true, &request())?;
    let pairs: Vec<(ReleaseId, ReleaseId)> = published
        .items
        .into_iter()
        .filter_map(|item| match item.pointer {
            PointerMove::Moved { from, to } => Some((from, to)),
            _ => None,
        })
        .collect();
    if pairs.len() < world.tenants.len() {
        return Err("not every tenant changed".into());
    }
    let (ours, _) = repeat(
        RUNS_ALL,
        |_| Ok(repo.view()?),
        |view| {
            pairs
                .iter()
                .try_fold(0, |sum, pair| Ok(sum + changes(&view, pair)?))
        },
    )?;
    // The second of a line is taken for the parent of the first.
    let mut lines = String::new();
    for (from, to) in &pairs {
        writeln!(lines, "{to} {from}")?;
    }
    let (theirs, _) = again(RUNS_ALL, || {
        git::with_input(
            repo.path(),
            &["diff-tree", "-r", "--stdin"],
            lines.as_bytes(),
        )
    })?;
    let count = pairs.len();
    report.row(
        Row::timed(
            SECTION,
            format!("all tenants changed: read, parse and diff {count} pairs, one thread"),
            &ours,
        )
        .beside("git diff-tree", &theirs),
    );
    report.row(Row::timed(
        SECTION,
        format!("git diff-tree -r --stdin of the same {count} pairs"),
        &theirs,
    ));
    Ok(())
}

fn changes(view: &View, (from, to): &(ReleaseId, ReleaseId)) -> Outcome<usize> {
    let found = diff::diff(&objects(view, from)?, &objects(view, to)?);
    let changed = found
        .iter()
        .filter(|c| c.change != diff::Change::Unchanged)
        .count();
    if changed == 0 {
        return Err("two releases do not differ".into());
    }
    Ok(changed)
}

fn objects(view: &View, release: &ReleaseId) -> Outcome<Vec<Object>> {
    view.manifests(release)?
        .iter()
        .map(|(file, bytes)| {
            let value = if let Some(value) = read::canonical(bytes) {
                value
            } else {
                let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
                read::parse(bytes, file, &mut sources, &mut diagnostics)
                    .ok_or("no manifest")?
                    .to_value()
            };
            Ok(Object::new(value)?)
        })
        .collect()
}
