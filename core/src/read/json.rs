//! Strict JSON (RFC 8259) with places.
//!
//! What is plainly meant (a trailing comma, a comment, a missing comma) is reported and read over,
//! so that one run shows all of it.

use super::chars::{Unseen, unseen};
use super::keys::Keys;
use super::node::{Data, Entry, Node};
use super::report::{Report, Stop};
use super::{MAX_DEPTH, MAX_VALUES, number, scalar};
use crate::diag::codes::syntax;
use crate::diag::{Diagnostic, Span};

/// Reads the document that begins at byte `begin` of `text`.
pub(super) fn parse(text: &str, begin: usize, report: &mut Report) -> Result<Node, Stop> {
    let mut reader = Reader {
        text,
        at: begin,
        open: Vec::new(),
        values: 0,
        report,
    };
    reader.document()
}

struct Reader<'t, 'r> {
    text: &'t str,
    /// The next byte.
    at: usize,
    /// The brackets that are open, by offset.
    open: Vec<usize>,
    values: usize,
    report: &'r mut Report,
}

impl Reader<'_, '_> {
    fn document(&mut self) -> Result<Node, Stop> {
        self.skip_space();
        if self.peek().is_none() {
            let span = self.report.span(0, 0);
            let diagnostic =
                Diagnostic::error(&syntax::EMPTY_DOCUMENT, span, "the file holds no document");
            return Err(self
                .report
                .stop(diagnostic.help("write a document; the smallest map is `{}`")));
        }
        let node = self.value()?;
        self.skip_space();
        match self.peek() {
            None => Ok(node),
            Some(b'{' | b'[' | b'"') => {
                let span = self.report.span(self.at, self.at + 1);
                let message = "a second document in one file";
                let diagnostic = Diagnostic::error(&syntax::MULTIPLE_DOCUMENTS, span, message)
                    .label("begins here")
                    .related(node.span, "the first document")
                    .help("move each document into a file of its own");
                Err(self.report.stop(diagnostic))
            }
            Some(_) => Err(self.unexpected(END, Some((node.span, "the document ends here")))),
        }
    }

    fn value(&mut self) -> Result<Node, Stop> {
        self.values += 1;
        if self.values > MAX_VALUES {
            let message = format!("the document has more than {MAX_VALUES} values");
            let diagnostic = Diagnostic::error(
                &syntax::DOCUMENT_TOO_LARGE,
                self.report.span(self.at, self.at),
                message,
            );
            return Err(self
                .report
                .stop(diagnostic.help("move large content out of the document")));
        }
        let start = self.at;
        let data = match self.peek() {
            None => return Err(self.truncated("a value")),
            Some(b'{') => self.object()?,
            Some(b'[') => self.array()?,
            Some(b'"') => Data::String(self.string()?),
            Some(b'-' | b'+' | b'.' | b'0'..=b'9') => self.number(),
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => self.word(),
            Some(b'\'') => return Err(self.single_quoted()),
            Some(_) => return Err(self.unexpected("a value", None)),
        };
        Ok(Node {
            span: self.report.span(start, self.at),
            data,
        })
    }

    fn object(&mut self) -> Result<Data, Stop> {
        self.enter()?;
        let mut entries = Keys::default();
        while self.next_item(b'}', !entries.is_empty())? {
            let start = self.at;
            match self.peek() {
                Some(b'"') => {}
                Some(b'\'') => return Err(self.single_quoted()),
                Some(b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'0'..=b'9' | b'-') => {
                    let word = self.take_word();
                    let diagnostic = Diagnostic::error(
                        &syntax::SYNTAX,
                        self.report.span(start, self.at),
                        format!("the key `{word}` has no quotes"),
                    )
                    .label("keys are strings")
                    .help(format!("write `\"{word}\"`"));
                    return Err(self.report.stop(diagnostic));
                }
                _ => return Err(self.unexpected("a key in double quotes", None)),
            }
            let key = self.string()?;
            let key_span = self.report.span(start, self.at);
            self.skip_space();
            match self.peek() {
                Some(b':') => self.at += 1,
                None => return Err(self.truncated("`:`")),
                Some(_) => return Err(self.unexpected("`:`", Some((key_span, "after this key")))),
            }
            self.skip_space();
            let value = self.value()?;
            entries.push(
                Entry {
                    key,
                    key_span,
                    value,
                },
                self.report,
            );
        }
        Ok(Data::Map(entries.into_entries()))
    }

    fn array(&mut self) -> Result<Data, Stop> {
        self.enter()?;
        let mut items = Vec::new();
        while self.next_item(b']', !items.is_empty())? {
            items.push(self.value()?);
        }
        Ok(Data::List(items))
    }

    fn enter(&mut self) -> Result<(), Stop> {
        if self.open.len() >= MAX_DEPTH {
            let message = format!("lists and maps are nested more than {MAX_DEPTH} deep");
            let span = self.report.span(self.at, self.at + 1);
            let diagnostic = Diagnostic::error(&syntax::NESTING_TOO_DEEP, span, message)
                .label("one level too many");
            return Err(self
                .report
                .stop(diagnostic.help("remove the surplus levels")));
        }
        self.open.push(self.at);
        self.at += 1;
        Ok(())
    }

    /// Goes to the next item of a collection, over the comma; `false` behind its closing bracket.
    fn next_item(&mut self, close: u8, after_item: bool) -> Result<bool, Stop> {
        let end_of_item = self.at;
        self.skip_space();
        let mut comma = None;
        if after_item {
            match self.peek() {
                Some(b',') => {
                    comma = Some(self.at);
                    self.at += 1;
                    self.skip_space();
                }
                Some(byte) if byte == close => {}
                Some(b'"' | b'{' | b'[' | b'-' | b'0'..=b'9' | b'a'..=b'z') => {
                    let span = self.report.span(end_of_item, end_of_item);
                    let diagnostic = Diagnostic::error(&syntax::SYNTAX, span, "a comma is missing")
                        .label("expected `,` here")
                        .help("separate the items of a list or map by `,`");
                    self.report.push(diagnostic);
                    return Ok(true);
                }
                Some(_) => return Err(self.unexpected(expected_after_item(close), self.opened())),
                None => return Err(self.truncated(expected_after_item(close))),
            }
        }
        match self.peek() {
            None => Err(self.truncated(closing(close))),
            Some(byte) if byte == close => {
                if let Some(comma) = comma {
                    let span = self.report.span(comma, comma + 1);
                    let diagnostic =
                        Diagnostic::error(&syntax::SYNTAX, span, "a comma after the last item")
                            .label(format!("{} follows", closing(close)))
                            .help("remove the comma");
                    self.report.push(diagnostic);
                }
                self.at += 1;
                self.open.pop();
                Ok(false)
            }
            Some(_) => Ok(true),
        }
    }

    fn string(&mut self) -> Result<String, Stop> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        let mut copied = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    out.push_str(&self.text[copied..self.at]);
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    out.push_str(&self.text[copied..self.at]);
                    self.escape(&mut out);
                    copied = self.at;
                }
                Some(b'\n' | b'\r') => {
                    let span = self.report.span(start, self.at);
                    let diagnostic = Diagnostic::error(
                        &syntax::SYNTAX,
                        span,
                        "the string does not end on its line",
                    )
                    .label("expected `\"` before the end of the line")
                    .help("close the string, or write line breaks in it as `\\n`");
                    return Err(self.report.stop(diagnostic));
                }
                Some(b'\t') => {
                    let span = self.report.span(self.at, self.at + 1);
                    let diagnostic = Diagnostic::error(
                        &syntax::CONTROL_CHARACTER,
                        span,
                        "a tab inside of a string",
                    )
                    .label("JSON does not allow it")
                    .help("write `\\t`");
                    self.report.push(diagnostic);
                    self.at += 1;
                }
                // Other control characters were reported when the text was checked.
                Some(_) => self.at += 1,
                None => {
                    let opened = self.report.span(start, start + 1);
                    return Err(self.truncated_at("`\"`", Some((opened, "the string begins here"))));
                }
            }
        }
    }

    /// Appends the character of the escape sequence that begins here.
    fn escape(&mut self, out: &mut String) {
        let start = self.at;
        let Some(c) = self.text[start + 1..].chars().next() else {
            self.at += 1;
            return;
        };
        self.at += 1 + c.len_utf8();
        let simple = match c {
            '"' | '\\' | '/' => Some(c),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'u' => self.unicode_escape(),
            _ => None,
        };
        if let Some(c) = simple {
            out.push(c);
            return;
        }
        let span = self.report.span(start, self.at);
        let written = &self.text[start..self.at];
        let (label, help) = if c == 'u' {
            (
                "not a character",
                "write `\\u` and four hexadecimal digits; above U+FFFF two of them, a surrogate pair",
            )
        } else {
            ("not an escape of JSON", "write a backslash as `\\\\`")
        };
        let diagnostic = Diagnostic::error(
            &syntax::SYNTAX,
            span,
            format!("the escape `{written}` is not valid"),
        )
        .label(label);
        self.report.push(diagnostic.help(help));
        out.push(char::REPLACEMENT_CHARACTER);
    }

    /// The character of the digits that follow `\u`, of both halves of a surrogate pair.
    fn unicode_escape(&mut self) -> Option<char> {
        let unit = self.hex4()?;
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit);
        }
        let behind_first = self.at;
        if self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            if let Some(low @ 0xdc00..0xe000) = self.hex4() {
                return char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
            }
        }
        self.at = behind_first;
        None
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn number(&mut self) -> Data {
        let start = self.at;
        let token = self.take_word();
        let span = self.report.span(start, self.at);
        if !scalar::is_json_number(&token) {
            let diagnostic = Diagnostic::error(
                &syntax::SYNTAX,
                span,
                format!("`{token}` is not a number of JSON"),
            )
            .label("expected decimal digits, such as `12`, `-0.5` or `1e3`")
            .help(format!(
                "write a plain decimal number, or a string: `\"{token}\"`"
            ));
            self.report.push(diagnostic);
            return Data::Null;
        }
        match number::number(&token) {
            Ok(number) => Data::Number(number),
            Err(out_of_range) => {
                let message = format!("the number `{token}` cannot be kept");
                let diagnostic = Diagnostic::error(&syntax::NUMBER_OUT_OF_RANGE, span, message)
                    .label(out_of_range.label);
                self.report.push(diagnostic.help(out_of_range.help));
                Data::Null
            }
        }
    }

    fn word(&mut self) -> Data {
        let start = self.at;
        let word = self.take_word();
        match word.as_str() {
            "null" => return Data::Null,
            "true" => return Data::Bool(true),
            "false" => return Data::Bool(false),
            _ => {}
        }
        let span = self.report.span(start, self.at);
        let diagnostic = Diagnostic::error(
            &syntax::SYNTAX,
            span,
            format!("`{word}` is not a value of JSON"),
        );
        let diagnostic = match word.to_ascii_lowercase().as_str() {
            known @ ("true" | "false" | "null") => diagnostic
                .label("only in lower case")
                .help(format!("write `{known}`")),
            "none" | "nil" | "undefined" => diagnostic.label("unknown word").help("write `null`"),
            "nan" | "infinity" => diagnostic
                .label("JSON has no such number")
                .help("use `null`, or leave the key out"),
            _ => diagnostic
                .label("strings need double quotes")
                .help(format!("write `\"{word}\"`")),
        };
        self.report.push(diagnostic);
        Data::Null
    }

    /// Everything up to the next character that cannot be part of a number or name.
    fn take_word(&mut self) -> String {
        let start = self.at;
        while let Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'+' | b'.') =
            self.peek()
        {
            self.at += 1;
        }
        self.text[start..self.at].to_owned()
    }

    fn single_quoted(&mut self) -> Stop {
        let span = self.report.span(self.at, self.at + 1);
        let diagnostic = Diagnostic::error(
            &syntax::SYNTAX,
            span,
            "a single quote does not begin a string",
        )
        .label("expected `\"`")
        .help("write strings and keys in double quotes");
        self.report.stop(diagnostic)
    }

    /// Skips white space, and comments after having reported them.
    fn skip_space(&mut self) {
        loop {
            while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
                self.at += 1;
            }
            let start = self.at;
            let rest = &self.text[start..];
            let length = if rest.starts_with("//") || rest.starts_with('#') {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            } else if let Some(c) = rest.chars().next().filter(|c| unseen(*c).is_some()) {
                self.at += c.len_utf8();
                // The others were reported when the text was checked; this one is harmless within a string.
                if unseen(c) == Some(Unseen::Invisible) {
                    let span = self.report.span(start, self.at);
                    let message = format!("U+{:04X} between values", u32::from(c));
                    let diagnostic = Diagnostic::error(&syntax::HIDDEN_CHARACTER, span, message)
                        .label("takes no room, and is no white space")
                        .help("remove it");
                    self.report.push(diagnostic);
                }
                continue;
            } else {
                return;
            };
            self.at += length;
            let line = rest[..length]
                .lines()
                .next()
                .unwrap_or_default()
                .trim_end()
                .len();
            let diagnostic = Diagnostic::error(
                &syntax::SYNTAX,
                self.report.span(start, start + line),
                "JSON has no comments",
            )
            .label("a comment")
            .help("remove it, or write the file as YAML");
            self.report.push(diagnostic);
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The bracket that is open here.
    fn opened(&self) -> Option<(Span, &'static str)> {
        self.open
            .last()
            .map(|at| (self.report.span(*at, at + 1), "opened here"))
    }

    fn unexpected(&mut self, expected: &str, related: Option<(Span, &str)>) -> Stop {
        let c = self.text[self.at..].chars().next().unwrap_or(' ');
        let span = self.report.span(self.at, self.at + c.len_utf8());
        let mut diagnostic = Diagnostic::error(&syntax::SYNTAX, span, format!("unexpected `{c}`"))
            .label(format!("expected {expected}"));
        if let Some((span, label)) = related {
            diagnostic = diagnostic.related(span, label);
        }
        let help = if expected == END {
            format!("remove what stands after the document, from `{c}` on")
        } else {
            format!("write {expected} here, or remove `{c}`")
        };
        self.report.stop(diagnostic.help(help))
    }

    fn truncated(&mut self, expected: &str) -> Stop {
        self.truncated_at(expected, self.opened())
    }

    fn truncated_at(&mut self, expected: &str, related: Option<(Span, &str)>) -> Stop {
        let end = self.text.trim_ascii_end().len();
        let mut diagnostic = Diagnostic::error(
            &syntax::TRUNCATED_DOCUMENT,
            self.report.span(end, end),
            "the document ends too early",
        )
        .label(format!("expected {expected}"));
        if let Some((span, label)) = related {
            diagnostic = diagnostic.related(span, label);
        }
        self.report
            .stop(diagnostic.help("restore the rest of the file, or close what is open"))
    }
}

const fn closing(close: u8) -> &'static str {
    if close == b'}' { "`}`" } else { "`]`" }
}

const END: &str = "the end of the file";

const fn expected_after_item(close: u8) -> &'static str {
    if close == b'}' {
        "`,` or `}`"
    } else {
        "`,` or `]`"
    }
}
