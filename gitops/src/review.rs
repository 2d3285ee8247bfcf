//! Changes of pointers that somebody looks at before they go to `main`.

use gix::ObjectId;

use crate::Repo;
use crate::error::{Error, Result};
use crate::git::Git;
use crate::refs::{self, Move};

/// Branches with a meaning of their own.
const RESERVED: &[&str] = &["main", "releases", "runs"];

impl Repo {
    /// From now on, what would move `main` makes the new branch `name` on top of it, and `main` stays where it is.
    /// Releases go to `releases` all the same, so that the pointers survive a squash and a rebase.
    ///
    /// The branch must not exist: what somebody is looking at is not replaced under their eyes.
    pub fn to_branch(&mut self, name: &str) -> Result<()> {
        let bad = || Error::BadBranch {
            branch: name.chars().filter(|c| !c.is_control()).take(100).collect(),
        };
        if RESERVED.contains(&name) || name.starts_with('-') {
            return Err(bad());
        }
        let ended = Git::new("check-ref-format")
            .arg(format!("refs/heads/{name}"))
            .finish()?;
        if !ended.status.success() {
            return Err(bad());
        }
        self.review = Some(name.to_owned());
        Ok(())
    }

    /// The branch that gets what would move `main`.
    pub fn review_branch(&self) -> Option<&str> {
        self.review.as_deref()
    }
}

/// The move that makes the branch.
pub(crate) fn fresh(repo: &Repo, branch: &str, new: ObjectId) -> Result<Move> {
    let name = format!("refs/heads/{branch}");
    // A remote is asked when it is pushed to.
    if repo.remote.is_none() && refs::read(&repo.gix, &name)?.is_some() {
        return Err(Error::BranchExists {
            branch: branch.to_owned(),
        });
    }
    Ok(Move {
        name: name.into(),
        old: None,
        new,
    })
}
