//! What every part of orz shares, and nothing that touches the outside world.
//!
//! - [`id`]: identifiers as newtypes; parsed once at the edge, never compared as bare strings.
//! - [`diag`]: diagnostics with source positions, their codes and how they are rendered.
//! - [`exit`]: the exit codes every command keeps.
//! - [`read`]: the one reader for JSON and YAML, with positions for every key and value.
//! - [`emit`]: the one canonical YAML emitter.
//! - [`object`]: a Kubernetes object as a tree; [`kinds`]: the table of what we know about each kind.
//! - [`jobs`]: the one object of a release that happens, a release job, and the order that it imposes.
//! - [`diff`]: what changes between two sets of objects; [`plan`]: that as a document, and as people read it.
//! - [`parallel`]: the same work on many items by several threads, with results in the order of the items.
//! - [`format`]: every format written to a GitOps repository; [`paths`]: the only place that spells a path in it.
//!
//! This crate does no I/O, reads no clock and no environment, and never iterates over a hash map:
//! equal inputs give equal bytes on any machine.

pub mod diag;
pub mod diff;
pub mod emit;
pub mod exit;
pub mod format;
pub mod id;
pub mod jobs;
pub mod kinds;
pub mod object;
pub mod parallel;
pub mod paths;
pub mod plan;
pub mod read;

/// A JSON value: the tree that documents, objects and formats share.
///
/// Maps are ordered by key because `serde_json` is built without `preserve_order`;
/// a test in [`emit`] fails if a dependency ever turns that feature on.
pub use serde_json::Value;
