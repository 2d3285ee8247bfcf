//! Pointers that moved: the result of `activate` and `rollback`.

use orz_core::Value;
use orz_gitops::{Chosen, Move};
use serde_json::json;

use super::{Cell, Present, Table, Text, Tone, When, short};

/// What a command did to pointers.
pub(crate) struct Moves {
    /// The `kind` of the JSON document.
    pub(crate) kind: &'static str,
    /// The pointers.
    pub(crate) steps: Vec<Move>,
    /// When they take effect.
    pub(crate) when: When,
}

impl Present for Moves {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn human(&self, text: &mut Text) {
        let mut table = Table::new();
        for step in &self.steps {
            let to = Cell::new(Tone::Name, short(step.to.as_str()));
            let said = match &step.from {
                Some(from) if *from == step.to => Cell::new(Tone::Faint, "live already"),
                Some(from) => {
                    let said = format!("live, was {}", short(from.as_str()));
                    Cell::new(Tone::Good, self.when.say(said))
                }
                None => Cell::new(Tone::Good, self.when.say("live, the first one".to_owned())),
            };
            let chosen =
                chosen(step).map_or_else(Cell::default, |(tone, text)| Cell::new(tone, text));
            let back = if step.called_back {
                Cell::new(Tone::Notice, "called back")
            } else {
                Cell::default()
            };
            let hold = step
                .hold
                .as_ref()
                .map(|hold| format!("held by {}: {}", hold.by, hold.reason));
            table.row(vec![
                Cell::plain(step.tenant.to_string()),
                Cell::plain(step.part.to_string()),
                to,
                said,
                chosen,
                back,
                Cell::new(Tone::Notice, hold.unwrap_or_default()),
            ]);
        }
        text.table(&table);
    }

    fn json(&self) -> Value {
        let moves: Vec<Value> = self
            .steps
            .iter()
            .map(|step| {
                json!({
                    "tenant": step.tenant,
                    "part": step.part,
                    "cluster": step.cluster,
                    "from": step.from,
                    "to": step.to,
                    "chosen": word(step.chosen),
                    "calledBack": step.called_back,
                    "state": step.state,
                    "hold": step.hold,
                    "commit": step.commit,
                })
            })
            .collect();
        let mut document = json!({ "moves": moves });
        self.when.mark(&mut document);
        document
    }
}

/// How the release was chosen, where nobody named it and it moves.
fn chosen(step: &Move) -> Option<(Tone, &'static str)> {
    if step.from.as_ref() == Some(&step.to) {
        return None;
    }
    match step.chosen {
        Chosen::Named => None,
        Chosen::Verified => Some((Tone::Good, "the last verified one")),
        Chosen::LiveBefore => Some((Tone::Notice, "live before; none is known as verified")),
        Chosen::StoodBeside => Some((Tone::Plain, "stood beside it then")),
    }
}

const fn word(chosen: Chosen) -> &'static str {
    match chosen {
        Chosen::Named => "named",
        Chosen::Verified => "verified",
        Chosen::LiveBefore => "live-before",
        Chosen::StoodBeside => "stood-beside",
    }
}
