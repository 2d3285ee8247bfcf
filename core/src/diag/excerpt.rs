//! The lines of a source file that a diagnostic shows, made safe and short.

use std::ops::Range;

use super::{Sources, Span};
use crate::read::chars::unseen;

/// Marks further apart than this get an excerpt each.
const MAX_LINES: usize = 200;
/// What stands for a part of a line that is left out.
const CUT: char = '…';

/// Some lines of one file with the marks in them.
pub(super) struct Excerpt {
    /// The lines, each with `\n`; nothing in them can drive a terminal.
    pub text: String,
    /// The number of the first line, from 1.
    pub first_line: usize,
    /// For each mark its index in the list it came from and its bytes in `text`; the first one given comes first.
    pub marks: Vec<(usize, Range<usize>)>,
}

/// The excerpts that show `spans`, of which the first is the one that counts. A span over several
/// lines is marked on its first line; a line ends `width` characters after the begin of its last mark.
pub(super) fn excerpts(spans: &[Span], sources: &Sources, width: usize) -> Vec<Excerpt> {
    let mut left: Vec<(usize, usize)> = spans
        .iter()
        .enumerate()
        .map(|(i, span)| (i, sources.position(*span).line))
        .collect();
    let mut all = Vec::new();
    while let Some(&(head, head_line)) = left.first() {
        let (mut low, mut high) = (head_line, head_line);
        let (near, far): (Vec<_>, Vec<_>) = left.into_iter().partition(|&(i, line)| {
            let (one, other) = (spans[head], spans[i]);
            // On one line the bytes between two marks are shown, all of them.
            let fits = one.file == other.file
                && high.max(line) - low.min(line) <= MAX_LINES
                && (line != head_line || one.start.abs_diff(other.start) < width / 2);
            if fits {
                (low, high) = (low.min(line), high.max(line));
            }
            fits
        });
        all.push(excerpt(spans, &near, low..=high, sources, width));
        left = far;
    }
    all
}

fn excerpt(
    spans: &[Span],
    near: &[(usize, usize)],
    lines: std::ops::RangeInclusive<usize>,
    sources: &Sources,
    width: usize,
) -> Excerpt {
    let source = &sources.file(spans[near[0].0].file).text;
    let (first, last) = lines.into_inner();
    let mut text = String::new();
    let mut marks = Vec::new();
    let mut start = 0;
    for (i, raw) in source
        .split('\n')
        .enumerate()
        .take(last)
        .map(|(i, raw)| (i + 1, raw))
    {
        if i >= first {
            let line = raw.strip_suffix('\r').unwrap_or(raw);
            let here = near
                .iter()
                .filter(|(_, line)| *line == i)
                .map(|(index, _)| {
                    let span = spans[*index];
                    let at = |offset: usize| line.floor_char_boundary(offset.saturating_sub(start));
                    (*index, at(span.start)..at(span.end))
                });
            push_line(
                &mut text,
                &mut marks,
                line,
                &here.collect::<Vec<_>>(),
                width,
            );
        }
        start += raw.len() + 1;
    }
    marks.sort_by_key(|(index, _)| *index);
    Excerpt {
        text,
        first_line: first,
        marks,
    }
}

/// Adds `line` to `text` and its marks, in bytes of `line`, to `marks`, in bytes of `text`.
///
/// Every character stays one character, so that columns stay what they are.
fn push_line(
    text: &mut String,
    marks: &mut Vec<(usize, Range<usize>)>,
    line: &str,
    here: &[(usize, Range<usize>)],
    width: usize,
) {
    let end = shown_end(line, here, width);
    // Where each byte of the line stands in `text`: replaced characters have other lengths.
    let mut moved = Vec::with_capacity(end + 1);
    for (offset, c) in line[..end].char_indices() {
        moved.resize(offset + 1, text.len());
        text.push(shown(c));
    }
    moved.resize(end + 1, text.len());
    if end < line.len() {
        text.push(CUT);
    }
    for (index, mark) in here {
        let place = |offset: usize| moved[offset.min(end)];
        let start = place(mark.start);
        marks.push((*index, start..place(mark.end).max(start)));
    }
    text.push('\n');
}

/// How many bytes of `line` are shown: `width` characters from the begin of the last mark.
fn shown_end(line: &str, here: &[(usize, Range<usize>)], width: usize) -> usize {
    let last = here
        .iter()
        .map(|(_, mark)| mark.start)
        .max()
        .unwrap_or_default();
    line[last..]
        .char_indices()
        .nth(width)
        .map_or(line.len(), |(at, _)| last + at)
}

/// `c`, or what is shown for a character that cannot be seen.
fn shown(c: char) -> char {
    match c {
        '\0'..='\u{8}' | '\u{b}'..='\u{1f}' => {
            char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        '\u{7f}' => '\u{2421}',
        '\u{200c}' | '\u{200d}' => char::REPLACEMENT_CHARACTER,
        c if unseen(c).is_some() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}
