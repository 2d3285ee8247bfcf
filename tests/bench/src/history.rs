//! What a repository costs that has lived: its growth, and what walks its pointers and its history.

use std::collections::BTreeMap;

use orz_compiler::{Inputs, Platform, compiler_identity};
use orz_core::id::Part;
use orz_gitops::{Recompile, RecordedInputs, Repo};

use crate::args::Args;
use crate::change::moved;
use crate::measure::{Timing, again, repeat};
use crate::report::{Report, Row};
use crate::source::{self, Files};
use crate::world::{World, compile, releases, request};
use crate::{Outcome, git};

const SECTION: &str = "history: all tenants after many commits";
const RUNS: usize = 10;
const ROLLBACKS: usize = 5;

pub(crate) fn run(world: &World, args: &Args, report: &mut Report) -> Outcome {
    let repo = world.published("history.git")?;
    let objects = repo.path().join("objects");
    let before = git::size(&objects)?;
    let sample = (args.commits / 4).clamp(1, 25);
    let mut next = 0..;
    let mut publish = |runs: usize| -> Outcome<Timing> {
        let (timing, _) = repeat(
            runs,
            |_| {
                let n = next.next().ok_or("out of numbers")?;
                let i = world.turn(n);
                let files = source::tenant(i, u64::try_from(n)? + 1)?;
                Ok(releases(vec![compile(
                    &world.tenants[i].0,
                    files,
                    &world.platform,
                )?]))
            },
            |releases| moved(repo.publish(releases, true, &request())?),
        )?;
        Ok(timing)
    };
    let first = publish(sample)?;
    if args.commits > 2 * sample {
        publish(args.commits - 2 * sample)?;
    }
    let last = publish(sample)?;
    let growth = (git::size(&objects)? - before) / u64::try_from(args.commits.max(2 * sample))?;

    report.row(Row::timed(
        SECTION,
        format!("publish and activate, the first {sample} commits"),
        &first,
    ));
    report.row(
        Row::timed(
            SECTION,
            format!("the same, the last {sample} of {}", args.commits),
            &last,
        )
        .beside("first", &first),
    );
    report.row(Row::sized(SECTION, "growth per one-tenant commit", growth));
    walks(&repo, world, 0, "", report)?;
    let (packing, _) = again(1, || git::git(repo.path(), &["repack", "-adq"]))?;
    report.row(Row::timed(SECTION, "git repack -ad", &packing));
    report.row(Row::sized(
        SECTION,
        "repository, repacked",
        git::size(&objects)?,
    ));
    walks(&repo, world, ROLLBACKS, ", repacked", report)
}

/// Everything that reads along the history or the pointers; `from` is the first change to roll back.
fn walks(repo: &Repo, world: &World, from: usize, when: &str, report: &mut Report) -> Outcome {
    let (pointers, _) = again(RUNS, || Ok(repo.view()?.pointers()?))?;
    report.row(Row::timed(
        SECTION,
        format!("View::pointers(){when}"),
        &pointers,
    ));

    let (tree, _) = again(RUNS, || git::git(repo.path(), &["ls-tree", "-r", "main"]))?;
    report.row(Row::timed(
        SECTION,
        format!("git ls-tree -r main{when}"),
        &tree,
    ));

    // The tenants that changed first: the whole history lies between.
    let (back, _) = repeat(
        ROLLBACKS,
        |run| Ok(&world.tenants[world.turn(from + run)].0),
        |tenant| Ok(repo.rollback(tenant, &[Part::Work], None, &request())?),
    )?;
    report.row(Row::timed(
        SECTION,
        format!("rollback over the whole history{when}"),
        &back,
    ));
    let (log, _) = repeat(
        ROLLBACKS,
        |run| {
            let tenant = &world.tenants[world.turn(from + run)].0;
            Ok(orz_core::paths::pointer(
                &"in-cluster".parse()?,
                tenant,
                Part::Work,
            ))
        },
        |path| git::git(repo.path(), &["log", "--format=%H", "main", "--", &path]),
    )?;
    report.row(Row::timed(
        SECTION,
        format!("git log of the same pointer{when}"),
        &log,
    ));

    let (verifying, found) = again(1, || Ok(repo.verify(None)?))?;
    if !found.is_ok() {
        return Err("the repository does not verify".into());
    }
    report.row(
        Row::timed(
            SECTION,
            format!("verify of {} releases{when}", found.releases),
            &verifying,
        )
        .over(u64::try_from(
            world
                .tenants
                .iter()
                .flat_map(|(_, f)| f.values())
                .map(Vec::len)
                .sum::<usize>(),
        )?),
    );
    let recompile = Recompile {
        compiler: compiler_identity().digest,
        compile: &again_from,
    };
    let (proving, proved) = again(1, || Ok(repo.verify(Some(&recompile))?))?;
    if proved.recompiled != proved.releases {
        return Err("not every release was proved".into());
    }
    report.row(
        Row::timed(SECTION, format!("verify --recompile{when}"), &proving)
            .beside("verify", &verifying),
    );
    Ok(())
}

fn again_from(recorded: &RecordedInputs) -> Result<BTreeMap<Part, Files>, String> {
    let (platform, files): (Files, Files) = recorded
        .files
        .clone()
        .into_iter()
        .partition(|(path, _)| path.starts_with("platform/"));
    let platform = Platform::load(&platform).value.ok_or("platform data")?;
    let compiled = orz_compiler::compile(&Inputs {
        tenant: recorded.tenant.clone(),
        files,
        platform: &platform,
        at: recorded.at.clone(),
    });
    let output = compiled.output.ok_or("does not compile")?;
    Ok(output
        .parts
        .into_iter()
        .map(|(part, compiled)| (part, compiled.files))
        .collect())
}
