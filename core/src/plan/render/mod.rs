//! Changes as people read them.

mod group;
mod human;
mod markdown;
mod text;

pub use human::{HumanOptions, Manifests};
pub use markdown::MARKDOWN_MAX;

pub(super) use human::human;
pub(super) use markdown::markdown;

use super::changes::Changes;

/// One compared part under a heading of its own.
pub(super) struct Section<'a> {
    /// `acme/work`.
    pub(super) title: String,
    /// `on in-cluster`.
    pub(super) place: String,
    /// Why it changes; may be empty.
    pub(super) because: String,
    /// The objects that change.
    pub(super) changes: &'a Changes,
}

/// Said of a section in which no object changes its meaning.
const REWRITTEN: &str = "no object changes its meaning; the manifests are written differently";
/// Said when there is no section.
const NOTHING: &str = "nothing changes";
