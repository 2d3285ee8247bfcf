//! `orzc check`.

use orz_core::Value;
use orz_core::exit::ExitCode;
use serde_json::json;

use crate::args::Select;
use crate::context::Context;
use crate::error::Outcome;
use crate::ops::compile::{CompiledTenant, Detail, compile};
use crate::view::{Cell, Present, Table, Text, Tone, View, count};

/// Compiles without writing anything, and reports everything that is wrong.
///
/// Needs no GitOps repository. Exits with 1 when there is an error. Warnings and notes are shown
/// in full here, and by other commands with `--verbose`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    select: Select,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let compilation = compile(context, &args.select, Detail::All, view)?;
    let errors = compilation.tally.errors;
    view.result(&Checked {
        tenants: compilation.tenants,
        errors,
        warnings: compilation.tally.warnings,
    })?;
    if errors > 0 {
        view.summary(&compilation.tally.summary().unwrap_or_default());
        return Ok(ExitCode::Input);
    }
    Ok(ExitCode::Ok)
}

struct Checked {
    tenants: Vec<CompiledTenant>,
    errors: usize,
    warnings: usize,
}

impl Present for Checked {
    fn kind(&self) -> &'static str {
        "Check"
    }

    fn human(&self, text: &mut Text) {
        let mut table = Table::new();
        for tenant in &self.tenants {
            let (tone, verdict) = match &tenant.output {
                Some(_) => (Tone::Good, "ok".to_owned()),
                None => (Tone::Bad, count(tenant.errors, "error")),
            };
            let objects = tenant.output.as_ref().map(|output| {
                let parts = output
                    .parts
                    .values()
                    .filter(|part| !part.objects.is_empty());
                parts
                    .map(|part| format!("{} {}", part.part, part.objects.len()))
                    .collect::<Vec<_>>()
                    .join(", ")
            });
            table.row(vec![
                Cell::plain(tenant.tenant.to_string()),
                Cell::new(tone, verdict),
                Cell::new(Tone::Faint, objects.unwrap_or_default()),
            ]);
        }
        text.table(&table);
    }

    fn json(&self) -> Value {
        let tenants: Vec<Value> = self
            .tenants
            .iter()
            .map(|tenant| {
                let parts: Option<Vec<Value>> = tenant.output.as_ref().map(|output| {
                    let part = |part: &orz_compiler::CompiledPart| {
                        json!({ "part": part.part, "objects": part.objects.len(), "digest": part.digest })
                    };
                    output.parts.values().map(part).collect()
                });
                json!({
                    "tenant": tenant.tenant,
                    "ok": tenant.output.is_some(),
                    "errors": tenant.errors,
                    "warnings": tenant.warnings,
                    "parts": parts.unwrap_or_default(),
                })
            })
            .collect();
        json!({ "ok": self.errors == 0, "errors": self.errors, "warnings": self.warnings, "tenants": tenants })
    }
}
