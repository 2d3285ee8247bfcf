//! `orzc`: the command line of orz.
//!
//! People, terminals and CI live here and nowhere else; whatever a library could do is done by one.
//!
//! - `app` parses the command line and runs one command; `context` says what the flags mean together.
//! - `commands` has one file per command: its help text, its arguments, one function.
//! - `source` reads a source repository; `ops` joins the libraries for several commands.
//! - `view` prints results and diagnostics, for people and for programs.
//! - `error` is the only place that maps the errors of libraries to exit codes and hints.

mod app;
mod args;
mod clock;
mod commands;
mod config;
mod context;
mod error;
mod git;
mod ops;
mod place;
mod source;
mod view;

fn main() -> std::process::ExitCode {
    app::run(std::env::args_os()).code().into()
}
