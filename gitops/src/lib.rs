//! The GitOps repository: immutable releases, the pointers that say which of them is live, and their history.
//!
//! - [`Repo`]: [`Repo::publish`], [`Repo::activate`], [`Repo::rollback`], [`Repo::hold`], [`Repo::release_hold`],
//!   [`Repo::freeze`], [`Repo::thaw`], [`Repo::retire`], [`Repo::destroy`] and [`Repo::resume`] write what people
//!   ask for; [`Repo::auto_rollback`], [`Repo::end_auto_hold`], [`Repo::remove_pointer`], [`Repo::release_claims`],
//!   [`Repo::set_brake`] and [`Repo::write_status`] what a reconciler found; [`Repo::history`],
//!   [`Repo::statuses`] and [`Repo::verify`] look back.
//! - [`View`]: everything that is read at one fixed pair of heads, [`View::check`], which says whether a
//!   pointer may be acted on, and [`View::recent`], what moved lately.
//!
//! A write composes its commits in memory, writes them as one pack, and then moves `releases` and `main`
//! by compare-and-swap. A process that is killed at any instant leaves the old state or the new one, and what it
//! leaves of Git's locks the next one removes ([`Repo::telling`]).

mod activate;
mod auto_rollback;
mod brake;
pub mod check;
mod claims;
mod commit;
mod destroy;
mod end_hold;
mod error;
mod expect;
mod freeze;
mod git;
mod history;
mod hold;
mod machine;
mod moves;
mod moving;
mod newest;
mod objects;
mod open;
mod pack;
mod publish;
mod recent;
mod refs;
mod release;
mod release_claims;
pub(crate) mod remote;
mod remove;
mod replaced;
mod resume;
mod retire;
mod review;
mod rollback;
mod signing;
mod source;
mod stale;
mod state;
mod status;
mod thaw;
mod time;
mod transaction;
mod trees;
mod trust;
pub mod verify;
mod view;
mod watch;
mod worktree;

#[cfg(test)]
mod race;
/// The fixture that the tests outside use, which knows this package by its name.
#[cfg(test)]
#[path = "../tests/it/support.rs"]
#[expect(dead_code, reason = "the tests outside use more of it")]
mod support;

#[cfg(test)]
extern crate self as orz_gitops;

pub use activate::ActivateOptions;
pub use auto_rollback::AutoRollback;
pub use check::{CheckedRelease, PointerInvalid};
pub use error::{Error, Result};
pub use expect::{Belief, Believed};
pub use history::{HistoryItem, LastChange};
pub use hold::HoldChange;
pub use moves::{Chosen, Move};
pub use open::Repo;
pub use pack::{Repacked, Stored};
pub use publish::{Expected, PointerMove, PublishOptions, Published, PublishedItem};
pub use recent::{Recent, RecentMove};
pub use release::NewRelease;
pub use remote::{FetchEvent, Fetching, PendingCommit, RemoteOptions, RemoteUrl};
pub use remove::Removed;
pub use signing::Signing;
pub use source::{Relation, SourceCheck, SourceHistory, SourceRule, StaleReason, StaleSource};
pub use state::StateChange;
pub use status::{InvalidStatus, PublishedStatus, StatusShard};
pub use trust::{Distrust, SkippedLine, TrustedPublishers, UntrustedCommit};
pub use verify::{Compile, Finding, Recompile, RecordedInputs, VerifyReport};
pub use view::{InvalidPointer, PointerFile, StoredPointer, View};

/// Who asks for a change, why, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Why; one line.
    pub reason: Option<&'a str>,
    /// Who: `Name <email>`, or a name.
    pub actor: &'a str,
    /// The caller's own id of the request; one line.
    pub request_id: Option<&'a str>,
    /// The present time, RFC 3339 in UTC. It dates the commits, and decides whether a hold has ended.
    pub now: String,
}
