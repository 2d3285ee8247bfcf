//! Text that can neither drive a terminal nor deceive a reader.

use crate::read::chars::{escape, unseen};

/// One line: characters that cannot be seen, that reorder text or that break the line are written as
/// `\uXXXX`.
pub(super) fn line(text: &str) -> String {
    let bad = |c: char| matches!(c, '\n' | '\r' | '\t') || unseen(c).is_some();
    if !text.contains(bad) {
        return text.to_owned();
    }
    text.chars()
        .fold(String::with_capacity(text.len()), |mut out, c| {
            if bad(c) {
                out.push_str(&escape(c));
            } else {
                out.push(c);
            }
            out
        })
}
