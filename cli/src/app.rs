//! From the command line to an exit code.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};
use orz_core::exit::ExitCode;

use crate::args::Cli;
use crate::clock::Clock;
use crate::config::Config;
use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::view::{self, Format};

/// Runs one command. The result is the process's exit code.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    match parse(&args) {
        Ok(cli) => execute(cli),
        Err(error) => {
            let code = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::Ok,
                _ => ExitCode::Usage,
            };
            // A reader that went away is all that can go wrong here.
            let _ = error.print();
            code
        }
    }
}

/// The whole command line as clap sees it, for help texts and completions.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    let matches = command().color(color_of(args)).try_get_matches_from(args)?;
    Cli::from_arg_matches(&matches)
}

/// What `--color` asks for. Help and usage errors are printed while arguments are parsed, so it is
/// looked for beforehand; what is not understood here is reported by the parser.
fn color_of(args: &[OsString]) -> clap::ColorChoice {
    let mut args = args.iter().map(|arg| arg.to_string_lossy());
    let mut choice = clap::ColorChoice::Auto;
    while let Some(arg) = args.next() {
        let value = match arg.strip_prefix("--color") {
            Some("") => args.next().map(|value| value.to_string()),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None if arg == "--" => break,
            None => continue,
        };
        choice = match value.as_deref() {
            Some("always") => clap::ColorChoice::Always,
            Some("never") => clap::ColorChoice::Never,
            _ => choice,
        };
    }
    choice
}

fn execute(cli: Cli) -> ExitCode {
    let Cli { global, command } = cli;
    let (format, color, quiet) = (global.format, global.color, global.quiet);
    let early = |error: &CommandError| {
        view::open(format.unwrap_or_default(), color, quiet).error(error);
        error.exit
    };
    let prepared = Clock::read().and_then(|clock| {
        let config = if command.reads_config() {
            Context::config(&global)?
        } else {
            (None, Config::default())
        };
        Ok((clock, config))
    });
    let (clock, (root, config)) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return early(&error),
    };
    let format = format.or(config.format).unwrap_or_default();
    let mut view = view::open(format, color, quiet);
    let outcome: Outcome = if format == Format::Markdown && !command.has_markdown() {
        Err(
            CommandError::usage("only `plan` and `diff` have `--format markdown`")
                .help("use `human` or `json`"),
        )
    } else {
        let mut context = Context::new(global, root, config, clock);
        command.run(&mut context, view.as_mut())
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            view.error(&error);
            error.exit
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn the_colour_of_help_follows_the_flag() {
        let choice = |args: &[&str]| color_of(&args.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(
            choice(&["orzc", "--color", "never", "--help"]),
            clap::ColorChoice::Never
        );
        assert_eq!(
            choice(&["orzc", "--color=always"]),
            clap::ColorChoice::Always
        );
        assert_eq!(
            choice(&["orzc", "--", "--color=always"]),
            clap::ColorChoice::Auto
        );
    }
}
