//! Computes the compiler's digest: what must be equal for two compilers to emit equal bytes.
//!
//! SHA-256 over these fields, each preceded by its length as an unsigned 64-bit big-endian number:
//! the version of this package; then for every file of the list below, sorted by path, its path relative
//! to the root of the workspace with `/` between segments, and its bytes with CR LF as LF.
//!
//! | files | because |
//! |---|---|
//! | `core/src/**`, `compiler/src/**` | they are the compiler |
//! | `bundles/**` | embedded as the default of platform data |
//! | `Cargo.lock` | a dependency may change what is emitted |
//!
//! Neither absolute paths nor line endings of a checkout nor the target enter, so a laptop and CI agree.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script reads the sources and talks to cargo; the package it builds does neither"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use sha2::{Digest as _, Sha256};

fn main() -> io::Result<()> {
    let package =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it for build scripts"));
    let version = env::var("CARGO_PKG_VERSION").expect("cargo sets it for build scripts");
    let root = package
        .parent()
        .expect("the package stands in the workspace");

    let mut files = vec![("Cargo.lock".to_owned(), root.join("Cargo.lock"))];
    for folder in ["bundles", "compiler/src", "core/src"] {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
        collect(&root.join(folder), folder, &mut files)?;
    }
    files.sort();

    let mut hasher = Sha256::new();
    field(&mut hasher, version.as_bytes());
    for (name, path) in &files {
        println!("cargo::rerun-if-changed={}", path.display());
        field(&mut hasher, name.as_bytes());
        field(&mut hasher, &unix_lines(&fs::read(path)?));
    }
    let mut digest = String::with_capacity(64);
    for byte in hasher.finalize() {
        write!(digest, "{byte:02x}").expect("writing to a String cannot fail");
    }
    println!("cargo::rustc-env=ORZ_COMPILER_DIGEST={digest}");
    Ok(())
}

fn collect(folder: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
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
