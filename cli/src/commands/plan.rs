//! `orzc plan`.

use std::fs;
use std::path::{Path, PathBuf};

use orz_core::Value;
use orz_core::plan::Plan;

use crate::args::Select;
use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::ops::compare;
use crate::ops::compile::{Detail, compile};
use crate::place::shown;
use crate::view::{Present, Text, View};

/// Shows what publishing and activating would change, compared with what is live.
///
/// Exact and offline: release against release, no cluster. Exits with 0 when nothing would change,
/// 2 when something would, 3 when something would be deleted or replaced.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,
    /// Also writes the plan into a file, for `orzc publish --plan FILE`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let outputs = compile(context, &args.select, Detail::Errors, view)?.all()?;
    let plan = compare::plan(&context.gitops(view)?.view()?, &outputs)?;
    let code = plan.exit_code();
    if let Some(file) = &args.out {
        write(file, &plan)?;
    }
    view.result(&Planned(plan))?;
    if let Some(file) = &args.out {
        view.note(&format!(
            "carry it out with `orzc publish --activate --plan {} --reason TEXT`",
            shown(file)
        ));
    }
    Ok(code)
}

/// Writes the file as a whole or not at all.
fn write(file: &Path, plan: &Plan) -> Result<(), CommandError> {
    let failed = |error: std::io::Error| {
        CommandError::input(format!("cannot write `{}`: {error}", shown(file)))
    };
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let temporary = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    fs::write(temporary.path(), plan.to_json()).map_err(failed)?;
    temporary
        .persist(file)
        .map_err(|error| failed(error.error))?;
    Ok(())
}

struct Planned(Plan);

impl Present for Planned {
    fn kind(&self) -> &'static str {
        "Plan"
    }

    fn human(&self, text: &mut Text) {
        text.raw(&self.0.render_human(text.paint().color()));
    }

    fn json(&self) -> Value {
        serde_json::to_value(&self.0).expect("a plan has string keys and finite numbers")
    }

    fn markdown(&self) -> Option<String> {
        Some(self.0.render_markdown())
    }
}
