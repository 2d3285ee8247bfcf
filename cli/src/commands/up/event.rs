//! What the watch says.

use std::collections::BTreeSet;
use std::time::Duration;

use orz_core::Value;
use orz_core::id::TenantName;
use orz_gitops::PointerMove;
use serde_json::{Map, json};

use super::{Done, Row, Seconds, Up};
use crate::error::CommandError;
use crate::view::{Present, Text, Tone, count};

/// One thing that happened, at a time (RFC 3339 in UTC).
pub(super) struct Event {
    pub(super) time: String,
    pub(super) what: What,
}

/// What happened.
pub(super) enum What {
    /// The watch began.
    Watching { source: String, target: String },
    /// Something was saved, and this came of it.
    Round(Box<Round>),
    /// Changes are looked for from now on.
    Looking { why: String, every: Duration },
    /// Somebody ended it.
    Ended,
}

/// What came of a save.
pub(super) struct Round {
    /// The tenants that were compiled; `None` for all, when that was not possible.
    pub(super) tenants: Option<BTreeSet<TenantName>>,
    /// Those among them that have errors: what is live of them stays.
    pub(super) broken: BTreeSet<TenantName>,
    /// Those that have no files any more: what is live of them stays too.
    pub(super) gone: BTreeSet<String>,
    /// What became of the others.
    pub(super) up: Option<Up>,
    /// Why nothing became of them, or what is wrong with those that are broken.
    pub(super) error: Option<CommandError>,
    /// How long it took, where nothing was put in place.
    pub(super) seconds: f64,
}

impl Round {
    /// The tenants of which something is not in place and may be without another save.
    pub(super) fn unsettled(&self) -> BTreeSet<TenantName> {
        let waits = |row: &&Row| {
            matches!(
                row.report.outcome,
                Done::Waiting { .. } | Done::Failed { .. }
            )
        };
        let rows = self.up.iter().flat_map(|up| &up.rows);
        rows.filter(waits)
            .filter_map(|row| row.report.tenant.clone())
            .collect()
    }

    /// Whether anything is different from before.
    pub(super) fn is_news(&self) -> bool {
        self.error.is_some()
            || !self.gone.is_empty()
            || self
                .up
                .as_ref()
                .is_some_and(|up| up.rows.iter().any(|row| row.is_moved() || !row.is_same()))
    }

    /// What is said, without how long it took: for telling whether it was said before.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = self
            .error
            .iter()
            .map(|error| error.message.clone())
            .collect();
        for row in self.up.iter().flat_map(|up| &up.rows) {
            words.push(format!(
                "{:?} {:?} {}",
                row.report.tenant,
                row.report.part,
                row.outcome().1
            ));
        }
        words
    }

    fn seconds(&self) -> f64 {
        match &self.up {
            Some(Up {
                seconds:
                    Seconds {
                        compile,
                        publish,
                        reconcile,
                    },
                ..
            }) => compile + publish + reconcile,
            None => self.seconds,
        }
    }

    /// The tenants in a few words.
    fn who(&self) -> String {
        const NAMED: usize = 3;
        match &self.tenants {
            None => "the source".to_owned(),
            Some(tenants) if tenants.is_empty() => {
                self.gone.iter().cloned().collect::<Vec<_>>().join(", ")
            }
            Some(tenants) if tenants.len() <= NAMED => tenants
                .iter()
                .map(TenantName::as_str)
                .collect::<Vec<_>>()
                .join(", "),
            Some(tenants) => count(tenants.len(), "tenant"),
        }
    }

    /// How it ended in one word, and what was done.
    fn outcome(&self) -> (Tone, &'static str, String) {
        let rows: Vec<&Row> = self.up.iter().flat_map(|up| &up.rows).collect();
        let mut did = changes(&rows);
        if let Some(error) = &self.error {
            let first = error.message.lines().next().unwrap_or_default();
            did = match (did.is_empty(), self.broken.is_empty()) {
                (_, true) => first.to_owned(),
                (true, false) => format!("{first}; what is live stays"),
                (false, false) => {
                    format!(
                        "{first} in {}, of which what is live stays; {did}",
                        count(self.broken.len(), "tenant")
                    )
                }
            };
            return (Tone::Bad, "error", did);
        }
        let is = |tone| rows.iter().any(|row| row.outcome().0 == tone);
        let (tone, word) = if is(Tone::Bad) {
            (Tone::Bad, "failed")
        } else if is(Tone::Notice) {
            (Tone::Notice, "waits")
        } else if rows.iter().any(|row| row.is_moved()) || !did.is_empty() {
            (Tone::Good, "live")
        } else if rows.is_empty() {
            (Tone::Notice, "gone")
        } else {
            (Tone::Faint, "same")
        };
        if did.is_empty() {
            "nothing changes".clone_into(&mut did);
        }
        (tone, word, did)
    }

    fn human(&self, time: &str, text: &mut Text) {
        let (tone, word, did) = self.outcome();
        // The day is known to who watches.
        let clock = time.split('T').nth(1).unwrap_or(time).trim_end_matches('Z');
        text.line(&[
            (Tone::Faint, clock),
            (Tone::Plain, "  "),
            (tone, &format!("{word:<6}")),
            (Tone::Plain, "  "),
            (Tone::Strong, &self.who()),
            (Tone::Plain, &format!("  {did}")),
            (Tone::Faint, &format!("  {:.2} s", self.seconds())),
        ]);
        let mut more = |words: String| text.line(&[(Tone::Plain, &format!("          {words}"))]);
        for help in self.error.iter().flat_map(|error| &error.help) {
            more(format!("help: {help}"));
        }
        for row in self.up.iter().flat_map(|up| &up.rows) {
            let name = match (&row.report.tenant, row.report.part) {
                (Some(tenant), Some(part)) => format!("{tenant}/{part}"),
                _ => row.report.path.clone(),
            };
            let (tone, outcome) = row.outcome();
            if matches!(tone, Tone::Bad | Tone::Notice) {
                more(format!("{name}: {outcome}"));
            }
            let (tone, pointer) = row.pointer();
            if matches!(tone, Tone::Bad | Tone::Notice) && !row.is_moved() {
                more(format!("{name}: {pointer}"));
            }
            if let Done::Failed {
                help: Some(help), ..
            } = &row.report.outcome
            {
                more(format!("help: {help}"));
            }
        }
        for folder in &self.gone {
            more(format!(
                "`tenants/{folder}/` is gone: what is live of it stays; `orzc retire {folder} --reason TEXT` takes it down"
            ));
        }
    }

    fn json(&self) -> Value {
        let (_, outcome, _) = self.outcome();
        let mut body = match self.up.as_ref().map(Present::json) {
            Some(Value::Object(body)) => body,
            _ => Map::new(),
        };
        body.entry("parts").or_insert_with(|| json!([]));
        body.insert("outcome".to_owned(), outcome.into());
        body.insert("tenants".to_owned(), json!(self.tenants));
        body.insert("broken".to_owned(), json!(self.broken));
        body.insert("gone".to_owned(), json!(self.gone));
        let error = self.error.as_ref().map(|error| {
            json!({ "exitCode": error.exit.code(), "message": error.message, "help": error.help })
        });
        body.insert("error".to_owned(), json!(error));
        body.entry("seconds").or_insert_with(
            || json!({ "compile": self.seconds, "publish": 0.0, "reconcile": 0.0 }),
        );
        Value::Object(body)
    }
}

impl Row {
    fn is_moved(&self) -> bool {
        let pointer = self.published.as_ref().map(|item| &item.pointer);
        matches!(
            pointer,
            Some(PointerMove::Moved { .. } | PointerMove::Created)
        )
    }

    fn is_same(&self) -> bool {
        matches!(&self.report.outcome, Done::Applied(changes) if changes.is_empty())
    }
}

/// `2 created, 1 pruned` of all parts together.
fn changes(rows: &[&Row]) -> String {
    let mut sums = [
        (0, "created"),
        (0, "updated"),
        (0, "replaced"),
        (0, "pruned"),
    ];
    for row in rows {
        if let Done::Applied(changes) = &row.report.outcome {
            let lengths = [
                changes.created.len(),
                changes.updated.len(),
                changes.replaced.len(),
                changes.pruned.len(),
            ];
            for ((sum, _), length) in sums.iter_mut().zip(lengths) {
                *sum += length;
            }
        }
    }
    let words = sums.iter().filter(|(sum, _)| *sum > 0);
    words
        .map(|(sum, word)| format!("{sum} {word}"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl Present for Event {
    fn kind(&self) -> &'static str {
        "UpEvent"
    }

    fn human(&self, text: &mut Text) {
        match &self.what {
            What::Watching { source, target } => {
                text.line(&[(
                    Tone::Plain,
                    &format!("watching {source}, into {target}; Ctrl-C ends"),
                )]);
            }
            What::Round(round) => round.human(&self.time, text),
            What::Looking { why, every } => text.line(&[
                (Tone::Bad, "warning"),
                (
                    Tone::Strong,
                    &format!(": {why}; looks at every file each {every:?} instead"),
                ),
            ]),
            What::Ended => text.line(&[(Tone::Plain, "ended; what is live stays")]),
        }
    }

    fn json(&self) -> Value {
        let (event, body) = match &self.what {
            What::Watching { source, target } => {
                ("watching", json!({ "source": source, "target": target }))
            }
            What::Round(round) => ("round", round.json()),
            What::Looking { why, every } => (
                "looking",
                json!({ "message": why, "everySeconds": every.as_secs_f64() }),
            ),
            What::Ended => ("ended", json!({})),
        };
        let mut document = Map::new();
        document.insert("event".to_owned(), event.into());
        document.insert("time".to_owned(), self.time.clone().into());
        if let Value::Object(body) = body {
            document.extend(body);
        }
        Value::Object(document)
    }
}
