//! What the YAML parser's errors mean, in words that say what to do.

use granit_parser::{ErrorKind, ScanError};

use crate::diag::Code;
use crate::diag::codes::syntax;

/// An error of the parser for people.
pub(super) struct Explained {
    pub code: &'static Code,
    pub message: String,
    pub label: String,
    pub help: String,
}

/// What `error` means; `at_end` says that the parser met the end of the file.
pub(super) fn explain(error: &ScanError, at_end: bool) -> Explained {
    if let Some((message, label)) = truncated(error.kind(), at_end) {
        return Explained {
            code: &syntax::TRUNCATED_DOCUMENT,
            message: message.into(),
            label: label.into(),
            help: "restore the rest of the file, or close what is open".into(),
        };
    }
    let code = code(error.kind());
    let (message, label, help) = match error.kind() {
        ErrorKind::UnexpectedCharacter { character } => (
            format!("a value cannot begin with `{character}`"),
            "has a meaning of its own in YAML".into(),
            "quote the value".into(),
        ),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => (
            format!("`{open}` is closed by `{close}`"),
            "opened here".into(),
            format!("close it by `{}`", if *open == '[' { ']' } else { '}' }),
        ),
        kind => {
            let (message, label, help) = fixed(kind).unwrap_or(("", "not expected here", ""));
            let message = if message.is_empty() {
                error.info()
            } else {
                message.into()
            };
            let help = if help.is_empty() {
                "quote values that hold characters of YAML; check the indentation"
            } else {
                help
            };
            (message, label.into(), help.into())
        }
    };
    Explained {
        code,
        message,
        label,
        help,
    }
}

/// What is missing, if the end of the file is the cause.
fn truncated(kind: &ErrorKind, at_end: bool) -> Option<(&'static str, &'static str)> {
    const EARLY: &str = "the document ends too early";
    const IN_STRING: &str = "the document ends inside of a string";
    match kind {
        ErrorKind::UnclosedFlowCollection { open: '{' } | ErrorKind::UnexpectedEofFlowMapping => {
            Some((EARLY, "expected `}`"))
        }
        ErrorKind::UnclosedFlowCollection { .. } | ErrorKind::UnexpectedEofFlowSequence => {
            Some((EARLY, "expected `]`"))
        }
        ErrorKind::UnclosedQuotedScalar => Some((IN_STRING, "expected the closing quote")),
        ErrorKind::InvalidQuotedScalarIndent if at_end => {
            Some((IN_STRING, "expected the closing quote"))
        }
        ErrorKind::UnexpectedEof
        | ErrorKind::UnexpectedEofBlockMapping
        | ErrorKind::UnexpectedEofBlockSequence
        | ErrorKind::UnexpectedEofImplicitFlowMapping => Some((EARLY, "expected more")),
        _ => None,
    }
}

fn code(kind: &ErrorKind) -> &'static Code {
    match kind {
        ErrorKind::DirectiveDisallowed => &syntax::DIRECTIVE_NOT_ALLOWED,
        ErrorKind::MissingAnchorOrAliasName | ErrorKind::UnknownAnchor => {
            &syntax::ANCHOR_NOT_ALLOWED
        }
        ErrorKind::ExpectedTagBang
        | ErrorKind::UndeclaredTagHandle
        | ErrorKind::InvalidGlobalTagCharacter
        | ErrorKind::InvalidTagTerminator
        | ErrorKind::MissingTagUri
        | ErrorKind::UnclosedVerbatimTag
        | ErrorKind::InvalidTagEscape
        | ErrorKind::InvalidTagUtf8
        | ErrorKind::InvalidTagUtf8LeadingByte
        | ErrorKind::InvalidTagUtf8TrailingByte => &syntax::TAG_NOT_ALLOWED,
        _ => &syntax::SYNTAX,
    }
}

/// Message, label and help of an error whose text does not vary; an empty part has no better words than the parser's.
fn fixed(kind: &ErrorKind) -> Option<(&'static str, &'static str, &'static str)> {
    Some(match kind {
        ErrorKind::DirectiveDisallowed => (
            "YAML directives are not allowed",
            "begins here",
            "remove this line",
        ),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => (
            "a `:` where no key can stand",
            "not expected here",
            "quote a value that holds `: `, indent the keys of a map alike, and close brackets that are open above",
        ),
        ErrorKind::ExpectedBlockMappingKey => (
            "this line does not fit the map above it",
            "expected a key, indented like the others",
            "indent all keys of a map by the same number of spaces",
        ),
        ErrorKind::ExpectedBlockSequenceEntry => (
            "this line does not fit the list above it",
            "expected `- `, indented like the others",
            "indent all items of a list by the same number of spaces",
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => (
            "a line that is neither a key nor a list item",
            "expected `:` behind it",
            "write `key: value` or `- item`, with a space; quote a text of several lines",
        ),
        ErrorKind::BlockSequenceEntryNotAllowed => (
            "a list cannot begin in the middle of a line",
            "not expected here",
            "begin the list on the next line; quote a text that begins with `-`",
        ),
        ErrorKind::MisplacedFlowCollectionEnd => (
            "a bracket is closed that was not opened",
            "not expected here",
            "remove it, or quote a text that begins with it",
        ),
        ErrorKind::ExpectedFlowMappingSeparator => (
            "a separator is missing in a map",
            "expected `,` or `}`",
            "separate entries by `,`",
        ),
        ErrorKind::ExpectedFlowSequenceSeparator => (
            "a separator is missing in a list",
            "expected `,` or `]`",
            "separate items by `,`",
        ),
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidLowSurrogateHexEscape
        | ErrorKind::InvalidLowSurrogate
        | ErrorKind::MissingLowSurrogate
        | ErrorKind::UnpairedLowSurrogate
        | ErrorKind::InvalidUnicodeEscape => (
            "a string has an escape that is not valid",
            "in the string that begins here",
            "write a backslash as `\\\\`, or use single quotes",
        ),
        ErrorKind::InvalidQuotedScalarIndent | ErrorKind::DocumentIndicatorInQuotedScalar => (
            "a string that was opened above does not end",
            "inside of a string, but indented less than it",
            "close the string on its line",
        ),
        ErrorKind::InvalidTrailingDoubleQuotedScalar => (
            "text behind the end of a string",
            "expected the end of the line",
            "quote the whole value; write `\"` inside of it as `\\\"`",
        ),
        ErrorKind::InvalidTrailingSingleQuotedScalar => (
            "text behind the end of a string",
            "expected the end of the line",
            "quote the whole value; write `'` inside of it as `''`",
        ),
        ErrorKind::TabInIndentation
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInPlainScalar => (
            "a tab where only spaces can stand",
            "a tab",
            "indent by spaces",
        ),
        ErrorKind::TabAtBlockScalarStart => (
            "a block of text is indented by a tab",
            "the block begins here",
            "indent it by spaces",
        ),
        ErrorKind::InvalidBlockScalarHeader | ErrorKind::ZeroBlockScalarIndent => (
            "a block of text does not begin in this way",
            "expected the end of the line behind `|` or `>`",
            "begin the text on the next line; quote a value that begins with `|` or `>`",
        ),
        ErrorKind::InvalidBlockScalarIndent => (
            "a line of a block of text is indented less than the first",
            "not expected here",
            "indent all lines of the block at least as far as the first",
        ),
        ErrorKind::CommentNotSeparated => (
            "a comment needs a space before its `#`",
            "a comment, or part of the value?",
            "put a space before `#`, or quote the whole value",
        ),
        ErrorKind::MissingAnchorOrAliasName => (
            "anchors and aliases are not allowed",
            "begins one in YAML",
            "quote a value that begins with `&` or `*`",
        ),
        ErrorKind::ExpectedDocumentStart => (
            "text behind the end of the document",
            "expected the end of the file",
            "remove it, or make it part of the document",
        ),
        _ if *code(kind) == syntax::TAG_NOT_ALLOWED => (
            "tags are not allowed",
            "begins one in YAML",
            "quote a value that begins with `!`",
        ),
        _ => return None,
    })
}
