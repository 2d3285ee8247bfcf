//! All tenants at once: compile, publish, and what the same bytes cost at least.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use gix::objs::Kind;
use orz_gitops::{NewRelease, Repo};

use crate::args::Args;
use crate::bound::{self, Object};
use crate::measure::{Timing, again, peak_memory, repeat};
use crate::report::{Report, Row, ratio};
use crate::world::{World, releases, request, write};
use crate::{Outcome, git, source};

const SECTION: &str = "bulk: all tenants";
const RUNS: usize = 3;

pub(crate) fn run(world: &World, args: &Args, report: &mut Report) -> Outcome {
    if !args.wants("bulk") {
        return Ok(());
    }
    let threads = std::thread::available_parallelism()?;
    let (alone, _) = again(RUNS, || world.compile_on(NonZeroUsize::MIN, 0))?;
    let (compiling, outputs) = again(RUNS, || world.compile_on(threads, 0))?;
    report.row(Row::timed(
        SECTION,
        "compile, in memory, one thread",
        &alone,
    ));
    report.row(
        Row::timed(
            SECTION,
            format!("compile, in memory, {threads} threads"),
            &compiling,
        )
        .beside("one thread", &alone),
    );

    let (publishing, repo) = repeat(
        RUNS,
        |_| {
            let repo = Repo::init(world.fresh("bulk.git")?, &request())?;
            Ok((repo, releases(outputs.clone())))
        },
        |(repo, releases)| {
            repo.publish(releases, true, &request())?;
            Ok(repo)
        },
    )?;
    let objects = bound::objects(repo.path())?;
    let written = bound::total(&objects)?;
    report.note(&format!(
        "a publish of all writes {} objects, {}",
        objects.len(),
        crate::report::bytes(written)
    ));

    let (floor, _) = again(RUNS, || bound::hash_and_deflate(&objects, threads.get()))?;
    let (floor_alone, _) = again(RUNS, || bound::hash_and_deflate(&objects, 1))?;
    let stream = stream(&repo, &objects, &releases(outputs))?;
    let (importing, _) = repeat(
        1,
        |_| {
            let path = world.fresh("import.git")?;
            git::git(&path, &["init", "--quiet", "--bare"])?;
            Ok(path)
        },
        |path| git::with_input(&path, &["fast-import", "--quiet", "--force"], &stream),
    )?;

    let sum = compiling.plus(&publishing);
    report.row(
        Row::timed(
            SECTION,
            "publish and activate, into a new repository",
            &publishing,
        )
        .over(written)
        .beside("bound", &floor)
        .beside("fast-import", &importing),
    );
    report.row(
        Row::timed(SECTION, "both", &sum)
            .over(written)
            .beside("bound", &floor)
            .beside("bound on one thread", &floor_alone)
            .beside("fast-import", &importing),
    );
    for (timing, threads) in [(&floor, threads.get()), (&floor_alone, 1)] {
        report.row(
            Row::timed(
                SECTION,
                format!("bound: SHA-1 and zlib level 1 of the same bytes, threads: {threads}"),
                timing,
            )
            .over(written),
        );
    }
    levels(&objects, threads.get(), &floor, report)?;
    report.row(
        Row::timed(
            SECTION,
            "git fast-import of the same blobs and trees",
            &importing,
        )
        .over(written)
        .beside("bound", &floor),
    );
    report.row(Row::sized(
        SECTION,
        "repository",
        git::size(&repo.path().join("objects"))?,
    ));

    let (again, _) = repeat(
        RUNS,
        |_| Ok(releases(world.compile_all(0)?)),
        |releases| Ok(repo.publish(releases, true, &request())?),
    )?;
    report.row(
        Row::timed(
            SECTION,
            "publish and activate again, nothing changed",
            &again,
        )
        .beside("first publish", &publishing),
    );

    if args.orzc.is_file() {
        whole_process(world, args, &floor, report)?;
    }

    let found = ratio(sum.median(), floor.median());
    let publish = ratio(publishing.median(), floor.median());
    report.target(
        "bulk compile and publish",
        "within 4x of the bound",
        format!(
            "{found:.2}x, {:.2}x of the bound on one thread (publish alone {publish:.2}x)",
            ratio(sum.median(), floor_alone.median())
        ),
        found <= 4.0,
    );
    Ok(())
}

/// What other levels of zlib take and save; a publish uses level 1.
fn levels(objects: &[Object], threads: usize, one: &Timing, report: &mut Report) -> Outcome {
    for level in [1, 3, 6] {
        let (timing, size) = again(1, || bound::at_level(objects, threads, level))?;
        report.row(
            Row::timed(SECTION, format!("the same at zlib level {level}"), &timing)
                .of_size(u64::try_from(size)?)
                .beside("bound", one),
        );
    }
    Ok(())
}

/// The program on a source on disk: its memory is its own, unlike that of the rows above.
fn whole_process(world: &World, args: &Args, floor: &Timing, report: &mut Report) -> Outcome {
    let root = world.fresh("all-source")?;
    write(&root, &source::platform()?)?;
    for (i, (_, files)) in world.tenants.iter().enumerate() {
        write(&root, &source::operator(i)?)?;
        write(&root, files)?;
    }
    let (timing, peak) = repeat(
        1,
        |_| Ok(Repo::init(world.fresh("all.git")?, &request())?),
        |repo| {
            let mut child = Command::new(&args.orzc)
                .args([
                    "publish",
                    "--actor",
                    "Bench <bench@example.com>",
                    "--source",
                ])
                .arg(&root)
                .arg("--gitops")
                .arg(repo.path())
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?;
            let mut peak = None;
            // The most that it held so far; it is asked until it has ended.
            let status = loop {
                peak = peak.max(peak_memory(&child.id().to_string()));
                if let Some(status) = child.try_wait()? {
                    break status;
                }
                std::thread::sleep(Duration::from_millis(10));
            };
            if status.success() {
                Ok(peak)
            } else {
                Err("`orzc publish` of all tenants did not end well".into())
            }
        },
    )?;
    report.row(
        Row::timed(
            SECTION,
            "orzc publish of all tenants, a whole process, nothing activated",
            &timing.with_peak(peak),
        )
        .beside("bound", floor),
    );
    Ok(())
}

/// What `git fast-import` reads to make the same blobs and the same trees: every release, the index, the pointers.
/// It cannot make commits without parents on one branch, so its commits are others.
fn stream(repo: &Repo, objects: &[Object], releases: &[NewRelease]) -> Outcome<Vec<u8>> {
    let mut out = Vec::new();
    let mut marks: BTreeMap<&str, usize> = BTreeMap::new();
    let mut by_bytes: BTreeMap<&[u8], usize> = BTreeMap::new();
    for object in objects.iter().filter(|o| o.kind == Kind::Blob) {
        let mark = marks.len() + 1;
        marks.insert(&object.id, mark);
        by_bytes.insert(&object.bytes, mark);
        out.extend(format!("blob\nmark :{mark}\ndata {}\n", object.bytes.len()).bytes());
        out.extend(&object.bytes);
        out.push(b'\n');
    }
    for release in releases.iter().filter(|release| !release.files.is_empty()) {
        commit(&mut out, "manifests");
        for (name, bytes) in &release.files {
            let mark = by_bytes
                .get(bytes.as_slice())
                .ok_or("a manifest was not written")?;
            out.extend(format!("M 100644 :{mark} {name}\n").bytes());
        }
    }
    for branch in ["releases", "main"] {
        commit(&mut out, branch);
        for (id, path) in list(repo.path(), branch)? {
            let mark = marks.get(id.as_str()).ok_or("a file was not written")?;
            out.extend(format!("M 100644 :{mark} {path}\n").bytes());
        }
    }
    Ok(out)
}

fn commit(out: &mut Vec<u8>, branch: &str) {
    let header = format!(
        "commit refs/heads/{branch}\ncommitter Bench <bench@example.com> 946684800 +0000\ndata 0\n"
    );
    out.extend(header.bytes());
    out.extend(b"deleteall\n");
}

/// The files of a branch: blob and path.
fn list(repo: &Path, branch: &str) -> Outcome<Vec<(String, String)>> {
    let all = String::from_utf8(git::git(repo, &["ls-tree", "-r", "-z", branch])?)?;
    all.split_terminator('\0')
        .map(|line| {
            let (meta, path) = line.split_once('\t').ok_or("no path")?;
            let id = meta.rsplit(' ').next().ok_or("no id")?;
            Ok((id.to_owned(), path.to_owned()))
        })
        .collect()
}
