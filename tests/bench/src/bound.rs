//! What no way of writing objects to Git can go below: hashing and deflating their bytes.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use gix::objs::Kind;

use crate::Outcome;
use crate::git;

/// An object of a repository.
pub(crate) struct Object {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
}

/// Every object of a repository.
pub(crate) fn objects(repo: &Path) -> Outcome<Vec<Object>> {
    let all = git::git(
        repo,
        &["cat-file", "--batch", "--batch-all-objects", "--unordered"],
    )?;
    let mut rest = all.as_slice();
    let mut objects = Vec::new();
    while !rest.is_empty() {
        let end = rest
            .iter()
            .position(|b| *b == b'\n')
            .ok_or("a line without an end")?;
        let header = std::str::from_utf8(&rest[..end])?;
        let [id, kind, size] = header.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("`{header}` is no object").into());
        };
        let size: usize = size.parse()?;
        let bytes = &rest[end + 1..end + 1 + size];
        let kind = Kind::from_bytes(kind.as_bytes()).map_err(|e| e.to_string())?;
        objects.push(Object {
            id: id.to_owned(),
            kind,
            bytes: bytes.to_vec(),
        });
        rest = &rest[end + 2 + size..];
    }
    Ok(objects)
}

/// The length of all of them together.
pub(crate) fn total(objects: &[Object]) -> Outcome<u64> {
    Ok(u64::try_from(
        objects.iter().map(|o| o.bytes.len()).sum::<usize>(),
    )?)
}

/// Hashes and deflates all objects on so many threads, with the libraries and the level that a publish uses.
/// Gives the length of what came out.
pub(crate) fn hash_and_deflate(objects: &[Object], threads: usize) -> Outcome<usize> {
    at_level(objects, threads, 1)
}

/// The same at another level of zlib.
pub(crate) fn at_level(objects: &[Object], threads: usize, level: u32) -> Outcome<usize> {
    let share = objects.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = objects
            .chunks(share)
            .map(|chunk| scope.spawn(move || some(chunk, level).map_err(|e| e.to_string())))
            .collect();
        let mut sum = 0;
        for worker in workers {
            sum += worker.join().map_err(|_| "a thread panicked")??;
        }
        Ok(sum)
    })
}

fn some(objects: &[Object], level: u32) -> Outcome<usize> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
    let mut buffer = Vec::new();
    let mut sum = 0;
    for object in objects {
        let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, object.kind, &object.bytes)
            .map_err(|e| e.to_string())?;
        std::hint::black_box(id);
        encoder.write_all(&object.bytes)?;
        buffer.clear();
        buffer = encoder.reset(buffer)?;
        sum += buffer.len();
    }
    Ok(sum)
}
