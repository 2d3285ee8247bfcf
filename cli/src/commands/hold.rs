//! `orzc hold TENANT`.

use orz_core::Value;
use orz_core::exit::ExitCode;
use orz_core::id::{Part, TenantName};
use orz_gitops::HoldChange;
use serde_json::json;

use crate::args::{Expect, Review, Who};
use crate::context::Context;
use crate::error::Outcome;
use crate::view::{Cell, Present, Table, Text, Tone, View, When};

/// Stops `publish --activate` and `activate` from moving a tenant's pointers.
///
/// Rollback stays allowed. A hold that stands already is replaced.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tenant.
    tenant: TenantName,
    /// Only this part, repeatable [default: all].
    #[arg(long = "part", value_name = "PART")]
    parts: Vec<Part>,
    /// Ends by itself: RFC 3339, or a span such as `12h` or `7d` [default: until `release-hold`].
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Why, as recorded in the pointer and in the commit.
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
    let until = args
        .until
        .as_deref()
        .map(|until| context.clock.until(until))
        .transpose()?;
    let asked = context.asked(&args.who, Some(&args.reason))?;
    let mut repo = context.gitops_for(args.review.to_branch.as_deref(), view)?;
    args.expect
        .of_tenant(&mut repo, &args.tenant, &args.parts, None)?;
    let changes = repo.hold(
        &args.tenant,
        &args.parts,
        until.as_deref(),
        &asked.request(),
    )?;
    told("Hold", changes, When::of(&repo), view)?;
    Ok(ExitCode::Ok)
}

/// Prints what became of holds.
pub(super) fn told(
    kind: &'static str,
    changes: Vec<HoldChange>,
    when: When,
    view: &mut dyn View,
) -> std::io::Result<()> {
    let next = when.next(changes.iter().any(|change| change.commit.is_some()));
    view.result(&Holds {
        kind,
        changes,
        when,
    })?;
    if let Some(next) = next {
        view.note(&next);
    }
    Ok(())
}

/// What became of holds.
struct Holds {
    kind: &'static str,
    changes: Vec<HoldChange>,
    when: When,
}

impl Present for Holds {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn human(&self, text: &mut Text) {
        let mut table = Table::new();
        for change in &self.changes {
            let once = self.when.once(change.commit.is_some());
            let said = match &change.hold {
                Some(hold) => {
                    // `sent by` a person would be read as something else.
                    let first = match once.trim_start() {
                        "" => String::new(),
                        once => format!("{once}: "),
                    };
                    let until = hold
                        .until
                        .as_ref()
                        .map(|until| format!(" until {until}"))
                        .unwrap_or_default();
                    Cell::new(
                        Tone::Notice,
                        format!("{first}held{until} by {}: {}", hold.by, hold.reason),
                    )
                }
                None => Cell::new(Tone::Good, format!("not held{once}")),
            };
            table.row(vec![
                Cell::plain(change.tenant.to_string()),
                Cell::plain(change.part.to_string()),
                said,
            ]);
        }
        text.table(&table);
        if self.changes.is_empty() {
            text.line(&[(Tone::Faint, "nothing was held")]);
        }
    }

    fn json(&self) -> Value {
        let items: Vec<Value> = self
            .changes
            .iter()
            .map(|change| {
                json!({
                    "tenant": change.tenant,
                    "part": change.part,
                    "cluster": change.cluster,
                    "hold": change.hold,
                    "commit": change.commit,
                })
            })
            .collect();
        let mut document = json!({ "items": items });
        self.when.mark(&mut document);
        document
    }
}
