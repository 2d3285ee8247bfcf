//! `orzc diff A B`.

use orz_core::Value;
use orz_core::format::Release;
use orz_core::plan::{ReleaseDiff, Side};

use crate::context::Context;
use crate::error::Outcome;
use crate::ops::compare;
use crate::ops::names::ReleaseName;
use crate::view::{Present, Text, View};

/// Shows what differs between any two releases.
///
/// Exits with 0 when nothing differs, 2 when something does, 3 when something is deleted or replaced.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The release before: at least 4 digits of its id, or `<tenant>/<part>` for what is live.
    #[arg(value_name = "A")]
    from: ReleaseName,
    /// The release after.
    #[arg(value_name = "B")]
    to: ReleaseName,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &mut Context, view: &mut dyn View) -> Outcome {
    let heads = context.gitops(view)?.view()?;
    let (from, to) = (args.from.find(&heads)?, args.to.find(&heads)?);
    let objects = |release: &Release| compare::objects(&heads.manifests(&release.release)?);
    let (before, after) = (objects(&from)?, objects(&to)?);
    let diff = ReleaseDiff::new(side(from), side(to), &before, &after);
    let code = diff.exit_code();
    view.result(&Compared(diff))?;
    Ok(code)
}

fn side(release: Release) -> Side {
    Side {
        tenant: release.tenant,
        part: release.part,
        release: release.release,
    }
}

struct Compared(ReleaseDiff);

impl Present for Compared {
    fn kind(&self) -> &'static str {
        "ReleaseDiff"
    }

    fn human(&self, text: &mut Text) {
        text.raw(&self.0.render_human(text.paint().color()));
    }

    fn json(&self) -> Value {
        serde_json::to_value(&self.0).expect("a difference has string keys and finite numbers")
    }

    fn markdown(&self) -> Option<String> {
        Some(self.0.render_markdown())
    }
}
