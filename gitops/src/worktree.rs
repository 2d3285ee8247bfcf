//! Work trees in which a branch of ours is checked out: they follow the branch, and a person's changes in them win.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Repo;
use crate::error::{Error, Result};
use crate::git::{Git, said};
use crate::objects::EMPTY_TREE;
use crate::refs::Move;

/// How long another writer is given to bring a work tree up to the head that it moved.
const PATIENCE: u32 = 100;
/// The same before a file is called changed by a person.
const DIRTY_PATIENCE: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);

/// A work tree and the move of the branch that is checked out in it.
struct Follower<'m> {
    path: PathBuf,
    moved: &'m Move,
}

/// Refuses when a file that is about to change carries changes of a person in some work tree.
pub(crate) fn refuse_dirty(
    repo: &Repo,
    moves: &[Move],
    changed: &[(&'static str, BTreeSet<String>)],
) -> Result<()> {
    for follower in followers(repo, moves)? {
        let Some((_, paths)) = changed
            .iter()
            .find(|(name, _)| *name == follower.moved.name)
        else {
            continue;
        };
        let mut dirty = Vec::new();
        for _ in 0..DIRTY_PATIENCE {
            dirty = dirty_files(&follower.path, paths)?;
            if dirty.is_empty() {
                break;
            }
            // Another writer moves the branch first and the files after it.
            std::thread::sleep(PAUSE);
        }
        if !dirty.is_empty() {
            return Err(Error::DirtyWorkTree {
                worktree: follower.path,
                paths: dirty,
            });
        }
    }
    Ok(())
}

/// Brings every work tree in which a moved branch is checked out to the new head.
pub(crate) fn follow(repo: &Repo, moves: &[Move]) -> Result<()> {
    for follower in followers(repo, moves)? {
        let Move { old, new, .. } = follower.moved;
        let behind = |message: String| Error::WorkTreeBehind {
            worktree: follower.path.clone(),
            commit: new
                .to_string()
                .parse()
                .expect("an object id is 40 hex digits"),
            message,
        };
        let mut last = String::new();
        let mut done = false;
        for _ in 0..PATIENCE {
            // Files that only look changed (touched, or written within the same clock tick) must not stop it.
            let _ = Git::inside(&follower.path, "update-index")
                .arg("-q")
                .arg("--refresh")
                .finish()?;
            let output = Git::inside(&follower.path, "read-tree")
                .arg("-m")
                .arg("-u")
                .arg(old.unwrap_or(EMPTY_TREE).to_string())
                .arg(new.to_string())
                .finish()?;
            done = output.status.success();
            if done {
                break;
            }
            // The index may still stand at the head before ours, or be locked by the writer who is at it.
            last = said(&output);
            std::thread::sleep(PAUSE);
        }
        if !done {
            return Err(behind(last));
        }
    }
    Ok(())
}

fn followers<'m>(repo: &Repo, moves: &'m [Move]) -> Result<Vec<Follower<'m>>> {
    let linked = repo.common_dir().join("worktrees").is_dir();
    if repo.gix.is_bare() && !linked {
        return Ok(Vec::new());
    }
    let list = Git::on(repo.common_dir(), "worktree")
        .arg("list")
        .arg("--porcelain")
        .output()?;
    let list = String::from_utf8_lossy(&list);
    let mut found = Vec::new();
    for block in list.split("\n\n") {
        let field = |key: &str| {
            block
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
        };
        let bare = block.lines().any(|line| line == "bare");
        let (Some(path), Some(branch)) = (field("worktree"), field("branch")) else {
            continue;
        };
        if bare
            || block
                .lines()
                .any(|line| line == "prunable" || line.starts_with("prunable "))
        {
            continue;
        }
        if let Some(moved) = moves.iter().find(|m| m.name == branch) {
            found.push(Follower {
                path: PathBuf::from(path),
                moved,
            });
        }
    }
    Ok(found)
}

/// Longer lists are asked for as a whole and filtered, because a command line has a limit.
const ARGUMENTS_MAX: usize = 100;

fn dirty_files(work_tree: &Path, paths: &BTreeSet<String>) -> Result<Vec<String>> {
    let mut git = Git::inside(work_tree, "status")
        .arg("--porcelain=v1")
        .arg("-z")
        .arg("--untracked-files=all")
        .arg("--ignored")
        .arg("--no-renames")
        .arg("--");
    if paths.len() <= ARGUMENTS_MAX {
        for path in paths {
            git = git.arg(format!(":(top,literal){path}"));
        }
    } else {
        git = git.arg(":(top)");
    }
    Ok(git
        .output()?
        .split(|b| *b == 0)
        .filter_map(|line| Some(String::from_utf8_lossy(line.get(3..)?).into_owned()))
        .filter(|path| paths.contains(path))
        .collect())
}
