//! What somebody who follows the branches asks again and again.

use std::collections::BTreeSet;

use orz_core::id::CommitId;
use orz_core::paths;

use crate::error::Result;
use crate::view::{PointerFile, View, commit_id};
use crate::{Repo, trees};

impl Repo {
    /// Where `main` and `releases` stand; nothing else is read.
    pub fn heads(&self) -> Result<(CommitId, CommitId)> {
        let head = |name, branch| self.head(name, branch).map(commit_id);
        Ok((
            head(paths::MAIN, "main")?,
            head(paths::RELEASES, "releases")?,
        ))
    }
}

impl View {
    /// The paths of the pointer files that are not what they were in an earlier view, the vanished ones included.
    /// The cost depends on what changed, not on how many pointers there are.
    pub fn pointers_changed_since(&self, earlier: &View) -> Result<BTreeSet<String>> {
        let changes = trees::diff(&self.objects, earlier.main.tree, self.main.tree)?;
        let below = format!("{}/", paths::POINTERS);
        Ok(changes
            .into_iter()
            .map(|change| change.path)
            .filter(|path| path.starts_with(&below))
            .collect())
    }

    /// The file at the path of a pointer; `None` when there is none.
    pub fn pointer_at(&self, path: &str) -> Result<Option<PointerFile>> {
        match trees::lookup(&self.objects, self.main.tree, path)? {
            Some(entry) => self.pointer_file(path.to_owned(), &entry).map(Some),
            None => Ok(None),
        }
    }
}
