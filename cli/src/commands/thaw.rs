//! `orzc thaw TENANT`.

use orz_core::exit::ExitCode;
use orz_core::id::{Part, TenantName};

use super::freeze::told;
use crate::args::Who;
use crate::context::Context;
use crate::error::Outcome;
use crate::view::{View, When};

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
    let repo = context.gitops(view)?;
    let changes = repo.thaw(&args.tenant, &args.parts, &asked.request())?;
    told("Thaw", changes, When::of(&repo), view)?;
    Ok(ExitCode::Ok)
}
