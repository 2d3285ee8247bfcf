//! The compiler's digest: what must be equal for two compilers to emit equal bytes.
//!
//! SHA-256 over these fields, each preceded by its length as an unsigned 64-bit big-endian number: the version of
//! this package; then for every file of the list below, sorted by path, its path relative to the root of the workspace
//! with `/` between segments, and its bytes with CR LF as LF.
//!
//! | files | because |
//! |---|---|
//! | `core/src/**`, `compiler/src/**` | they are the compiler |
//! | `bundles/**` | embedded as the default of platform data |
//! | `Cargo.lock` | a dependency may change what is emitted |
//!
//! Neither absolute paths nor line endings of a checkout nor the target enter, so a laptop and CI agree. Hidden files,
//! which editors and systems leave behind, do not count.

#![expect(
    clippy::disallowed_methods,
    reason = "reads the sources for the build script and its test"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use sha2::{Digest as _, Sha256};

/// Folders whose files count.
pub(crate) const FOLDERS: [&str; 3] = ["bundles", "compiler/src", "core/src"];
/// The one file outside of them that counts.
pub(crate) const LOCK: &str = "Cargo.lock";

/// The digest of the workspace at `root`, as 64 hex digits.
pub(crate) fn digest(root: &Path, version: &str) -> io::Result<String> {
    let mut hasher = Sha256::new();
    field(&mut hasher, version.as_bytes());
    for (name, path) in files(root)? {
        field(&mut hasher, name.as_bytes());
        field(&mut hasher, &unix_lines(&fs::read(path)?));
    }
    let mut digest = String::with_capacity(64);
    for byte in hasher.finalize() {
        write!(digest, "{byte:02x}").expect("writing to a String cannot fail");
    }
    Ok(digest)
}

/// Every file that counts: path relative to `root` and where it is, sorted.
pub(crate) fn files(root: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut files = vec![(LOCK.to_owned(), root.join(LOCK))];
    for folder in FOLDERS {
        collect(&root.join(folder), folder, &mut files)?;
    }
    files.sort();
    Ok(files)
}

fn collect(folder: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let file_name = entry.file_name();
        if file_name.to_string_lossy().starts_with('.') {
            continue;
        }
        let name = format!("{name}/{}", file_name.to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &name, files)?;
        } else {
            files.push((name, entry.path()));
        }
    }
    Ok(())
}

fn field(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}

fn unix_lines(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (i, byte) in bytes.iter().enumerate() {
        if *byte != b'\r' || bytes.get(i + 1) != Some(&b'\n') {
            out.push(*byte);
        }
    }
    out
}
