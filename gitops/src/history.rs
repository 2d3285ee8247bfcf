//! History: the log of a pointer's file on `main`. Nothing counts generations; the commits are the record.

use std::collections::{BTreeMap, BTreeSet};

use gix::ObjectId;
use orz_core::format::{Action, Cause, Hold, Pointer, StateKind, Trailers};
use orz_core::id::{ClusterName, CommitId, Part, ReleaseId, TenantName};
use orz_core::paths;

use crate::error::Result;
use crate::objects::{Commit, Entry, Mode};
use crate::view::{View, commit_id, parse_pointer};
use crate::{Repo, time, trees};

/// One change of one pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryItem {
    /// The commit on `main`.
    pub commit: CommitId,
    /// When it was committed, RFC 3339 in UTC.
    pub time: String,
    /// The cluster that follows the pointer.
    pub cluster: ClusterName,
    /// The tenant.
    pub tenant: TenantName,
    /// The part.
    pub part: Part,
    /// The release that was live before; `None` if there was no readable pointer.
    pub from: Option<ReleaseId>,
    /// The release that was live after it; `None` if the pointer went or became unreadable.
    pub to: Option<ReleaseId>,
    /// The hold that stood after it.
    pub hold: Option<Hold>,
    /// The state that stood after it; `None` if there was no readable pointer.
    pub state: Option<StateKind>,
    /// What orz did; `None`: by plain Git, such as `git revert`.
    pub action: Option<Action>,
    /// Whether the reconciler did it by itself.
    pub automatic: bool,
    /// What made the reconciler move the pointer.
    pub cause: Option<Cause>,
    /// Why.
    pub reason: Option<String>,
    /// Who: the actor of the request, or else the author of the commit.
    pub actor: String,
    /// The caller's id of the request.
    pub request_id: Option<String>,
}

/// The commit that made a file of `main` what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastChange {
    /// The commit.
    pub commit: CommitId,
    /// When it was committed, RFC 3339 in UTC.
    pub time: String,
    /// Who: the actor of the request, or else the author of the commit.
    pub actor: String,
    /// The first line of its message.
    pub subject: String,
}

impl LastChange {
    fn of(commit: &Commit) -> Self {
        Self {
            commit: commit_id(commit.id),
            time: time::format(commit.seconds),
            actor: actor_of(commit),
            subject: commit.message.lines().next().unwrap_or_default().to_owned(),
        }
    }
}

impl View {
    /// The newest commit that changed a file of `main`, whatever the file holds; `None` if it was never there.
    ///
    /// Walks back to that commit, so this is for the few files that somebody has to look at.
    pub fn last_change(&self, path: &str) -> Result<Option<LastChange>> {
        let found = last_change(self, path)?;
        Ok(found.as_ref().map(LastChange::of))
    }
}

impl Repo {
    /// Every change of a tenant's pointers, newest first; of one part, or of all.
    pub fn history(&self, tenant: &TenantName, part: Option<Part>) -> Result<Vec<HistoryItem>> {
        of_tenant(&self.view()?, tenant, part)
    }
}

/// Like [`Repo::history`], at the heads of a view.
pub(crate) fn of_tenant(
    view: &View,
    tenant: &TenantName,
    part: Option<Part>,
) -> Result<Vec<HistoryItem>> {
    let mut items = Vec::new();
    let parts = [Part::Tenancy, Part::Data, Part::Work, Part::Platform];
    for cluster in clusters(view)? {
        for part in parts
            .into_iter()
            .filter(|p| part.is_none_or(|part| part == *p))
        {
            items.extend(of_pointer(view, &cluster, tenant, part)?);
        }
    }
    if items
        .iter()
        .any(|item| item.cluster != items[0].cluster || item.part != items[0].part)
    {
        let order = order(view)?;
        items.sort_by_key(|item| order.get(&item.commit).copied());
    }
    Ok(items)
}

/// Every change of one pointer, newest first.
pub(crate) fn of_pointer(
    view: &View,
    cluster: &ClusterName,
    tenant: &TenantName,
    part: Part,
) -> Result<Vec<HistoryItem>> {
    let path = paths::pointer(cluster, tenant, part);
    let mut items = Vec::new();
    let mut walk = Walk::new(view, &path)?;
    while let Some(change) = walk.next()? {
        let trailers = Trailers::parse(&change.commit.message);
        let (before, after) = (
            pointer_of(view, &path, change.before.as_ref())?,
            pointer_of(view, &path, change.after.as_ref())?,
        );
        items.push(HistoryItem {
            commit: commit_id(change.commit.id),
            time: time::format(change.commit.seconds),
            cluster: cluster.clone(),
            tenant: tenant.clone(),
            part,
            from: before.map(|pointer| pointer.release),
            to: after.as_ref().map(|pointer| pointer.release.clone()),
            state: after.as_ref().map(|pointer| pointer.state.kind),
            hold: after.and_then(|pointer| pointer.hold),
            action: trailers.action,
            automatic: trailers.action.is_some_and(Action::is_automatic),
            cause: trailers.cause,
            reason: trailers.reason.clone(),
            actor: actor_of(&change.commit),
            request_id: trailers.request_id,
        });
    }
    Ok(items)
}

/// The commit that made `newest` the newest source of the pointer at `path`, or the source of what is live there;
/// `None` if its history is cut off.
pub(crate) fn made_newest(
    view: &View,
    path: &str,
    newest: &CommitId,
) -> Result<Option<LastChange>> {
    let is_named = |entry: Option<&Entry>| -> Result<bool> {
        let pointer = pointer_of(view, path, entry)?;
        let named = |pointer: Pointer| [pointer.newest_source, pointer.source.commit];
        Ok(pointer.is_some_and(|pointer| named(pointer).contains(&Some(newest.clone()))))
    };
    let mut walk = Walk::new(view, path)?;
    // A hold and the like change the pointer, and not its source.
    while let Some(change) = walk.next()? {
        if is_named(change.after.as_ref())? && !is_named(change.before.as_ref())? {
            return Ok(Some(LastChange::of(&change.commit)));
        }
    }
    Ok(None)
}

fn pointer_of(view: &View, path: &str, entry: Option<&Entry>) -> Result<Option<Pointer>> {
    let Some(entry) = entry.filter(|entry| entry.mode == Mode::File) else {
        return Ok(None);
    };
    let bytes = view.objects.blob(entry.id)?;
    Ok(parse_pointer(path.to_owned(), Ok(&bytes), entry.id)
        .valid()
        .map(|stored| stored.pointer.clone()))
}

impl HistoryItem {
    /// Whether the pointer named another release after it than before.
    pub(crate) fn moved(&self) -> bool {
        self.from != self.to
    }
}

/// What the changes of a pointer mean, oldest first: which were rollbacks.
///
/// A plain `git revert` counts like our own rollback: it goes back to what was live before, and says the same
/// about the release it leaves.
pub(crate) fn rollbacks(newest_first: &[HistoryItem]) -> Vec<(&HistoryItem, bool)> {
    let mut live_before = BTreeSet::new();
    let mut told = Vec::new();
    for item in newest_first.iter().rev() {
        let back = item.moved() && item.to.as_ref().is_some_and(|to| live_before.contains(to));
        let rollback = match item.action {
            Some(Action::Rollback | Action::AutoRollback) => item.moved(),
            None => back,
            Some(_) => false,
        };
        told.push((item, rollback));
        live_before.extend(item.to.as_ref());
    }
    told
}

/// The releases that a rollback left, and that nobody has activated again since.
pub(crate) fn left_by_rollback(newest_first: &[HistoryItem]) -> BTreeSet<ReleaseId> {
    let mut left = BTreeSet::new();
    for (item, rollback) in rollbacks(newest_first) {
        if rollback {
            left.extend(item.from.clone());
        } else if let (true, Some(to)) = (item.moved(), &item.to) {
            left.remove(to);
        }
    }
    left
}

/// The newest commit on `main` that changed the file at `path`.
pub(crate) fn last_change(view: &View, path: &str) -> Result<Option<Commit>> {
    Ok(Walk::new(view, path)?.next()?.map(|change| change.commit))
}

/// Who is behind a commit: the actor it names, or else its author.
pub(crate) fn actor_of(commit: &Commit) -> String {
    Trailers::parse(&commit.message)
        .actor
        .unwrap_or_else(|| commit.author.clone())
}

struct Change {
    commit: Commit,
    before: Option<Entry>,
    after: Option<Entry>,
}

/// Follows one file backwards as `git log` does: past every parent that has it unchanged.
struct Walk<'v> {
    view: &'v View,
    path: String,
    next: Option<(Commit, Option<Entry>)>,
}

impl<'v> Walk<'v> {
    fn new(view: &'v View, path: &str) -> Result<Self> {
        let head = view.objects.commit(view.main.commit)?;
        let entry = trees::lookup(&view.objects, head.tree, path)?;
        Ok(Self {
            view,
            path: path.to_owned(),
            next: Some((head, entry)),
        })
    }

    fn next(&mut self) -> Result<Option<Change>> {
        while let Some((commit, after)) = self.next.take() {
            let mut first = None;
            let mut same = None;
            for parent in &commit.parents {
                let parent = self.view.objects.commit(*parent)?;
                // Most commits do not touch the pointers' neighbourhood: equal roots need no look.
                let before = if parent.tree == commit.tree {
                    after.clone()
                } else {
                    trees::lookup(&self.view.objects, parent.tree, &self.path)?
                };
                if before == after {
                    same = Some((parent, before));
                    break;
                }
                first.get_or_insert((parent, before));
            }
            if same.is_some() {
                self.next = same;
                continue;
            }
            let before = first.as_ref().and_then(|(_, before)| before.clone());
            self.next = first;
            if before != after {
                return Ok(Some(Change {
                    commit,
                    before,
                    after,
                }));
            }
        }
        Ok(None)
    }
}

/// Every cluster with a folder of pointers at the head.
fn clusters(view: &View) -> Result<Vec<ClusterName>> {
    let Some(folder) = trees::lookup(&view.objects, view.main.tree, paths::POINTERS)? else {
        return Ok(Vec::new());
    };
    if folder.mode != Mode::Tree {
        return Ok(Vec::new());
    }
    Ok(view
        .objects
        .tree(folder.id)?
        .iter()
        .filter_map(|entry| std::str::from_utf8(&entry.name).ok()?.parse().ok())
        .collect())
}

/// The place of every commit of `main` in an order in which children come before their parents,
/// so that changes of several files by commits of the same second keep their order.
fn order(view: &View) -> Result<BTreeMap<CommitId, usize>> {
    let mut commits: BTreeMap<ObjectId, (i64, Vec<ObjectId>)> = BTreeMap::new();
    let mut children: BTreeMap<ObjectId, usize> = BTreeMap::new();
    let mut queue = vec![view.main.commit];
    while let Some(id) = queue.pop() {
        if commits.contains_key(&id) {
            continue;
        }
        let commit = view.objects.commit(id)?;
        for parent in &commit.parents {
            *children.entry(*parent).or_default() += 1;
            queue.push(*parent);
        }
        commits.insert(id, (commit.seconds, commit.parents));
    }
    let mut ready = BTreeSet::from([(commits[&view.main.commit].0, view.main.commit)]);
    let mut order = BTreeMap::new();
    while let Some((_, id)) = ready.pop_last() {
        order.insert(commit_id(id), order.len());
        for parent in &commits[&id].1 {
            let left = children.get_mut(parent).expect("every parent was counted");
            *left -= 1;
            if *left == 0 {
                ready.insert((commits[parent].0, *parent));
            }
        }
    }
    Ok(order)
}
