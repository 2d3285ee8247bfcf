//! Commits that were made without the remote, and their way to it.
//!
//! They stand on references of the cache that no fetch touches, beside the heads they were made upon. On their way
//! they are made anew upon what the remote has by then: each file must still be what it was when the commit was made,
//! or be already what the commit makes of it. Author, time, message and trailers stay as they were.

use std::fmt::Write as _;
use std::path::Path;

use gix::ObjectId;
use orz_core::id::CommitId;
use orz_core::paths;

use super::fetch::{BRANCHES, is_ancestor};
use super::{Remote, again};
use crate::commit::Ident;
use crate::error::{Error, Result};
use crate::git::Git;
use crate::objects::{Commit, Objects, Staging};
use crate::refs::{self, Advance, Move};
use crate::transaction::pause;
use crate::view::commit_id;
use crate::{Repo, history, pack, time};

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
pub(super) struct Waiting {
    pub(super) releases: Vec<Commit>,
    pub(super) main: Vec<Commit>,
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
                again::releases(repo, &view, &mut staging, &waiting.releases)?,
                again::main(repo, &view, &mut staging, &waiting)?,
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

pub(super) fn subject(commit: &Commit) -> String {
    let line = commit.message.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).collect()
}
