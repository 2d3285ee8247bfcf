//! Programs that tests run: those in other languages, built once and kept in the user's cache folder, and our own.
//!
//! No crate of Kubernetes is a dependency here, so that a test of a pure package can read its
//! output back by other YAML libraries without compiling a Kubernetes client.
//!
//! The cache folder is `$ORZ_TEST_CACHE`, else `$XDG_CACHE_HOME/orz-tests`, else
//! `~/.cache/orz-tests`. Every entry's name carries a hash of what it was made from, so nothing
//! in it goes stale and all of it may be deleted at any time.

mod cache;
mod error;
mod go;
mod ours;
mod python;
pub mod yaml;

pub use cache::{Digest, cache_dir, made_once, say};
pub use error::ToolError;
pub use go::{GoProgram, go_module_dir};
pub use ours::Programs;
pub use python::python_with_yaml;
