//! Bringing what a remote has into its cache.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use gix::ObjectId;
use orz_core::paths;

use super::cache::is_doubtful;
use super::said::{self, Trouble};
use super::{Remote, child};
use crate::commit::Ident;
use crate::error::{Error, Result};
use crate::git::Git;
use crate::refs::{self, Move};
use crate::{Repo, pack};

/// The branches that are fetched, in the order in which the mirror moves: what a pointer names is there before it.
pub(super) const BRANCHES: [(&str, &str); 2] =
    [(paths::RELEASES, "releases"), (paths::MAIN, "main")];
/// Where Git puts what it fetched, until both branches are moved in their order.
const INCOMING: &str = "refs/incoming/";
/// What reconcilers publish; it goes where it is read.
const PUBLISHED: &str = "+refs/orz/*:refs/orz/*";

impl Remote {
    /// Fetches, and makes the mirror what the remote has. A cache that is not whole is made anew.
    pub(super) fn fetch(&self) -> Result<()> {
        let _turn = self.cache.turn()?;
        if !self.cache.exists() {
            self.make(|dir| self.take(dir).and_then(|()| self.mirror(dir)))?;
        } else if self.cache.is_damaged() {
            self.renew(Error::Malformed {
                path: "objects/pack".to_owned(),
                message: "a pack is cut off".to_owned(),
            })?;
        } else {
            let dir = self.cache.folder().to_owned();
            match self.take(&dir).and_then(|()| self.mirror(&dir)) {
                Err(cause) if is_doubtful(&cause) => self.renew(cause)?,
                done => done?,
            }
        }
        self.fetched_now();
        Ok(())
    }

    /// Like [`Remote::fetch`], of the branches that there are.
    pub(super) fn fetch_standing(&self) -> Result<()> {
        let _turn = self.cache.turn()?;
        let fill = |dir: &Path| {
            let standing = self.look(dir, &BRANCHES.map(|(name, _)| name.to_owned()))?;
            let names: Vec<&str> = BRANCHES
                .iter()
                .map(|(name, _)| *name)
                .filter(|name| standing.contains_key(*name))
                .collect();
            // The copy that is here is not what stands there, but all that is left of it.
            let missing = BRANCHES.iter().find(|(name, _)| !names.contains(name));
            if let Some((_, branch)) = missing
                && let Some(lost) = self.lost(dir, branch)
            {
                return Err(lost);
            }
            self.take_these(dir, &names)?;
            self.mirror(dir)
        };
        if self.cache.exists() && !self.cache.is_damaged() {
            fill(self.cache.folder())?;
        } else {
            self.make(fill)?;
        }
        self.fetched_now();
        Ok(())
    }

    fn fetched_now(&self) {
        self.fetched.set(Some(Instant::now()));
        self.cache.stamp();
    }

    /// Fetches into the repository at `dir`.
    pub(super) fn take(&self, dir: &Path) -> Result<()> {
        self.take_these(dir, &BRANCHES.map(|(name, _)| name))
    }

    fn take_these(&self, dir: &Path, names: &[&str]) -> Result<()> {
        let mut fetch = self
            .exchange(dir, "fetch")
            .arg("--progress")
            .arg("--no-tags")
            .arg("--no-write-fetch-head")
            .arg("--no-auto-maintenance")
            .arg("--atomic")
            .arg("--prune")
            .arg(child::NAME)
            .arg(PUBLISHED);
        for name in names {
            fetch = fetch.arg(format!("+{name}:{}", incoming(name)));
        }
        let ended = fetch.run()?;
        if ended.ok() {
            return Ok(());
        }
        if said::trouble(&ended.lines) == Trouble::NoBranch {
            let standing = self.look(dir, &BRANCHES.map(|(name, _)| name.to_owned()))?;
            let missing = BRANCHES
                .iter()
                .rev()
                .find(|(name, _)| !standing.contains_key(*name));
            if let Some((_, branch)) = missing {
                return Err(self
                    .lost(dir, branch)
                    .filter(|_| standing.len() == 1)
                    .unwrap_or_else(|| Error::NotInitialised {
                        path: self.url.to_string().into(),
                        branch,
                    }));
            }
        }
        Err(said::error(&self.url, &ended.lines))
    }

    /// The error that the remote lost a branch, where what was fetched before knows that it stood there once.
    fn lost(&self, dir: &Path, branch: &str) -> Option<Error> {
        match Repo::open(dir).ok()?.lost(branch)? {
            Error::BranchLost { branch, other, .. } => Some(Error::BranchLost {
                path: self.url.to_string().into(),
                branch,
                other,
            }),
            _ => None,
        }
    }

    /// Where these references stand on the remote at this moment.
    pub(super) fn look(&self, dir: &Path, names: &[String]) -> Result<BTreeMap<String, ObjectId>> {
        let mut ask = self
            .exchange(dir, "ls-remote")
            .arg("--quiet")
            .arg(child::NAME);
        for name in names {
            ask = ask.arg(name);
        }
        let ended = ask.run()?;
        if !ended.ok() {
            return Err(said::error(&self.url, &ended.lines));
        }
        let mut found = BTreeMap::new();
        for line in ended.stdout.lines() {
            // A name is found in the tail of longer ones as well.
            if let Some((id, name)) = line.split_once('\t')
                && names.iter().any(|asked| asked == name)
                && let Ok(id) = ObjectId::from_hex(id.as_bytes())
            {
                found.insert(name.to_owned(), id);
            }
        }
        Ok(found)
    }

    /// Moves the branches that are read to what was fetched.
    pub(super) fn mirror(&self, dir: &Path) -> Result<()> {
        let here = Repo::open(dir)?;
        let mut moves = Vec::new();
        for (name, branch) in BRANCHES {
            let Some(new) = refs::read(&here.gix, &incoming(name))? else {
                continue;
            };
            let old = refs::read(&here.gix, name)?;
            if old == Some(new) {
                continue;
            }
            if let Some(old) = old
                && !is_ancestor(dir, old, new)?
            {
                self.note(format!(
                    "`{branch}` of `{}` was replaced: `{}`, where it stood, is no longer part of it",
                    self.url,
                    old.to_hex_with_len(12)
                ));
            }
            moves.push(Move {
                name: name.into(),
                old,
                new,
            });
        }
        if moves.is_empty() {
            return Ok(());
        }
        refs::advance(&here, &moves, &Ident::of_releases())?;
        pack::fold(&here);
        Ok(())
    }
}

/// Whether a commit is another one or comes before it.
pub(super) fn is_ancestor(dir: &Path, before: ObjectId, after: ObjectId) -> Result<bool> {
    let ended = Git::on(dir, "merge-base")
        .arg("--is-ancestor")
        .arg(before.to_string())
        .arg(after.to_string())
        .finish()?;
    Ok(ended.status.success())
}

/// Where Git puts a branch that it fetched.
pub(super) fn incoming(name: &str) -> String {
    format!("{INCOMING}{}", name.trim_start_matches("refs/heads/"))
}
