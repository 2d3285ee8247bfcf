//! Which files of a branch a commit brought that nobody trusted signed.
//!
//! The head is walked to from where it was walked to before, so the work is that of the new commits, and in a
//! repository in which all is well nothing is kept but where the walk ended.
//!
//! A commit brings every file that it has otherwise than one of its parents has it: a merge vouches for what it takes
//! from either side, so an old state that was signed once cannot be brought back by a merge that is not. Somebody
//! trusted who brings a file makes up for every commit before that brought it, and for none in a branch beside. So
//! what is said of a head does not depend on how it was walked to.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gix::ObjectId;

use super::UntrustedCommit;
use super::history::{Branch, History};
use crate::error::Result;
use crate::objects::{Commit, EMPTY_TREE, Objects};
use crate::trees;

/// The branch at one head.
#[derive(Debug)]
pub(super) struct Standing {
    head: ObjectId,
    /// Files, and the commits that brought each without being believed and that nobody made up for.
    tainted: BTreeMap<String, Vec<Taint>>,
}

#[derive(Clone, Debug)]
struct Taint {
    id: ObjectId,
    commit: Arc<UntrustedCommit>,
}

impl Standing {
    /// The last commit that brought a file without being believed.
    pub(super) fn taint(&self, path: &str) -> Option<&UntrustedCommit> {
        let taint = self.tainted.get(path)?.last()?;
        Some(&taint.commit)
    }
}

/// What was walked of the branch, and what was found.
#[derive(Debug, Default)]
pub(super) struct Walked(Option<(History, Arc<Standing>)>);

impl Walked {
    /// How the branch stands at this head. `verdict` says why a commit is not believed.
    pub(super) fn at(
        &mut self,
        objects: &Objects,
        branch: Branch,
        head: ObjectId,
        since: &BTreeSet<ObjectId>,
        verdict: impl Fn(ObjectId) -> Result<Option<UntrustedCommit>>,
    ) -> Result<Arc<Standing>> {
        // Taken out, so that an error in the middle leaves nothing half walked.
        if let Some((mut history, standing)) = self.0.take() {
            if standing.head == head {
                let found = Arc::clone(&standing);
                self.0 = Some((history, standing));
                return Ok(found);
            }
            // A head that was walked past was put back there by force.
            if !history.has_seen(head)
                && let Some(next) = go_on(
                    objects,
                    branch,
                    head,
                    &mut history,
                    Some(&standing),
                    &verdict,
                )?
            {
                return Ok(self.keep(history, next));
            }
        }
        let mut history = History::new(branch, since);
        let standing = go_on(objects, branch, head, &mut history, None, &verdict)?;
        let standing = standing.expect("without an earlier head there is one tip");
        Ok(self.keep(history, standing))
    }

    fn keep(&mut self, history: History, standing: Standing) -> Arc<Standing> {
        let standing = Arc::new(standing);
        self.0 = Some((history, Arc::clone(&standing)));
        standing
    }
}

/// Walks from the earlier head to this one; `None` if this one does not come after it.
fn go_on(
    objects: &Objects,
    branch: Branch,
    head: ObjectId,
    history: &mut History,
    earlier: Option<&Standing>,
    verdict: impl Fn(ObjectId) -> Result<Option<UntrustedCommit>>,
) -> Result<Option<Standing>> {
    let mut tainted = earlier.map_or_else(BTreeMap::new, |earlier| earlier.tainted.clone());
    // What was walked and has no child yet that was.
    let mut tips: BTreeSet<ObjectId> = earlier.map(|earlier| earlier.head).into_iter().collect();
    for id in history.new_commits(objects, head)? {
        let commit = objects.commit(id)?;
        let parents = branch.parents(objects, &commit)?;
        for parent in &parents {
            tips.remove(parent);
        }
        tips.insert(id);
        match verdict(id)? {
            Some(untrusted) => {
                let taint = Taint {
                    id,
                    commit: Arc::new(untrusted),
                };
                for path in brought(objects, branch, &commit, &parents)? {
                    tainted.entry(path).or_default().push(taint.clone());
                }
            }
            None if !tainted.is_empty() => {
                let mut paths = brought(objects, branch, &commit, &parents)?;
                paths.retain(|path| tainted.contains_key(path));
                if paths.is_empty() {
                    continue;
                }
                // The only tip has everything before it.
                let before = match tips.len() {
                    1 => None,
                    _ => Some(history.before(objects, vec![id])?),
                };
                for path in paths {
                    let left = tainted.entry(path.clone()).or_default();
                    left.retain(|taint| before.as_ref().is_some_and(|b| !b.contains(&taint.id)));
                    if left.is_empty() {
                        tainted.remove(&path);
                    }
                }
            }
            None => {}
        }
    }
    let only = tips.iter().all(|tip| *tip == head);
    Ok(only.then_some(Standing { head, tainted }))
}

/// The files that a commit has otherwise than one of its parents.
fn brought(
    objects: &Objects,
    branch: Branch,
    commit: &Commit,
    parents: &[ObjectId],
) -> Result<BTreeSet<String>> {
    let mut before = Vec::new();
    for parent in parents {
        before.push(objects.commit(*parent)?.tree);
    }
    if before.is_empty() {
        before.push(EMPTY_TREE);
    }
    let mut paths = BTreeSet::new();
    for tree in before {
        let changes = trees::diff(objects, tree, commit.tree)?;
        let paths_of = changes.into_iter().map(|change| change.path);
        paths.extend(paths_of.filter(|path| path.starts_with(branch.folder())));
    }
    Ok(paths)
}
