//! One file per command: its help text, its arguments, one function.

mod activate;
mod build;
mod check;
mod completions;
mod destroy;
mod diff;
mod explain;
mod freeze;
mod history;
mod hold;
mod init;
mod plan;
mod platform;
mod publish;
mod release_hold;
mod repack;
mod resume;
mod retire;
mod rollback;
mod schema;
mod show;
mod status;
mod sync;
mod thaw;
mod up;
mod verify;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Outcome;
use crate::view::View;

/// Declares the registry of commands: variant, module.
macro_rules! commands {
    ($($(#[$attribute:meta])* $name:ident($module:ident)),+ $(,)?) => {
        /// The commands.
        #[derive(Debug, Subcommand)]
        pub(crate) enum Command {
            $($(#[$attribute])* #[allow(missing_docs, reason = "the help text stands on the arguments")] $name($module::Args),)+
        }

        impl Command {
            /// Runs the command.
            pub(crate) fn run(&self, context: &mut Context, view: &mut dyn View) -> Outcome {
                match self {
                    $(Self::$name(args) => $module::run(args, context, view),)+
                }
            }
        }
    };
}

commands! {
    Init(init),
    Check(check),
    Build(build),
    Plan(plan),
    Diff(diff),
    Publish(publish),
    Activate(activate),
    Rollback(rollback),
    Hold(hold),
    ReleaseHold(release_hold),
    Freeze(freeze),
    Thaw(thaw),
    Retire(retire),
    Destroy(destroy),
    Resume(resume),
    History(history),
    Show(show),
    Status(status),
    Sync(sync),
    Verify(verify),
    Repack(repack),
    Up(up),
    Platform(platform),
    Schema(schema),
    Explain(explain),
    Completions(completions),
}

impl Command {
    /// Whether `orz.toml` says anything to this command. What does not need it works beside a broken one.
    pub(crate) fn reads_config(&self) -> bool {
        !matches!(
            self,
            Self::Init(_) | Self::Schema(_) | Self::Explain(_) | Self::Completions(_)
        )
    }

    /// Whether its result has a form for pull requests.
    pub(crate) fn has_markdown(&self) -> bool {
        matches!(self, Self::Plan(_) | Self::Diff(_))
    }
}
