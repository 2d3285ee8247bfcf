//! For pull requests: the result as Markdown, everything else as for people.

use std::io;

use orz_core::diag::{Diagnostics, Sources};

use super::human::Human;
use super::{Present, View, write_stdout};
use crate::error::CommandError;

/// Markdown on standard output.
pub(super) struct Markdown {
    human: Human,
}

impl Markdown {
    pub(super) fn new(human: Human) -> Self {
        Self { human }
    }
}

impl View for Markdown {
    fn result(&mut self, result: &dyn Present) -> io::Result<()> {
        match result.markdown() {
            Some(markdown) => write_stdout(&markdown),
            // The command line refuses the format for commands without this form.
            None => self.human.result(result),
        }
    }

    fn show_all(&mut self) {
        self.human.show_all();
    }

    fn diagnostics(&mut self, diagnostics: &Diagnostics, sources: &Sources) {
        self.human.diagnostics(diagnostics, sources);
    }

    fn summary(&mut self, line: &str) {
        self.human.summary(line);
    }

    fn note(&mut self, line: &str) {
        self.human.note(line);
    }

    fn progress(&mut self, line: Option<&str>) {
        self.human.progress(line);
    }

    fn error(&mut self, error: &CommandError) {
        self.human.error(error);
    }
}
