//! What happened to the pointers of a cluster lately, from the log of `main`.

use std::time::Duration;

use gix::ObjectId;
use orz_core::format::{Action, Trailers};
use orz_core::id::{ClusterName, Part, ReleaseId, TenantName};
use orz_core::paths;

use crate::error::Result;
use crate::objects::{Entry, Mode};
use crate::view::{View, parse_pointer};
use crate::{time, trees};

/// Clocks of writers differ: a walk ends after so many commits in a row that are too old.
const OLD_IN_A_ROW: usize = 50;

/// What happened to the pointers of a cluster within some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    /// Every pointer that moved to another release, the newest first.
    pub moves: Vec<RecentMove>,
    /// How long ago a person lifted the brake last, if that was within the time.
    pub resumed: Option<Duration>,
}

/// A pointer that moved to another release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentMove {
    /// The tenant.
    pub tenant: TenantName,
    /// The part.
    pub part: Part,
    /// The release before; `None` where there was none.
    pub from: Option<ReleaseId>,
    /// The release after.
    pub to: ReleaseId,
    /// Whether it was taken back automatically.
    pub automatic: bool,
    /// Whether a person lifted the brake after it.
    pub lifted: bool,
    /// How long ago; zero for what a clock that is ahead dates into the future.
    pub age: Duration,
}

impl View {
    /// What happened on `main` in the `window` before `now` (RFC 3339 in UTC).
    ///
    /// The cost depends on what happened in that time, not on how many pointers there are.
    pub fn recent(&self, cluster: &ClusterName, now: &str, window: Duration) -> Result<Recent> {
        let now = time::parse(now)?;
        let mut recent = Recent::default();
        let mut next = Some(self.objects.commit(self.main.commit)?);
        let mut old = 0;
        while let Some(commit) = next.take() {
            let age = Duration::from_secs(u64::try_from(now - commit.seconds).unwrap_or_default());
            let Some(parent) = commit.parents.first() else {
                break;
            };
            let parent = self.objects.commit(*parent)?;
            if age > window {
                old += 1;
                if old >= OLD_IN_A_ROW {
                    break;
                }
            } else {
                old = 0;
                let action = Trailers::parse(&commit.message).action;
                self.take_in(
                    &mut recent,
                    cluster,
                    (parent.tree, commit.tree),
                    action,
                    age,
                )?;
            }
            next = Some(parent);
        }
        Ok(recent)
    }

    fn take_in(
        &self,
        recent: &mut Recent,
        cluster: &ClusterName,
        (before, after): (ObjectId, ObjectId),
        action: Option<Action>,
        age: Duration,
    ) -> Result<()> {
        for change in trees::diff(&self.objects, before, after)? {
            if change.path == paths::brake(cluster) && change.after.is_none() {
                recent.resumed.get_or_insert(age);
            }
            let Some((of, tenant, part)) = paths::parse_pointer(&change.path) else {
                continue;
            };
            let from = self.release_in(&change.path, change.before.as_ref())?;
            let to = self.release_in(&change.path, change.after.as_ref())?;
            if let Some(to) = to
                && of == *cluster
                && from.as_ref() != Some(&to)
            {
                recent.moves.push(RecentMove {
                    tenant,
                    part,
                    from,
                    to,
                    automatic: action == Some(Action::AutoRollback),
                    lifted: recent.resumed.is_some(),
                    age,
                });
            }
        }
        Ok(())
    }

    fn release_in(&self, path: &str, entry: Option<&Entry>) -> Result<Option<ReleaseId>> {
        let Some(entry) = entry.filter(|entry| entry.mode == Mode::File) else {
            return Ok(None);
        };
        let bytes = self.objects.blob(entry.id)?;
        let file = parse_pointer(path.to_owned(), Ok(&bytes), entry.id);
        Ok(file.valid().map(|stored| stored.pointer.release.clone()))
    }
}
