//! Renders diagnostics for people and programs.

use std::borrow::Cow;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::excerpt::{Excerpt, excerpts};
use super::{Diagnostic, Diagnostics, Severity, Sources, Span};
use crate::read::chars::unseen;

/// The width when none is asked for, in columns.
const DEFAULT_WIDTH: usize = 100;
/// No source line is cut shorter than this, in characters.
const MIN_LINE: usize = 40;
/// Columns that stand before a source line: its number and the bar.
const MARGIN: usize = 12;

/// No message or label is shown longer than this, in characters: they quote what people wrote.
const MAX_TEXT: usize = 300;
/// The same for help, which may hold a whole example.
const MAX_HELP: usize = 2_000;

/// How to render for people.
#[derive(Clone, Copy, Debug, Default)]
pub struct RenderOptions {
    /// ANSI colours.
    pub color: bool,
    /// Terminal width in columns; 0 for the default of 100.
    pub width: usize,
}

/// Renders for people: message, `file:line:column`, the source line with a caret, related places, help.
///
/// Diagnostics stand in their order, an empty line between two. Source lines longer than the width
/// are cut around the caret, and characters that could drive a terminal are replaced, in source
/// lines as well as in messages.
pub fn render(diagnostics: &Diagnostics, sources: &Sources, options: RenderOptions) -> String {
    let renderer = if options.color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let width = if options.width == 0 {
        DEFAULT_WIDTH
    } else {
        options.width
    };
    let width = width.saturating_sub(MARGIN).max(MIN_LINE);
    let renderer = renderer.term_width(width);
    // Hidden for all: another diagnostic may show the same line.
    let masked: Vec<Span> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.masked)
        .filter_map(|diagnostic| diagnostic.span)
        .collect();
    let sources = if masked.is_empty() {
        Cow::Borrowed(sources)
    } else {
        Cow::Owned(sources.hidden(&masked))
    };
    let mut out = String::new();
    for diagnostic in diagnostics.iter() {
        if !out.is_empty() {
            out.push('\n');
        }
        let group = group(diagnostic, &sources, width);
        out.push_str(&renderer.render(&[group]));
        out.push('\n');
    }
    out
}

/// Renders for programs: an array with an object a diagnostic, of stable shape.
///
/// `code`, `severity`, `message`, `label` and `object` are strings (the last may be null), `file`,
/// `line`, `column`, `endLine` and `endColumn` the place (null without one), lines and columns from 1
/// in characters, the end exclusive; `related` is a list of `{file, line, column, label}` and `help`
/// a list of strings.
pub fn to_json(diagnostics: &Diagnostics, sources: &Sources) -> Value {
    diagnostics
        .iter()
        .map(|diagnostic| one_to_json(diagnostic, sources))
        .collect()
}

fn one_to_json(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let file = |span: Span| sources.file(span.file).path.clone();
    let start = diagnostic.span.map(|span| sources.position(span));
    let end = diagnostic.span.map(|span| {
        sources.position(Span {
            start: span.end,
            ..span
        })
    });
    let related = diagnostic.related.iter().map(|related| {
        let position = sources.position(related.span);
        json!({
            "file": file(related.span),
            "line": position.line,
            "column": position.column,
            "label": related.label,
        })
    });
    json!({
        "code": diagnostic.code.name,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": diagnostic.span.map(file),
        "line": start.map(|position| position.line),
        "column": start.map(|position| position.column),
        "endLine": end.map(|position| position.line),
        "endColumn": end.map(|position| position.column),
        "label": diagnostic.label,
        "object": diagnostic.object,
        "related": related.collect::<Vec<_>>(),
        "help": diagnostic.help,
    })
}

fn group(diagnostic: &Diagnostic, sources: &Sources, width: usize) -> Group<'static> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(
        level
            .primary_title(line(&diagnostic.message))
            .id(diagnostic.code.name),
    );
    // The place that counts comes first; without it the related ones are still shown.
    let primary = diagnostic
        .span
        .map(|span| (span, &diagnostic.label, AnnotationKind::Primary));
    let related = diagnostic
        .related
        .iter()
        .map(|related| (related.span, &related.label, AnnotationKind::Context));
    let places: Vec<_> = primary.into_iter().chain(related).collect();
    let spans: Vec<Span> = places.iter().map(|(span, ..)| *span).collect();
    for Excerpt {
        text,
        first_line,
        marks,
    } in excerpts(&spans, sources, width)
    {
        let (span, ..) = places[marks[0].0];
        let file = sources.file(span.file);
        let path = line(&file.path);
        if file.text.is_empty() {
            group = group.element(Origin::path(path));
            continue;
        }
        let annotations = marks.into_iter().map(|(index, range)| {
            let (_, label, kind) = places[index];
            let label = (!label.is_empty()).then(|| line(label));
            kind.span(range).label(label)
        });
        let annotations: Vec<Annotation<'_>> = annotations.collect();
        group = group.element(
            Snippet::source(text)
                .path(path)
                .line_start(first_line)
                .annotations(annotations),
        );
    }
    if let Some(object) = &diagnostic.object {
        group = group.element(Level::NOTE.message(format!("in the manifest `{}`", line(object))));
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(lines(help)));
    }
    group
}

/// `text` on one line, with every character that cannot be seen as an escape.
fn line(text: &str) -> String {
    safe(text, MAX_TEXT)
        .replace('\n', "\\n")
        .replace('\t', "\\t")
}

/// `text` with every character that cannot be seen as an escape, except line breaks and tabs.
fn lines(text: &str) -> String {
    safe(text, MAX_HELP)
}

fn safe(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit));
    for (count, c) in text.chars().enumerate() {
        if count == limit {
            out.push('…');
            break;
        }
        if c == '\r' || unseen(c).is_some() {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests;
