//! Commits that waited for the remote, made anew upon what it has by then.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use gix::ObjectId;
use gix::objs::Kind;
use orz_core::format::{self, Pointer};
use orz_core::paths;

use super::pending::{Waiting, subject};
use crate::error::{Error, Result};
use crate::objects::{Commit, Staging};
use crate::refs::Move;
use crate::signing::header;
use crate::view::{View, commit_id, object_id};
use crate::{Repo, history, time, trees};

/// The commits of the index, upon the one that the mirror has.
pub(super) fn releases(
    repo: &Repo,
    view: &View,
    staging: &mut Staging,
    commits: &[Commit],
) -> Result<Option<Move>> {
    let (mut tree, mut tip) = (view.releases.tree, view.releases.commit);
    let mut added: BTreeSet<String> = BTreeSet::new();
    let mut made = Vec::new();
    for commit in commits {
        let mut edits = BTreeMap::new();
        for change in changes(view, commit)? {
            // The first writer wins, as at any publish.
            if let Some(after) = change.after
                && trees::lookup(&view.objects, view.releases.tree, &change.path)?.is_none()
                && added.insert(change.path.clone())
            {
                edits.insert(change.path, Some(after.id));
            }
        }
        made.push((commit, edits));
    }
    let entries = added
        .iter()
        .filter_map(|path| paths::parse_index_entry(path));
    let releases: BTreeSet<ObjectId> = entries.map(|(.., id)| object_id(id.as_str())).collect();
    for (commit, edits) in made {
        // Of a large publish, the last commit has the files of all, and those before it keep their releases.
        let keeps = commit
            .parents
            .iter()
            .skip(1)
            .any(|id| releases.contains(id));
        if edits.is_empty() && !keeps {
            continue;
        }
        tree = trees::edit(&view.objects, staging, tree, &edits)?;
        tip = commit_again(repo, view, staging, commit, tree, tip)?;
    }
    Ok((tip != view.releases.commit).then_some(Move {
        name: paths::RELEASES.into(),
        old: Some(view.releases.commit),
        new: tip,
    }))
}

/// The commits of the pointers, upon the ones that the mirror has.
pub(super) fn main(
    repo: &Repo,
    view: &View,
    staging: &mut Staging,
    waiting: &Waiting,
) -> Result<Option<Move>> {
    let (mut tree, mut tip) = (view.main.tree, view.main.commit);
    let mut made: BTreeMap<String, Option<ObjectId>> = BTreeMap::new();
    for commit in &waiting.main {
        let mut edits = BTreeMap::new();
        for change in changes(view, commit)? {
            let stands = match made.get(&change.path) {
                Some(id) => *id,
                None => trees::lookup(&view.objects, view.main.tree, &change.path)?.map(|e| e.id),
            };
            let before = change.before.map(|entry| entry.id);
            let after = change.after.map(|entry| entry.id);
            if stands == after {
                continue;
            }
            if stands != before {
                return Err(conflict(view, commit, &change.path));
            }
            if let Some(after) = after {
                refuse_lost(view, waiting, commit, &change.path, after)?;
            }
            made.insert(change.path.clone(), after);
            edits.insert(change.path, after);
        }
        if edits.is_empty() {
            continue;
        }
        tree = trees::edit(&view.objects, staging, tree, &edits)?;
        tip = commit_again(repo, view, staging, commit, tree, tip)?;
    }
    Ok((tip != view.main.commit).then_some(Move {
        name: paths::MAIN.into(),
        old: Some(view.main.commit),
        new: tip,
    }))
}

fn changes(view: &View, commit: &Commit) -> Result<Vec<trees::Change>> {
    let before = match commit.parents.first() {
        Some(parent) => view.objects.commit(*parent)?.tree,
        None => crate::objects::EMPTY_TREE,
    };
    trees::diff(&view.objects, before, commit.tree)
}

/// The same commit with another tree and another first parent: everything else is kept to the byte.
fn commit_again(
    repo: &Repo,
    view: &View,
    staging: &mut Staging,
    commit: &Commit,
    tree: ObjectId,
    parent: ObjectId,
) -> Result<ObjectId> {
    let bytes = view.objects.read(commit.id, Kind::Commit)?;
    let same = commit.tree == tree && commit.parents.first() == Some(&parent);
    if same && (header::signed(&bytes).is_some() || !repo.signs()?) {
        // Nobody was there in the meantime: it stays what it is, with its signature.
        return Ok(staging.put(Kind::Commit, bytes));
    }
    let mut headers = format!("tree {tree}\nparent {parent}\n");
    for other in commit.parents.iter().skip(1) {
        writeln!(headers, "parent {other}").expect("writing to a String cannot fail");
    }
    let mut out = headers.into_bytes();
    let mut rest = bytes.as_slice();
    while rest.starts_with(b"tree ") || rest.starts_with(b"parent ") {
        let end = rest.iter().position(|byte| *byte == b'\n');
        rest = end.map_or(&[], |end| &rest[end + 1..]);
    }
    out.extend_from_slice(rest);
    // A signature was over the commit as it was: whoever sends it signs it anew.
    let unsigned = header::without_signature(&out);
    if repo.signs()? {
        out = repo.signed(unsigned)?;
    } else if unsigned != out {
        return Err(Error::PendingSigned {
            subject: subject(commit),
        });
    }
    Ok(staging.put(Kind::Commit, out))
}

/// Refuses a pointer to a release that is no longer on the index.
fn refuse_lost(
    view: &View,
    waiting: &Waiting,
    commit: &Commit,
    path: &str,
    blob: ObjectId,
) -> Result<()> {
    if paths::parse_pointer(path).is_none() {
        return Ok(());
    }
    let Ok(pointer) = format::from_bytes::<Pointer>(&view.objects.blob(blob)?) else {
        return Ok(());
    };
    let sent = object_id(pointer.release.as_str());
    let with_it = |index: &Commit| index.parents.contains(&sent);
    let indexed = view
        .entry(&pointer.tenant, pointer.part, &pointer.release)?
        .is_some();
    if indexed || waiting.releases.iter().any(with_it) {
        return Ok(());
    }
    Err(Error::PendingLost {
        subject: subject(commit),
        release: pointer.release,
    })
}

/// The error that names who was there first.
fn conflict(view: &View, commit: &Commit, path: &str) -> Error {
    let subject = subject(commit);
    match history::last_change(view, path) {
        Ok(Some(other)) => Error::PendingConflict {
            subject,
            path: path.to_owned(),
            by: history::actor_of(&other),
            at: time::format(other.seconds),
            commit: commit_id(other.id),
        },
        Ok(None) => Error::PendingConflict {
            subject,
            path: path.to_owned(),
            by: "somebody".to_owned(),
            at: time::format(
                view.objects
                    .commit(view.main.commit)
                    .map_or(0, |c| c.seconds),
            ),
            commit: commit_id(view.main.commit),
        },
        Err(error) => error,
    }
}
