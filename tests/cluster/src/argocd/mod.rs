//! A real Argo CD on a control plane: its controllers as processes, outside the cluster.
//!
//! ```no_run
//! use orz_cluster_tests::argocd::{ArgoCd, ArgoOptions, Component};
//! use orz_cluster_tests::{ControlPlane, Crds, Options};
//!
//! # fn main() -> Result<(), orz_cluster_tests::ClusterError> {
//! let plane = ControlPlane::start(&Options { crds: Crds::ArgoCd })?;
//! let mut argo = ArgoCd::start(&plane, &ArgoOptions::default())?;
//! // … Applications in the namespace `argocd`, of `ArgoCd::repository_url(bare_repository)` …
//! argo.kill(Component::ApplicationController);
//! argo.start_component(Component::ApplicationController)?;
//! # Ok(())
//! # }
//! ```
//!
//! The destination `https://kubernetes.default.svc` (`in-cluster`) is the control plane. There is
//! no server with the user interface, no Dex and no notifications: nothing that orz talks to. The
//! AppProject `default`, which that server would make, is made by the installation here.

mod component;
mod install;
mod program;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

pub use component::Component;

use crate::ports::free_ports;
use crate::process::Process;
use crate::{ClusterError, ControlPlane, Objects};
use component::{Ports, Site};
use program::Program;

/// The namespace of Argo CD: its settings, its projects, its Applications.
pub const NAMESPACE: &str = "argocd";

/// What an Argo CD starts with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArgoOptions {
    /// Whether the ApplicationSet controller runs too.
    pub application_sets: bool,
    /// How often things are done that Argo CD does by the clock.
    pub rates: Rates,
    /// Entries of the ConfigMap `argocd-cm`, beside and above those that Argo CD ships, such as
    /// `resource.customizations.health.batch_Job`.
    pub settings: BTreeMap<String, String>,
}

/// How often Argo CD does what it does by the clock. The defaults are its own. Whole seconds: what
/// is less counts as nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Between two comparisons of an Application that nothing else caused; zero: never.
    pub reconciliation: Duration,
    /// At most so much is added to each of those.
    pub jitter: Duration,
    /// Between two reconciliations of an ApplicationSet that nothing else caused (1 s to a year).
    pub application_sets: Duration,
    /// Before the second correction of drift in the same release; each further one waits three
    /// times as long.
    pub self_heal: Duration,
    /// After a wave, before the next.
    pub wave: Duration,
    /// After which a running sync is ended; zero: never.
    pub sync: Duration,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            reconciliation: Duration::from_mins(2),
            jitter: Duration::from_mins(1),
            application_sets: Duration::from_mins(3),
            self_heal: Duration::from_secs(2),
            wave: Duration::from_secs(2),
            sync: Duration::ZERO,
        }
    }
}

/// A running Argo CD. Its processes end when this is dropped; their folder is inside that of the
/// control plane, and goes or stays (`ORZ_TEST_KEEP`) with it. To be dropped before the control
/// plane, so declared after it.
pub struct ArgoCd {
    // Controllers are ended before what they ask.
    running: BTreeMap<Component, Process>,
    starts: BTreeMap<Component, u32>,
    program: Program,
    site: Site,
}

impl ArgoCd {
    /// Installs Argo CD's objects, starts its processes and waits until each answers. About a
    /// second; the first start on a machine builds the program (minutes).
    ///
    /// The control plane must have [`crate::Crds::ArgoCd`].
    pub fn start(plane: &ControlPlane, options: &ArgoOptions) -> Result<Self, ClusterError> {
        let program = Program::find()?;
        let objects = Objects::connect(&plane.harness_kubeconfig())?;
        install::install(&objects, &Program::shipped_settings()?, &options.settings)?;
        let folder = plane.folder().join("argocd");
        fs::create_dir_all(&folder).map_err(ClusterError::io(&folder))?;
        let mut argo = Self {
            running: BTreeMap::new(),
            starts: BTreeMap::new(),
            program,
            site: Site {
                folder,
                kubeconfig: plane.argocd_kubeconfig(),
                rates: options.rates,
                ports: Ports::default(),
            },
        };
        let mut components = vec![
            Component::Redis,
            Component::RepoServer,
            Component::ApplicationController,
        ];
        if options.application_sets {
            components.push(Component::ApplicationSetController);
        }
        let mut attempts = 1;
        loop {
            argo.site.ports = Ports::new(free_ports()?);
            match argo.start_all(&components) {
                // Another process was faster to bind one of the free ports.
                Err(error) if attempts < ATTEMPTS && is_port_taken(&error) => {
                    argo.running.clear();
                    attempts += 1;
                }
                result => return result.map(|()| argo),
            }
        }
    }

    /// The URL of a bare repository of this machine, as an Application's `repoURL`.
    pub fn repository_url(path: &Path) -> String {
        format!("file://{}", path.display())
    }

    /// Ends a component without warning (SIGKILL); nothing happens when it is not running.
    pub fn kill(&mut self, component: Component) {
        self.running.remove(&component);
    }

    /// Starts a component that is not running, on its old address and with its old files, and
    /// waits until it answers. It may be one that [`ArgoOptions`] left out.
    ///
    /// An application controller that answers is not yet one that knows all: for about a second
    /// it may say of an Application that its project does not exist.
    pub fn start_component(&mut self, component: Component) -> Result<(), ClusterError> {
        if self.running.contains_key(&component) {
            return Err(ClusterError::Unexpected(format!(
                "`{component}` is running already"
            )));
        }
        let mut attempts = 1;
        loop {
            match self.start_all(&[component]) {
                // While it was down, a connection of another process got its port for a moment.
                Err(error) if attempts < ATTEMPTS && is_port_taken(&error) => {
                    self.running.remove(&component);
                    attempts += 1;
                    thread::sleep(Duration::from_secs(1));
                }
                result => return result,
            }
        }
    }

    /// An error when a component has ended by itself.
    pub fn check(&mut self) -> Result<(), ClusterError> {
        self.running.values_mut().try_for_each(Process::check)
    }

    /// The log of a component since its last start; each start has a file of its own.
    pub fn log(&self, component: Component) -> PathBuf {
        let name = self.log_name(component);
        self.site.folder.join(format!("{name}.log"))
    }

    /// Starts these and waits until each answers.
    fn start_all(&mut self, components: &[Component]) -> Result<(), ClusterError> {
        for &component in components {
            *self.starts.entry(component).or_default() += 1;
            let command = component.command(self.program.path(), &self.site)?;
            let process = Process::start(&self.log_name(component), command, &self.site.folder)?;
            self.running.insert(component, process);
        }
        let deadline = Instant::now() + START_PATIENCE;
        for component in components {
            while let Err(answer) = component.probe(&self.site.ports) {
                self.check()?;
                if Instant::now() >= deadline {
                    return Err(ClusterError::TimedOut {
                        what: format!("an answer of `{component}` of Argo CD"),
                        seconds: START_PATIENCE.as_secs(),
                        last: answer.to_string(),
                    });
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }

    fn log_name(&self, component: Component) -> String {
        match self.starts.get(&component) {
            None | Some(1) => component.to_string(),
            Some(start) => format!("{component}-{start}"),
        }
    }
}

/// A loaded machine takes many times the usual second.
const START_PATIENCE: Duration = Duration::from_mins(2);
const ATTEMPTS: u32 = 5;

fn is_port_taken(error: &ClusterError) -> bool {
    matches!(error, ClusterError::Ended { log, .. } if log.contains("address already in use"))
}
