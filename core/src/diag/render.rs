//! Renders diagnostics for people and programs.

use super::{Diagnostics, Sources};

/// How to render for people.
#[derive(Clone, Copy, Debug, Default)]
pub struct RenderOptions {
    /// ANSI colours.
    pub color: bool,
    /// Terminal width in columns; 0 for the default of 100.
    pub width: usize,
}

/// Renders for people: message, `file:line:column`, the source line with a caret, related places, help.
pub fn render(_diagnostics: &Diagnostics, _sources: &Sources, _options: RenderOptions) -> String {
    String::new()
}

/// Renders for programs; one JSON value a diagnostic, with a stable shape.
pub fn to_json(_diagnostics: &Diagnostics, _sources: &Sources) -> serde_json::Value {
    serde_json::Value::Null
}
