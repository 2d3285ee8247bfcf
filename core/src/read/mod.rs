//! The one reader for JSON and YAML.
//!
//! It gives a [`Node`] with the place of every key and value, and refuses whatever two readers
//! could understand in two ways: duplicate keys, ambiguous YAML scalars, anchors, tags, merge keys,
//! several documents, numbers that do not fit, characters that cannot be seen.
//!
//! JSON has a parser of its own: a YAML parser accepts far more than JSON (comments, single quotes,
//! missing quotes), limits keys to 1,024 characters, and needs ten times as long.

mod canonical;
pub(crate) mod chars;
mod explain;
mod json;
mod keys;
mod node;
mod number;
mod places;
mod report;
mod scalar;
mod text;
mod traps;
mod yaml;

use report::Report;

use crate::diag::{Diagnostics, Sources};

pub use canonical::canonical;
pub use node::{Data, Entry, Node};

/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// The most collections that may stand inside each other.
pub const MAX_DEPTH: usize = 64;
/// The most values that a document may have.
pub const MAX_VALUES: usize = 100_000;

/// Reads one document: strict JSON if `path` ends in `.json`, else YAML.
///
/// The file is added to `sources` and everything that is wrong with it to `diagnostics`; only a
/// syntax error ends the search. `None` if any of it is an error.
pub fn parse(
    bytes: &[u8],
    path: &str,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let file = match text::decode(bytes, path, sources) {
        Ok(file) => file,
        Err(report) => {
            report.finish(diagnostics);
            return None;
        }
    };
    let text = sources.file(file).text.as_str();
    let mut report = Report::new(file);
    let begin = text::check(text, &mut report);
    let node = if has_json_name(path) {
        json::parse(text, begin, &mut report)
    } else {
        yaml::parse(text, begin, &mut report)
    };
    let sound = report.finish(diagnostics);
    node.ok().filter(|_| sound)
}

fn has_json_name(path: &str) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("json"))
}

#[cfg(test)]
mod tests;
