//! YAML with places: one document, no anchors, no tags, string keys, unambiguous scalars.

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, StrInput, StructureStyle};

use super::explain::{Explained, explain};
use super::keys::Keys;
use super::node::{Data, Entry, Node};
use super::report::{Report, Stop};
use super::scalar::{self, Plain};
use super::{MAX_DEPTH, MAX_VALUES, places, traps};
use crate::diag::codes::syntax;
use crate::diag::{Diagnostic, Span};

/// Reads the document that begins at byte `begin` of `text`.
pub(super) fn parse(text: &str, begin: usize, report: &mut Report) -> Result<Node, Stop> {
    let options = granit_parser::options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        emit_comments: false,
        // The scanner looks ahead and must not go deeper than we do; both kinds together are counted here.
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let parser = Parser::new_from_str_with_options(&text[begin..], options);
    Reader {
        text,
        begin,
        parser,
        values: 0,
        seen: begin,
        before: begin,
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
    /// Where the last event ended, and the one before it.
    seen: usize,
    before: usize,
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
        if let Some(diagnostic) = traps::tab_before(self.text, node.span) {
            self.report.push(diagnostic);
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
                let data = match style {
                    _ if tag.is_some() => Data::String(text.into_owned()),
                    // The parser says `~` for a value that is left out.
                    ScalarStyle::Plain if span.start == span.end => {
                        let span = places::left_out(self.text, span);
                        return Ok(Node {
                            span,
                            data: Data::Null,
                        });
                    }
                    ScalarStyle::Plain => self.plain(&text, span),
                    ScalarStyle::Literal | ScalarStyle::Folded => {
                        return Ok(self.block(&text, span, depth));
                    }
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                        Data::String(text.into_owned())
                    }
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
                    let span = places::collection(style, start, end, last);
                    let first = items.first().map_or(span, |item| item.span);
                    let span = places::list(self.text, style, span, first);
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
        let mut entries = Keys::default();
        loop {
            let (event, key_span) = self.next()?;
            if event == Event::MappingEnd {
                let last = entries.end();
                let span = places::collection(style, start, key_span, last);
                return Ok(Node {
                    span,
                    data: Data::Map(entries.into_entries()),
                });
            }
            let (key, key_span) = self.key(event, key_span, depth)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth)?;
            let trap = match style {
                StructureStyle::Block => traps::tab_before(self.text, key_span),
                StructureStyle::Flow if value.span.start == value.span.end => {
                    traps::colon_without_space(self.text, key_span)
                }
                StructureStyle::Flow => None,
            };
            if let Some(diagnostic) = trap {
                self.report.push(diagnostic);
            }
            // Without a key the entry is reported already; the rest of the map is still read.
            let Some(key) = key else { continue };
            entries.push(
                Entry {
                    key,
                    key_span,
                    value,
                },
                self.report,
            );
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
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            let text = places::block_text(self.text, &text, span);
            return Ok((
                Some(text.to_owned()),
                places::block(self.text, self.before, span),
            ));
        }
        if style != ScalarStyle::Plain || tag.is_some() {
            return Ok((Some(text.into_owned()), span));
        }
        let no_string = |what: &str| {
            let message = format!("the key `{text}` is {what}, not a string");
            Diagnostic::error(&syntax::NON_STRING_KEY, span, message).label("keys are strings")
        };
        let diagnostic = match scalar::resolve(&text) {
            Plain::String => return Ok((Some(text.into_owned()), span)),
            Plain::Merge => {
                Diagnostic::error(&syntax::MERGE_KEY, span, "merge keys are not allowed")
                    .label("merges another map in YAML 1.1, an ordinary key in YAML 1.2")
                    .help("write the entries out")
            }
            Plain::Ambiguous { label, .. } => ambiguous(&text, span, label),
            Plain::Null if span.start == span.end => {
                Diagnostic::error(&syntax::NON_STRING_KEY, span, "the key is missing")
                    .label("expected a string before `:`")
                    .help("write the key, or quote it if it is empty: `\"\"`")
            }
            Plain::Null => no_string("null"),
            Plain::Bool(_) => no_string("a boolean"),
            Plain::Number(_) | Plain::OutOfRange(_) => no_string("a number"),
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
            Plain::String => match traps::swallowed_item(self.text, span) {
                Some(diagnostic) => diagnostic,
                None => return Data::String(text.to_owned()),
            },
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

    fn block(&mut self, text: &str, body: Span, depth: usize) -> Node {
        if let Some(diagnostic) = traps::block_without_indent(self.text, body, depth) {
            self.report.push(diagnostic);
        }
        let text = places::block_text(self.text, text, body);
        Node {
            span: places::block(self.text, self.before, body),
            data: Data::String(text.to_owned()),
        }
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
                (self.before, self.seen) = (self.seen, span.end);
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
        let trimmed = self.text[start..end].trim_ascii_end().len();
        self.report.span(start, start + trimmed)
    }

    fn syntax_error(&mut self, error: &ScanError) -> Stop {
        let rest = &self.text[self.begin..];
        let at = self.begin + error.marker().byte_offset().unwrap_or(rest.len());
        let c = self.text[at..].chars().next();
        let width = c
            .filter(|c| !matches!(c, '\r' | '\n'))
            .map_or(0, char::len_utf8);
        let place = self.report.span(at, at + width);
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => return self.too_deep(place),
            // Reported when the text was checked.
            ErrorKind::BomInsideDocument => return Stop,
            _ => {}
        }
        let end = self.text.trim_ascii_end().len();
        let Explained {
            code,
            message,
            label,
            help,
        } = explain(error, at >= end);
        // The end of the file is where something is missing; the parser points at what is open.
        let diagnostic = if *code == syntax::TRUNCATED_DOCUMENT {
            let diagnostic = Diagnostic::error(code, self.report.span(end, end), message);
            if at < end {
                diagnostic.related(place, "opened here")
            } else {
                diagnostic
            }
        } else {
            Diagnostic::error(code, place, message)
        };
        self.report.stop(diagnostic.label(label).help(help))
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
