//! `orzc destroy TENANT`.

use std::io::{self, BufRead, IsTerminal};

use orz_core::exit::ExitCode;
use orz_core::id::{ClusterName, TenantName};
use orz_gitops::Error;

use super::retire::Leaving;
use crate::args::Who;
use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::ops::leave::{Parting, partings};
use crate::view::{Format, View, When, count};

/// Deletes what a retired tenant left in its cluster, its data included.
///
/// There is no way back. Every durable object is named before anything is written. On a terminal the tenant's name has to be typed;
/// elsewhere `--yes` is needed. Only for a tenant that `orzc retire` took out before. The reconciler deletes
/// the objects, and at last the tenant's pointers; its releases stay in the repository.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tenant.
    tenant: TenantName,
    /// The cluster to clear; needed only for a tenant that is on several.
    #[arg(long, value_name = "CLUSTER")]
    cluster: Option<ClusterName>,
    /// Deletes without a question.
    #[arg(long)]
    yes: bool,
    /// Why, as recorded in the pointers and in the commit.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    who: Who,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let asked = context.asked(&args.who, Some(&args.reason))?;
    let repo = context.gitops(view)?;
    let parts = partings(&repo, &args.tenant, args.cluster.as_ref())?;
    refuse_followed(&args.tenant, &parts)?;
    let names = names(&parts);
    let title = title(&args.tenant, &parts, &names);
    let rest = rest(&parts);
    if args.yes {
        say(view, &title, &names, rest.as_deref());
    } else if context.format() == Format::Human
        && io::stdin().is_terminal()
        && io::stderr().is_terminal()
    {
        say(view, &title, &names, rest.as_deref());
        view.summary(&format!("type `{}` to delete them", args.tenant));
        if !is_confirmed(&args.tenant, &mut io::stdin().lock())? {
            return Err(CommandError::usage(format!(
                "`{}` was not typed; nothing was changed",
                args.tenant
            )));
        }
    } else {
        let lines: Vec<String> = names.iter().map(|name| format!("  {name}")).collect();
        return Err(CommandError::usage(format!(
            "nobody is here to confirm it, and nothing was changed; {title}\n{}",
            lines.join("\n")
        ))
        .help("look at the list, then repeat the command with `--yes`"));
    }
    let request = asked.request();
    let changes = match &args.cluster {
        Some(cluster) => repo.destroy_on(&args.tenant, cluster, &request)?,
        None => repo.destroy(&args.tenant, &request)?,
    };
    Leaving::tell("Destroy", parts, changes, When::of(&repo), view)?;
    view.note(&format!(
        "`orzc status {}` says what is left, until nothing is",
        args.tenant
    ));
    Ok(ExitCode::Ok)
}

/// The library refuses this too; here it is said before a person is asked.
fn refuse_followed(tenant: &TenantName, parts: &[Parting]) -> Result<(), CommandError> {
    let followed: Vec<_> = parts
        .iter()
        .filter(|part| !part.pointer.state.kind.is_leaving())
        .map(|part| part.pointer.part)
        .collect();
    if followed.is_empty() {
        return Ok(());
    }
    Err(Error::NotRetired {
        tenant: tenant.clone(),
        parts: followed,
    }
    .into())
}

fn names(parts: &[Parting]) -> Vec<String> {
    let staying = parts.iter().flat_map(|part| &part.stays);
    staying
        .map(|object| match object.words() {
            "durable" => object.key.to_string(),
            words => format!("{}  ({words})", object.key),
        })
        .collect()
}

fn title(tenant: &TenantName, parts: &[Parting], names: &[String]) -> String {
    let cluster = parts.first().map_or_else(String::new, |part| {
        format!(" on `{}`", part.pointer.cluster)
    });
    format!(
        "{} of `{tenant}`{cluster} would be deleted for good, with everything in them:",
        count(names.len(), "object")
    )
}

/// What retiring removes, where nobody says that it is gone.
fn rest(parts: &[Parting]) -> Option<String> {
    let unsure = parts.iter().filter(|part| !part.gone);
    let rest: usize = unsure.map(|part| part.goes.len()).sum();
    (rest > 0).then(|| {
        format!(
            "no reconciler says yet that the other {} that `orzc retire` removes are gone; what is left of them goes first",
            count(rest, "object")
        )
    })
}

fn say(view: &mut dyn View, title: &str, names: &[String], rest: Option<&str>) {
    view.summary(title);
    for name in names {
        view.summary(&format!("  {name}"));
    }
    if let Some(rest) = rest {
        view.summary(rest);
    }
}

/// Whether the next line is exactly the tenant's name.
fn is_confirmed(tenant: &TenantName, input: &mut dyn BufRead) -> Result<bool, CommandError> {
    let mut line = String::new();
    input
        .read_line(&mut line)
        .map_err(|error| CommandError::internal(format!("cannot read the answer: {error}")))?;
    Ok(line.trim() == tenant.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_itself_confirms() {
        let tenant: TenantName = "acme".parse().expect("valid");
        for (typed, expected) in [
            ("acme\n", true),
            (" acme \r\n", true),
            ("acme", true),
            ("yes\n", false),
            ("Acme\n", false),
            ("acme-dev\n", false),
            ("\n", false),
            ("", false),
        ] {
            let confirmed = is_confirmed(&tenant, &mut typed.as_bytes()).expect("readable");
            assert_eq!(confirmed, expected, "{typed:?}");
        }
    }
}
