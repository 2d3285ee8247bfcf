//! Whether a branch was moved to where it does not contain what it contained before.

use std::collections::{BTreeSet, VecDeque};

use gix::ObjectId;
use orz_core::id::CommitId;

use crate::error::Result;
use crate::view::{Head, View, commit_id};

/// So far back it is looked. A branch that moved on by more between two looks is not called replaced.
const COMMITS_MAX: usize = 10_000;

impl View {
    /// The branches that no longer contain the commit at which an earlier view of the same repository found them, as
    /// after a forced push, with that commit.
    ///
    /// Costs a walk over the commits in between, so nothing but one read for each branch in the usual case.
    pub fn replaced_since(&self, earlier: &Self) -> Result<Vec<(&'static str, CommitId)>> {
        let branches: [(&'static str, Head, Head, usize); 2] = [
            // The other parents on `releases` are releases.
            ("releases", earlier.releases, self.releases, 1),
            ("main", earlier.main, self.main, usize::MAX),
        ];
        let mut replaced = Vec::new();
        for (branch, before, now, parents) in branches {
            if !self.contains(now.commit, before.commit, parents)? {
                replaced.push((branch, commit_id(before.commit)));
            }
        }
        Ok(replaced)
    }

    /// Whether `wanted` is `head` or comes before it, by the first so many parents of each commit.
    fn contains(&self, head: ObjectId, wanted: ObjectId, parents: usize) -> Result<bool> {
        let mut seen = BTreeSet::from([head]);
        let mut open = VecDeque::from([head]);
        while let Some(id) = open.pop_front() {
            if id == wanted || seen.len() > COMMITS_MAX {
                return Ok(true);
            }
            let commit = self.objects.commit(id)?;
            open.extend(
                commit
                    .parents
                    .into_iter()
                    .take(parents)
                    .filter(|parent| seen.insert(*parent)),
            );
        }
        Ok(false)
    }
}
