//! For people.

use std::io::{self, IsTerminal};

use orz_core::diag::{Diagnostic, Diagnostics, RenderOptions, Severity, Sources, render};

use super::{Paint, Present, Text, Tone, View, write_stderr, write_stdout};
use crate::error::CommandError;

/// Lines and tables on standard output, diagnostics with carets on standard error.
pub(super) struct Human {
    stdout: Paint,
    stderr: Paint,
    quiet: bool,
    all: bool,
    progress: Progress,
}

/// A line on standard error that is drawn over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nobody watches, or nobody wants to.
    Off,
    /// No line stands there.
    Hidden,
    /// A line stands there.
    Shown,
}

impl Human {
    pub(super) fn new(stdout_color: bool, stderr_color: bool, quiet: bool) -> Self {
        let watched = io::stderr().is_terminal() && !quiet;
        Self {
            stdout: Paint::new(stdout_color),
            stderr: Paint::new(stderr_color),
            quiet,
            all: false,
            progress: if watched {
                Progress::Hidden
            } else {
                Progress::Off
            },
        }
    }
}

impl View for Human {
    fn result(&mut self, result: &dyn Present) -> io::Result<()> {
        self.progress(None);
        let mut text = Text::new(self.stdout.color());
        result.human(&mut text);
        write_stdout(&text.into_string())
    }

    fn show_all(&mut self) {
        self.all = true;
    }

    fn diagnostics(&mut self, diagnostics: &Diagnostics, sources: &Sources) {
        let shown = |diagnostic: &&Diagnostic| self.all || diagnostic.severity == Severity::Error;
        let diagnostics: Diagnostics = diagnostics.iter().filter(shown).cloned().collect();
        if diagnostics.is_empty() {
            return;
        }
        self.progress(None);
        let options = RenderOptions {
            color: self.stderr.color(),
            width: 0,
        };
        let mut rendered = render(&diagnostics, sources, options);
        if !rendered.ends_with("\n\n") {
            rendered.push('\n');
        }
        write_stderr(&rendered);
    }

    fn summary(&mut self, line: &str) {
        self.progress(None);
        write_stderr(&format!("{}\n", self.stderr.paint(Tone::Strong, line)));
    }

    fn note(&mut self, line: &str) {
        if !self.quiet {
            self.progress(None);
            write_stderr(&format!("{}\n", self.stderr.paint(Tone::Plain, line)));
        }
    }

    fn progress(&mut self, line: Option<&str>) {
        /// Back to the first column, and clear to the end of the line.
        const CLEAR: &str = "\r\u{1b}[K";
        match (line, self.progress) {
            (Some(line), Progress::Hidden | Progress::Shown) => {
                write_stderr(&format!("{CLEAR}{}", self.stderr.paint(Tone::Faint, line)));
                self.progress = Progress::Shown;
            }
            (None, Progress::Shown) => {
                write_stderr(CLEAR);
                self.progress = Progress::Hidden;
            }
            (_, Progress::Off) | (None, Progress::Hidden) => {}
        }
    }

    fn error(&mut self, error: &CommandError) {
        self.progress(None);
        let mut lines = error.message.lines();
        let first = lines.next().unwrap_or_default();
        let mut text = Text::new(self.stderr.color());
        if error.counted {
            text.line(&[(Tone::Strong, first)]);
        } else {
            text.line(&[
                (Tone::Bad, "error"),
                (Tone::Strong, ": "),
                (Tone::Strong, first),
            ]);
        }
        for line in lines {
            text.line(&[(Tone::Plain, line)]);
        }
        for help in &error.help {
            text.line(&[
                (Tone::Name, "help"),
                (Tone::Plain, ": "),
                (Tone::Plain, help),
            ]);
        }
        write_stderr(&text.into_string());
    }
}
