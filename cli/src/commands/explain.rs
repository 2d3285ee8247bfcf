//! `orzc explain [CODE]`.

mod reasons;

use orz_core::Value;
use orz_core::diag::Code;
use orz_core::diag::codes;
use orz_core::exit::ExitCode;
use serde_json::json;

use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::view::{Cell, Present, Table, Text, Tone, View};

/// Tells what a diagnostic code means and how to put it right.
///
/// The reasons for which `status` calls a pointer invalid are explained too.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The code, such as `unknown-field` [default: list all codes].
    code: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, _context: &mut Context, view: &mut dyn View) -> Outcome {
    match &args.code {
        Some(name) => view.result(&Explanation(find(name)?))?,
        None => view.result(&Codes(all()))?,
    }
    Ok(ExitCode::Ok)
}

/// All that can be explained, in the order of the names.
fn all() -> Vec<&'static Code> {
    let mut all = codes::all();
    all.extend(reasons::REASONS);
    all.sort_by_key(|code| code.name);
    all
}

fn find(name: &str) -> Result<&'static Code, CommandError> {
    let all = all();
    let found = all.iter().find(|code| code.name == name).copied();
    found.ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|code| code.name).collect();
        let error = CommandError::usage(format!(
            "no diagnostic has the code `{}`",
            name.escape_debug()
        ));
        match similar::get_close_matches(name, &names, 1, 0.6).first() {
            Some(close) => error.help(format!("did you mean `{close}`?")),
            None => error.help("`orzc explain` lists all codes"),
        }
    })
}

struct Explanation(&'static Code);

impl Present for Explanation {
    fn kind(&self) -> &'static str {
        "Explanation"
    }

    fn human(&self, text: &mut Text) {
        let code = self.0;
        text.line(&[(Tone::Strong, code.name)]);
        for (title, body) in [
            ("cause", code.cause),
            ("example", code.example),
            ("fix", code.fix),
        ] {
            text.gap();
            text.line(&[(Tone::Faint, title)]);
            for line in body.lines() {
                text.line(&[(Tone::Plain, "  "), (Tone::Plain, line)]);
            }
        }
    }

    fn json(&self) -> Value {
        fields(self.0)
    }
}

struct Codes(Vec<&'static Code>);

impl Present for Codes {
    fn kind(&self) -> &'static str {
        "Explanations"
    }

    fn human(&self, text: &mut Text) {
        let mut table = Table::new();
        for code in &self.0 {
            let first = code.cause.split_inclusive(". ").next().unwrap_or_default();
            table.row(vec![
                Cell::new(Tone::Name, code.name),
                Cell::plain(first.trim()),
            ]);
        }
        text.table(&table);
    }

    fn json(&self) -> Value {
        json!({ "codes": self.0.iter().map(|code| fields(code)).collect::<Vec<_>>() })
    }
}

fn fields(code: &Code) -> Value {
    json!({ "code": code.name, "cause": code.cause, "example": code.example, "fix": code.fix })
}
