//! Stand-ins: what writes to a cluster from outside the control plane, and is not there in a test.
//!
//! Each is a client of the API server with its own user, on its own thread; each names itself on
//! standard error when it starts, and ends when it is dropped. None is ever called by the
//! product, and the product cannot tell them from the real ones by what they write.

mod envoy_gateway;
mod external_secrets;
mod kubelet;
mod operators;
mod pod_status;
mod references;
mod volumes;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use orz_test_tools::say;

pub use kubelet::{Kubelet, KubeletOptions};
pub use operators::{Operators, OperatorsOptions};
pub use pod_status::Outcome;
pub use volumes::Provisioner;

use crate::kube_api::KubeApi;
use crate::objects::runtime;
use crate::{ClusterError, ControlPlane};

/// All stand-ins with their usual behaviour; for tests that want a cluster in which things work.
pub struct StandIns {
    /// The node.
    pub kubelet: Kubelet,
    /// The volumes.
    pub provisioner: Provisioner,
    /// The operators.
    pub operators: Operators,
}

impl StandIns {
    /// Starts all of them.
    pub fn start(plane: &ControlPlane) -> Result<Self, ClusterError> {
        Ok(Self {
            kubelet: Kubelet::start(plane, KubeletOptions::default())?,
            provisioner: Provisioner::start(plane)?,
            operators: Operators::start(plane, OperatorsOptions::default())?,
        })
    }
}

/// What a stand-in does again and again.
trait Work: Send + 'static {
    /// One round: look at the cluster, write what is due.
    async fn round(&mut self, api: &KubeApi) -> Result<(), ClusterError>;
}

/// A thread that works until this is dropped.
struct Worker {
    stop: Arc<AtomicBool>,
    problems: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

/// Between two rounds. A real kubelet or operator is told by a watch; nobody can tell the
/// difference at this pace.
const PERIOD: Duration = Duration::from_millis(150);

impl Worker {
    /// Starts the work once its first round has succeeded, so that what the stand-in provides
    /// from the start (the node) is there when this returns.
    fn start(
        plane: &ControlPlane,
        name: &'static str,
        does: &str,
        mut work: impl Work,
    ) -> Result<Self, ClusterError> {
        say(&format!("stand-in for {name}: {does}"));
        let kubeconfig: PathBuf = plane.standin_kubeconfig();
        let stop = Arc::new(AtomicBool::new(false));
        let problems = Arc::new(Mutex::new(Vec::new()));
        let (started, first) = std::sync::mpsc::channel();
        let thread = thread::spawn({
            let stop = Arc::clone(&stop);
            let problems = Arc::clone(&problems);
            move || {
                let ready = runtime().and_then(|runtime| {
                    let api = runtime.block_on(KubeApi::connect(&kubeconfig))?;
                    runtime.block_on(work.round(&api))?;
                    Ok((runtime, api))
                });
                let (runtime, api) = match ready {
                    Ok(ready) => ready,
                    Err(error) => return drop(started.send(Err(error))),
                };
                drop(started.send(Ok(())));
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    if let Err(error) = runtime.block_on(work.round(&api)) {
                        note(&problems, name, &error);
                    }
                    thread::sleep(PERIOD.saturating_sub(begun.elapsed()));
                }
            }
        });
        match first.recv() {
            Ok(Ok(())) => Ok(Self {
                stop,
                problems,
                thread: Some(thread),
            }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ClusterError::Unexpected(format!(
                "the stand-in for {name} panicked at its start"
            ))),
        }
    }

    /// What went wrong so far, other than losing a race to another writer.
    fn problems(&self) -> Vec<String> {
        self.problems
            .lock()
            .map(|problems| problems.clone())
            .unwrap_or_default()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed when it happened.
            drop(thread.join());
        }
    }
}

/// Remembers a problem and shows it the first time: a test that then waits in vain must not hide
/// the reason.
fn note(problems: &Mutex<Vec<String>>, name: &str, error: &ClusterError) {
    let text = error.to_string();
    if let Ok(mut problems) = problems.lock()
        && !problems.contains(&text)
    {
        say(&format!("stand-in for {name}: {text}"));
        problems.push(text);
    }
}

/// Drops the error of a write that another writer was faster than: the next round sees what is.
fn unless_outrun(result: Result<(), ClusterError>) -> Result<(), ClusterError> {
    match result {
        Err(error) if matches!(error.status(), Some(404 | 409)) => Ok(()),
        other => other,
    }
}

/// Now, to the second, as `metav1.Time` is written.
fn now() -> String {
    format!("{:.0}", Timestamp::now())
}
