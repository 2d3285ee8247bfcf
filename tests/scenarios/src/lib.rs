//! The two programs on a real cluster: `orzc` writes bundles into a GitOps repository, `orz-reconciler`
//! makes a real Kubernetes control plane follow it, by itself or through a real Argo CD.
//!
//! A scenario is written once and runs with each [`Engine`]. Everything goes the way of a user: source files,
//! commands, commits; what is asserted is read from Git and from the API server.

mod bundle;
mod hand;
mod killer;
mod program;
mod world;

pub use bundle::{App, image};
pub use hand::{Forgery, Hand, pointer_path};
pub use killer::{Killed, Killer};
pub use program::{Launch, Running};
pub use world::{Engine, Options, TestResult, World, deployment, size};
