//! Records of who is moving branches, by which a lock of Git that was left behind is told from one that is held.
//!
//! Git leaves `<name>.lock` files when it is killed, and refuses to move the branch for ever after; who made one is
//! not written in it. So every move is recorded in a file of its own before `git update-ref` starts, with the names
//! and the new ids. This process holds a lock of the operating system on that file, and so does `git`, whose
//! standard output it is: it is given up only when both have ended, however they did. Whoever gets it later knows
//! that nobody of ours is at it any more, and that a lock with exactly the recorded id in it is nobody's.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::Repo;
use crate::refs::Move;

/// Below the folder that all work trees share.
const FOLDER: &str = "orz/moves";
/// Whoever cleans up holds the lock of this file.
const CLEANER: &str = "cleaner";
/// A record that is not whole yet.
const UNFINISHED: &str = "new-";
/// Git says this into the record once every branch moved and every lock was given up.
const FINISHED: &str = "commit: ok";
/// A lock of a branch is empty only until Git has written the id into it; the one of `HEAD`, which it takes when
/// `HEAD` names a branch that moves, stays empty. One without an id proves less, so it also must be older than
/// any that Git holds.
const EMPTY: Duration = Duration::from_secs(5);
/// After this long, an unfinished record was left by a killed process.
const STALE: Duration = Duration::from_hours(24);

/// The record of one move; gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Record {
    file: File,
    path: PathBuf,
}

impl Record {
    /// Records what is about to move. To be called before Git is started, whose standard output is [`Self::output`].
    ///
    /// `None` where that cannot be written: a lock that this move leaves is then one that nobody can tell anything
    /// about.
    pub(crate) fn begin(repo: &Repo, moves: &[Move]) -> Option<Self> {
        begin(&folder(repo), moves).ok()
    }

    /// Where Git writes to, and what keeps the record held as long as Git lives.
    pub(crate) fn output(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // Before the lock on it is given up. One that stays behind names locks that are gone.
        drop(fs::remove_file(&self.path));
    }
}

fn begin(folder: &Path, moves: &[Move]) -> io::Result<Record> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    fs::create_dir_all(folder)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    // Begins with the time, and is never used twice.
    let name = format!(
        "{}-{}-{}",
        now.unwrap_or_default().as_nanos(),
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    );
    let unfinished = folder.join(format!("{UNFINISHED}{name}"));
    let mut file = File::options()
        .read(true)
        .append(true)
        .create_new(true)
        .open(&unfinished)?;
    file.lock()?;
    let mut lines = Vec::new();
    for moved in moves {
        writeln!(lines, "{} {}", moved.new, moved.name)?;
    }
    file.write_all(&lines)?;
    let path = folder.join(name);
    fs::rename(unfinished, &path)?;
    Ok(Record { file, path })
}

/// What was found out about the locks that killed processes left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cleared {
    /// How many were removed.
    pub(crate) removed: usize,
    /// Whether there is one that may be removed soon.
    pub(crate) pending: bool,
}

/// Removes every lock whose owner is gone, and says so ([`Repo::telling`]). What cannot be told, and what cannot be
/// removed, stays.
pub(crate) fn clear(repo: &Repo) -> Cleared {
    let said = |lock: &Path| {
        if let Some(tell) = &repo.tell {
            tell(lock);
        }
    };
    clear_in(&folder(repo), repo.common_dir(), &said).unwrap_or_default()
}

fn clear_in(folder: &Path, common: &Path, said: &dyn Fn(&Path)) -> io::Result<Cleared> {
    let mut cleared = Cleared::default();
    if records(folder)?.is_empty() {
        return Ok(cleared);
    }
    let path = folder.join(CLEANER);
    // It may be there already, and not ours to write.
    let made = File::options().append(true).create(true).open(&path);
    let cleaner = made.or_else(|_| File::open(&path))?;
    if !locked(&cleaner)? {
        // Somebody else is at it.
        cleared.pending = true;
        return Ok(cleared);
    }
    for path in records(folder)? {
        let Some((_held, text)) = dead(&path)? else {
            continue;
        };
        let mut pending = false;
        if !text.contains(FINISHED) {
            for (lock, id) in locks(common, &text) {
                match judge(&lock, id, since(&path)) {
                    Verdict::Another => {}
                    Verdict::TooYoung => pending = true,
                    // Asked after the lock was looked at: whoever has just taken it is recorded by now.
                    Verdict::Stale if is_held(folder, common, &lock, &path)? => pending = true,
                    Verdict::Stale => {
                        gone(fs::remove_file(&lock))?;
                        said(&lock);
                        cleared.removed += 1;
                    }
                }
            }
        }
        if pending {
            cleared.pending = true;
        } else {
            gone(fs::remove_file(&path))?;
        }
    }
    Ok(cleared)
}

enum Verdict {
    /// There is none, or it is somebody else's.
    Another,
    /// It may be the one that was left, and not enough speaks for it yet.
    TooYoung,
    Stale,
}

/// Whether a lock is the one of a record of which nobody is left.
fn judge(lock: &Path, id: Option<&str>, since: Option<SystemTime>) -> Verdict {
    let Ok(content) = fs::read_to_string(lock) else {
        return Verdict::Another;
    };
    if id.is_some_and(|id| content.trim_end() == id) {
        return Verdict::Stale;
    }
    let made = fs::metadata(lock).and_then(|data| data.modified());
    let (true, Ok(made), Some(since)) = (content.is_empty(), made, since) else {
        return Verdict::Another;
    };
    // File systems round their times.
    if made + Duration::from_secs(2) < since {
        return Verdict::Another;
    }
    match made.elapsed() {
        Ok(age) if age >= EMPTY => Verdict::Stale,
        _ => Verdict::TooYoung,
    }
}

/// The locks that Git takes for a record, with what it writes into them.
fn locks<'t>(common: &Path, text: &'t str) -> Vec<(PathBuf, Option<&'t str>)> {
    let head = fs::read_to_string(common.join("HEAD")).unwrap_or_default();
    let head = head.strip_prefix("ref: ").unwrap_or_default().trim_end();
    let mut locks = Vec::new();
    for line in text.lines() {
        let Some((id, name)) = line.split_once(' ').filter(|(id, _)| id.len() == 40) else {
            continue;
        };
        locks.push((common.join(format!("{name}.lock")), Some(id)));
        if name == head {
            locks.push((common.join("HEAD.lock"), None));
        }
    }
    locks
}

/// Whether somebody who lives is moving what a lock is for; `own` is the record that is held here.
fn is_held(folder: &Path, common: &Path, lock: &Path, own: &Path) -> io::Result<bool> {
    for path in records(folder)? {
        let Some(mut file) = opened(&path)?.filter(|_| path != own) else {
            continue;
        };
        if locked(&file)? {
            continue;
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        if locks(common, &text)
            .iter()
            .any(|(theirs, _)| theirs == lock)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A record that nobody holds any more, and what stands in it.
fn dead(path: &Path) -> io::Result<Option<(File, String)>> {
    let Some(mut file) = opened(path)? else {
        return Ok(None);
    };
    // Who ended well removed it before it could be locked here, and no name is used twice.
    if !locked(&file)? || !path.exists() {
        return Ok(None);
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(Some((file, text)))
}

/// The records that are whole. Those that never will be are dropped.
fn records(folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let mut records = BTreeSet::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(records),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(UNFINISHED) {
            let made = entry.metadata().and_then(|data| data.modified());
            let age = made.ok().and_then(|made| made.elapsed().ok());
            if age.is_some_and(|age| age > STALE) {
                // If it cannot go now, the next one who looks tries again.
                drop(fs::remove_file(entry.path()));
            }
        } else if name != CLEANER {
            records.insert(entry.path());
        }
    }
    Ok(records)
}

fn opened(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether nobody else holds it; it is held by `file` then.
fn locked(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// When a record was begun.
fn since(path: &Path) -> Option<SystemTime> {
    let name = path.file_name()?.to_str()?;
    let nanos = name.split('-').next()?.parse().ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos))
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn folder(repo: &Repo) -> PathBuf {
    repo.common_dir().join(FOLDER)
}

#[cfg(test)]
mod tests {
    use orz_core::id::Part;
    use orz_core::paths;

    use super::*;
    use crate::Error;
    use crate::support::{Fixture, name, request, work};

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";
    const OTHER: &str = "89abcdef0123456789abcdef0123456789abcdef";

    fn moves() -> [Move; 2] {
        [paths::RELEASES, paths::MAIN].map(|name| Move {
            name: name.into(),
            old: None,
            new: ID.parse().expect("valid"),
        })
    }

    /// What a killed process leaves: the record, held by nobody.
    fn abandon(repo: &Repo) -> PathBuf {
        let record = Record::begin(repo, &moves()).expect("writable");
        let path = folder(repo).join(format!(
            "{}-0",
            record.path.file_name().expect("named").to_string_lossy()
        ));
        fs::copy(&record.path, &path).expect("copied");
        path
    }

    #[test]
    fn only_a_lock_whose_owner_is_gone_is_removed() {
        let young = Duration::ZERO;
        let old = Duration::from_secs(6);
        let mine = format!("{ID}\n");
        let theirs = format!("{OTHER}\n");
        // The lock, what is in it, its age, that of the record; whether it goes, and whether the record stays.
        let cases = [
            ("refs/heads/main", mine.as_str(), young, young, true, false),
            (
                "refs/heads/releases",
                mine.as_str(),
                young,
                young,
                true,
                false,
            ),
            ("refs/heads/main", theirs.as_str(), old, old, false, false),
            ("refs/heads/main", "", young, young, false, true),
            ("refs/heads/main", "", old, old, true, false),
            ("HEAD", "", young, young, false, true),
            ("HEAD", "", old, old, true, false),
            // Older than the record, so it was somebody else's before.
            ("HEAD", "", old, young, false, false),
            ("refs/heads/review", mine.as_str(), old, old, false, false),
        ];
        for (name, content, age, begun, goes, stays) in cases {
            let fixture = Fixture::new();
            let repo = Repo::open(fixture.path()).expect("open");
            let common = repo.common_dir().to_owned();
            let mut record = abandon(&repo);
            if !begun.is_zero() {
                let then = SystemTime::now() - begun;
                let then = then.duration_since(SystemTime::UNIX_EPOCH);
                let older = format!("{}-1-0", then.expect("after 1970").as_nanos());
                let older = record.with_file_name(older);
                fs::rename(&record, &older).expect("renamed");
                record = older;
            }
            let lock = common.join(format!("{name}.lock"));
            fs::write(&lock, content).expect("written");
            let file = File::options().append(true).open(&lock).expect("opened");
            file.set_modified(SystemTime::now() - age).expect("dated");

            // As long as somebody who lives moves the same branches, nothing is certain.
            let living = Record::begin(&repo, &moves()).expect("writable");
            let said = std::cell::RefCell::new(Vec::new());
            let say = |lock: &Path| said.borrow_mut().push(lock.to_owned());
            let cleared = clear_in(&folder(&repo), &common, &say).expect("readable");
            assert_eq!(cleared.removed, 0, "{name} {content}");
            assert!(lock.exists());
            assert_eq!(cleared.pending, goes || stays, "{name} {content}");
            drop(living);

            if !(goes || stays) {
                // It proved nothing, so it went.
                assert!(!record.exists());
                continue;
            }
            let cleared = clear_in(&folder(&repo), &common, &say).expect("readable");
            assert_eq!(cleared.removed, usize::from(goes), "{name} {content}");
            assert_eq!(cleared.pending, stays, "{name} {content}");
            assert_eq!(lock.exists(), !goes);
            assert_eq!(record.exists(), stays);
            let removed = goes.then_some(lock);
            assert_eq!(said.into_inner(), Vec::from_iter(removed));
        }
    }

    #[test]
    fn a_write_goes_on_after_a_kill_and_not_over_somebody_else() {
        let fixture = Fixture::new();
        let repo = Repo::open(fixture.path()).expect("open");
        let lock = repo.common_dir().join("refs/heads/main.lock");
        abandon(&repo);
        fs::write(&lock, format!("{ID}\n")).expect("written");
        let written = repo.publish(vec![work("acme", "one")], true, &request("x"));
        written.expect("lands");
        assert!(!lock.exists());

        abandon(&repo);
        fs::write(&lock, format!("{OTHER}\n")).expect("written");
        let refused = repo.publish(vec![work("acme", "two")], true, &request("x"));
        assert!(matches!(refused, Err(Error::Locked { .. })), "{refused:?}");
        assert!(lock.exists());
        let history = repo.history(&name("acme"), Some(Part::Work));
        assert_eq!(history.expect("readable").len(), 1);
        assert_eq!(records(&folder(&repo)).expect("readable").len(), 0);
    }
}
