//! YAML with places: one document, no anchors, no tags, string keys, unambiguous scalars.

use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, StrInput, StructureStyle};

use super::json::duplicate_key;
use super::node::{Data, Entry, Node};
use super::report::{Report, Stop};
use super::scalar::{self, Plain};
use super::{MAX_DEPTH, MAX_VALUES};
use crate::diag::codes::syntax;
use crate::diag::{Diagnostic, Span};

/// Reads the document that begins at byte `begin` of `text`.
pub(super) fn parse(text: &str, begin: usize, report: &mut Report) -> Result<Node, Stop> {
    let options = granit_parser::options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        emit_comments: false,
        // One more than we accept, so that the error is ours.
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
    };
    let parser = Parser::new_from_str_with_options(&text[begin..], options);
    Reader {
        text,
        begin,
        parser,
        values: 0,
        report,
    }
    .document()
}

struct Reader<'t, 'r> {
    text: &'t str,
    /// Where the parser's text begins in `text`.
    begin: usize,
    parser: Parser<'t, StrInput<'t>>,
    values: usize,
    report: &'r mut Report,
}

impl<'t> Reader<'t, '_> {
    fn document(&mut self) -> Result<Node, Stop> {
        let node = loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd | Event::DocumentEnd, _) => return Err(self.empty()),
                (event, span) => break self.node(event, span, 0)?,
            }
        };
        if node.data == Data::Null && node.span.start == node.span.end {
            return Err(self.empty());
        }
        loop {
            match self.next()? {
                (Event::DocumentEnd, _) => {}
                (Event::StreamEnd, _) => return Ok(node),
                (_, span) => {
                    let message = "a second document in one file";
                    let diagnostic = Diagnostic::error(&syntax::MULTIPLE_DOCUMENTS, span, message)
                        .label("begins here")
                        .help("move each document into a file of its own");
                    return Err(self.report.stop(diagnostic));
                }
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Stop> {
        self.values += 1;
        if self.values > MAX_VALUES {
            let message = format!("the document has more than {MAX_VALUES} values");
            let diagnostic = Diagnostic::error(&syntax::DOCUMENT_TOO_LARGE, span, message);
            return Err(self
                .report
                .stop(diagnostic.help("move large content out of the document")));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.skip_anchor(anchor)?;
                let data = if style == ScalarStyle::Plain && tag.is_none() {
                    self.plain(&text, span)
                } else {
                    Data::String(text.into_owned())
                };
                Ok(Node { span, data })
            }
            Event::SequenceStart(style, anchor, _) => {
                self.enter(span, anchor, depth)?;
                self.list(style, span, depth + 1)
            }
            Event::MappingStart(style, anchor, _) => {
                self.enter(span, anchor, depth)?;
                self.map(style, span, depth + 1)
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.anchor_not_allowed("alias", span);
                Ok(Node {
                    span,
                    data: Data::Null,
                })
            }
            _ => {
                let diagnostic = Diagnostic::error(&syntax::SYNTAX, span, "expected a value");
                Err(self.report.stop(diagnostic))
            }
        }
    }

    fn list(&mut self, style: StructureStyle, start: Span, depth: usize) -> Result<Node, Stop> {
        let mut items: Vec<Node> = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, end) => {
                    let last = items.last().map(|item| item.span.end);
                    let span = collection_span(style, start, end, last);
                    return Ok(Node {
                        span,
                        data: Data::List(items),
                    });
                }
                (event, span) => items.push(self.node(event, span, depth)?),
            }
        }
    }

    fn map(&mut self, style: StructureStyle, start: Span, depth: usize) -> Result<Node, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut first_of: BTreeMap<String, Span> = BTreeMap::new();
        loop {
            let (event, key_span) = self.next()?;
            if event == Event::MappingEnd {
                let last = entries
                    .last()
                    .map(|entry| entry.value.span.end.max(entry.key_span.end));
                let span = collection_span(style, start, key_span, last);
                return Ok(Node {
                    span,
                    data: Data::Map(entries),
                });
            }
            let (key, key_span) = self.key(event, key_span, depth)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth)?;
            // Without a key the entry is reported already; the rest of the map is still read.
            let Some(key) = key else { continue };
            if let Some(first) = first_of.get(&key) {
                self.report.push(duplicate_key(&key, key_span, *first));
            } else {
                first_of.insert(key.clone(), key_span);
            }
            entries.push(Entry {
                key,
                key_span,
                value,
            });
        }
    }

    /// The key that `event` begins; `None` after it was reported that this is no string.
    fn key(
        &mut self,
        event: Event<'t>,
        span: Span,
        depth: usize,
    ) -> Result<(Option<String>, Span), Stop> {
        let (text, style, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => (text, style, anchor, tag),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.anchor_not_allowed("alias", span);
                return Ok((None, span));
            }
            event => {
                let node = self.node(event, span, depth)?;
                let diagnostic = Diagnostic::error(
                    &syntax::NON_STRING_KEY,
                    node.span,
                    "a key is a list or a map",
                );
                self.report.push(
                    diagnostic
                        .label("expected a string")
                        .help("use strings as keys"),
                );
                return Ok((None, node.span));
            }
        };
        self.skip_anchor(anchor)?;
        if style != ScalarStyle::Plain || tag.is_some() {
            return Ok((Some(text.into_owned()), span));
        }
        let is = |what: &str| format!("the key `{text}` is {what}, not a string");
        let diagnostic = match scalar::resolve(&text) {
            Plain::String => return Ok((Some(text.into_owned()), span)),
            Plain::Merge => {
                Diagnostic::error(&syntax::MERGE_KEY, span, "merge keys are not allowed")
                    .label("merges another map in YAML 1.1, an ordinary key in YAML 1.2")
                    .help("write the entries out")
            }
            Plain::Ambiguous { label, .. } => ambiguous(&text, span, label),
            Plain::Null if text.is_empty() => {
                Diagnostic::error(&syntax::NON_STRING_KEY, span, "the key is missing")
                    .label("expected a string before `:`")
                    .help("write the key, or quote it if it is empty: `\"\"`")
            }
            Plain::Null => Diagnostic::error(&syntax::NON_STRING_KEY, span, is("null")),
            Plain::Bool(_) => Diagnostic::error(&syntax::NON_STRING_KEY, span, is("a boolean")),
            Plain::Number(_) | Plain::OutOfRange(_) => {
                Diagnostic::error(&syntax::NON_STRING_KEY, span, is("a number"))
            }
        };
        let quote = diagnostic.help.is_empty();
        self.report.push(if quote {
            diagnostic.help(quote_it(&text))
        } else {
            diagnostic
        });
        Ok((None, span))
    }

    fn plain(&mut self, text: &str, span: Span) -> Data {
        let diagnostic = match scalar::resolve(text) {
            Plain::Null => return Data::Null,
            Plain::Bool(value) => return Data::Bool(value),
            Plain::Number(number) => return Data::Number(number),
            Plain::String => return Data::String(text.to_owned()),
            Plain::OutOfRange(out_of_range) => {
                let message = format!("the number `{text}` cannot be kept");
                Diagnostic::error(&syntax::NUMBER_OUT_OF_RANGE, span, message)
                    .label(out_of_range.label)
                    .help(out_of_range.help)
            }
            Plain::Merge => ambiguous(text, span, "the merge key of YAML 1.1, a string elsewhere")
                .help(quote_it(text)),
            Plain::Ambiguous { label, other } => {
                let diagnostic = ambiguous(text, span, label).help(quote_it(text));
                match other {
                    Some(other) => {
                        diagnostic.help(format!("or write {other} if it is not a string"))
                    }
                    None => diagnostic,
                }
            }
        };
        self.report.push(diagnostic);
        Data::Null
    }

    fn enter(&mut self, span: Span, anchor: usize, depth: usize) -> Result<(), Stop> {
        if depth >= MAX_DEPTH {
            return Err(self.too_deep(span));
        }
        self.skip_anchor(anchor)
    }

    fn too_deep(&mut self, span: Span) -> Stop {
        let message = format!("lists and maps are nested more than {MAX_DEPTH} deep");
        let diagnostic =
            Diagnostic::error(&syntax::NESTING_TOO_DEEP, span, message).label("one level too many");
        self.report
            .stop(diagnostic.help("remove the surplus levels"))
    }

    /// Takes and reports the event that follows a node with an anchor.
    fn skip_anchor(&mut self, anchor: usize) -> Result<(), Stop> {
        if anchor > 0 {
            let (_, span) = self.next()?;
            self.anchor_not_allowed("anchor", span);
        }
        Ok(())
    }

    fn anchor_not_allowed(&mut self, what: &str, span: Span) {
        let written = &self.text[span.start..span.end];
        let diagnostic = Diagnostic::error(
            &syntax::ANCHOR_NOT_ALLOWED,
            span,
            format!("the {what} `{written}` is not allowed"),
        )
        .label("anchors and aliases are not read")
        .help("write the value out where it is used");
        self.report.push(diagnostic);
    }

    fn empty(&mut self) -> Stop {
        let span = self.report.span(self.begin, self.begin);
        let diagnostic =
            Diagnostic::error(&syntax::EMPTY_DOCUMENT, span, "the file holds no document");
        self.report
            .stop(diagnostic.help("write a document; the smallest map is `{}`"))
    }

    /// The next event and its place; a tag is reported on the way.
    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.parser.next_event() {
            Some(Ok((event, place))) => {
                let span = self.span_of(&place);
                if let Some(tag) = event.tag() {
                    let written = place.tag_span().map_or(span, |place| self.span_of(&place));
                    let message = format!("the tag `{}` is not allowed", tag.original());
                    let diagnostic = Diagnostic::error(&syntax::TAG_NOT_ALLOWED, written, message)
                        .label("tags are not read")
                        .help("remove the tag; quote the value if it is a string");
                    self.report.push(diagnostic);
                }
                Ok((event, span))
            }
            Some(Err(error)) => Err(self.syntax_error(&error)),
            None => {
                let end = self.text.len();
                let diagnostic = Diagnostic::error(
                    &syntax::SYNTAX,
                    self.report.span(end, end),
                    "the document ends too early",
                );
                Err(self.report.stop(diagnostic))
            }
        }
    }

    /// The bytes of `place` without the white space at its end.
    fn span_of(&self, place: &granit_parser::Span) -> Span {
        let bytes = place
            .byte_range()
            .expect("a parser over a string knows its byte offsets");
        let (start, end) = (
            self.begin + bytes.start,
            self.begin + bytes.end.max(bytes.start),
        );
        let trimmed = self.text[start..end].trim_end().len();
        self.report.span(start, start + trimmed)
    }

    fn syntax_error(&mut self, error: &ScanError) -> Stop {
        let at = self.begin
            + error
                .marker()
                .byte_offset()
                .unwrap_or(self.text.len() - self.begin);
        let end = self.text[at..].chars().next().map_or(at, |c| {
            at + if c == '\n' || c == '\r' {
                0
            } else {
                c.len_utf8()
            }
        });
        let span = self.report.span(at, end);
        let explained = explain(error.kind());
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => return self.too_deep(span),
            ErrorKind::DirectiveDisallowed => {
                let diagnostic = Diagnostic::error(
                    &syntax::DIRECTIVE_NOT_ALLOWED,
                    span,
                    "YAML directives are not allowed",
                );
                return self
                    .report
                    .stop(diagnostic.label("begins here").help("remove this line"));
            }
            _ => {}
        }
        let diagnostic = match explained {
            Explained::Truncated { message, label } => {
                let eof = self.text.trim_end().len();
                let span = self.report.span(eof, eof);
                let diagnostic =
                    Diagnostic::error(&syntax::TRUNCATED_DOCUMENT, span, message).label(label);
                let diagnostic = if at < eof {
                    diagnostic.related(self.report.span(at, end), "opened here")
                } else {
                    diagnostic
                };
                diagnostic.help("restore the rest of the file, or close what is open")
            }
            Explained::Syntax { help } => {
                let diagnostic =
                    Diagnostic::error(&syntax::SYNTAX, span, lower_first(&error.info()))
                        .label("the parser stopped here");
                match help {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic,
                }
            }
        };
        self.report.stop(diagnostic)
    }
}

enum Explained {
    Truncated {
        message: &'static str,
        label: &'static str,
    },
    Syntax {
        help: Option<&'static str>,
    },
}

fn explain(kind: &ErrorKind) -> Explained {
    match kind {
        ErrorKind::UnclosedFlowCollection { open: '{' } | ErrorKind::UnexpectedEofFlowMapping => {
            Explained::Truncated {
                message: "the document ends too early",
                label: "expected `}`",
            }
        }
        ErrorKind::UnclosedFlowCollection { .. } | ErrorKind::UnexpectedEofFlowSequence => {
            Explained::Truncated {
                message: "the document ends too early",
                label: "expected `]`",
            }
        }
        ErrorKind::UnclosedQuotedScalar => Explained::Truncated {
            message: "the document ends inside of a string",
            label: "expected the closing quote",
        },
        ErrorKind::UnexpectedEof
        | ErrorKind::UnexpectedEofBlockMapping
        | ErrorKind::UnexpectedEofBlockSequence
        | ErrorKind::UnexpectedEofImplicitFlowMapping => Explained::Truncated {
            message: "the document ends too early",
            label: "expected more",
        },
        ErrorKind::TabInIndentation
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabNotAllowed => Explained::Syntax {
            help: Some("indent by spaces"),
        },
        ErrorKind::MappingValueNotAllowed => Explained::Syntax {
            help: Some("quote a value that holds `: `"),
        },
        ErrorKind::UnexpectedCharacter { .. } => Explained::Syntax {
            help: Some("quote a value that begins with this character"),
        },
        _ => Explained::Syntax { help: None },
    }
}

fn ambiguous(text: &str, span: Span, label: &str) -> Diagnostic {
    Diagnostic::error(
        &syntax::AMBIGUOUS_SCALAR,
        span,
        format!("readers of YAML disagree about `{text}`"),
    )
    .label(label)
}

fn quote_it(text: &str) -> String {
    format!("quote it: `\"{text}\"`")
}

/// A flow collection spans its brackets; a block collection ends with its last value.
fn collection_span(style: StructureStyle, start: Span, end: Span, last: Option<usize>) -> Span {
    let end = match (style, last) {
        (StructureStyle::Block, Some(last)) => last,
        _ => end.end,
    };
    Span {
        end: end.max(start.start),
        ..start
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}
