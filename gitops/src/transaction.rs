//! The one way this package writes: compose at fixed heads, write one pack, move the branches by
//! compare-and-swap, and begin again on the new heads when somebody was faster.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hasher as _, RandomState};
use std::time::{Duration, Instant};

use gix::ObjectId;
use gix::objs::Kind;
use orz_core::id::CommitId;
use orz_core::paths;

use crate::commit::{self, Ident};
use crate::error::Result;
use crate::objects::Staging;
use crate::refs::{self, Advance, Move};
use crate::view::{Head, View, commit_id};
use crate::{Repo, Request, expect, pack, review, trees, worktree};

/// What an operation wants to write on top of the heads of a [`View`].
#[derive(Default)]
pub(crate) struct Draft {
    /// Commits on `releases`, one after the other.
    pub(crate) index: Vec<IndexCommit>,
    /// Files of the one commit on `main`; `None` removes one. Equal files are no change.
    pub(crate) main: BTreeMap<String, Option<Vec<u8>>>,
    /// Message of the commit on `main`.
    pub(crate) main_message: String,
}

/// A commit on `releases`.
pub(crate) struct IndexCommit {
    /// The release commits that it keeps reachable.
    pub(crate) releases: Vec<ObjectId>,
    /// Files that it adds; what stands there already stays as it is, for the first writer wins.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) message: String,
}

/// What was written.
pub(crate) struct Written<T> {
    pub(crate) value: T,
    /// The new head of `releases`, if it moved.
    pub(crate) index_commit: Option<CommitId>,
    /// The new head of `main`, if it moved.
    pub(crate) main_commit: Option<CommitId>,
}

/// The longest pause before another attempt, in milliseconds.
const PAUSE_MAX: u64 = 200;
/// The same where an attempt is a push.
const PAUSE_MAX_REMOTE: u64 = 2_000;
/// So long, others may be faster at a remote.
const PATIENCE: Duration = Duration::from_mins(2);

/// Runs `compose` at the present heads and writes what it drafts, again and again until the branches
/// stood still in between. A draft that changes nothing writes nothing.
pub(crate) fn transact<'a, T>(
    repo: &Repo,
    request: &Request,
    mut compose: impl FnMut(&View, &mut Staging<'a>) -> Result<(T, Draft)>,
) -> Result<Written<T>> {
    let ident = Ident::of(request)?;
    // A key that is named and cannot be found stops everything before the remote is asked.
    repo.signs()?;
    repo.begin_write()?;
    let began = Instant::now();
    let mut staging = Staging::default();
    let mut packs = pack::Kept::new(&repo.objects_dir());
    for attempt in 1..=repo.attempts {
        let turn = repo.turn()?;
        staging.next_attempt();
        let view = repo.view()?;
        expect::refuse(&view, &repo.beliefs)?;
        let (value, draft) = compose(&view, &mut staging)?;
        let sealed = seal(repo, &view, &mut staging, draft, &ident)?;
        if sealed.moves.is_empty() {
            packs.release();
            return Ok(Written {
                value,
                index_commit: None,
                main_commit: None,
            });
        }
        worktree::refuse_dirty(repo, &sealed.moves, &sealed.changed)?;
        packs.write(&staging.take())?;
        #[cfg(test)]
        if let Some(hook) = &repo.before_refs {
            hook(attempt);
        }
        if refs::advance(repo, &sealed.moves, &ident)? == Advance::Done {
            packs.release();
            worktree::follow(repo, &sealed.moves)?;
            pack::fold(repo);
            let head = |of_index: bool| {
                sealed
                    .moves
                    .iter()
                    .find(|m| (m.name == paths::RELEASES) == of_index)
                    .map(|m| commit_id(m.new))
            };
            return Ok(Written {
                value,
                index_commit: head(true),
                main_commit: head(false),
            });
        }
        drop(turn);
        if repo.remote.is_some() && began.elapsed() > PATIENCE {
            return Err(repo.contended(attempt));
        }
        pause(attempt, repo.remote.is_some());
    }
    Err(repo.contended(repo.attempts))
}

struct Sealed {
    /// `releases` before `main`.
    moves: Vec<Move>,
    /// The files that change, by branch.
    changed: Vec<(&'static str, BTreeSet<String>)>,
}

fn seal(
    repo: &Repo,
    view: &View,
    staging: &mut Staging,
    draft: Draft,
    ident: &Ident,
) -> Result<Sealed> {
    let mut sealed = Sealed {
        moves: Vec::new(),
        changed: Vec::new(),
    };

    let mut head = view.releases;
    let mut added = BTreeSet::new();
    for IndexCommit {
        releases,
        files,
        message,
    } in draft.index
    {
        let mut edits = BTreeMap::new();
        for (path, bytes) in files {
            if trees::lookup(&view.objects, view.releases.tree, &path)?.is_none() {
                added.insert(path.clone());
                edits.insert(path, Some(staging.put(Kind::Blob, bytes)));
            }
        }
        let tree = trees::edit(&view.objects, staging, head.tree, &edits)?;
        let mut parents = vec![head.commit];
        parents.extend(releases);
        let bytes = commit::bytes(tree, &parents, ident, &message);
        head = Head {
            commit: staging.put(Kind::Commit, repo.signed(bytes)?),
            tree,
        };
    }
    if head != view.releases {
        sealed.moves.push(Move {
            name: paths::RELEASES.into(),
            old: Some(view.releases.commit),
            new: head.commit,
        });
        sealed.changed.push((paths::RELEASES, added));
    }

    let mut edits = BTreeMap::new();
    for (path, bytes) in draft.main {
        let stands = trees::lookup(&view.objects, view.main.tree, &path)?.map(|entry| entry.id);
        let wanted = bytes
            .as_ref()
            .map(|bytes| crate::objects::id_of(Kind::Blob, bytes));
        if stands != wanted {
            edits.insert(path, bytes.map(|bytes| staging.put(Kind::Blob, bytes)));
        }
    }
    if !edits.is_empty() {
        let tree = trees::edit(&view.objects, staging, view.main.tree, &edits)?;
        let bytes = commit::bytes(tree, &[view.main.commit], ident, &draft.main_message);
        let new = staging.put(Kind::Commit, repo.signed(bytes)?);
        let moved = match &repo.review {
            // Made for review and new: whoever merges it moves `main`.
            Some(branch) => review::fresh(repo, branch, new)?,
            None => Move {
                name: paths::MAIN.into(),
                old: Some(view.main.commit),
                new,
            },
        };
        sealed.moves.push(moved);
        sealed
            .changed
            .push((paths::MAIN, edits.into_keys().collect()));
    }
    Ok(sealed)
}

/// A random pause, so that two who lost to each other do not lose again in step.
pub(crate) fn pause(attempt: u32, remote: bool) {
    let longest = if remote { PAUSE_MAX_REMOTE } else { PAUSE_MAX };
    let most = (2u64 << attempt.min(10)).min(longest);
    let random = RandomState::new().build_hasher().finish();
    std::thread::sleep(Duration::from_millis(random % most));
}
