//! A real Kubernetes control plane for tests: etcd, kube-apiserver and kube-controller-manager
//! on loopback, with the CRDs of the projects that orz compiles for.
//!
//! ```no_run
//! use orz_cluster_tests::{ControlPlane, Crds, Objects, Options};
//! use orz_cluster_tests::standin::{Kubelet, KubeletOptions};
//!
//! # fn main() -> Result<(), orz_cluster_tests::ClusterError> {
//! let plane = ControlPlane::start(&Options { crds: Crds::Platform })?;
//! let kubelet = Kubelet::start(&plane, KubeletOptions::default())?;
//! let objects = Objects::connect(&plane.harness_kubeconfig())?;
//! let before = plane.audit_mark()?;
//! // … the product runs with `plane.product_kubeconfig()` …
//! assert!(plane.audit_writes_by("orz", before)?.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! The components come from `KUBEBUILDER_ASSETS` when that is set, else they are built once from
//! Go modules into the user's cache folder ([`orz_test_tools::cache_dir`]).
//!
//! [`argocd`] adds a real Argo CD.
//!
//! There is no node, no scheduler and no operator. What they would write is written by
//! [`standin`]s, which are clients of the API server as the real ones are, and each of which names
//! itself on standard error when it starts.

pub mod argocd;
mod audit;
mod binaries;
mod control_plane;
mod crds;
mod error;
mod folder;
mod gate;
mod identity;
mod kube_api;
mod objects;
mod ports;
mod process;
mod snapshot;
pub mod standin;

pub use audit::{AuditEntry, AuditMark};
pub use control_plane::{ControlPlane, Options};
pub use crds::{CRDS, CrdSource, Crds};
pub use error::ClusterError;
pub use gate::{Gate, Written};
pub use identity::{ARGOCD_USER, HARNESS_USER, PRODUCT_USER, STANDIN_USER};
pub use kube_api::Ref;
pub use objects::Objects;
