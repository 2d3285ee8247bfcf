//! The difference of two manifests, line by line.

use similar::{Algorithm, TextDiff};

use crate::Value;
use crate::emit;

/// Unified difference of the canonical YAML of two objects: three lines of context, no file names.
/// Without one side, all lines of the other.
pub(super) fn unified(before: Option<&Value>, after: Option<&Value>) -> String {
    let text = |value: Option<&Value>| value.map(emit::yaml).unwrap_or_default();
    let (before, after) = (text(before), text(after));
    // The algorithm is named, so that another default of the library changes no plan.
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .diff_lines(&before, &after);
    diff.unified_diff().context_radius(3).to_string()
}
