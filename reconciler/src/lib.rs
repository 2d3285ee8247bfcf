//! Makes a cluster or a directory follow the pointers: observe → plan → apply → health.
//!
//! - [`desired`]: what the pointers of a cluster ask for, each checked before anything acts on it.
//! - [`engine`]: what an engine is, and the one observation model that all of them fill.
//! - [`plan`]: pure: desired objects, inventory and live objects in, steps out. Every rule about what may be
//!   changed or removed stands there; engines make no choices.
//! - [`dir`]: the engine that keeps the live objects of every tenant in a folder.
//! - [`apply`]: the engine that talks to a Kubernetes API server. The only module that writes to a cluster.
//! - [`argocd`]: the engine that points Argo CD's Applications at releases.
//! - [`health`]: how a live object is doing, one file per kind.
//! - [`judge`]: pure: what an engine saw in, what to remember and what to do out.
//! - [`reconcile`]: one pass over all pointers of a cluster, and its [`report`].
//! - [`follow`]: the long-running loop over all pointers of a cluster, which judges and takes back.
//! - [`lease`]: replicas that share the tenants.
//! - [`notice`]: learning that files changed. [`webhook`]: being told by a Git host.
//! - [`install`]: what the `apply` engine needs in an empty cluster.

pub mod apply;
pub mod argocd;
pub mod desired;
pub mod dir;
pub mod engine;
pub mod follow;
pub mod health;
pub mod install;
pub mod judge;
pub mod lease;
pub mod notice;
pub mod plan;
mod reconcile;
pub mod report;
#[cfg(test)]
mod testing;
pub mod webhook;

pub use desired::{Desired, Invalid, Pointed};
pub use engine::{Engine, EngineError, Live, LiveState, ObjectError, Observation};
pub use health::{Health, ObjectHealth, Verdict};
pub use reconcile::{Options, reconcile, reconcile_pointed};
pub use report::{Changes, Outcome, Report, TenantReport};
