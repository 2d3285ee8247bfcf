//! The compiler's digest depends on what the compiler is, and on nothing else.

#![expect(
    clippy::disallowed_methods,
    reason = "copies the sources to see what their digest depends on"
)]

#[path = "../build/digest.rs"]
mod digest;

use std::fs;
use std::path::{Path, PathBuf};

use digest::{digest, files};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package stands in the workspace")
        .to_owned()
}

/// A copy of everything that counts, each file changed by `change`.
fn copy(change: impl Fn(&str, Vec<u8>) -> Vec<u8>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, path) in files(&workspace()).expect("the workspace can be read") {
        let target = folder.path().join(&name);
        fs::create_dir_all(target.parent().expect("files stand in folders")).expect("a new folder");
        let bytes = fs::read(path).expect("the workspace can be read");
        fs::write(target, change(&name, bytes)).expect("a new file");
    }
    folder
}

fn of(folder: &tempfile::TempDir) -> String {
    digest(folder.path(), VERSION).expect("the copy can be read")
}

#[test]
fn it_is_the_digest_of_the_sources_as_they_are() {
    let found = orz_compiler::compiler_identity();
    assert_eq!(found.version, VERSION);
    assert_eq!(
        found.digest.as_str(),
        digest(&workspace(), VERSION).expect("the workspace can be read")
    );
}

#[test]
fn the_place_and_line_endings_of_a_checkout_do_not_count() {
    let plain = copy(|_, bytes| bytes);
    let original = digest(&workspace(), VERSION).expect("the workspace can be read");
    assert_eq!(of(&plain), original);
    let windows = copy(|_, bytes| {
        String::from_utf8(bytes)
            .expect("sources are text")
            .replace('\n', "\r\n")
            .into_bytes()
    });
    assert_eq!(of(&windows), original);
    fs::write(plain.path().join("core/src/.DS_Store"), "x").expect("a new file");
    assert_eq!(of(&plain), original);
}

#[test]
fn every_file_its_name_and_the_version_count() {
    let original = of(&copy(|_, bytes| bytes));
    for changed in [
        "Cargo.lock",
        "core/src/emit/mod.rs",
        "compiler/src/lib.rs",
        "bundles/platform/plans.json",
    ] {
        let other = copy(|name, bytes| {
            if name == changed {
                [bytes, b" ".to_vec()].concat()
            } else {
                bytes
            }
        });
        assert_ne!(of(&other), original, "{changed}");
    }
    let renamed = copy(|_, bytes| bytes);
    let folder = renamed.path().join("core/src");
    fs::rename(folder.join("exit.rs"), folder.join("exits.rs")).expect("renamed");
    assert_ne!(of(&renamed), original);
    assert_ne!(
        digest(&workspace(), "0.0.0").expect("the workspace can be read"),
        original
    );
}
