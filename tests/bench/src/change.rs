//! One tenant of N changes: in process, as a whole process, and what the disk and `git` take for the least of it.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use orz_core::id::TenantName;
use orz_gitops::{PointerMove, Published, Repo};

use crate::args::Args;
use crate::measure::{Timing, again, repeat};
use crate::report::{Report, Row, duration};
use crate::source::{self, Files};
use crate::world::{World, compile, load, releases, request, write};
use crate::{Outcome, git};

const SECTION: &str = "change: one tenant of all";
const RUNS: usize = 40;
const PROCESSES: usize = 15;
/// What a publish makes durable: pack, `.keep`, `.idx` and their folder, two references and theirs.
const SYNCED_FILES: usize = 5;
const SYNCED_FOLDERS: usize = 2;

pub(crate) fn run(world: &World, args: &Args, report: &mut Report) -> Outcome {
    let repo = world.published("change.git")?;
    let changes = Changes {
        world,
        made: Cell::new(0),
    };

    let (loading, _) = repeat(RUNS, |_| Ok(changes.next()?.platform), |files| load(&files))?;
    let (compiling, _) = repeat(
        RUNS,
        |_| changes.next(),
        |c| compile(&c.tenant, c.files, &world.platform),
    )?;
    let (opening, _) = again(RUNS, || Ok(Repo::open(repo.path())?))?;
    let (publishing, _) = repeat(
        RUNS,
        |_| {
            let change = changes.next()?;
            Ok(releases(vec![compile(
                &change.tenant,
                change.files,
                &world.platform,
            )?]))
        },
        |releases| moved(repo.publish(releases, true, &request())?),
    )?;
    let (whole, _) = repeat(
        RUNS,
        |_| changes.next(),
        |change| {
            let platform = load(&change.platform)?;
            let output = compile(&change.tenant, change.files, &platform)?;
            moved(Repo::open(repo.path())?.publish(releases(vec![output]), true, &request())?)
        },
    )?;
    let floor = synced(world)?;
    let updating = update_ref(repo.path())?;

    report.row(Row::timed(
        SECTION,
        "platform data: load and merge",
        &loading,
    ));
    report.row(Row::timed(SECTION, "compile", &compiling));
    report.row(Row::timed(SECTION, "open the repository", &opening));
    report.row(
        Row::timed(
            SECTION,
            "publish and activate, repository open",
            &publishing,
        )
        .beside("bound", &floor),
    );
    report.row(
        Row::timed(SECTION, "all four, in process", &whole)
            .beside("bound", &floor)
            .beside("git", &updating),
    );
    let what = format!("bound: sync {SYNCED_FILES} small files and {SYNCED_FOLDERS} folders");
    report.row(Row::timed(SECTION, what, &floor));
    report.row(Row::timed(
        SECTION,
        "git commit-tree and git update-ref, two processes",
        &updating,
    ));
    if args.orzc.is_file() {
        processes(&changes, args, &updating, report)?;
    } else {
        report.note(&format!(
            "no `{}`: whole processes are not measured",
            args.orzc.display()
        ));
    }
    report.target(
        "one-tenant compile and publish in process",
        "at most 15 ms",
        duration(whole.median()),
        whole.median() <= Duration::from_millis(15),
    );
    Ok(())
}

/// A change of one tenant.
struct Change {
    tenant: TenantName,
    files: Files,
    /// What the command line reads of `platform/` for this tenant alone.
    platform: Files,
}

/// Changes that never repeat.
struct Changes<'w> {
    world: &'w World,
    made: Cell<usize>,
}

impl Changes<'_> {
    fn next(&self) -> Outcome<Change> {
        let n = self.made.replace(self.made.get() + 1);
        let i = self.world.turn(n);
        let mut platform = source::platform()?;
        platform.extend(source::operator(i)?);
        Ok(Change {
            tenant: self.world.tenants[i].0.clone(),
            files: source::tenant(i, u64::try_from(n)? + 1)?,
            platform,
        })
    }
}

/// A benchmark that publishes nothing new would measure something else.
pub(crate) fn moved(published: Published) -> Outcome<Published> {
    if published
        .items
        .iter()
        .any(|item| matches!(item.pointer, PointerMove::Moved { .. }))
    {
        Ok(published)
    } else {
        Err("a change moved no pointer".into())
    }
}

/// The least that makes a publish survive a power cut.
fn synced(world: &World) -> Outcome<Timing> {
    let folder = world.fresh("synced")?;
    fs::create_dir_all(&folder)?;
    let (timing, ()) = repeat(RUNS, Ok, |run| {
        for i in 0..SYNCED_FILES {
            let mut file = File::create_new(folder.join(format!("{run}-{i}.tmp")))?;
            file.write_all(&[b'x'; 4_096])?;
            file.sync_all()?;
            fs::rename(
                folder.join(format!("{run}-{i}.tmp")),
                folder.join(format!("{run}-{i}")),
            )?;
        }
        for _ in 0..SYNCED_FOLDERS {
            File::open(&folder)?.sync_all()?;
        }
        Ok(())
    })?;
    Ok(timing)
}

fn update_ref(repo: &Path) -> Outcome<Timing> {
    let tree = git::line(repo, &["rev-parse", "main^{tree}"])?;
    let (timing, _) = again(RUNS, || {
        let commit = git::line(repo, &["commit-tree", "-m", "scale", &tree])?;
        git::git(repo, &["update-ref", "refs/heads/scale", &commit])
    })?;
    Ok(timing)
}

/// The command line on a source repository on disk, first a plain folder and then under Git.
fn processes(changes: &Changes, args: &Args, updating: &Timing, report: &mut Report) -> Outcome {
    let world = changes.world;
    let (starting, ()) = again(PROCESSES, || orzc(args, &["--version"]))?;
    report.row(Row::timed(SECTION, "orzc --version", &starting));

    let root = world.fresh("source")?;
    write(&root, &source::platform()?)?;
    for (i, (_, files)) in world.tenants.iter().enumerate() {
        write(&root, &source::operator(i)?)?;
        write(&root, files)?;
    }
    let gitops = world.folder().join("change.git");
    let run = || -> Outcome<Timing> {
        let (timing, ()) = repeat(
            PROCESSES,
            |_| {
                let change = changes.next()?;
                write(&root, &change.files)?;
                Ok(change.tenant)
            },
            |tenant| {
                let (root, gitops) = (text(&root)?, text(&gitops)?);
                orzc(
                    args,
                    &[
                        "publish",
                        "--activate",
                        "--reason",
                        "benchmark",
                        "--actor",
                        "Bench <bench@example.com>",
                        "--source",
                        root,
                        "--gitops",
                        gitops,
                        "--tenant",
                        tenant.as_str(),
                    ],
                )
            },
        )?;
        Ok(timing)
    };
    let plain = run()?;
    report.row(
        Row::timed(
            SECTION,
            "orzc publish --activate --tenant, source in a folder",
            &plain,
        )
        .beside("git", updating),
    );

    let dot_git = root.join(".git");
    git::git(&dot_git, &["init", "--quiet"])?;
    let tree = format!("--work-tree={}", text(&root)?);
    git::git(&dot_git, &[&tree, "add", "--all"])?;
    git::git(&dot_git, &[&tree, "commit", "--quiet", "-m", "all"])?;
    let under_git = run()?;
    report.row(
        Row::timed(
            SECTION,
            "orzc publish --activate --tenant, source in Git",
            &under_git,
        )
        .beside("git", updating),
    );
    Ok(())
}

fn orzc(args: &Args, words: &[&str]) -> Outcome {
    let output = Command::new(&args.orzc)
        .args(words)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        Ok(())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("`orzc {}` says: {said}", words.first().unwrap_or(&"")).into())
    }
}

fn text(path: &Path) -> Outcome<&str> {
    Ok(path.to_str().ok_or("the temporary folder is not UTF-8")?)
}
