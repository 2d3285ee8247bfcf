//! The commits of a branch, parents before children.

use std::collections::BTreeSet;

use gix::ObjectId;

use crate::error::Result;
use crate::objects::{Commit, Objects};
use crate::view::View;

/// A branch whose commits are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Branch {
    Main,
    Releases,
}

impl Branch {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Releases => "releases",
        }
    }

    pub(crate) fn head(self, view: &View) -> ObjectId {
        match self {
            Self::Main => view.main.commit,
            Self::Releases => view.releases.commit,
        }
    }

    /// The folder of the files that a signature vouches for.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Main => "pointers/",
            Self::Releases => "tenants/",
        }
    }

    /// The parents whose history is the branch's. A commit of the index has releases as further parents: they have
    /// no parents themselves, are never signed, and bring no file.
    pub(crate) fn parents(self, objects: &Objects, commit: &Commit) -> Result<Vec<ObjectId>> {
        let Some((first, others)) = commit.parents.split_first() else {
            return Ok(Vec::new());
        };
        let mut parents = vec![*first];
        for other in others {
            if self == Self::Main || !objects.commit(*other)?.parents.is_empty() {
                parents.push(*other);
            }
        }
        parents.dedup();
        Ok(parents)
    }
}

/// What was walked of a branch.
#[derive(Debug)]
pub(super) struct History {
    branch: Branch,
    /// The commits from which on signatures are demanded.
    since: BTreeSet<ObjectId>,
    /// Those of them that were met.
    pub(super) met: BTreeSet<ObjectId>,
    seen: BTreeSet<ObjectId>,
}

impl History {
    pub(super) fn new(branch: Branch, since: &BTreeSet<ObjectId>) -> Self {
        Self {
            branch,
            since: since.clone(),
            met: BTreeSet::new(),
            seen: BTreeSet::new(),
        }
    }

    pub(super) fn has_seen(&self, id: ObjectId) -> bool {
        self.seen.contains(&id) || self.met.contains(&id)
    }

    /// The commits that were not walked before, parents before children.
    pub(super) fn new_commits(
        &mut self,
        objects: &Objects,
        head: ObjectId,
    ) -> Result<Vec<ObjectId>> {
        let mut merged = false;
        let mut met_now = Vec::new();
        let mut order = Vec::new();
        // A commit, and which of its parents is next.
        let mut path: Vec<(ObjectId, Vec<ObjectId>)> = Vec::new();
        let mut next = Some(head);
        loop {
            if let Some(id) = next.take() {
                if self.since.contains(&id) {
                    if self.met.insert(id) {
                        met_now.push(id);
                    }
                } else if self.seen.insert(id) {
                    let mut parents = self.branch.parents(objects, &objects.commit(id)?)?;
                    merged |= parents.len() > 1;
                    parents.reverse();
                    path.push((id, parents));
                }
            }
            let Some((id, parents)) = path.last_mut() else {
                break;
            };
            next = parents.pop();
            if next.is_none() {
                order.push(*id);
                path.pop();
            }
        }
        // A branch that was merged may have begun before the commit from which on signatures are demanded.
        if merged {
            met_now = self.met.iter().copied().collect();
            let before = self.before(objects, met_now)?;
            order.retain(|id| !before.contains(id));
            self.seen.extend(before);
        }
        Ok(order)
    }

    /// These commits and all before them.
    pub(super) fn before(
        &self,
        objects: &Objects,
        mut queue: Vec<ObjectId>,
    ) -> Result<BTreeSet<ObjectId>> {
        let mut before = BTreeSet::new();
        while let Some(id) = queue.pop() {
            if before.insert(id) {
                queue.extend(self.branch.parents(objects, &objects.commit(id)?)?);
            }
        }
        Ok(before)
    }
}
