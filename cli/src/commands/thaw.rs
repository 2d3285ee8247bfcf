//! `orzc thaw TENANT`.

use orz_core::exit::ExitCode;
use orz_core::id::{Part, TenantName};

use super::freeze::States;
use crate::args::Who;
use crate::context::Context;
use crate::error::Outcome;
use crate::view::View;

/// Lets the cluster follow a tenant's pointers again.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tenant.
    tenant: TenantName,
    /// Only this part, repeatable [default: all that are frozen].
    #[arg(long = "part", value_name = "PART")]
    parts: Vec<Part>,
    /// Why, as recorded in the commit.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    who: Who,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let asked = context.asked(&args.who, Some(&args.reason))?;
    let changes = context
        .gitops(view)?
        .thaw(&args.tenant, &args.parts, &asked.request())?;
    view.result(&States {
        kind: "Thaw",
        changes,
    })?;
    Ok(ExitCode::Ok)
}
