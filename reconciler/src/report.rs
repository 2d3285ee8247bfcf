//! What one pass did, for those who asked for it.

use orz_core::id::{Part, ReleaseId, TenantName};
use orz_core::object::ObjectKey;

use crate::engine::EngineError;
use crate::health::{Health, ObjectHealth};
use crate::plan::{Action, Kept, Plan};

/// What one pass over the pointers of a cluster did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One entry for every pointer, by tenant, each with its parts in the order in which they are applied.
    pub tenants: Vec<TenantReport>,
}

/// What happened to one part of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantReport {
    /// The tenant; `None` when the path of a malformed pointer names none.
    pub tenant: Option<TenantName>,
    /// The part; `None` likewise.
    pub part: Option<Part>,
    /// The pointer's path in the repository.
    pub path: String,
    /// The release that the pointer names; `None` when the pointer is invalid.
    pub release: Option<ReleaseId>,
    /// What happened.
    pub outcome: Outcome,
    /// How the objects are doing; empty unless they could be observed.
    pub health: Vec<ObjectHealth>,
}

/// What happened to one part of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The release is in place.
    Applied(Changes),
    /// The release is not in place yet: objects of other parts must exist, or release jobs be complete first.
    Waiting {
        /// What it waits for, each with what is known about it.
        awaits: Vec<ObjectHealth>,
    },
    /// Nothing was changed: the pointer is frozen.
    Frozen {
        /// How many objects differ from the release.
        pending: usize,
    },
    /// Nothing was changed: the pointer must not be acted on.
    Invalid {
        /// `pointer-invalid: <reason>`.
        reason: String,
    },
    /// The engine could not finish.
    Failed {
        /// Why, one line for each object concerned.
        error: String,
        /// What can be done about it.
        help: Option<String>,
    },
}

/// What an engine did, each list in the order in which it was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Objects that did not exist.
    pub created: Vec<ObjectKey>,
    /// Objects that differed, because the release or because somebody by hand changed them.
    pub updated: Vec<ObjectKey>,
    /// Those of `updated` that somebody had changed by hand.
    pub drifted: Vec<ObjectKey>,
    /// Objects that had to be deleted and created again.
    pub replaced: Vec<ObjectKey>,
    /// Objects that the release no longer contains.
    pub pruned: Vec<ObjectKey>,
    /// Durable objects that the release no longer contains and that stay.
    pub kept: Vec<ObjectKey>,
    /// Release jobs that the release no longer contains and that stay: they have run.
    pub kept_jobs: Vec<ObjectKey>,
    /// Objects that the release no longer contains and that turned out to be somebody else's.
    pub left: Vec<ObjectKey>,
    /// Objects that are being deleted and wait for something, such as a finalizer.
    pub awaiting: Vec<ObjectKey>,
    /// Objects that were as they should be.
    pub unchanged: Vec<ObjectKey>,
}

impl Changes {
    /// What carrying out `plan` did.
    pub fn of(plan: &Plan) -> Self {
        Self {
            created: plan.keys(|a| *a == Action::Create),
            updated: plan.keys(|a| matches!(a, Action::Update { .. })),
            drifted: plan.keys(|a| matches!(a, Action::Update { drift: true })),
            replaced: plan.keys(|a| matches!(a, Action::Replace { .. })),
            pruned: plan.keys(|a| *a == Action::Prune),
            kept: plan.keys(|a| *a == Action::Keep(Kept::Durable)),
            kept_jobs: plan.keys(|a| *a == Action::Keep(Kept::ReleaseJob)),
            left: plan.keys(|a| *a == Action::Keep(Kept::NotOurs)),
            awaiting: plan.keys(|a| *a == Action::Await),
            unchanged: plan.keys(|a| *a == Action::Unchanged),
        }
    }

    /// These changes after those of earlier stages of the same release, whose objects no longer change.
    #[must_use]
    pub(crate) fn after(mut self, earlier: Self) -> Self {
        for (all, done) in [
            (&mut self.created, earlier.created),
            (&mut self.updated, earlier.updated),
            (&mut self.drifted, earlier.drifted),
            (&mut self.replaced, earlier.replaced),
            (&mut self.pruned, earlier.pruned),
        ] {
            self.unchanged.retain(|key| !done.contains(key));
            all.splice(0..0, done);
        }
        self
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.created.is_empty()
            && self.updated.is_empty()
            && self.replaced.is_empty()
            && self.pruned.is_empty()
    }
}

impl TenantReport {
    /// The one word for all objects of this part; `None` when none were observed.
    pub fn overall_health(&self) -> Option<Health> {
        self.health
            .iter()
            .map(|object| object.health)
            .reduce(Health::combine)
    }
}

impl Report {
    /// Whether every pointer was followed.
    pub fn is_ok(&self) -> bool {
        self.tenants
            .iter()
            .all(|t| matches!(t.outcome, Outcome::Applied(_) | Outcome::Frozen { .. }))
    }

    /// Whether anything was changed.
    pub fn changed(&self) -> bool {
        self.tenants
            .iter()
            .any(|t| matches!(&t.outcome, Outcome::Applied(changes) if !changes.is_empty()))
    }
}

impl From<EngineError> for Outcome {
    fn from(error: EngineError) -> Self {
        Self::Failed {
            error: error.to_string(),
            help: error.help(),
        }
    }
}
