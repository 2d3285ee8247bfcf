//! The keys of one map, to find the second of two equal ones.

use std::collections::BTreeMap;

use super::node::Entry;
use super::report::Report;
use crate::diag::codes::syntax;
use crate::diag::{Diagnostic, Span};

/// Up to this many entries it is faster to compare with each than to keep an index.
const FEW: usize = 16;

/// The entries of a map while it is read.
#[derive(Default)]
pub(super) struct Keys {
    entries: Vec<Entry>,
    /// Where each key stands first; filled only once there are more than a few entries.
    index: BTreeMap<String, Span>,
}

impl Keys {
    /// Adds an entry, and reports it if its key is there already.
    pub(super) fn push(&mut self, entry: Entry, report: &mut Report) {
        let first = if self.entries.len() <= FEW {
            self.entries
                .iter()
                .find(|other| other.key == entry.key)
                .map(|other| other.key_span)
        } else {
            self.index.get(&entry.key).copied()
        };
        if let Some(first) = first {
            let message = format!("the key `{}` occurs twice in one map", entry.key);
            let diagnostic = Diagnostic::error(&syntax::DUPLICATE_KEY, entry.key_span, message)
                .label("again here")
                .related(first, "first here")
                .help("remove or rename one of the two");
            report.push(diagnostic);
        }
        self.entries.push(entry);
        let unindexed = match self.entries.len() {
            ..=FEW => return,
            length if length == FEW + 1 => &self.entries[..],
            length => &self.entries[length - 1..],
        };
        for entry in unindexed {
            self.index
                .entry(entry.key.clone())
                .or_insert(entry.key_span);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where the last entry ends.
    pub(super) fn end(&self) -> Option<usize> {
        self.entries
            .last()
            .map(|entry| entry.value.span.end.max(entry.key_span.end))
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}
