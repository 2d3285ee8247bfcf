//! Reading and moving the branches.

use std::borrow::Cow;
use std::path::PathBuf;

use gix::ObjectId;

use crate::commit::Ident;
use crate::error::{Error, Result};
use crate::git::{Git, said};
use crate::moving::{self, Record};
use crate::{Repo, pack};

/// A branch, or another reference, that is to move from one commit to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    /// Full name.
    pub(crate) name: Cow<'static, str>,
    /// Where it must stand now; `None`: it must not exist.
    pub(crate) old: Option<ObjectId>,
    /// Where it goes.
    pub(crate) new: ObjectId,
}

/// How a move ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advance {
    /// Every branch moved.
    Done,
    /// A branch does not stand where it was expected.
    Raced,
}

/// The commit a branch stands at.
pub(crate) fn read(repo: &gix::Repository, name: &str) -> Result<Option<ObjectId>> {
    let failed = |message: String| Error::Open {
        path: repo.git_dir().to_owned(),
        message,
    };
    let Some(reference) = repo
        .try_find_reference(name)
        .map_err(|e| failed(e.to_string()))?
    else {
        return Ok(None);
    };
    match reference.try_id() {
        Some(id) => Ok(Some(id.detach())),
        None => Err(failed(format!(
            "`{name}` is a symbolic reference, not a branch"
        ))),
    }
}

/// Moves all branches in the given order by compare-and-swap, or none.
///
/// `git update-ref` takes every lock and compares every old value before it moves the first branch,
/// refuses ids of commits that do not exist, and syncs the files. Only a kill between its renames
/// leaves a prefix of the moves done; so `releases` is named before `main`, and what is published
/// but not pointed at is legal. The locks that such a kill leaves are removed here ([`moving`]).
///
/// The branches of a remote are moved there, and here only when they have.
pub(crate) fn advance(repo: &Repo, moves: &[Move], ident: &Ident) -> Result<Advance> {
    match &repo.remote {
        Some(remote) => remote.advance(moves, ident),
        None => advance_here(repo, moves, ident),
    }
}

fn advance_here(repo: &Repo, moves: &[Move], ident: &Ident) -> Result<Advance> {
    use std::fmt::Write as _;
    let zero = ObjectId::null(gix::hash::Kind::Sha1);
    let mut commands = String::from("start\0");
    for Move { name, old, new } in moves {
        write!(commands, "update {name}\0{new}\0{}\0", old.unwrap_or(zero))
            .expect("writing to a String cannot fail");
    }
    commands.push_str("prepare\0commit\0");
    moving::clear(repo);
    let record = Record::begin(repo, moves);
    let mut git = Git::on(repo.common_dir(), "update-ref")
        .arg("--stdin")
        .arg("-z")
        .arg("-m")
        .arg("orz")
        .ident(ident)
        .input(commands);
    if let Some(held) = record.as_ref().and_then(|record| record.output().ok()) {
        git = git.answer_to(held);
    }
    let output = git.finish()?;
    drop(record);
    if output.status.success() {
        // Git syncs the files and not their folder; without it a power cut could take the renames back.
        let folder = repo.common_dir().join("refs/heads");
        pack::sync_folder(&folder).map_err(Error::io(folder))?;
        return Ok(Advance::Done);
    }
    let fresh = crate::open::reopen(&repo.gix)?;
    for Move { name, old, .. } in moves {
        if read(&fresh, name)? != *old {
            return Ok(Advance::Raced);
        }
    }
    match lock_in(&said(&output)) {
        // Gone already: whoever held it made us wait too long, but was alive.
        Some(lock) if lock.exists() => match moving::clear(repo) {
            moving::Cleared {
                removed: 0,
                pending: false,
            } => Err(Error::Locked { path: lock }),
            _ => Ok(Advance::Raced),
        },
        Some(_) => Ok(Advance::Raced),
        // The value moved away and back, or another process failed in between.
        None if said(&output).contains("but expected") => Ok(Advance::Raced),
        None => Err(Error::Git {
            command: "update-ref".to_owned(),
            message: said(&output),
        }),
    }
}

/// The lock file that a message of `git` complains about.
fn lock_in(message: &str) -> Option<PathBuf> {
    let (_, rest) = message.split_once("Unable to create '")?;
    let (path, rest) = rest.split_once("': ")?;
    rest.starts_with("File exists").then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_named() {
        let message = "fatal: prepare: cannot lock ref 'refs/heads/main': Unable to create \
                       '/srv/o'brien/refs/heads/main.lock': File exists. Another git process";
        assert_eq!(
            lock_in(message),
            Some(PathBuf::from("/srv/o'brien/refs/heads/main.lock"))
        );
        assert_eq!(
            lock_in("Unable to create '/x.lock': Permission denied"),
            None
        );
    }
}
