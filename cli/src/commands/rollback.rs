//! `orzc rollback TENANT [RELEASE]`.

use orz_core::exit::ExitCode;
use orz_core::id::{ClusterName, Part, TenantName};

use crate::args::{Expect, Review, Who};
use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::ops::names::ReleaseName;
use crate::view::{Moves, View, When};

/// Points a tenant back at an older release, and holds it there.
///
/// Without RELEASE, the part goes to the last release that was verified on its cluster; where none is known, to the
/// newest that was live before. Never to one that was left by a rollback, or is blocked. Nothing is compiled, and no hold stops it. The new hold keeps `publish
/// --activate` from undoing it; `orzc release-hold` ends it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tenant.
    tenant: TenantName,
    /// At least 4 digits of the release's id [default: the last verified one, else the one that was live before].
    release: Option<ReleaseName>,
    /// The part, repeatable [default: work, of `orz-platform` platform, or the part of RELEASE].
    #[arg(long = "part", value_name = "PART")]
    parts: Vec<Part>,
    /// Every part, back to what stood together when the older release of `work` was live.
    #[arg(long, conflicts_with_all = ["parts", "release"])]
    all: bool,
    /// The cluster; needed only for a tenant that is on several.
    #[arg(long, value_name = "CLUSTER", conflicts_with = "all")]
    cluster: Option<ClusterName>,
    /// Why, as recorded in the commit.
    #[arg(long, value_name = "TEXT")]
    reason: String,
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
    let (parts, to) = match &args.release {
        Some(name) => {
            let release = name.find(&heads)?;
            let of_part = args.parts.is_empty() || args.parts == [release.part];
            if release.tenant != args.tenant || !of_part {
                return Err(CommandError::input(format!(
                    "release `{}` belongs to `{}/{}`",
                    release.release, release.tenant, release.part
                )));
            }
            (vec![release.part], Some(release.release))
        }
        None if args.parts.is_empty() && args.tenant.is_platform() => (vec![Part::Platform], None),
        None if args.parts.is_empty() => (vec![Part::Work], None),
        None => (args.parts.clone(), None),
    };
    drop(heads);
    let moving: &[Part] = if args.all { &[] } else { &parts };
    let cluster = args.cluster.as_ref();
    args.expect
        .of_tenant(&mut repo, &args.tenant, moving, cluster)?;
    let asked = context.asked(&args.who, Some(&args.reason))?;
    let (to, request) = (to.as_ref(), asked.request());
    let moves = match &args.cluster {
        _ if args.all => repo.rollback_all(&args.tenant, &request)?,
        Some(cluster) => repo.rollback_on(&args.tenant, cluster, &parts, to, &request)?,
        None => repo.rollback(&args.tenant, &parts, to, &request)?,
    };
    let held = moves.iter().any(|step| step.commit.is_some());
    let when = When::of(&repo);
    let next = when.next(held);
    view.result(&Moves {
        kind: "Rollback",
        steps: moves,
        when,
    })?;
    if let Some(next) = next {
        view.note(&next);
    }
    if held {
        view.note(&format!(
            "`orzc release-hold {} --reason TEXT` lets the next publish go live again",
            args.tenant
        ));
    }
    Ok(ExitCode::Ok)
}
