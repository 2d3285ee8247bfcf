//! Moving the branches of a remote: all or none, and only from where they were seen.

use std::collections::BTreeSet;
use std::time::Duration;

use gix::ObjectId;

use super::fetch::{BRANCHES, incoming, is_ancestor};
use super::{Remote, child, said};
use crate::commit::Ident;
use crate::error::{Error, Result};
use crate::refs::{self, Advance, Move};

/// How often the same commits are sent when nobody knows what became of them and the remote does not have them.
const TRIES: u32 = 3;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(500);

/// What the remote's answer says.
enum Answer {
    /// It has them.
    Taken,
    /// It refused, in these words.
    Refused { reasons: Vec<String> },
    /// It gave no answer, and may have them or not.
    Unknown,
    /// It was not asked.
    NotAsked,
}

/// What the remote has, after a look.
enum Found {
    Ours,
    Others,
    AsBefore,
}

impl Remote {
    /// Pushes all moves or none. A branch that stands elsewhere is fetched, and the move is lost.
    ///
    /// What became of a push that got no answer is found out by looking; the same commits are sent again only when
    /// the remote does not have them, and then under the same condition, so that they can never land twice.
    pub(super) fn push(&self, moves: &[Move]) -> Result<Advance> {
        let _turn = self.cache.turn()?;
        // What was said when the answer to an attempt was lost.
        let mut lost: Option<String> = None;
        for attempt in 1.. {
            let (answer, lines) = self.send(moves)?;
            let said = lost.clone().unwrap_or_else(|| said::message(&lines));
            match answer {
                Answer::Taken => return Ok(self.landed(moves)),
                // What was sent before may still be done, whatever became of this attempt.
                Answer::NotAsked if lost.is_some() => {
                    let again = said::message(&lines);
                    return Err(
                        self.unknown(&said, &format!("sending it again did not help: {again}"))
                    );
                }
                Answer::NotAsked => return Err(said::error(&self.url, &lines)),
                Answer::Unknown => match self.found(moves) {
                    Ok(Found::Ours) => return Ok(self.landed(moves)),
                    Ok(Found::Others) => return Ok(Advance::Raced),
                    Ok(Found::AsBefore) if attempt < TRIES => {
                        lost = Some(said);
                        std::thread::sleep(PAUSE);
                    }
                    // An answer that is lost again and again has a reason on the remote; and what is slow there may
                    // still do it.
                    Ok(Found::AsBefore) => {
                        return Err(self.unknown(&said, "it did not have it a moment ago"));
                    }
                    Err(error) => {
                        return Err(self.unknown(&said, &format!("looking did not help: {error}")));
                    }
                },
                Answer::Refused { reasons } => {
                    let refused = refused(self, &lines, &reasons);
                    return match self.found(moves) {
                        Ok(Found::Ours) => Ok(self.landed(moves)),
                        Ok(Found::Others) => Ok(Advance::Raced),
                        Ok(Found::AsBefore) if passes(&reasons) => {
                            self.busy.replace(Some(said::message(&reasons)));
                            Ok(Advance::Raced)
                        }
                        Err(error @ Error::BranchExists { .. }) => Err(error),
                        Err(error) if is_stale(&reasons) => Err(error),
                        Ok(Found::AsBefore) | Err(_) if lost.is_some() => {
                            Err(self.unknown(&said, &format!("sent again: {refused}")))
                        }
                        Ok(Found::AsBefore) | Err(_) => Err(refused),
                    };
                }
            }
        }
        unreachable!("the last attempt returns")
    }

    fn send(&self, moves: &[Move]) -> Result<(Answer, Vec<String>)> {
        let mut push = self
            .exchange(self.cache.folder(), "push")
            .arg("--porcelain")
            .arg("--progress")
            .arg("--atomic")
            .arg("--no-verify");
        for Move { name, old, .. } in moves {
            let old = old.map(|id| id.to_string()).unwrap_or_default();
            push = push.arg(format!("--force-with-lease={name}:{old}"));
        }
        push = push.arg(child::NAME);
        for Move { name, new, .. } in moves {
            push = push.arg(format!("{new}:{name}"));
        }
        let ended = push.run()?;
        if ended.ok() {
            return Ok((Answer::Taken, ended.lines));
        }
        let mut reasons = Vec::new();
        for line in ended.stdout.lines() {
            let Some(reason) = line
                .strip_prefix("!\t")
                .and_then(|rest| rest.split_once('\t'))
                .map(|(_, reason)| reason)
            else {
                continue;
            };
            // It moved nothing that we know of, but it may have before the answer was lost.
            if reason.starts_with("[remote failure]") {
                return Ok((Answer::Unknown, ended.lines));
            }
            // What the others are told because of the one that was refused says nothing.
            if !reason.contains("atomic") {
                reasons.push(reason.to_owned());
            }
        }
        let refused = ended.stdout.lines().any(|line| line.starts_with("!\t"));
        let answer = match (refused, said::was_sent(&ended.stderr)) {
            (true, _) => Answer::Refused { reasons },
            (false, true) => Answer::Unknown,
            (false, false) => Answer::NotAsked,
        };
        Ok((answer, ended.lines))
    }

    /// What the remote has of these moves.
    fn found(&self, moves: &[Move]) -> Result<Found> {
        let names: Vec<String> = moves.iter().map(|m| m.name.to_string()).collect();
        let standing = self.look(self.cache.folder(), &names)?;
        // Whatever stands there is needed here, to go on from or to compare with.
        self.fetch()?;
        let mut ours = true;
        let mut as_before = true;
        for moved in moves {
            let now = standing.get(moved.name.as_ref()).copied();
            if let Some(branch) = for_review(moved)
                && now.is_some_and(|now| now != moved.new)
            {
                return Err(Error::BranchExists {
                    branch: branch.to_owned(),
                });
            }
            ours &= self.has_landed(moved, now)?;
            as_before &= now == moved.old;
        }
        Ok(match (ours, as_before) {
            (true, _) => Found::Ours,
            (false, true) => Found::AsBefore,
            (false, false) => Found::Others,
        })
    }

    /// Whether a reference that stands at `now` has the commit of a move, alone or under those of others.
    fn has_landed(&self, moved: &Move, now: Option<ObjectId>) -> Result<bool> {
        let Some(now) = now else { return Ok(false) };
        let grows = BRANCHES.iter().any(|(name, _)| *name == moved.name);
        Ok(now == moved.new || (grows && is_ancestor(self.cache.folder(), moved.new, now)?))
    }

    /// Nobody knows what became of the change.
    fn unknown(&self, said: &str, then: &str) -> Error {
        Error::OutcomeUnknown {
            remote: self.url.to_string(),
            message: format!("{said}; {then}"),
        }
    }

    /// The remote has it. A copy here that cannot follow, for want of room, does not make it undone.
    fn landed(&self, moves: &[Move]) -> Advance {
        if let Err(error) = self.settle(moves) {
            self.fetched.set(None);
            self.note(format!(
                "`{}` has the change; its copy on this machine could not follow, and does when it is fetched next: {error}",
                self.url
            ));
        }
        Advance::Done
    }

    /// The mirror of what the remote has taken. Where others moved on already, a fetch has brought it further.
    fn settle(&self, moves: &[Move]) -> Result<()> {
        let here = self.cache.open()?;
        let mut mirrored = Vec::new();
        for Move { name, new, .. } in moves {
            let branch = BRANCHES.iter().any(|(branch, _)| branch == name);
            // A branch for review is nothing that is read here.
            if !branch && !name.starts_with("refs/orz/") {
                continue;
            }
            let mut follow = |name: String| -> Result<()> {
                let old = refs::read(&here.gix, &name)?;
                let further = match old {
                    Some(old) => branch && is_ancestor(self.cache.folder(), *new, old)?,
                    None => false,
                };
                if !further {
                    mirrored.push(Move {
                        name: name.into(),
                        old,
                        new: *new,
                    });
                }
                Ok(())
            };
            follow(name.to_string())?;
            if branch {
                follow(incoming(name))?;
            }
        }
        if mirrored.is_empty() {
            return Ok(());
        }
        match refs::advance(&here, &mirrored, &Ident::of_releases())? {
            Advance::Done => {}
            Advance::Raced => self.fetch()?,
        }
        Ok(())
    }
}

/// The branch that a move makes for somebody to look at.
fn for_review(moved: &Move) -> Option<&str> {
    let branch = moved.name.strip_prefix("refs/heads/")?;
    let ours = BRANCHES.iter().any(|(name, _)| *name == moved.name);
    (!ours && moved.old.is_none()).then_some(branch)
}

fn mentions(reasons: &[String], words: &[&str]) -> bool {
    let said = reasons.join("\n").to_ascii_lowercase();
    words.iter().any(|word| said.contains(word))
}

/// Whether the branch was not where it was expected.
fn is_stale(reasons: &[String]) -> bool {
    mentions(reasons, &["stale info"])
}

/// Whether another writer was in the way at that moment: a lock of a reference, which is given up by itself.
fn passes(reasons: &[String]) -> bool {
    let words = [
        "cannot lock ref",
        "failed to update ref",
        "failed to lock",
        "unable to create",
        "incorrect old value",
        "reference already exists",
        "stale info",
    ];
    mentions(reasons, &words)
}

/// The error of a refusal that stays one.
fn refused(remote: &Remote, lines: &[String], reasons: &[String]) -> Error {
    let mut said = BTreeSet::new();
    let mut all: Vec<String> = lines.to_vec();
    for reason in reasons {
        if said.insert(reason) {
            let plain = reason
                .trim_start_matches("[remote rejected] ")
                .trim_start_matches("[rejected] ");
            all.push(plain.trim_matches(['(', ')']).to_owned());
        }
    }
    let words = [
        "declined",
        "denied",
        "denying",
        "deny",
        "protected",
        "prohibited",
        "not allowed",
        "permission",
        "read-only",
        "forbidden",
        "non-fast-forward",
    ];
    let (name, message) = (remote.url.to_string(), said::message(&all));
    if mentions(&all, &words) {
        Error::RemoteDenied {
            remote: name,
            message,
        }
    } else {
        Error::RemoteFailed {
            remote: name,
            message,
        }
    }
}
