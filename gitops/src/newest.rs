//! Which release of a part was published last.

use orz_core::id::{Part, ReleaseId, TenantName};
use orz_core::paths;

use crate::error::Result;
use crate::objects::Commit;
use crate::trees;
use crate::view::View;

impl View {
    /// The release of a part that came onto the index last; `None` if there never was one.
    ///
    /// The index keeps no order of its own, so its first-parent history is walked back to the commit that
    /// last added to the part. Should that have brought several (for several clusters), the greatest id is
    /// taken, so that the answer is one.
    pub fn newest(&self, tenant: &TenantName, part: Part) -> Result<Option<ReleaseId>> {
        let folder = paths::index_folder(tenant, part);
        let mut commit = self.objects.commit(self.releases.commit)?;
        let mut entry = trees::lookup(&self.objects, commit.tree, &folder)?;
        while entry.is_some() {
            let parent = commit.parents.first();
            let before = parent.map(|id| self.objects.commit(*id)).transpose()?;
            let older = match &before {
                Some(before) if before.tree == commit.tree => entry.clone(),
                Some(before) => trees::lookup(&self.objects, before.tree, &folder)?,
                None => None,
            };
            if older != entry
                && let Some(release) = self.added(&commit, before.as_ref(), &folder)?
            {
                return Ok(Some(release));
            }
            let Some(before) = before else { break };
            (commit, entry) = (before, older);
        }
        Ok(None)
    }

    /// The greatest release that stands in `folder` at `after` and not at `before`.
    fn added(
        &self,
        after: &Commit,
        before: Option<&Commit>,
        folder: &str,
    ) -> Result<Option<ReleaseId>> {
        let old = match before {
            Some(before) => trees::files_below(&self.objects, before.tree, folder)?,
            None => Vec::new(),
        };
        let new = trees::files_below(&self.objects, after.tree, folder)?;
        let added = new
            .iter()
            .filter(|(path, _)| !old.iter().any(|(known, _)| known == path));
        Ok(added
            .filter_map(|(path, _)| paths::parse_index_entry(path))
            .map(|(_, _, release)| release)
            .max())
    }
}
