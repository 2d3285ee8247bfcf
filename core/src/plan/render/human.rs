//! Changes at a terminal.

use super::group::{Group, groups, notes};
use super::text::line;
use super::{NOTHING, REWRITTEN, Section};
use crate::diff::Change;
use crate::plan::changes::{PlannedChange, Totals};

/// How to render for people at a terminal.
#[derive(Clone, Copy, Debug, Default)]
pub struct HumanOptions {
    /// ANSI colours.
    pub color: bool,
    /// Which manifests stand beneath.
    pub manifests: Manifests,
}

/// Which manifests stand beneath the objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manifests {
    /// None.
    Hidden,
    /// The differences of those that are updated or replaced.
    #[default]
    Changed,
    /// Those and all lines of what is created and deleted.
    All,
}

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const MAGENTA: &str = "\x1b[35m";
const CYAN: &str = "\x1b[36m";
const RESET: &str = "\x1b[0m";

pub(in crate::plan) fn human(
    sections: &[Section],
    totals: Totals,
    options: HumanOptions,
) -> String {
    let mut out = Out {
        text: String::new(),
        options,
    };
    for section in sections {
        let title = line(&section.title);
        let rest = [&section.place, &section.because].map(|text| line(text));
        let rest: Vec<&str> = rest
            .iter()
            .map(String::as_str)
            .filter(|text| !text.is_empty())
            .collect();
        let heading = format!("{} {}", out.paint(BOLD, &title), rest.join(", "));
        out.line(0, heading.trim_end());
        for group in groups(section.changes) {
            out.group(&group);
        }
        if section.changes.changes.is_empty() {
            out.line(2, REWRITTEN);
        }
        out.text.push('\n');
    }
    if sections.is_empty() {
        out.line(0, NOTHING);
    }
    out.line(0, &totals.to_string());
    out.text
}

struct Out {
    text: String,
    options: HumanOptions,
}

impl Out {
    fn group(&mut self, group: &Group) {
        let phrases = line(&group.phrases().join(", "));
        let Some(owner) = &group.owner else {
            let after = if phrases.is_empty() {
                String::new()
            } else {
                format!(": {phrases}")
            };
            for change in &group.changes {
                self.object(2, change, &after);
            }
            return;
        };
        let owner = self.paint(BOLD, &line(owner));
        self.line(2, &format!("{owner}: {phrases}"));
        for change in &group.changes {
            let notes = notes(change).join("; ");
            let after = if notes.is_empty() {
                String::new()
            } else {
                format!(" ({})", line(&notes))
            };
            self.object(4, change, &after);
        }
    }

    fn object(&mut self, indent: usize, change: &PlannedChange, after: &str) {
        let color = match change.change {
            Change::Create => GREEN,
            Change::Update => YELLOW,
            Change::Replace => MAGENTA,
            Change::Delete => RED,
            Change::Unchanged => RESET,
        };
        let key = line(&change.key().to_string());
        let object = self.paint(color, &format!("{} {key}", change.change.symbol()));
        self.line(indent, &format!("{object}{after}"));
        let shown = match self.options.manifests {
            Manifests::Hidden => false,
            Manifests::Changed => matches!(change.change, Change::Update | Change::Replace),
            Manifests::All => true,
        };
        if shown {
            for text in change.diff.lines() {
                let color = match text.as_bytes().first() {
                    Some(b'+') => GREEN,
                    Some(b'-') => RED,
                    Some(b'@') => CYAN,
                    _ => DIM,
                };
                let text = self.paint(color, &line(text));
                self.line(indent + 4, &text);
            }
        }
    }

    fn paint(&self, color: &str, text: &str) -> String {
        if self.options.color {
            format!("{color}{text}{RESET}")
        } else {
            text.to_owned()
        }
    }

    fn line(&mut self, indent: usize, text: &str) {
        self.text.extend(std::iter::repeat_n(' ', indent));
        self.text.push_str(text);
        self.text.push('\n');
    }
}
