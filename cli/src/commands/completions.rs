//! `orzc completions SHELL`.

use clap_complete::Shell;
use orz_core::Value;
use orz_core::exit::ExitCode;
use serde_json::json;

use crate::app;
use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::view::{Present, Text, View};

/// Prints the completions of a shell, to be loaded by it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the command.
pub(crate) fn run(args: &Args, _context: &mut Context, view: &mut dyn View) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut app::command(), "orzc", &mut script);
    let script = String::from_utf8(script)
        .map_err(|_| CommandError::internal("the completions are not UTF-8"))?;
    view.result(&Script {
        shell: args.shell,
        script,
    })?;
    Ok(ExitCode::Ok)
}

struct Script {
    shell: Shell,
    script: String,
}

impl Present for Script {
    fn kind(&self) -> &'static str {
        "Completions"
    }

    fn human(&self, text: &mut Text) {
        text.raw(&self.script);
    }

    fn json(&self) -> Value {
        json!({ "shell": self.shell.to_string(), "script": self.script })
    }
}
