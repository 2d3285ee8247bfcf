//! Gives the compiler its digest, see `build/digest.rs`.

#[path = "build/digest.rs"]
mod digest;

use std::path::PathBuf;
use std::{env, io};

#[expect(
    clippy::disallowed_methods,
    reason = "cargo speaks to build scripts through the environment"
)]
fn main() -> io::Result<()> {
    let package =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it for build scripts"));
    let version = env::var("CARGO_PKG_VERSION").expect("cargo sets it for build scripts");
    let root = package
        .parent()
        .expect("the package stands in the workspace");
    for folder in digest::FOLDERS {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
    }
    for (_, path) in digest::files(root)? {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    println!("cargo::rerun-if-changed=build/digest.rs");
    println!(
        "cargo::rustc-env=ORZ_COMPILER_DIGEST={}",
        digest::digest(root, &version)?
    );
    Ok(())
}
