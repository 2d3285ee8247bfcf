//! Reading objects, and collecting new ones in memory until they are written as one pack.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use gix::ObjectId;
use gix::hash::Kind as HashKind;
use gix::objs::{Find as _, Kind};

use crate::error::{Error, Result};

/// The tree without entries.
pub(crate) const EMPTY_TREE: ObjectId = ObjectId::empty_tree(HashKind::Sha1);

/// The objects of a repository, read only.
pub(crate) struct Objects {
    repo: RefCell<gix::Repository>,
    /// Trees read before: every lookup passes the same few near the root.
    trees: RefCell<BTreeMap<ObjectId, Rc<[Entry]>>>,
}

/// So many trees are remembered before all are forgotten, to bound the memory of a walk over everything.
const TREES_MAX: usize = 4_096;

/// A commit as far as this package needs it.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) id: ObjectId,
    pub(crate) tree: ObjectId,
    pub(crate) parents: Vec<ObjectId>,
    /// `Name <email>` of the author.
    pub(crate) author: String,
    /// When it was committed, in seconds since 1970.
    pub(crate) seconds: i64,
    pub(crate) message: String,
}

/// An entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) mode: Mode,
    pub(crate) id: ObjectId,
}

/// What an entry of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A regular file, not executable: the only kind of file we write.
    File,
    /// A folder.
    Tree,
    /// Anything else: executables, symbolic links, submodules; kept as found.
    Other(u16),
}

impl Mode {
    pub(crate) fn octal(self) -> String {
        match self {
            Self::File => "100644".to_owned(),
            Self::Tree => "40000".to_owned(),
            Self::Other(mode) => format!("{mode:o}"),
        }
    }
}

impl Objects {
    pub(crate) fn new(repo: gix::Repository) -> Self {
        Self {
            repo: RefCell::new(repo),
            trees: RefCell::default(),
        }
    }

    /// Kind and bytes of an object; `None` if there is no such object.
    pub(crate) fn try_read(&self, id: ObjectId) -> Result<Option<(Kind, Vec<u8>)>> {
        // What git itself treats as always there.
        if id == EMPTY_TREE {
            return Ok(Some((Kind::Tree, Vec::new())));
        }
        if let Ok(Some(found)) = self.find(id) {
            return Ok(Some(found));
        }
        // A repack may have replaced the packs that were open; a fresh look decides.
        self.reopen()?;
        self.find(id)
    }

    /// Bytes of an object of this kind, which must exist.
    pub(crate) fn read(&self, id: ObjectId, kind: Kind) -> Result<Vec<u8>> {
        match self.try_read(id)? {
            Some((found, data)) if found == kind => Ok(data),
            Some((found, _)) => Err(broken(id, format!("is a {found}, expected a {kind}"))),
            None => Err(broken(id, format!("does not exist, expected a {kind}"))),
        }
    }

    pub(crate) fn blob(&self, id: ObjectId) -> Result<Vec<u8>> {
        self.read(id, Kind::Blob)
    }

    /// The entries of a tree in Git's order.
    pub(crate) fn tree(&self, id: ObjectId) -> Result<Rc<[Entry]>> {
        if let Some(known) = self.trees.borrow().get(&id) {
            return Ok(Rc::clone(known));
        }
        let entries: Rc<[Entry]> = parse_tree(id, &self.read(id, Kind::Tree)?)?.into();
        let mut trees = self.trees.borrow_mut();
        if trees.len() >= TREES_MAX {
            trees.clear();
        }
        trees.insert(id, Rc::clone(&entries));
        Ok(entries)
    }

    pub(crate) fn commit(&self, id: ObjectId) -> Result<Commit> {
        parse_commit(id, &self.read(id, Kind::Commit)?)
    }

    /// Every object whose id starts with these hex digits.
    pub(crate) fn with_prefix(&self, prefix: &str) -> Result<BTreeSet<ObjectId>> {
        let prefix =
            gix::hash::Prefix::from_hex(prefix).map_err(|e| broken_text(prefix, e.to_string()))?;
        self.reopen()?;
        let mut found = Candidates::default();
        let repo = self.repo.borrow();
        repo.objects
            .lookup_prefix(prefix, Some(&mut found))
            .map_err(|e| broken_text(&prefix.to_string(), e.to_string()))?;
        Ok(found.into_iter().collect())
    }

    fn find(&self, id: ObjectId) -> Result<Option<(Kind, Vec<u8>)>> {
        let mut buffer = Vec::new();
        let repo = self.repo.borrow();
        let found = repo
            .objects
            .try_find(&id, &mut buffer)
            .map_err(|e| broken(id, e.to_string()))?;
        let kind = found.map(|data| data.kind);
        Ok(kind.map(|kind| (kind, buffer)))
    }

    fn reopen(&self) -> Result<()> {
        let fresh = crate::open::reopen(&self.repo.borrow())?;
        *self.repo.borrow_mut() = fresh;
        Ok(())
    }
}

/// Parses the bytes of a tree.
pub(crate) fn parse_tree(id: ObjectId, data: &[u8]) -> Result<Vec<Entry>> {
    gix::objs::TreeRefIter::from_bytes(data, HashKind::Sha1)
        .map(|entry| {
            let entry = entry.map_err(|e| broken(id, e.to_string()))?;
            let mode = match entry.mode.value() {
                0o100_644 => Mode::File,
                0o040_000 => Mode::Tree,
                other => Mode::Other(other),
            };
            Ok(Entry {
                name: entry.filename.to_vec(),
                mode,
                id: entry.oid.to_owned(),
            })
        })
        .collect()
}

/// Parses the bytes of a commit.
pub(crate) fn parse_commit(id: ObjectId, data: &[u8]) -> Result<Commit> {
    let wrong = |e: gix::error::Error| broken(id, e.to_string());
    let commit = gix::objs::CommitRef::from_bytes(data, HashKind::Sha1).map_err(wrong)?;
    let author = commit.author().map_err(wrong)?;
    Ok(Commit {
        id,
        tree: commit.tree(),
        parents: commit.parents().collect(),
        author: format!("{} <{}>", author.name, author.email),
        seconds: commit.time().map_err(wrong)?.seconds,
        message: commit.message.to_string(),
    })
}

#[expect(
    clippy::disallowed_types,
    reason = "`gix` asks for this type; it is put in order before anybody sees it"
)]
type Candidates = std::collections::HashSet<ObjectId>;

/// The id that these bytes have.
pub(crate) fn id_of(kind: Kind, data: &[u8]) -> ObjectId {
    gix::objs::compute_hash(HashKind::Sha1, kind, data)
        .expect("only a SHA-1 collision attack makes hashing fail")
}

/// New objects, in memory.
///
/// An object is left out only if it is reachable from a branch head that the following
/// compare-and-swap expects. "It exists already" would not do: an unreachable object may be pruned
/// between the look and the move of the branch.
#[derive(Default)]
pub(crate) struct Staging<'a> {
    new: BTreeMap<ObjectId, (Kind, Cow<'a, [u8]>)>,
    reachable: BTreeSet<ObjectId>,
    kept: BTreeSet<ObjectId>,
}

impl<'a> Staging<'a> {
    /// Adds an object unless it stands already; its id either way.
    pub(crate) fn put(&mut self, kind: Kind, data: Vec<u8>) -> ObjectId {
        let id = id_of(kind, &data);
        if self.wants(id) {
            self.new.insert(id, (kind, data.into()));
        }
        id
    }

    /// Like [`Self::put`], for bytes whose id was computed before, and which stay where they are.
    pub(crate) fn put_known(&mut self, id: ObjectId, kind: Kind, data: &'a [u8]) {
        if self.wants(id) {
            self.new.insert(id, (kind, data.into()));
        }
    }

    fn wants(&self, id: ObjectId) -> bool {
        !self.reachable.contains(&id) && !self.kept.contains(&id)
    }

    /// Says that an object is reachable from an expected branch head.
    pub(crate) fn reachable(&mut self, id: ObjectId) {
        self.reachable.insert(id);
    }

    /// The bytes of a new tree, if this is one.
    pub(crate) fn new_object(&self, id: ObjectId) -> Option<&[u8]> {
        self.new.get(&id).map(|(_, data)| data.as_ref())
    }

    /// The new objects; from now on they count as written and kept.
    pub(crate) fn take(&mut self) -> Vec<(ObjectId, Kind, Cow<'a, [u8]>)> {
        let new = std::mem::take(&mut self.new);
        self.kept.extend(new.keys().copied());
        new.into_iter()
            .map(|(id, (kind, data))| (id, kind, data))
            .collect()
    }

    /// Forgets what was reachable from heads that are no longer expected; what was kept stays.
    pub(crate) fn next_attempt(&mut self) {
        self.new.clear();
        self.reachable.clear();
    }
}

fn broken(id: ObjectId, message: String) -> Error {
    Error::Object {
        id: id.to_string(),
        message,
    }
}

fn broken_text(id: &str, message: String) -> Error {
    Error::Object {
        id: id.to_owned(),
        message,
    }
}
