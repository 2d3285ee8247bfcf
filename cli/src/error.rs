//! The one error of every command, and the only place that maps the errors of libraries to
//! exit codes and hints.

use orz_core::exit::ExitCode;
use orz_reconciler::EngineError;

/// Why a command ended without a result.
#[derive(Clone, Debug)]
pub(crate) struct CommandError {
    /// What the process exits with.
    pub(crate) exit: ExitCode,
    /// Lower case, no final period, user's text in backticks.
    pub(crate) message: String,
    /// What to do, ready to be pasted where possible.
    pub(crate) help: Vec<String>,
    /// Whether the message only counts what diagnostics have told already.
    pub(crate) counted: bool,
}

/// What every command returns: how it ended, once its result is printed.
pub(crate) type Outcome = Result<ExitCode, CommandError>;

impl CommandError {
    fn new(exit: ExitCode, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            help: Vec::new(),
            counted: false,
        }
    }

    /// The input is wrong.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Input, message)
    }

    /// The input is wrong, as diagnostics have told already; `summary` counts them.
    pub(crate) fn counted(summary: impl Into<String>) -> Self {
        Self::counted_as(ExitCode::Input, summary)
    }

    /// What diagnostics have told already, with another end; `summary` counts them.
    pub(crate) fn counted_as(exit: ExitCode, summary: impl Into<String>) -> Self {
        Self {
            counted: true,
            ..Self::new(exit, summary)
        }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// The base moved since it was read.
    pub(crate) fn stale(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Stale, message)
    }

    /// Our fault, or the machine's.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Internal, message)
    }

    /// Adds a line of help.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

/// Printing failed: nobody reads any more, or the disk is full.
impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Self::internal(format!("cannot write the result: {error}"))
    }
}

/// A value on the command line that is not the identifier it should be.
impl From<orz_core::id::IdError> for CommandError {
    fn from(error: orz_core::id::IdError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<orz_gitops::Error> for CommandError {
    fn from(error: orz_gitops::Error) -> Self {
        let help = error.help();
        let mut mapped = Self::new(error.exit_code(), error.to_string());
        mapped.help.extend(help);
        mapped
    }
}

impl From<EngineError> for CommandError {
    fn from(error: EngineError) -> Self {
        let help = error.help();
        let exit = match &error {
            EngineError::Refused(_) | EngineError::NotOurs { .. } => ExitCode::Denied,
            EngineError::Stale { .. } => ExitCode::Stale,
            _ => ExitCode::Internal,
        };
        let mut mapped = Self::new(exit, error.to_string());
        mapped.help.extend(help);
        mapped
    }
}
