//! `orzc history TENANT`.

use orz_core::Value;
use orz_core::exit::ExitCode;
use orz_core::format::Action;
use orz_core::id::{Part, TenantName};
use orz_gitops::HistoryItem;
use serde_json::json;

use crate::context::Context;
use crate::error::{CommandError, Outcome};
use crate::view::{Present, Text, Tone, View, short};

/// Tells how a tenant's pointers moved, newest first: what, who, when and why.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tenant.
    tenant: TenantName,
    /// Only this part.
    #[arg(long, value_name = "PART")]
    part: Option<Part>,
    /// At most so many commits, each with all that it moved.
    #[arg(long, short = 'n', value_name = "COMMITS")]
    limit: Option<usize>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let mut items = context.gitops(view)?.history(&args.tenant, args.part)?;
    if items.is_empty() {
        let part = args.part.map(|part| format!("/{part}")).unwrap_or_default();
        return Err(CommandError::input(format!(
            "nothing of `{}{part}` was ever live",
            args.tenant
        ))
        .help("`orzc status` lists what is live"));
    }
    if let Some(limit) = args.limit {
        keep(&mut items, limit);
    }
    view.result(&History(items))?;
    Ok(ExitCode::Ok)
}

/// Keeps the items of so many commits, from the start.
fn keep(items: &mut Vec<HistoryItem>, commits: usize) {
    let mut seen = 0;
    let mut last = None;
    let end = items.iter().position(|item| {
        if last != Some(&item.commit) {
            seen += 1;
            last = Some(&item.commit);
        }
        seen > commits
    });
    items.truncate(end.unwrap_or(usize::MAX));
}

struct History(Vec<HistoryItem>);

impl Present for History {
    fn kind(&self) -> &'static str {
        "History"
    }

    fn human(&self, text: &mut Text) {
        for (position, item) in self.0.iter().enumerate() {
            let same_commit = position > 0 && self.0[position - 1].commit == item.commit;
            if !same_commit {
                if position > 0 {
                    text.gap();
                }
                let action = item.action.map_or("by plain Git", Action::as_str);
                text.line(&[
                    (Tone::Strong, action),
                    (Tone::Plain, "  "),
                    (Tone::Plain, &item.time),
                    (Tone::Plain, "  "),
                    (Tone::Plain, &item.actor),
                    (Tone::Plain, "  "),
                    (Tone::Faint, short(item.commit.as_str())),
                ]);
                if let Some(reason) = &item.reason {
                    text.line(&[(Tone::Plain, "  why: "), (Tone::Plain, reason)]);
                }
                if let Some(cause) = &item.cause {
                    let said = format!("{}: {}", cause.object, cause.message);
                    text.line(&[(Tone::Plain, "  cause: "), (Tone::Bad, &said)]);
                    for detail in &cause.details {
                        text.line(&[(Tone::Faint, "         "), (Tone::Faint, detail)]);
                    }
                }
            }
            let place = format!("  {:9}", item.part.as_str());
            let (from, to) = (item.from.as_ref(), item.to.as_ref());
            let name = |id: Option<&orz_core::id::ReleaseId>| {
                id.map_or("nothing", |id| short(id.as_str())).to_owned()
            };
            let hold = item.hold.as_ref().map(|_| "  held").unwrap_or_default();
            if from == to {
                text.line(&[
                    (Tone::Plain, &place),
                    (Tone::Name, &name(to)),
                    (Tone::Notice, hold),
                ]);
            } else {
                text.line(&[
                    (Tone::Plain, &place),
                    (Tone::Faint, &name(from)),
                    (Tone::Plain, " → "),
                    (Tone::Name, &name(to)),
                    (Tone::Notice, hold),
                ]);
            }
        }
    }

    fn json(&self) -> Value {
        let items: Vec<Value> = self
            .0
            .iter()
            .map(|item| {
                json!({
                    "commit": item.commit,
                    "time": item.time,
                    "cluster": item.cluster,
                    "tenant": item.tenant,
                    "part": item.part,
                    "from": item.from,
                    "to": item.to,
                    "hold": item.hold,
                    "action": item.action.map(Action::as_str),
                    "reason": item.reason,
                    "actor": item.actor,
                    "requestId": item.request_id,
                    "automatic": item.automatic,
                    "cause": item.cause.as_ref().map(|cause| json!({
                        "object": cause.object,
                        "message": cause.message,
                        "details": cause.details,
                    })),
                })
            })
            .collect();
        json!({ "items": items })
    }
}
