//! What a compile has to say, collected while it runs.

use orz_core::diag::{Diagnostic, Diagnostics, Sources};

use crate::platform::Platform;
use crate::{Compiled, Output};

/// Sources and diagnostics of one compile. Every stage adds to it and asks it whether to go on.
pub(crate) struct Report {
    pub(crate) sources: Sources,
    pub(crate) diagnostics: Diagnostics,
}

impl Report {
    /// Starts with the platform's sources, so that spans into them stay valid.
    pub(crate) fn new(platform: &Platform) -> Self {
        Self {
            sources: platform.sources().clone(),
            diagnostics: Diagnostics::new(),
        }
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The value of a stage, unless an error stands.
    pub(crate) fn pass<T>(&self, value: T) -> Option<T> {
        (!self.diagnostics.has_errors()).then_some(value)
    }

    pub(crate) fn finish(mut self, output: Option<Output>) -> Compiled {
        self.diagnostics.sort();
        debug_assert_eq!(
            output.is_none(),
            self.diagnostics.has_errors(),
            "no output if and only if an error"
        );
        Compiled {
            sources: self.sources,
            diagnostics: self.diagnostics,
            output,
        }
    }
}
