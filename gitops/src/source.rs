//! What a publish has to know of the source repository: how its commits stand to each other.
//!
//! This package does not read source repositories. Whoever publishes from one says what is known of its history,
//! and what follows from that is decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use orz_core::diag::Code;
use orz_core::diag::codes::publish as codes;
use orz_core::id::{ClusterName, CommitId, Part, TenantName};

use crate::history::LastChange;

/// How a commit of the source repository stands to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It is that commit.
    Same,
    /// It descends from it.
    Newer,
    /// The other one descends from it.
    Older,
    /// Both are known, and neither descends from the other.
    Unrelated,
    /// The whole history of it is known, and the other one is not in it.
    Missing,
    /// Its history is cut off, and what is left does not tell.
    Shallow,
}

/// What is known of the commits of a source repository. An answer about two commits never changes.
///
/// Both questions are asked about all tenants at once, and only about what they are needed for. An error is a
/// message for people.
pub trait SourceHistory: fmt::Debug {
    /// How `ours` stands to each of these commits.
    fn relations(
        &self,
        ours: &CommitId,
        theirs: &BTreeSet<CommitId>,
    ) -> Result<BTreeMap<CommitId, Relation>, String>;

    /// Those of these pairs of a tenant and a commit before `ours` for which a commit since then, `ours` included,
    /// changed a file that the tenant is compiled from; also if a later one changed it back.
    fn touched(
        &self,
        ours: &CommitId,
        since: &BTreeSet<(TenantName, CommitId)>,
    ) -> Result<BTreeSet<(TenantName, CommitId)>, String>;
}

/// Which commits may go live over others.
#[derive(Clone, Copy, Debug)]
pub struct SourceCheck<'a> {
    /// What is known of the source repository.
    pub history: &'a dyn SourceHistory,
    /// What is allowed.
    pub rule: SourceRule,
}

/// What may go live where another commit was live before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceRule {
    /// That commit and its descendants.
    #[default]
    Descendants,
    /// Also what has nothing to do with it: the history was rewritten, or it is another repository.
    Unrelated,
    /// Whatever the folder says, older commits included: the inner loop of one person.
    Any,
}

/// A tenant whose source must not go live, because something newer was live already or nobody can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleSource {
    /// The tenant.
    pub tenant: TenantName,
    /// The cluster of the pointers.
    pub cluster: ClusterName,
    /// The parts whose pointers say so.
    pub parts: Vec<Part>,
    /// Why it is refused.
    pub why: StaleReason,
    /// The commit that was to go live.
    pub ours: Option<CommitId>,
    /// The newest one that was live.
    pub newest: CommitId,
    /// The commit on `main` that made it so; `None` if the history of the pointer was cut off.
    pub by: Option<LastChange>,
}

/// Why a source is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleReason {
    /// The newest commit that was live descends from it.
    Older,
    /// Neither descends from the other.
    Unrelated,
    /// The newest commit that was live is not in its history, which is whole.
    Missing,
    /// It has no commit: no Git repository, or one without commits.
    NoCommit,
    /// Its history is cut off.
    Shallow,
}

impl StaleSource {
    /// The code of the diagnostic, for `orzc explain`.
    pub fn code(&self) -> &'static Code {
        match self.why {
            StaleReason::Older => &codes::STALE_SOURCE,
            StaleReason::Unrelated | StaleReason::Missing | StaleReason::NoCommit => {
                &codes::UNRELATED_SOURCE
            }
            StaleReason::Shallow => &codes::SHALLOW_SOURCE,
        }
    }

    /// What to do about it, each line by itself.
    pub fn help(&self) -> Vec<String> {
        const ALLOW: &str = "if this source is the right one from now on: `--allow-unrelated-source` with a `--reason`";
        let lines: Vec<String> = match self.why {
            StaleReason::Older => vec![
                format!("publish from `{}` or a commit after it", self.newest),
                format!(
                    "to go back on purpose: `orzc rollback {} --reason TEXT`, or `git revert` in the source",
                    self.tenant
                ),
            ],
            StaleReason::Unrelated => vec![
                format!("merge or rebase onto `{}`", self.newest),
                ALLOW.to_owned(),
            ],
            StaleReason::Missing => vec![
                "`git pull` first: this clone may only be behind".to_owned(),
                ALLOW.to_owned(),
            ],
            StaleReason::NoCommit => vec![
                "publish from a clone of the source repository".to_owned(),
                ALLOW.to_owned(),
            ],
            StaleReason::Shallow => vec![
                "fetch the whole history: `fetch-depth: 0` of `actions/checkout`, `GIT_DEPTH: 0` in GitLab CI, or `git fetch --unshallow`".to_owned(),
            ],
        };
        lines
    }
}

impl fmt::Display for StaleSource {
    /// `` `acme`: commit `…` is older than `…`, published by … at … ``
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: ", self.tenant)?;
        let newest = &self.newest;
        match (&self.ours, self.why) {
            (Some(ours), StaleReason::Older) => {
                write!(f, "commit `{ours}` is older than `{newest}`")?;
            }
            (Some(ours), StaleReason::Missing) => {
                write!(f, "the history of commit `{ours}` does not have `{newest}`")?;
            }
            (Some(ours), StaleReason::Shallow) => write!(
                f,
                "the clone is shallow, so that nobody can tell whether commit `{ours}` comes after `{newest}`"
            )?,
            (Some(ours), _) => write!(f, "commit `{ours}` does not descend from `{newest}`")?,
            (None, _) => write!(
                f,
                "the source has no commit, so that nobody can tell whether it comes after `{newest}`"
            )?,
        }
        match &self.by {
            Some(by) => write!(f, ", published by {} at {}", by.actor, by.time),
            None => f.write_str(", which was live"),
        }
    }
}
