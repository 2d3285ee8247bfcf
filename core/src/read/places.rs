//! Where YAML values begin and end, where the parser's events do not say so.

use granit_parser::StructureStyle;

use crate::diag::Span;

/// A flow collection spans its brackets; a block collection ends with its last value.
pub(super) fn collection(
    style: StructureStyle,
    start: Span,
    end: Span,
    last: Option<usize>,
) -> Span {
    let end = match (style, last) {
        (StructureStyle::Block, Some(last)) => last,
        _ => end.end,
    };
    Span {
        end: end.max(start.start),
        ..start
    }
}

/// A list begins with its first `-`; for one that is not indented under its key the parser names the first item.
pub(super) fn list(text: &str, style: StructureStyle, span: Span, first_item: Span) -> Span {
    if style == StructureStyle::Flow || text[span.start..].starts_with('-') {
        return span;
    }
    let mut end = first_item.start;
    loop {
        let line = text[..end].rfind('\n').map_or(0, |at| at + 1);
        let indent = text[line..end].len() - text[line..end].trim_start().len();
        if text[line + indent..end].starts_with('-') {
            return Span {
                start: line + indent,
                ..span
            };
        }
        match line.checked_sub(1) {
            Some(before) => end = before,
            None => return span,
        }
    }
}

/// A value that is left out stands behind the `:`, where it would be written.
pub(super) fn left_out(text: &str, span: Span) -> Span {
    // `:x` is a text of its own.
    let is_indicator = text[span.start..]
        .strip_prefix(':')
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
    let at = span.start + usize::from(is_indicator);
    Span {
        start: at,
        end: at,
        ..span
    }
}

/// A block scalar begins with its `|` or `>`; the parser names the lines behind it. A key before it, which ends at
/// `before`, may hold such signs too.
pub(super) fn block(text: &str, before: usize, body: Span) -> Span {
    let head = text[..body.start].trim_ascii_end();
    let line = head.rfind('\n').map_or(0, |at| at + 1);
    let line = line.max(before).min(head.len());
    let indicator = head[line..].char_indices().find(|(at, c)| {
        let rest = head[line + at..].trim_start_matches(['|', '>']);
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '+' || c == '-');
        matches!(c, '|' | '>')
            && (rest.is_empty()
                || rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#'))
    });
    let start = indicator.map_or(body.start, |(at, _)| line + at);
    Span {
        start,
        end: body.end.max(start),
        ..body
    }
}

/// The text of a block scalar, without the line break that the parser adds if the file ends without one.
pub(super) fn block_text<'s>(source: &str, read: &'s str, body: Span) -> &'s str {
    let at_end = source[body.end..].trim().is_empty() && !source.ends_with('\n');
    let Some(cut) = read.strip_suffix('\n').filter(|_| at_end) else {
        return read;
    };
    let is_blank_at_end = |text: &str| {
        text.rsplit('\n')
            .next()
            .is_some_and(|line| line.trim().is_empty() && !line.is_empty())
    };
    // A last line of blanks is part of the text only where it is longer than the indentation.
    if is_blank_at_end(source) && !is_blank_at_end(cut) {
        read
    } else {
        cut
    }
}
