//! `orzc resume`.

use orz_core::Value;
use orz_core::exit::ExitCode;
use orz_core::format::Brake;
use orz_core::id::ClusterName;
use serde_json::json;

use crate::args::Who;
use crate::context::Context;
use crate::error::Outcome;
use crate::view::{Present, Text, Tone, View, When};

/// Lifts the brake of a cluster, so that failing releases are rolled back automatically again.
///
/// The reconciler sets the brake when so many activations fail at once that it is an outage and no bad release.
/// What is still broken when it is lifted is taken back, however much that is, and counts for no second outage.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The cluster.
    #[arg(long, value_name = "CLUSTER")]
    cluster: ClusterName,
    /// Why, as recorded in the commit.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    who: Who,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let asked = context.asked(&args.who, Some(&args.reason))?;
    let repo = context.gitops(view)?;
    let brake = repo.resume(&args.cluster, &asked.request())?;
    let when = When::of(&repo);
    let next = when.next(brake.is_some());
    view.result(&Resumed {
        cluster: args.cluster.clone(),
        brake,
        when,
    })?;
    if let Some(next) = next {
        view.note(&next);
    }
    Ok(ExitCode::Ok)
}

struct Resumed {
    cluster: ClusterName,
    brake: Option<Brake>,
    when: When,
}

impl Present for Resumed {
    fn kind(&self) -> &'static str {
        "Resume"
    }

    fn human(&self, text: &mut Text) {
        let cluster = self.cluster.to_string();
        match &self.brake {
            Some(brake) => text.line(&[
                (Tone::Plain, &cluster),
                (
                    Tone::Good,
                    &format!("  the brake is lifted{}", self.when.once(true)),
                ),
                (
                    Tone::Faint,
                    &format!("  it was set {}: {}", brake.at, brake.reason),
                ),
            ]),
            None => text.line(&[(Tone::Plain, &cluster), (Tone::Faint, "  no brake was set")]),
        }
    }

    fn json(&self) -> Value {
        let mut document = json!({ "cluster": self.cluster, "brake": self.brake });
        self.when.mark(&mut document);
        document
    }
}
