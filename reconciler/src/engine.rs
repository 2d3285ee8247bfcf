//! What an engine is, and the one observation model that every engine fills.

use std::collections::BTreeMap;
use std::path::PathBuf;

use orz_core::format::{Inventory, Memory, Requirement};
use orz_core::id::{ClusterName, TenantName};
use orz_core::object::{Object, ObjectKey};

use crate::apply::ApiError;
use crate::desired::Desired;
use crate::health::{ObjectHealth, Verdict};
use crate::judge::Seen;
use crate::lease::Term;
use crate::plan::{Plan, Refusal};

/// Something that a tenant's objects can be put into.
///
/// An engine reads and writes; what is to be done is decided by [`crate::plan::plan`] alone.
pub trait Engine {
    /// `dir`, `apply` or `argocd`.
    fn name(&self) -> &'static str;

    /// Whether [`crate::plan::waves`] puts off what comes after a release job. Not in an engine in which
    /// nothing runs, nor in one that lets somebody else keep the order.
    fn has_waves(&self) -> bool {
        false
    }

    /// From now on is written only while this term lasts, and refused otherwise; `None`: without end. An engine of
    /// which no replicas can share the tenants has nothing to do here.
    fn within(&mut self, _: Option<Term>) {}

    /// What is there now of this part: everything that it wants and everything that its inventory names.
    /// An incomplete reading is an error, never a smaller observation.
    fn observe(&mut self, desired: &Desired) -> Result<Observation, EngineError>;

    /// Whether an object that a part requires from another one exists, and how it is doing.
    fn required(
        &mut self,
        cluster: &ClusterName,
        tenant: &TenantName,
        requirement: &Requirement,
    ) -> Result<Verdict, EngineError>;

    /// Does what the plan says, and returns what is there afterwards.
    ///
    /// Fails before the first change when `observation` is no longer true.
    fn apply(
        &mut self,
        desired: &Desired,
        observation: Observation,
        plan: &Plan,
    ) -> Result<Observation, EngineError>;

    /// Makes sure that nothing changes a frozen part by itself. Only an engine that lets somebody else do the
    /// work has anything to do here.
    fn freeze(&mut self, _: &Desired, _: &Observation) -> Result<(), EngineError> {
        Ok(())
    }

    /// How every desired object is doing, in the order of their file names.
    fn health(
        &mut self,
        desired: &Desired,
        observation: &Observation,
    ) -> Result<Vec<ObjectHealth>, EngineError>;

    /// What judgement and status read of this part. `observation` is the newest one; what only objects that are
    /// not healthy need (their pods and events) is read here.
    fn seen(&mut self, desired: &Desired, observation: &Observation) -> Result<Seen, EngineError>;

    /// Writes down what must be known after a kill, in the inventory and with nothing else of it changed.
    /// An inventory that is not there yet is made, without objects and not complete.
    ///
    /// Conditioned on the inventory being the one of `observation`; returns the observation with the new one.
    fn remember(
        &mut self,
        desired: &Desired,
        observation: Observation,
        memory: &Memory,
    ) -> Result<Observation, EngineError>;

    /// Removes the inventory and everything that the engine keeps for this part, of which no object is left.
    fn forget(&mut self, desired: &Desired, observation: Observation) -> Result<(), EngineError>;
}

impl Observation {
    /// Refuses what a replica wants that has lost the tenant and has not heard of it yet. A version of the inventory
    /// that it has read too early is refused by the conditioned write; this is for one that it reads too late.
    pub fn allows(&self, desired: &Desired) -> Result<(), EngineError> {
        let last = self.inventory.as_ref().and_then(|i| i.writer.as_ref());
        match (last, &desired.writer) {
            (Some(last), Some(own)) if last.epoch > own.epoch => Err(EngineError::Fenced {
                holder: last.holder.clone(),
                epoch: last.epoch,
            }),
            _ => Ok(()),
        }
    }

    /// The inventory with this memory; a new one where there is none.
    pub fn inventory_with(&self, desired: &Desired, memory: &Memory) -> Inventory {
        let inventory = self.inventory.clone().unwrap_or_else(|| Inventory {
            cluster: desired.cluster.clone(),
            tenant: desired.tenant.clone(),
            part: desired.part,
            release: desired.release.clone(),
            digest: desired.digest.clone(),
            complete: false,
            objects: Vec::new(),
            memory: None,
            writer: None,
        });
        Inventory {
            memory: Some(memory.clone()),
            writer: desired.writer.clone(),
            ..inventory
        }
    }
}

/// What is there of one part of a tenant.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// What we wrote down when we last changed something; `None` when nothing of this part was ever applied.
    pub inventory: Option<Inventory>,
    /// Which version of the inventory this is; the next write is refused when it moved.
    pub version: Option<String>,
    /// The objects that exist, of those that are desired or named by the inventory.
    pub live: BTreeMap<ObjectKey, Live>,
    /// Whether nothing else was found where only ours should be (a stray file in a tenant's folder).
    pub intact: bool,
}

/// One object that exists.
#[derive(Clone, Debug)]
pub struct Live {
    /// Its `uid`; `None` in a directory.
    pub uid: Option<String>,
    /// Whether it carries our mark of exactly this part.
    pub marked: bool,
    /// Whether it is being deleted and waits for something.
    pub deleting: bool,
    /// Who else wrote to it, for messages; empty when nobody did.
    pub managers: Vec<String>,
    /// How it compares with what is desired. [`LiveState::Same`] when it is not desired.
    pub state: LiveState,
    /// The object itself; `None` when it cannot be read as one (a file edited by hand).
    pub object: Option<Object>,
}

/// How a live object compares with what is desired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveState {
    /// Nothing to do.
    Same,
    /// The release wants something else than what was applied last.
    Changed,
    /// What was applied last is what the release wants, but somebody changed the live object.
    Drifted,
    /// The difference is in fields that cannot be changed in place.
    Frozen {
        /// JSON pointers of these fields.
        paths: Vec<String>,
    },
}

/// Why an engine could not do its part.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A file or folder of the directory engine.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Something stands where the directory engine keeps a tenant.
    #[error("`{}` is not ours: {found}", path.display())]
    NotOurs {
        /// The place.
        path: PathBuf,
        /// What stands there.
        found: String,
    },
    /// The plan cannot be carried out as a whole, so nothing of it was.
    #[error("{}", lines(.0))]
    Refused(Vec<Refusal>),
    /// Somebody else changed the inventory since it was read.
    #[error("another writer changed `{what}` meanwhile; nothing was changed")]
    Stale {
        /// The inventory.
        what: String,
    },
    /// Another replica follows the tenant by now.
    #[error("replica `{holder}` follows this tenant by now (epoch {epoch}); nothing was changed")]
    Fenced {
        /// Who wrote the inventory last.
        holder: String,
        /// Its epoch, which is higher than ours.
        epoch: u64,
    },
    /// A stored inventory cannot be read.
    #[error("the inventory `{what}` cannot be read: {reason}")]
    Inventory {
        /// Where it stands.
        what: String,
        /// Why.
        reason: String,
    },
    /// No client of the cluster could be made.
    #[error("cannot connect to the cluster: {0}")]
    Connect(String),
    /// The API server refused a request, or could not be reached.
    #[error("{what}: {error}")]
    Api {
        /// What was asked for.
        what: String,
        /// The reason.
        error: ApiError,
    },
    /// The cluster does not serve a kind of the release; nothing of it was applied.
    #[error("the cluster does not serve `{kind}` of `{api_version}`")]
    UnknownKind {
        /// The kind.
        kind: String,
        /// Group and version.
        api_version: String,
    },
    /// Some objects could not be applied or removed.
    #[error("{}", lines(.0))]
    Objects(Vec<ObjectError>),
    /// The desired state contradicts itself.
    #[error("{0}")]
    Desired(String),
}

/// Why one object could not be applied or removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {error}")]
pub struct ObjectError {
    /// The object.
    pub key: ObjectKey,
    /// The reason.
    pub error: ApiError,
}

impl EngineError {
    /// What is said of a server that gives no answer at all; `None` for every error that somebody answered with.
    pub(crate) fn silence(&self) -> Option<String> {
        match self {
            Self::Api { error, .. } => error.unreachable.then(|| error.to_string()),
            Self::Objects(errors) => {
                let silent = errors.iter().find(|of| of.error.unreachable)?;
                Some(silent.error.to_string())
            }
            _ => None,
        }
    }

    /// Whether something was not written because another process follows the part by now.
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Api { error, .. } => error.is_over(),
            Self::Objects(errors) => errors.iter().any(|of| of.error.is_over()),
            _ => false,
        }
    }

    /// What can be done about it, if anything general can be said.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NotOurs { path, .. } => Some(format!(
                "move `{}` away, or choose another directory",
                path.display()
            )),
            Self::Refused(refusals) => refusals.first().map(Refusal::help),
            Self::Stale { .. } | Self::Fenced { .. } => Some("the next pass starts from the new state".to_owned()),
            Self::UnknownKind { kind, .. } => Some(format!("install the custom resource definition of `{kind}`")),
            Self::Api { error, .. } if error.code == 403 => {
                Some("`orzc platform install` grants the rights that are needed".to_owned())
            }
            Self::Api { error, .. } if error.code == 404 => {
                Some("`orzc platform install` makes what is needed in an empty cluster".to_owned())
            }
            Self::Objects(errors) if errors.iter().any(|e| !e.error.managers.is_empty()) => {
                Some("let one of them state the field: take it out of the bundle, or out of the other's hands".to_owned())
            }
            Self::Io { .. }
            | Self::Inventory { .. }
            | Self::Connect(_)
            | Self::Api { .. }
            | Self::Objects(_)
            | Self::Desired(_) => None,
        }
    }
}

fn lines(items: &[impl ToString]) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
