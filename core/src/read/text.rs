//! From bytes to text: encoding, size, and characters that nobody can see.

use super::MAX_BYTES;
use super::chars::{Unseen, escape, unseen};
use super::report::Report;
use crate::diag::codes::syntax;
use crate::diag::{Diagnostic, FileId, Sources};

const BOM: &str = "\u{feff}";

/// Adds the file to `sources` and names it; `Err` with the reason if its bytes are no text to read on.
pub(super) fn decode(bytes: &[u8], path: &str, sources: &mut Sources) -> Result<FileId, Report> {
    if bytes.len() > MAX_BYTES {
        // The text is left out: nobody wants to see it, and nothing has to keep it.
        let file = sources.add(path, "");
        let mut report = Report::new(file);
        let (size, limit) = (bytes.len(), MAX_BYTES);
        let message = format!("the file has {size} bytes, more than {limit}");
        let diagnostic = Diagnostic::error(&syntax::DOCUMENT_TOO_LARGE, report.span(0, 0), message);
        report.stop(diagnostic.help("move large content out of the document"));
        return Err(report);
    }
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(sources.add(path, text)),
        Err(error) => error,
    };
    let file = sources.add(path, String::from_utf8_lossy(bytes));
    let mut report = Report::new(file);
    // Up to here the replaced text and the bytes are the same, so the offset holds for both.
    let at = error.valid_up_to();
    let span = report.span(at, at + '\u{fffd}'.len_utf8());
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let diagnostic = match bytes.get(at) {
        Some(_) if utf16 => Diagnostic::error(&syntax::INVALID_UTF8, span, "the file is UTF-16")
            .label("byte-order mark of UTF-16"),
        byte => {
            let byte = byte.copied().unwrap_or_default();
            let message = format!("byte {at} (`0x{byte:02x}`) is not UTF-8");
            Diagnostic::error(&syntax::INVALID_UTF8, span, message).label("not UTF-8")
        }
    };
    report.stop(diagnostic.help("save the file as UTF-8"));
    Err(report)
}

/// Reports every character that may not stand in a document, and gives the offset at which the
/// document begins: behind a byte-order mark, if there is one.
pub(super) fn check(text: &str, report: &mut Report) -> usize {
    let begin = if text.starts_with(BOM) { BOM.len() } else { 0 };
    if begin > 0 {
        let message = "the file begins with a byte-order mark";
        let diagnostic =
            Diagnostic::error(&syntax::BYTE_ORDER_MARK, report.span(0, begin), message)
                .label("invisible character U+FEFF")
                .help("save the file as UTF-8 without a byte-order mark");
        report.push(diagnostic);
    }
    let mut next = begin;
    while let Some(at) = next_unusual(text, next) {
        let c = text[at..].chars().next().unwrap_or(' ');
        next = at + c.len_utf8();
        if c == '\r' && !text[at..].starts_with("\r\n") {
            let message = "a carriage return without a line feed";
            let diagnostic =
                Diagnostic::error(&syntax::CONTROL_CHARACTER, report.span(at, at + 1), message)
                    .label("some readers end the line here, others do not")
                    .help("end lines with LF, or CR LF");
            report.push(diagnostic);
        } else if let Some(kind) = unseen(c) {
            unseen_character(at, c, kind, report);
        }
    }
    begin
}

/// The next byte that is not printable ASCII, LF or tab: nearly all files have few of them.
fn next_unusual(text: &str, from: usize) -> Option<usize> {
    let usual = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    let skipped = text.as_bytes()[from..]
        .iter()
        .position(|byte| !usual(byte))?;
    Some(from + skipped)
}

fn unseen_character(at: usize, c: char, kind: Unseen, report: &mut Report) {
    let span = report.span(at, at + c.len_utf8());
    let name = format!("U+{:04X}", u32::from(c));
    let diagnostic = match kind {
        Unseen::Control => Diagnostic::error(
            &syntax::CONTROL_CHARACTER,
            span,
            format!("control character {name}"),
        )
        .label("not shown by editors, obeyed by terminals"),
        Unseen::Deceiving => Diagnostic::error(
            &syntax::HIDDEN_CHARACTER,
            span,
            format!("hidden character {name}"),
        )
        .label("changes how the text around it is shown"),
        Unseen::Invisible => Diagnostic::warning(
            &syntax::HIDDEN_CHARACTER,
            span,
            format!("hidden character {name}"),
        )
        .label("takes no room"),
    };
    let help = format!(
        "remove it, or write `{}` in a double-quoted string",
        escape(c)
    );
    report.push(diagnostic.help(help));
}
