//! Which compiler this is.

use orz_core::format;

/// The version and digest of this compiler. `build.rs` computes the digest over everything that decides
/// what a compile emits, see there.
pub fn compiler_identity() -> format::Compiler {
    format::Compiler {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        digest: env!("ORZ_COMPILER_DIGEST")
            .parse()
            .expect("build.rs writes 64 hex digits"),
    }
}
