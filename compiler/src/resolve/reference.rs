//! References from one entry of the bundle to another.

use orz_core::diag::{Diagnostic, Diagnostics, Span, codes};

use crate::model::Entry;
use crate::suggest;

/// An entry that others can name.
pub trait Named {
    /// The name.
    fn name(&self) -> &str;
}

/// The entry of this name, or an `unknown-reference` at `span` with a did-you-mean.
///
/// `what` is the kind of thing in words (`policy`).
pub fn find<'a, T: Named>(
    entries: &'a [Entry<T>],
    what: &str,
    name: &str,
    span: Span,
    problems: &mut Diagnostics,
) -> Option<&'a Entry<T>> {
    let found = entries.iter().find(|entry| entry.name() == name);
    if found.is_none() {
        problems.push(unknown_reference(
            what,
            name,
            span,
            entries.iter().map(|entry| entry.name()),
        ));
    }
    found
}

/// `unknown-reference` at `span`, with a did-you-mean among `known` and the list of what there is.
pub(crate) fn unknown_reference<'a>(
    what: &str,
    name: &str,
    span: Span,
    known: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let known: Vec<&str> = known.collect();
    let diagnostic = Diagnostic::error(
        &codes::reference::UNKNOWN_REFERENCE,
        span,
        format!("no {what} is named `{}`", name.escape_debug()),
    )
    .label("not declared");
    suggest::help(diagnostic, name, what, &known)
}
