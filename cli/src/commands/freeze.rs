//! `orzc freeze TENANT`.

use orz_core::Value;
use orz_core::exit::ExitCode;
use orz_core::format::StateKind;
use orz_core::id::{Part, TenantName};
use orz_gitops::StateChange;
use serde_json::json;

use crate::args::Who;
use crate::context::Context;
use crate::error::Outcome;
use crate::view::{Cell, Present, Table, Text, Tone, View, When, short};

/// Stops the cluster from following a tenant's pointers; the pointers may still move.
///
/// While it stands nothing is applied, judged or rolled back automatically. What the pointers name by then is
/// applied after `orzc thaw`. To stop the pointers instead, use `orzc hold`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tenant.
    tenant: TenantName,
    /// Only this part, repeatable [default: all].
    #[arg(long = "part", value_name = "PART")]
    parts: Vec<Part>,
    /// Ends by itself: RFC 3339, or a span such as `12h` or `7d` [default: until `thaw`].
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Why, as recorded in the pointer and in the commit.
    #[arg(long, value_name = "TEXT")]
    reason: String,
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
    let repo = context.gitops(view)?;
    let changes = repo.freeze(
        &args.tenant,
        &args.parts,
        until.as_deref(),
        &asked.request(),
    )?;
    told("Freeze", changes, When::of(&repo), view)?;
    Ok(ExitCode::Ok)
}

/// Prints what became of the states of pointers.
pub(super) fn told(
    kind: &'static str,
    changes: Vec<StateChange>,
    when: When,
    view: &mut dyn View,
) -> std::io::Result<()> {
    let next = when.next(changes.iter().any(|change| change.commit.is_some()));
    view.result(&States {
        kind,
        changes,
        when,
    })?;
    if let Some(next) = next {
        view.note(&next);
    }
    Ok(())
}

/// What became of the states of pointers.
struct States {
    kind: &'static str,
    changes: Vec<StateChange>,
    when: When,
}

impl Present for States {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn human(&self, text: &mut Text) {
        let mut table = Table::new();
        for change in &self.changes {
            let state = &change.state;
            let tone = match state.kind {
                StateKind::Live => Tone::Good,
                StateKind::Frozen => Tone::Notice,
                StateKind::Retiring | StateKind::Destroying => Tone::Bad,
            };
            let until = state.until.as_ref().map(|until| format!(" until {until}"));
            let already = change.commit.is_none().then_some(" already");
            table.row(vec![
                Cell::plain(change.tenant.to_string()),
                Cell::plain(change.part.to_string()),
                Cell::new(Tone::Name, short(change.release.as_str())),
                Cell::new(
                    tone,
                    format!(
                        "{}{}{}{}",
                        word(state.kind),
                        self.when.once(change.commit.is_some()),
                        already.unwrap_or_default(),
                        until.unwrap_or_default()
                    ),
                ),
            ]);
        }
        text.table(&table);
        if self.changes.is_empty() {
            text.line(&[(Tone::Faint, "nothing had to be changed")]);
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
                    "release": change.release,
                    "from": change.from,
                    "state": change.state,
                    "commit": change.commit,
                })
            })
            .collect();
        let mut document = json!({ "items": items });
        self.when.mark(&mut document);
        document
    }
}

/// The state as people read it.
pub(super) const fn word(state: StateKind) -> &'static str {
    match state {
        StateKind::Live => "live",
        StateKind::Frozen => "frozen",
        StateKind::Retiring => "retiring",
        StateKind::Destroying => "destroying",
    }
}
