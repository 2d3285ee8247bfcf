//! `orzc retire TENANT`.

use orz_core::Value;
use orz_core::exit::ExitCode;
use orz_core::format::StateKind;
use orz_core::id::{ClusterName, TenantName};
use orz_core::object::ObjectKey;
use orz_gitops::StateChange;
use serde_json::json;

use super::freeze::word;
use crate::args::Who;
use crate::context::Context;
use crate::error::Outcome;
use crate::ops::leave::{Parting, Staying, partings};
use crate::view::{Cell, Present, Table, Text, Tone, View, When, count, short};

/// Takes a tenant out of its cluster; what is durable stays, closed and small.
///
/// The reconciler removes `work`, then `data`, then `tenancy`. Namespaces and volumes stay, and with each
/// namespace its default-deny policy, quota and limits; `orzc destroy` deletes these too. Until then
/// `orzc activate TENANT --override-leaving --reason TEXT` calls the tenant back.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tenant.
    tenant: TenantName,
    /// The cluster to leave; needed only for a tenant that is on several.
    #[arg(long, value_name = "CLUSTER")]
    cluster: Option<ClusterName>,
    /// Why, as recorded in the pointers and in the commit.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    who: Who,
}

const KIND: &str = "Retire";

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let asked = context.asked(&args.who, Some(&args.reason))?;
    let repo = context.gitops(view)?;
    let parts = partings(&repo, &args.tenant, args.cluster.as_ref())?;
    let request = asked.request();
    let changes = match &args.cluster {
        Some(cluster) => repo.retire_on(&args.tenant, cluster, &request)?,
        None => repo.retire(&args.tenant, &request)?,
    };
    Leaving::tell(KIND, parts, changes, When::of(&repo), view)?;
    view.note(&format!(
        "`orzc status {0}` says when it is done; then `orzc destroy {0} --reason TEXT` deletes what stays",
        args.tenant
    ));
    Ok(ExitCode::Ok)
}

/// A tenant on its way out.
pub(super) struct Leaving {
    kind: &'static str,
    /// In the order in which they go.
    parts: Vec<Parting>,
    changes: Vec<StateChange>,
    when: When,
}

impl Leaving {
    /// Prints it.
    pub(super) fn tell(
        kind: &'static str,
        parts: Vec<Parting>,
        changes: Vec<StateChange>,
        when: When,
        view: &mut dyn View,
    ) -> std::io::Result<()> {
        let next = when.next(changes.iter().any(|change| change.commit.is_some()));
        view.result(&Self {
            kind,
            parts,
            changes,
            when,
        })?;
        if let Some(next) = next {
            view.note(&next);
        }
        Ok(())
    }

    fn change(&self, part: &Parting) -> Option<&StateChange> {
        self.changes.iter().find(|change| {
            change.part == part.pointer.part && change.cluster == part.pointer.cluster
        })
    }
}

impl Present for Leaving {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn human(&self, text: &mut Text) {
        let mut table = Table::new();
        for part in &self.parts {
            let Some(change) = self.change(part) else {
                continue;
            };
            let once = self.when.once(change.commit.is_some());
            let already = if change.commit.is_none() {
                " already"
            } else {
                ""
            };
            let goes = match change.state.kind {
                StateKind::Destroying if part.gone => count(part.stays.len(), "object"),
                // Nobody says how far the retiring came.
                StateKind::Destroying => {
                    let most = count(part.stays.len() + part.goes.len(), "object");
                    format!("at most {most}")
                }
                _ => count(part.goes.len(), "object"),
            };
            table.row(vec![
                Cell::plain(change.tenant.to_string()),
                Cell::plain(change.part.to_string()),
                Cell::new(Tone::Name, short(change.release.as_str())),
                Cell::new(
                    Tone::Bad,
                    format!("{}{once}{already}", word(change.state.kind)),
                ),
                Cell::plain(format!("{goes} to go")),
            ]);
        }
        text.table(&table);
        let staying: Vec<&Staying> = self.parts.iter().flat_map(|part| &part.stays).collect();
        if staying.is_empty() || self.kind != KIND {
            return;
        }
        text.gap();
        text.line(&[(Tone::Good, "stays")]);
        let mut table = Table::indented(2);
        for object in staying {
            table.row(vec![
                Cell::plain(object.key.to_string()),
                Cell::new(Tone::Faint, object.words()),
            ]);
        }
        text.table(&table);
    }

    fn json(&self) -> Value {
        let items: Vec<Value> = self
            .parts
            .iter()
            .filter_map(|part| {
                let change = self.change(part)?;
                let stays: Vec<Value> = part.stays.iter().map(staying).collect();
                let goes: Vec<Value> = part.goes.iter().map(object).collect();
                Some(json!({
                    "tenant": change.tenant,
                    "part": change.part,
                    "cluster": change.cluster,
                    "release": change.release,
                    "from": change.from,
                    "state": change.state,
                    "commit": change.commit,
                    "goes": goes,
                    "stays": stays,
                }))
            })
            .collect();
        let mut document = json!({ "items": items });
        self.when.mark(&mut document);
        document
    }
}

fn staying(staying: &Staying) -> Value {
    let mut value = object(&staying.key);
    value["why"] = staying.word().into();
    value["earlier"] = staying.earlier.into();
    value
}

fn object(key: &ObjectKey) -> Value {
    json!({
        "group": key.group,
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
    })
}
