//! Printing: one interface, an implementation each for people, programs and pull requests.
//!
//! Results go to standard output; everything else (diagnostics, progress, errors) to standard error.

mod human;
mod json;
mod later;
mod markdown;
mod moves;
pub(crate) mod refused;
pub(crate) mod rollout;
mod text;

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use orz_core::Value;
use orz_core::diag::{Diagnostics, Sources};
use serde::Deserialize;

use crate::error::CommandError;

pub(crate) use later::When;
pub(crate) use moves::Moves;
pub(crate) use text::{Cell, Paint, Table, Text, Tone, count, origin, short};

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Lines and tables for people.
    #[default]
    Human,
    /// One JSON document with `apiVersion` and `kind`, also when the command goes wrong.
    Json,
    /// A comment for a pull request (`plan` and `diff`).
    Markdown,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What a command has to say: one result with a stable shape.
pub(crate) trait Present {
    /// The `kind` of the JSON document.
    fn kind(&self) -> &'static str;

    /// For people.
    fn human(&self, text: &mut Text);

    /// For programs: the fields beside `apiVersion` and `kind`, as a JSON object.
    fn json(&self) -> Value;

    /// For pull requests; only some results have this form.
    fn markdown(&self) -> Option<String> {
        None
    }
}

/// Where a command prints to.
pub(crate) trait View {
    /// Prints the one result.
    fn result(&mut self, result: &dyn Present) -> io::Result<()>;

    /// Prints one of many results, of a command that goes on until somebody ends it: for programs on one line, with
    /// the diagnostics since the last one.
    fn event(&mut self, event: &dyn Present) -> io::Result<()> {
        self.result(event)
    }

    /// Asks for warnings and notes in full. People see them only then: they are worth reading once, not at
    /// every command.
    fn show_all(&mut self) {}

    /// Prints diagnostics of one set of sources.
    fn diagnostics(&mut self, diagnostics: &Diagnostics, sources: &Sources);

    /// Prints a line that people must not miss, whatever they silenced: how many diagnostics there were, what is
    /// about to be deleted.
    fn summary(&mut self, line: &str);

    /// Prints a line of talk: what was done beside the result, what to do next.
    fn note(&mut self, line: &str);

    /// Shows how far a long task is, where somebody watches; `None` takes the line away.
    fn progress(&mut self, line: Option<&str>);

    /// Prints why a command ended without a result.
    fn error(&mut self, error: &CommandError);
}

/// The view for these flags.
pub(crate) fn open(format: Format, color: Color, quiet: bool) -> Box<dyn View> {
    let human = human::Human::new(
        colored(color, &io::stdout()),
        colored(color, &io::stderr()),
        quiet,
    );
    match format {
        Format::Human => Box::new(human),
        Format::Json => Box::new(json::Json::new()),
        Format::Markdown => Box::new(markdown::Markdown::new(human)),
    }
}

fn colored<S: IsTerminal + anstream::stream::RawStream>(color: Color, stream: &S) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never,
    }
}

/// Writes to standard output; a reader that went away (`orzc history | head`) is not an error.
fn write_stdout(text: &str) -> io::Result<()> {
    use io::Write as _;
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Writes to standard error; when that fails there is nowhere left to say so.
pub(crate) fn write_stderr(text: &str) {
    use io::Write as _;
    let mut stderr = io::stderr().lock();
    let _ = stderr
        .write_all(text.as_bytes())
        .and_then(|()| stderr.flush());
}
