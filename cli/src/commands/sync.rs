//! `orzc sync`.

use orz_core::Value;
use orz_core::exit::ExitCode;
use orz_gitops::PendingCommit;
use serde_json::json;

use crate::context::Context;
use crate::error::Outcome;
use crate::view::{Cell, Present, Table, Text, Tone, View, short};

/// Sends what was committed with `--offline` to the remote.
///
/// Any command that writes does so as well, before its own change. What somebody else changed in the meantime
/// is not overwritten: then nothing is sent, who was first is named, and the exit code is 5.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Gives the commits up instead of sending them.
    #[arg(long)]
    discard: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let repo = context.gitops_as_it_is(view)?;
    let commits = if args.discard {
        repo.discard_pending()?
    } else {
        repo.sync()?
    };
    view.result(&Synced {
        commits,
        discarded: args.discard,
    })?;
    Ok(ExitCode::Ok)
}

struct Synced {
    commits: Vec<PendingCommit>,
    discarded: bool,
}

impl Present for Synced {
    fn kind(&self) -> &'static str {
        "Sync"
    }

    fn human(&self, text: &mut Text) {
        let (tone, said) = if self.discarded {
            (Tone::Notice, "given up")
        } else {
            (Tone::Good, "sent")
        };
        let mut table = Table::new();
        for commit in &self.commits {
            table.row(vec![
                Cell::new(Tone::Name, short(commit.commit.as_str())),
                Cell::new(tone, said),
                Cell::plain(commit.branch),
                Cell::plain(commit.subject.clone()),
                Cell::new(Tone::Faint, format!("{} at {}", commit.actor, commit.time)),
            ]);
        }
        text.table(&table);
        if self.commits.is_empty() {
            text.line(&[(Tone::Faint, "nothing waits")]);
        }
    }

    fn json(&self) -> Value {
        let commits: Vec<Value> = self
            .commits
            .iter()
            .map(|commit| {
                json!({
                    "commit": commit.commit,
                    "branch": commit.branch,
                    "subject": commit.subject,
                    "actor": commit.actor,
                    "time": commit.time,
                })
            })
            .collect();
        json!({ "commits": commits, "discarded": self.discarded })
    }
}
