//! `orzc release-hold TENANT`.

use orz_core::exit::ExitCode;
use orz_core::id::{Part, TenantName};

use super::hold::told;
use crate::args::{Review, Who};
use crate::context::Context;
use crate::error::Outcome;
use crate::view::{View, When};

/// Ends the holds of a tenant, so that the next publish goes live again.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tenant.
    tenant: TenantName,
    /// Only this part, repeatable [default: all].
    #[arg(long = "part", value_name = "PART")]
    parts: Vec<Part>,
    /// Why, as recorded in the commit.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    review: Review,
    #[command(flatten)]
    who: Who,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let asked = context.asked(&args.who, Some(&args.reason))?;
    let repo = context.gitops_for(args.review.to_branch.as_deref(), view)?;
    let changes = repo.release_hold(&args.tenant, &args.parts, &asked.request())?;
    told("ReleaseHold", changes, When::of(&repo), view)?;
    Ok(ExitCode::Ok)
}
