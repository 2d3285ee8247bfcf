//! `orzc repack`.

use orz_core::Value;
use orz_core::exit::ExitCode;
use orz_gitops::{Repacked, Stored};
use serde_json::json;

use crate::context::Context;
use crate::error::Outcome;
use crate::view::{Present, Text, Tone, View, count};

/// Puts all objects of the GitOps repository into one pack.
///
/// That saves room, and makes clones fast. For a schedule: once a day is often enough. Publishes and reconcilers may
/// go on meanwhile, and nothing is dropped. Of a remote, the copy on this machine is repacked; the host takes care of
/// its own.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs the command.
pub(crate) fn run(_: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let repo = context.gitops(view)?;
    view.progress(Some("repacking"));
    let done = repo.repack();
    view.progress(None);
    view.result(&Report(done?))?;
    Ok(ExitCode::Ok)
}

struct Report(Repacked);

impl Present for Report {
    fn kind(&self) -> &'static str {
        "Repack"
    }

    fn human(&self, text: &mut Text) {
        let said = |stored: Stored| {
            let packs = usize::try_from(stored.packs).unwrap_or(usize::MAX);
            format!("{} of {}", count(packs, "pack"), size(stored.bytes))
        };
        let Repacked { before, after } = self.0;
        text.line(&[
            (Tone::Good, &said(after)),
            (Tone::Faint, &format!("; before {}", said(before))),
        ]);
    }

    fn json(&self) -> Value {
        let stored = |stored: Stored| json!({ "packs": stored.packs, "bytes": stored.bytes });
        json!({ "before": stored(self.0.before), "after": stored(self.0.after) })
    }
}

/// As a person reads it.
fn size(bytes: u64) -> String {
    const UNIT: u64 = 1_024;
    match bytes {
        0..UNIT => format!("{bytes} bytes"),
        UNIT..1_048_576 => format!("{} KiB", bytes / UNIT),
        _ => format!("{} MiB", bytes / UNIT / UNIT),
    }
}
