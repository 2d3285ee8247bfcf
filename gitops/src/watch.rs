//! What somebody who follows the branches asks again and again.

use std::collections::BTreeSet;
use std::path::PathBuf;

use orz_core::format::{self, Claim, ClaimState};
use orz_core::id::{CommitId, Part, TenantName};
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

    /// The files of which one changes when `main` or `releases` moves; they come and go.
    pub fn branch_files(&self) -> BTreeSet<PathBuf> {
        let folder = std::path::absolute(self.common_dir());
        let folder = folder.unwrap_or_else(|_| self.common_dir().to_owned());
        ["packed-refs", paths::MAIN, paths::RELEASES]
            .iter()
            .map(|name| folder.join(name))
            .collect()
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

    /// The parts that are giving up a claim which was not given up, or not theirs, in an earlier view; without one,
    /// all that give up something. A claim that cannot be read is nobody's; `verify` finds it.
    ///
    /// The cost depends on what changed, not on how many claims there are.
    pub fn releasing_since(&self, earlier: Option<&View>) -> Result<BTreeSet<(TenantName, Part)>> {
        let mut blobs = Vec::new();
        match earlier {
            None => {
                let all = trees::files_below(&self.objects, self.main.tree, paths::CLAIMS)?;
                blobs.extend(all.into_iter().map(|(_, entry)| entry.id));
            }
            Some(earlier) => {
                let below = format!("{}/", paths::CLAIMS);
                for change in trees::diff(&self.objects, earlier.main.tree, self.main.tree)? {
                    if change.path.starts_with(&below) {
                        blobs.extend(change.after.map(|entry| entry.id));
                    }
                }
            }
        }
        let mut parts = BTreeSet::new();
        for blob in blobs {
            if let Ok(bytes) = self.objects.blob(blob)
                && let Ok(claim) = format::from_bytes::<Claim>(&bytes)
                && claim.state == ClaimState::Releasing
            {
                parts.insert((claim.tenant, claim.part));
            }
        }
        Ok(parts)
    }

    /// The file at the path of a pointer; `None` when there is none.
    pub fn pointer_at(&self, path: &str) -> Result<Option<PointerFile>> {
        match trees::lookup(&self.objects, self.main.tree, path)? {
            Some(entry) => self.pointer_file(path.to_owned(), &entry).map(Some),
            None => Ok(None),
        }
    }
}
