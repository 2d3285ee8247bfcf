//! Publishing status.

use std::collections::BTreeMap;

use gix::ObjectId;
use gix::objs::Kind;
use orz_core::format::{self, Status};
use orz_core::id::ClusterName;
use orz_core::paths;

use crate::commit::{self, Ident};
use crate::error::{Error, Result};
use crate::objects::{EMPTY_TREE, Entry, Mode, Objects, Staging, id_of};
use crate::refs::{self, Advance, Move};
use crate::transaction::pause;
use crate::{Repo, Request, pack, trees};

/// Who stands in the commits of status.
const WRITER: &str = "orz-reconciler";

impl Repo {
    /// Replaces what one shard of a cluster's reconcilers publishes by these statuses, at `now` (RFC 3339 in UTC).
    ///
    /// One commit without parents, put in place by compare-and-swap. What says the same as before writes nothing,
    /// and of what changes only the changed files are new.
    pub fn write_status(
        &self,
        cluster: &ClusterName,
        shard: u32,
        statuses: &[Status],
        now: &str,
    ) -> Result<()> {
        let ident = Ident::of(&Request {
            reason: None,
            actor: WRITER,
            request_id: None,
            now: now.to_owned(),
        })?;
        let files = files(cluster, statuses)?;
        let name = paths::status_ref(cluster, shard);
        self.begin_write()?;
        let mut staging = Staging::default();
        let mut packs = pack::Kept::new(&self.objects_dir());
        for attempt in 1..=self.attempts {
            let turn = self.turn()?;
            staging.next_attempt();
            let fresh = crate::open::reopen(&self.gix)?;
            let old = refs::read(&fresh, &name)?;
            let objects = Objects::new(fresh);
            let standing = standing(&objects, old);
            let ours = standing.is_some();
            let (base, stand) = standing.unwrap_or((EMPTY_TREE, BTreeMap::new()));
            let edits = edits(&mut staging, &files, &stand);
            if ours && edits.is_empty() {
                packs.release();
                return Ok(());
            }
            let tree = trees::edit(&objects, &mut staging, base, &edits)?;
            let message = format!("status {cluster}/{shard}\n");
            let bytes = commit::bytes(tree, &[], &ident, &message);
            let moves = [Move {
                name: name.clone().into(),
                old,
                new: staging.put(Kind::Commit, bytes),
            }];
            packs.write(&staging.take())?;
            #[cfg(test)]
            if let Some(hook) = &self.before_refs {
                hook(attempt);
            }
            if refs::advance(self, &moves, &ident)? == Advance::Done {
                packs.release();
                pack::fold(self);
                return Ok(());
            }
            drop(turn);
            pause(attempt, self.remote.is_some());
        }
        Err(self.contended(self.attempts))
    }
}

/// The tree that stands at the reference with its files; `None` where nothing stands that we could have written.
fn standing(
    objects: &Objects,
    old: Option<ObjectId>,
) -> Option<(ObjectId, BTreeMap<String, Entry>)> {
    let commit = objects.commit(old?).ok()?;
    let files = trees::files_below(objects, commit.tree, "").ok()?;
    let files = files.into_iter().collect();
    commit.parents.is_empty().then_some((commit.tree, files))
}

/// What has to change for these files to be all that stands.
fn edits<'a>(
    staging: &mut Staging<'a>,
    files: &'a BTreeMap<String, Vec<u8>>,
    stand: &BTreeMap<String, Entry>,
) -> BTreeMap<String, Option<ObjectId>> {
    let gone = stand.keys().filter(|path| !files.contains_key(*path));
    let mut edits: BTreeMap<_, _> = gone.map(|path| (path.clone(), None)).collect();
    for (path, bytes) in files {
        let blob = id_of(Kind::Blob, bytes);
        let same = |entry: &Entry| entry.mode == Mode::File && entry.id == blob;
        if !stand.get(path).is_some_and(same) {
            staging.put_known(blob, Kind::Blob, bytes);
            edits.insert(path.clone(), Some(blob));
        }
    }
    edits
}

fn files(cluster: &ClusterName, statuses: &[Status]) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for status in statuses {
        let bad = |message: String| Error::BadStatus {
            tenant: status.tenant.clone(),
            part: status.part,
            message,
        };
        if status.cluster != *cluster {
            let message = format!(
                "it speaks of cluster `{}`, not of `{cluster}`",
                status.cluster
            );
            return Err(bad(message));
        }
        let path = paths::status(&status.tenant, status.part);
        if files.insert(path, format::to_bytes(status)).is_some() {
            return Err(bad("it was given twice".to_owned()));
        }
    }
    Ok(files)
}
