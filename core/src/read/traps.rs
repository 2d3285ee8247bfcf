//! YAML that is valid, but that nobody means or that readers understand in different ways.

use crate::diag::codes::syntax;
use crate::diag::{Diagnostic, Span};

/// The `-` of a line that was meant as a list item but continues an unquoted text, because it is
/// indented further than the item above.
pub(super) fn swallowed_item(source: &str, text: Span) -> Option<Diagnostic> {
    let mut at = text.start;
    for line in source[text.start..text.end].split_inclusive('\n') {
        let item = line.trim_start();
        if at > text.start && (item.starts_with("- ") || item.trim_end() == "-") {
            let start = at + line.len() - item.len();
            let place = Span {
                start,
                end: start + 1,
                ..text
            };
            let message = "a list item is read as part of the text above it";
            return Some(
                Diagnostic::error(&syntax::SYNTAX, place, message)
                    .label("this `-` continues the text")
                    .related(text, "the text begins here")
                    .help("indent it like the item above, or quote the text"),
            );
        }
        at += line.len();
    }
    None
}

/// A tab in front of a key or the document: our parser counts it as one column, others refuse it.
pub(super) fn tab_before(source: &str, key: Span) -> Option<Diagnostic> {
    let line = source[..key.start].rfind('\n').map_or(0, |at| at + 1);
    let tab = line + source[line..key.start].find('\t')?;
    let place = Span {
        start: tab,
        end: tab + 1,
        ..key
    };
    let diagnostic = Diagnostic::error(&syntax::SYNTAX, place, "a tab where only spaces can stand");
    Some(diagnostic.label("a tab").help("indent by spaces"))
}

/// For a key without a value in `{}` or `[]`: `{port:80}` is the key `port:80`, which nobody means;
/// `{port:}` is that too for some readers, and the key `port` for others.
pub(super) fn colon_without_space(source: &str, key: Span) -> Option<Diagnostic> {
    let written = &source[key.start..key.end];
    if written.starts_with(['"', '\'']) {
        return None;
    }
    let behind = &source[key.end..];
    let at = match written.find(':') {
        Some(inside) => key.start + inside,
        None if [":,", ":]", ":}"]
            .iter()
            .any(|close| behind.starts_with(close)) =>
        {
            key.end
        }
        None => return None,
    };
    let place = Span {
        start: at,
        end: at + 1,
        ..key
    };
    let diagnostic = Diagnostic::error(
        &syntax::SYNTAX,
        place,
        format!("the key `{written}` has no value"),
    )
    .label("expected a space and a value behind `:`")
    .help("put a space behind `:`, write `null` for no value, or quote the key");
    Some(diagnostic)
}

/// A block scalar that is the whole document and not indented: Go's reader takes it for empty.
pub(super) fn block_without_indent(source: &str, body: Span, depth: usize) -> Option<Diagnostic> {
    let line = source[..body.start].rfind('\n').map_or(0, |at| at + 1);
    let mut lines = source[line..body.end].lines();
    if depth > 0 || !lines.any(|line| !line.is_empty() && !line.starts_with(' ')) {
        return None;
    }
    let message = "readers of YAML disagree about a block that is not indented";
    let diagnostic = Diagnostic::error(&syntax::AMBIGUOUS_SCALAR, body, message)
        .label("the text of the document, or nothing")
        .help("indent the lines of the block");
    Some(diagnostic)
}
