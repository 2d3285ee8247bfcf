//! Commits that were made without the remote, and their way to it.
//!
//! They stand on references of the cache that no fetch touches, beside the heads they were made upon. On their way
//! they are made anew upon what the remote has by then: each file must still be what it was when the commit was made,
//! or be already what the commit makes of it. Author, time, message and trailers stay as they were.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use gix::ObjectId;
use gix::objs::Kind;
use orz_core::format::{self, Pointer};
use orz_core::id::CommitId;
use orz_core::paths;

use super::Remote;
use super::fetch::{BRANCHES, is_ancestor};
use crate::commit::Ident;
use crate::error::{Error, Result};
use crate::git::Git;
use crate::objects::{Commit, Objects, Staging};
use crate::refs::{self, Advance, Move};
use crate::signing::header;
use crate::transaction::pause;
use crate::view::{View, commit_id, object_id};
use crate::{Repo, history, pack, time, trees};

/// A commit that the remote does not have yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingCommit {
    /// Its id here. Made anew upon other heads, it has another one.
    pub commit: CommitId,
    /// The branch it is for.
    pub branch: &'static str,
    /// The first line of its message.
    pub subject: String,
    /// Who asked for it.
    pub actor: String,
    /// When it was made, RFC 3339 in UTC.
    pub time: String,
}

/// Where the commits stand.
fn head(name: &str) -> String {
    format!(
        "refs/pending/head/{}",
        name.trim_start_matches("refs/heads/")
    )
}

/// The head of the mirror when the first of them was made.
fn base(name: &str) -> String {
    format!(
        "refs/pending/base/{}",
        name.trim_start_matches("refs/heads/")
    )
}

/// Where the remote's branch stands if what was sent last has landed.
fn sent(name: &str) -> String {
    format!(
        "refs/pending/sent/{}",
        name.trim_start_matches("refs/heads/")
    )
}

/// The last of the commits of which that was made.
fn sent_of(name: &str) -> String {
    format!(
        "refs/pending/sent-of/{}",
        name.trim_start_matches("refs/heads/")
    )
}

const NEVER: &str = "writing to a String cannot fail";

/// Adds to the commands of `git update-ref` that references go, those that there are.
fn delete(commands: &mut String, repo: &Repo, names: &[String]) -> Result<()> {
    for name in names {
        if let Some(old) = refs::read(&repo.gix, name)? {
            write!(commands, "delete {name}\0{old}\0").expect(NEVER);
        }
    }
    Ok(())
}

/// Whether commits may wait in the cache at this folder, which may be broken.
pub(super) fn may_wait(folder: &Path) -> bool {
    let packed = std::fs::read_to_string(folder.join("packed-refs")).unwrap_or_default();
    let loose = folder.join("refs/pending/head");
    packed.contains("refs/pending/head/")
        || std::fs::read_dir(loose).is_ok_and(|mut entries| entries.next().is_some())
}

impl Repo {
    /// The commits that were made offline and are not on the remote yet, oldest first.
    pub fn pending(&self) -> Result<Vec<PendingCommit>> {
        if self.remote.is_none() {
            return Ok(Vec::new());
        }
        let waiting = waiting(self)?;
        let of = |branch: &'static str, commits: &[Commit]| -> Vec<PendingCommit> {
            let shown = commits.iter().map(|commit| PendingCommit {
                commit: commit_id(commit.id),
                branch,
                subject: subject(commit),
                actor: history::actor_of(commit),
                time: time::format(commit.seconds),
            });
            shown.collect()
        };
        let mut all = of("releases", &waiting.releases);
        all.extend(of("main", &waiting.main));
        Ok(all)
    }

    /// Sends the commits that were made offline; the answer is what was sent. Refused, with all of them left where
    /// they are, when somebody changed one of their files on the remote in the meantime.
    pub fn sync(&self) -> Result<Vec<PendingCommit>> {
        let remote = self.the_remote()?;
        if remote.options.offline {
            return Err(Error::NeedsRemote { what: "`sync`" });
        }
        if !remote.is_fresh() {
            remote.fetch()?;
        }
        remote.replay(self)
    }

    /// Gives up the commits that were made offline; the answer is what was given up.
    pub fn discard_pending(&self) -> Result<Vec<PendingCommit>> {
        let remote = self.the_remote()?;
        let _turn = remote.cache.turn()?;
        let pending = self.pending()?;
        remote.forget_pending(self)?;
        Ok(pending)
    }

    /// Where a branch is read: at the commits that wait, when nobody asks the remote.
    pub(crate) fn tip(&self, name: &str) -> Result<Option<ObjectId>> {
        if self.is_offline()
            && let Some(id) = refs::read(&self.gix, &head(name))?
        {
            return Ok(Some(id));
        }
        refs::read(&self.gix, name)
    }
}

/// What waits, oldest first.
struct Waiting {
    releases: Vec<Commit>,
    main: Vec<Commit>,
}

impl Remote {
    /// Moves the heads of what waits, from where the cache stands.
    pub(super) fn keep_pending(&self, moves: &[Move], ident: &Ident) -> Result<Advance> {
        let _turn = self.cache.turn()?;
        let here = self.cache.open()?;
        let mut local = Vec::new();
        for Move { name, old, new } in moves {
            if !BRANCHES.iter().any(|(branch, _)| branch == name) {
                return Err(Error::NeedsRemote {
                    what: "a branch for review",
                });
            }
            let waiting = refs::read(&here.gix, &head(name))?;
            let stands = match waiting {
                Some(waiting) => Some(waiting),
                None => refs::read(&here.gix, name)?,
            };
            if stands != *old {
                return Ok(Advance::Raced);
            }
            if let (None, Some(stands)) = (waiting, stands) {
                // Left behind when a process was killed between the two references.
                let left = refs::read(&here.gix, &base(name))?;
                local.push(Move {
                    name: base(name).into(),
                    old: left,
                    new: stands,
                });
            }
            local.push(Move {
                name: head(name).into(),
                old: waiting,
                new: *new,
            });
        }
        refs::advance(&here, &local, ident)
    }

    /// Sends what waits, made anew upon the mirror.
    pub(super) fn replay(&self, repo: &Repo) -> Result<Vec<PendingCommit>> {
        // The usual case costs one look at a file.
        if !may_wait(self.cache.folder()) {
            return Ok(Vec::new());
        }
        for attempt in 1..=repo.attempts {
            let turn = self.cache.turn()?;
            let pending = repo.pending()?;
            self.settle_sent(repo)?;
            let waiting = waiting(repo)?;
            let view = repo.view()?;
            let mut staging = Staging::default();
            let moves = [
                again_releases(repo, &view, &mut staging, &waiting.releases)?,
                again_main(repo, &view, &mut staging, &waiting)?,
            ];
            let moves: Vec<Move> = moves.into_iter().flatten().collect();
            let mut packs = pack::Kept::new(&repo.objects_dir());
            packs.write(&staging.take())?;
            self.remember_sent(repo, &moves)?;
            if moves.is_empty() || self.push(&moves)? == Advance::Done {
                if let Err(error) = self.forget_pending(repo) {
                    self.note(format!("what waited was sent, and is still kept: {error}"));
                }
                packs.release();
                return Ok(pending);
            }
            drop(turn);
            pause(attempt, true);
        }
        Err(repo.contended(repo.attempts))
    }

    /// What was sent last and is on the remote waits no longer: only the answer was lost, or a process ended before
    /// it could forget. Sent again, it would undo what somebody made of it since.
    fn settle_sent(&self, repo: &Repo) -> Result<()> {
        let mut commands = String::new();
        for (name, _) in BRANCHES {
            let [tip, upto] = [sent(name), sent_of(name)].map(|name| refs::read(&repo.gix, &name));
            let (Some(tip), Some(upto)) = (tip?, upto?) else {
                continue;
            };
            let landed = match refs::read(&repo.gix, name)? {
                Some(now) => is_ancestor(self.cache.folder(), tip, now)?,
                None => false,
            };
            if !landed {
                // A push moves all branches or none.
                return Ok(());
            }
            if refs::read(&repo.gix, &head(name))? == Some(upto) {
                delete(&mut commands, repo, &[head(name), base(name)])?;
            } else {
                let base = base(name);
                write!(commands, "update {base}\0{upto}\0\0").expect(NEVER);
            }
            delete(&mut commands, repo, &[sent(name), sent_of(name)])?;
        }
        self.update(commands)
    }

    /// Remembers what is sent, and of which commits it was made.
    fn remember_sent(&self, repo: &Repo, moves: &[Move]) -> Result<()> {
        let mut commands = String::new();
        for (name, _) in BRANCHES {
            let upto = refs::read(&repo.gix, &head(name))?;
            let own = moves.iter().find(|own| own.name == name);
            if let Some((Move { new, .. }, upto)) = own.zip(upto) {
                let (sent, of) = (sent(name), sent_of(name));
                write!(commands, "update {sent}\0{new}\0\0update {of}\0{upto}\0\0").expect(NEVER);
            } else {
                delete(&mut commands, repo, &[sent(name), sent_of(name)])?;
            }
        }
        self.update(commands)
    }

    fn forget_pending(&self, repo: &Repo) -> Result<()> {
        let mut commands = String::new();
        for (name, _) in BRANCHES {
            let names = [head(name), base(name), sent(name), sent_of(name)];
            delete(&mut commands, repo, &names)?;
        }
        self.update(commands)
    }

    fn update(&self, commands: String) -> Result<()> {
        if !commands.is_empty() {
            Git::on(self.cache.folder(), "update-ref")
                .arg("--stdin")
                .arg("-z")
                .input(commands)
                .output()?;
        }
        Ok(())
    }
}

fn waiting(repo: &Repo) -> Result<Waiting> {
    let objects = Objects::new(crate::open::reopen(&repo.gix)?);
    let of = |name: &str| -> Result<Vec<Commit>> {
        let Some(mut id) = refs::read(&repo.gix, &head(name))? else {
            return Ok(Vec::new());
        };
        let base = refs::read(&repo.gix, &base(name))?;
        let mut commits = Vec::new();
        while Some(id) != base {
            let commit = objects.commit(id)?;
            let parent = commit.parents.first().copied();
            commits.push(commit);
            match parent {
                Some(parent) => id = parent,
                None => break,
            }
        }
        commits.reverse();
        Ok(commits)
    };
    Ok(Waiting {
        releases: of(paths::RELEASES)?,
        main: of(paths::MAIN)?,
    })
}

/// The commits of the index, upon the one that the mirror has.
fn again_releases(
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
        tip = again(repo, view, staging, commit, tree, tip)?;
    }
    Ok((tip != view.releases.commit).then_some(Move {
        name: paths::RELEASES.into(),
        old: Some(view.releases.commit),
        new: tip,
    }))
}

/// The commits of the pointers, upon the ones that the mirror has.
fn again_main(
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
        tip = again(repo, view, staging, commit, tree, tip)?;
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
fn again(
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
        writeln!(headers, "parent {other}").expect(NEVER);
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

fn subject(commit: &Commit) -> String {
    let line = commit.message.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).collect()
}
