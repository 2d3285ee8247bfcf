//! Where a reader puts what it finds.

use crate::diag::{Diagnostic, Diagnostics, FileId, Severity, Span};

/// More than this is one mistake many times; the rest would hide the others.
const MAX_ERRORS: usize = 100;
/// The same for warnings.
const MAX_WARNINGS: usize = 20;

/// Collects the diagnostics of one file.
pub(super) struct Report {
    file: FileId,
    kept: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

/// The text cannot be read on; the reason is reported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop;

impl Report {
    pub(super) fn new(file: FileId) -> Self {
        Self {
            file,
            kept: Vec::new(),
            errors: 0,
            warnings: 0,
        }
    }

    /// The bytes from `start` to `end` of this file.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span {
            file: self.file,
            start,
            end: end.max(start),
        }
    }

    /// Adds a diagnostic, unless there are too many already.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        let (count, limit) = match diagnostic.severity {
            Severity::Error => (&mut self.errors, MAX_ERRORS),
            Severity::Warning | Severity::Note => (&mut self.warnings, MAX_WARNINGS),
        };
        *count += 1;
        if *count <= limit {
            self.kept.push(diagnostic);
        }
    }

    /// Adds a diagnostic after which nothing more can be read; it is never left out.
    pub(super) fn stop(&mut self, diagnostic: Diagnostic) -> Stop {
        self.errors += 1;
        self.kept.push(diagnostic);
        Stop
    }

    /// Hands all of it over; `true` if none is an error.
    pub(super) fn finish(mut self, diagnostics: &mut Diagnostics) -> bool {
        let dropped = self.errors + self.warnings - self.kept.len();
        if let Some(last) = self.kept.last_mut().filter(|_| dropped > 0) {
            last.help.push(format!(
                "put right what is shown first; {dropped} more problems of this file are left out"
            ));
        }
        for diagnostic in self.kept {
            diagnostics.push(diagnostic);
        }
        self.errors == 0
    }
}
