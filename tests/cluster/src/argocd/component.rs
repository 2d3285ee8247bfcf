//! The processes of an Argo CD: how each is started, and how it is asked whether it works.

use std::env;
use std::fmt;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::ClusterError;
use crate::argocd::{NAMESPACE, Rates};

/// A process of Argo CD. In the order in which they are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// Makes Applications of ApplicationSets.
    ApplicationSetController,
    /// Compares Applications with the cluster and syncs them.
    ApplicationController,
    /// Fetches repositories and reads manifests.
    RepoServer,
    /// The cache that they share; in memory, so it forgets all when it ends.
    Redis,
}

/// The name, which is also that of the log file.
impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApplicationSetController => "applicationset-controller",
            Self::ApplicationController => "application-controller",
            Self::RepoServer => "repo-server",
            Self::Redis => "redis",
        })
    }
}

/// What all processes of one Argo CD are told.
pub(crate) struct Site {
    pub(crate) folder: PathBuf,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) rates: Rates,
    pub(crate) ports: Ports,
}

/// Ports of the loopback interface.
#[derive(Default)]
pub(crate) struct Ports {
    redis: u16,
    repo_server: u16,
    repo_server_health: u16,
    application_controller_health: u16,
    application_sets_metrics: u16,
    application_sets_health: u16,
    application_sets_webhook: u16,
}

impl Ports {
    pub(crate) fn new(free: [u16; 7]) -> Self {
        let [
            redis,
            repo_server,
            repo_server_health,
            application_controller_health,
            application_sets_metrics,
            application_sets_health,
            application_sets_webhook,
        ] = free;
        Self {
            redis,
            repo_server,
            repo_server_health,
            application_controller_health,
            application_sets_metrics,
            application_sets_health,
            application_sets_webhook,
        }
    }
}

impl Component {
    /// A command that runs it. Its standard input must stay open as long as it shall run.
    pub(crate) fn command(self, program: &Path, site: &Site) -> Result<Command, ClusterError> {
        let own = site.folder.join(self.to_string());
        let folder = |name: &str| -> Result<PathBuf, ClusterError> {
            let path = own.join(name);
            fs::create_dir_all(&path).map_err(ClusterError::io(&path))?;
            Ok(path)
        };
        let mut command = Command::new(program);
        command
            .arg(self.to_string())
            // What a developer has set for another Argo CD, or for Git, must not reach it.
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder("home")?)
            .env("TMPDIR", folder("tmp")?)
            .env("ORZ_EXIT_WITH_PARENT", "1");
        if self == Self::Redis {
            command.arg(loopback(site.ports.redis));
            return Ok(command);
        }
        let known_hosts = folder("ssh")?.join("ssh_known_hosts");
        fs::write(&known_hosts, "").map_err(ClusterError::io(&known_hosts))?;
        command
            .args(["--logformat=text", "--loglevel=info"])
            .env("KUBECONFIG", &site.kubeconfig)
            .env("ARGOCD_FAKE_IN_CLUSTER", "true")
            .env("ARGOCD_GPG_ENABLED", "false")
            .env("ARGOCD_SSH_DATA_PATH", folder("ssh")?)
            .env("ARGOCD_TLS_DATA_PATH", folder("tls")?)
            // One fixed path in `/tmp` otherwise, which a second Argo CD would take away.
            .env("ARGOCD_ASK_PASS_SOCK", own.join("ask"));
        match self {
            Self::Redis => {}
            Self::RepoServer => repo_server(&mut command, &site.ports),
            Self::ApplicationController => application_controller(&mut command, site),
            Self::ApplicationSetController => application_sets(&mut command, site),
        }
        Ok(command)
    }

    /// An error as long as it does not answer.
    pub(crate) fn probe(self, ports: &Ports) -> io::Result<()> {
        match self {
            Self::Redis => ask(ports.redis, "*1\r\n$4\r\nPING\r\n", "+PONG"),
            Self::RepoServer => ask_health(ports.repo_server_health, "/healthz?full=true"),
            Self::ApplicationController => {
                ask_health(ports.application_controller_health, "/healthz")
            }
            // On its address for probes it answers nothing.
            Self::ApplicationSetController => {
                ask_health(ports.application_sets_metrics, "/metrics")
            }
        }
    }
}

fn repo_server(command: &mut Command, ports: &Ports) {
    command
        .args(["--address=127.0.0.1", "--metrics-address=127.0.0.1"])
        .arg(flag("port", ports.repo_server))
        .arg(flag("redis", loopback(ports.redis)))
        .arg(flag("metrics-port", ports.repo_server_health))
        .arg("--disable-tls");
}

fn application_controller(command: &mut Command, site: &Site) {
    let Rates {
        reconciliation,
        jitter,
        self_heal,
        wave,
        sync,
        ..
    } = site.rates;
    let seconds = |name: &str, value: Duration| flag(name, value.as_secs());
    command
        .arg(flag("namespace", NAMESPACE))
        .arg(flag("redis", loopback(site.ports.redis)))
        .arg(flag("repo-server", loopback(site.ports.repo_server)))
        .arg("--repo-server-plaintext")
        .arg(flag(
            "metrics-port",
            site.ports.application_controller_health,
        ))
        .arg(seconds("app-resync", reconciliation))
        .arg(seconds("app-resync-jitter", jitter))
        .arg(seconds("self-heal-backoff-timeout-seconds", self_heal))
        .arg(seconds("sync-timeout", sync))
        .env("ARGOCD_SYNC_WAVE_DELAY", wave.as_secs().to_string());
}

fn application_sets(command: &mut Command, site: &Site) {
    let ports = &site.ports;
    command
        .arg(flag("namespace", NAMESPACE))
        .arg(flag("argocd-repo-server", loopback(ports.repo_server)))
        .arg("--repo-server-plaintext")
        .arg(flag(
            "metrics-addr",
            loopback(ports.application_sets_metrics),
        ))
        .arg(flag("probe-addr", loopback(ports.application_sets_health)))
        .arg(flag(
            "webhook-addr",
            loopback(ports.application_sets_webhook),
        ))
        .arg("--enable-leader-election=false")
        .env(
            "ARGOCD_APPLICATIONSET_CONTROLLER_REQUEUE_AFTER",
            format!("{}s", site.rates.application_sets.as_secs()),
        );
}

fn ask_health(port: u16, path: &str) -> io::Result<()> {
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    ask(port, &request, "HTTP/1.0 200 ")
}

/// Sends a request; an error unless the answer begins as expected.
fn ask(port: u16, request: &str, expected: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = vec![0; expected.len()];
    stream.read_exact(&mut answer)?;
    if answer == expected.as_bytes() {
        return Ok(());
    }
    let answer = String::from_utf8_lossy(&answer);
    Err(io::Error::other(format!("the answer is `{answer}`")))
}

fn loopback(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn flag(name: &str, value: impl fmt::Display) -> String {
    format!("--{name}={value}")
}
