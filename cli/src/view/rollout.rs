//! How a fleet was activated, as a part of the result of `publish`.

use orz_core::Value;
use serde_json::json;

use super::{Cell, Table, Text, Tone};
use crate::ops::fleet::{Fate, Rollout};

/// Its tenants in the order of the batches.
pub(crate) fn human(rollout: &Rollout, text: &mut Text) {
    let mut table = Table::new();
    for turn in &rollout.tenants {
        let (tone, _) = fate(&turn.fate);
        let batch = turn.batch.map(|batch| format!("batch {batch}"));
        let (word, why) = match &turn.fate {
            Fate::Verified => ("live, verified", None),
            Fate::Unchanged => ("live already", None),
            Fate::Live => ("live, not verified yet", None),
            Fate::Passed(why) => ("passed over", Some(why)),
            Fate::Failed(why) => ("failed", Some(why)),
            Fate::NotStarted => ("not started", None),
        };
        table.row(vec![
            Cell::plain(turn.tenant.to_string()),
            Cell::new(Tone::Faint, batch.unwrap_or_default()),
            Cell::new(tone, word),
            Cell::plain(why.cloned().unwrap_or_default()),
        ]);
    }
    text.table(&table);
}

/// The same for programs.
pub(crate) fn json(rollout: &Rollout) -> Value {
    let tenants: Vec<Value> = rollout
        .tenants
        .iter()
        .map(|turn| {
            let why = match &turn.fate {
                Fate::Passed(why) | Fate::Failed(why) => Some(why),
                Fate::Verified | Fate::Unchanged | Fate::Live | Fate::NotStarted => None,
            };
            json!({
                "tenant": turn.tenant,
                "batch": turn.batch,
                "result": fate(&turn.fate).1,
                "why": why,
            })
        })
        .collect();
    json!({
        "batches": rollout.batches,
        "tenants": tenants,
        "stopped": rollout.stopped.as_ref().map(|stopped| &stopped.why),
    })
}

/// What became of a tenant, for programs.
const fn fate(fate: &Fate) -> (Tone, &'static str) {
    match fate {
        Fate::Verified => (Tone::Good, "verified"),
        Fate::Unchanged => (Tone::Faint, "unchanged"),
        Fate::Live => (Tone::Notice, "live"),
        Fate::Passed(_) => (Tone::Notice, "passed"),
        Fate::Failed(_) => (Tone::Bad, "failed"),
        Fate::NotStarted => (Tone::Faint, "not-started"),
    }
}
