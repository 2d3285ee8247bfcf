//! `orzc activate TENANT [RELEASE]`.

use orz_core::exit::ExitCode;
use orz_core::id::{Part, ReleaseId, TenantName};
use orz_gitops::{ActivateOptions, View as Heads};

use crate::args::{Expect, Review, Who};
use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::ops::names::ReleaseName;
use crate::view::{Moves, View, When};

/// Makes a published release live, by moving the tenant's pointer.
///
/// Without RELEASE, every part goes to its newest published release, in one commit. Nothing is compiled.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tenant.
    tenant: TenantName,
    /// At least 4 digits of the release's id [default: the newest published of every part].
    release: Option<ReleaseName>,
    /// Only this part, repeatable.
    #[arg(long = "part", value_name = "PART")]
    parts: Vec<Part>,
    /// Why, as recorded in the commit.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Activates although a hold stops it; the hold itself stays.
    #[arg(long)]
    override_hold: bool,
    /// Calls a tenant back that is being retired or destroyed: all of its parts follow their pointers again.
    #[arg(long)]
    override_leaving: bool,
    #[command(flatten)]
    expect: Expect,
    #[command(flatten)]
    review: Review,
    #[command(flatten)]
    who: Who,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let mut repo = context.gitops_for(args.review.to_branch.as_deref(), view)?;
    let heads = repo.view()?;
    let targets = match &args.release {
        Some(name) => vec![named(&heads, args, name)?],
        None => newest(&heads, args)?,
    };
    drop(heads);
    let parts: Vec<Part> = targets.iter().map(|(part, _)| *part).collect();
    args.expect
        .of_tenant(&mut repo, &args.tenant, &parts, None)?;
    let asked = context.asked(&args.who, Some(&args.reason))?;
    let options = ActivateOptions {
        override_hold: args.override_hold,
        override_leaving: args.override_leaving,
        newest: args.release.is_none(),
    };
    let moves = repo.activate_parts(&args.tenant, &targets, options, &asked.request())?;
    let when = When::of(&repo);
    let next = when.next(moves.iter().any(|step| step.commit.is_some()));
    view.result(&Moves {
        kind: "Activate",
        steps: moves,
        when,
    })?;
    if let Some(next) = next {
        view.note(&next);
    }
    Ok(ExitCode::Ok)
}

fn named(
    heads: &Heads,
    args: &Args,
    name: &ReleaseName,
) -> Result<(Part, ReleaseId), CommandError> {
    let release = name.find(heads)?;
    let of_part = args.parts.is_empty() || args.parts == [release.part];
    if release.tenant != args.tenant || !of_part {
        return Err(CommandError::input(format!(
            "release `{}` belongs to `{}/{}`",
            release.release, release.tenant, release.part
        )));
    }
    Ok((release.part, release.release))
}

fn newest(heads: &Heads, args: &Args) -> Result<Vec<(Part, ReleaseId)>, CommandError> {
    let all = [Part::Platform, Part::Tenancy, Part::Data, Part::Work];
    let mut targets = Vec::new();
    for part in all
        .into_iter()
        .filter(|part| args.parts.is_empty() || args.parts.contains(part))
    {
        match heads.newest(&args.tenant, part)? {
            Some(release) => targets.push((part, release)),
            None if args.parts.contains(&part) => {
                return Err(nothing(&format!("{}/{part}", args.tenant)));
            }
            None => {}
        }
    }
    if targets.is_empty() {
        return Err(nothing(args.tenant.as_str()));
    }
    Ok(targets)
}

fn nothing(what: &str) -> CommandError {
    CommandError::input(format!("nothing of `{what}` is published"))
        .help("publish it with `orzc publish`")
}
