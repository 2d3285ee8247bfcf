//! Trees: looking up a path, editing a few paths, and comparing two trees, each at the cost of what is touched.

use std::collections::BTreeMap;

use gix::ObjectId;
use gix::objs::Kind;

use crate::error::{Error, Result};
use crate::objects::{EMPTY_TREE, Entry, Mode, Objects, Staging, parse_tree};

/// The entry at `path`, if there is one.
pub(crate) fn lookup(objects: &Objects, root: ObjectId, path: &str) -> Result<Option<Entry>> {
    let mut tree = root;
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let entries = objects.tree(tree)?;
        let Some(entry) = entries.iter().find(|e| e.name == segment.as_bytes()) else {
            return Ok(None);
        };
        if segments.peek().is_none() {
            return Ok(Some(entry.clone()));
        }
        if entry.mode != Mode::Tree {
            return Ok(None);
        }
        tree = entry.id;
    }
    Ok(None)
}

/// The bytes of the regular file at `path`, with its blob id.
pub(crate) fn file(
    objects: &Objects,
    root: ObjectId,
    path: &str,
) -> Result<Option<(ObjectId, Vec<u8>)>> {
    match lookup(objects, root, path)? {
        Some(Entry {
            mode: Mode::File,
            id,
            ..
        }) => Ok(Some((id, objects.blob(id)?))),
        Some(_) => Err(Error::Malformed {
            path: path.to_owned(),
            message: "not a regular file".to_owned(),
        }),
        None => Ok(None),
    }
}

/// Every entry below the folder `path` that is no folder, with its full path, in path order;
/// `path` is empty for the root.
///
/// Names that are not UTF-8 come with U+FFFD: no path of ours has such a name, so they only ever end in a finding.
pub(crate) fn files_below(
    objects: &Objects,
    root: ObjectId,
    path: &str,
) -> Result<Vec<(String, Entry)>> {
    let mut found = Vec::new();
    if path.is_empty() {
        walk(objects, root, path, &mut found)?;
        return Ok(found);
    }
    match lookup(objects, root, path)? {
        Some(Entry {
            mode: Mode::Tree,
            id,
            ..
        }) => walk(objects, id, path, &mut found)?,
        Some(entry) => found.push((path.to_owned(), entry)),
        None => {}
    }
    Ok(found)
}

/// The tree `root` with some files set or removed; empty folders vanish.
///
/// Reads and writes only the folders on the way to these files. Their other entries become known
/// as reachable, because `root` is a tree of an expected branch head or one made from it.
pub(crate) fn edit(
    objects: &Objects,
    staging: &mut Staging,
    root: ObjectId,
    edits: &BTreeMap<String, Option<ObjectId>>,
) -> Result<ObjectId> {
    let edits: Vec<Edit> = edits
        .iter()
        .map(|(path, id)| (path.as_str(), path.as_str(), *id))
        .collect();
    Ok(edit_folder(objects, staging, Some(root), &edits)?
        .unwrap_or_else(|| staging.put(Kind::Tree, Vec::new())))
}

/// A file that differs between two trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) path: String,
    pub(crate) before: Option<Entry>,
    pub(crate) after: Option<Entry>,
}

/// Every file that differs between two trees, in path order; equal folders are not read.
pub(crate) fn diff(objects: &Objects, before: ObjectId, after: ObjectId) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    compare(objects, Some(before), Some(after), "", &mut changes)?;
    Ok(changes)
}

/// The bytes of a tree.
pub(crate) fn encode(entries: &mut [Entry]) -> Vec<u8> {
    entries.sort_by_key(order);
    let mut out = Vec::new();
    for entry in entries {
        out.extend_from_slice(entry.mode.octal().as_bytes());
        out.push(b' ');
        out.extend_from_slice(&entry.name);
        out.push(0);
        out.extend_from_slice(entry.id.as_slice());
    }
    out
}

/// Whole path, path below the folder at hand, new file.
type Edit<'p> = (&'p str, &'p str, Option<ObjectId>);

/// Git sorts a folder as if its name ended in `/`.
fn order(entry: &Entry) -> Vec<u8> {
    let mut key = entry.name.clone();
    if entry.mode == Mode::Tree {
        key.push(b'/');
    }
    key
}

/// `None` for a folder that has no entry left.
fn edit_folder(
    objects: &Objects,
    staging: &mut Staging,
    tree: Option<ObjectId>,
    edits: &[Edit],
) -> Result<Option<ObjectId>> {
    let mut entries = match tree {
        Some(tree) => read_tree(objects, staging, tree)?,
        None => Vec::new(),
    };
    let mut by_name: BTreeMap<&str, Vec<Edit>> = BTreeMap::new();
    let mut files: BTreeMap<&str, Option<ObjectId>> = BTreeMap::new();
    for &(path, below, id) in edits {
        match below.split_once('/') {
            Some((name, rest)) => by_name.entry(name).or_default().push((path, rest, id)),
            None => {
                files.insert(below, id);
            }
        }
    }
    for (name, id) in files {
        let found = entries.iter().position(|e| e.name == name.as_bytes());
        if let Some(found) = found {
            if entries[found].mode == Mode::Tree {
                return Err(Error::Malformed {
                    path: name.to_owned(),
                    message: "a folder stands where a file belongs".to_owned(),
                });
            }
            entries.remove(found);
        }
        if let Some(id) = id {
            entries.push(Entry {
                name: name.as_bytes().to_vec(),
                mode: Mode::File,
                id,
            });
        }
    }
    for (name, edits) in by_name {
        let found = entries.iter().position(|e| e.name == name.as_bytes());
        let below = match found {
            Some(found) if entries[found].mode == Mode::Tree => Some(entries.remove(found).id),
            Some(_) => {
                return Err(Error::Malformed {
                    path: edits[0].0.to_owned(),
                    message: format!("a file stands where the folder `{name}` belongs"),
                });
            }
            None => None,
        };
        if let Some(id) = edit_folder(objects, staging, below, &edits)? {
            entries.push(Entry {
                name: name.as_bytes().to_vec(),
                mode: Mode::Tree,
                id,
            });
        }
    }
    if entries.is_empty() {
        return Ok(None);
    }
    Ok(Some(staging.put(Kind::Tree, encode(&mut entries))))
}

fn read_tree(objects: &Objects, staging: &mut Staging, id: ObjectId) -> Result<Vec<Entry>> {
    if let Some(data) = staging.new_object(id) {
        return parse_tree(id, data);
    }
    let entries = objects.tree(id)?;
    if id != EMPTY_TREE {
        staging.reachable(id);
    }
    for entry in entries.iter() {
        staging.reachable(entry.id);
    }
    Ok(entries.to_vec())
}

fn walk(
    objects: &Objects,
    tree: ObjectId,
    path: &str,
    found: &mut Vec<(String, Entry)>,
) -> Result<()> {
    for entry in objects.tree(tree)?.iter() {
        let path = join(path, &entry.name);
        if entry.mode == Mode::Tree {
            walk(objects, entry.id, &path, found)?;
        } else {
            found.push((path, entry.clone()));
        }
    }
    Ok(())
}

/// Git makes no folder with a name in it twice. In one that somebody made so, a lookup and a comparison might find
/// different files.
fn refuse_twice(tree: Option<ObjectId>, path: &str, earlier: Option<Entry>) -> Result<()> {
    match (tree, earlier) {
        (Some(tree), Some(entry)) => Err(Error::Object {
            id: tree.to_string(),
            message: format!(
                "the folder `{path}` has `{}` twice",
                String::from_utf8_lossy(&entry.name).escape_debug()
            ),
        }),
        _ => Ok(()),
    }
}

fn compare(
    objects: &Objects,
    before: Option<ObjectId>,
    after: Option<ObjectId>,
    path: &str,
    changes: &mut Vec<Change>,
) -> Result<()> {
    if before == after {
        return Ok(());
    }
    let entries = |tree: Option<ObjectId>| -> Result<Vec<Entry>> {
        tree.map_or_else(|| Ok(Vec::new()), |id| Ok(objects.tree(id)?.to_vec()))
    };
    let mut names: BTreeMap<Vec<u8>, (Option<Entry>, Option<Entry>)> = BTreeMap::new();
    for entry in entries(before)? {
        let name = entry.name.clone();
        let earlier = names.entry(name).or_default().0.replace(entry);
        refuse_twice(before, path, earlier)?;
    }
    for entry in entries(after)? {
        let name = entry.name.clone();
        let earlier = names.entry(name).or_default().1.replace(entry);
        refuse_twice(after, path, earlier)?;
    }
    for (name, (before, after)) in names {
        if before == after {
            continue;
        }
        let path = join(path, &name);
        let folder = |e: &Option<Entry>| e.as_ref().filter(|e| e.mode == Mode::Tree).map(|e| e.id);
        let file = |e: Option<Entry>| e.filter(|e| e.mode != Mode::Tree);
        compare(objects, folder(&before), folder(&after), &path, changes)?;
        let (before, after) = (file(before), file(after));
        if before.is_some() || after.is_some() {
            changes.push(Change {
                path,
                before,
                after,
            });
        }
    }
    Ok(())
}

fn join(folder: &str, name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    if folder.is_empty() {
        name.into_owned()
    } else {
        format!("{folder}/{name}")
    }
}
