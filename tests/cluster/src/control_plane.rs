//! Starting and holding one control plane.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::audit::AuditLog;
use crate::binaries::{Binaries, Component};
use crate::folder::Folder;
use crate::identity::{
    ARGOCD_USER, CONTROLLER_USER, HARNESS_USER, Identities, PRODUCT_USER, STANDIN_USER,
};
use crate::ports::free_ports;
use crate::process::Process;
use crate::snapshot::Snapshot;
use crate::{AuditEntry, AuditMark, ClusterError, Crds, Objects, Ref};

/// What a control plane starts with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The CRDs that are there from the start.
    pub crds: Crds,
}

/// A running control plane: etcd, kube-apiserver, kube-controller-manager. Everything of it ends
/// and is deleted when this is dropped; `ORZ_TEST_KEEP=1` keeps its folder with all logs.
pub struct ControlPlane {
    // Dropped in this order: clients of the API server first.
    controllers: Option<Process>,
    parts: Parts,
    binaries: Binaries,
}

impl ControlPlane {
    /// Starts one and waits until its controllers work. About 3 seconds, whatever the CRDs; the
    /// first start on a machine builds the programs (minutes) and installs the CRDs (a minute).
    pub fn start(options: &Options) -> Result<Self, ClusterError> {
        let binaries = Binaries::find()?;
        let sources = options.crds.sources();
        let snapshot = match sources {
            [] => None,
            sources => Some(Snapshot::find(&binaries, sources)?),
        };
        let parts = Parts::start(&binaries, snapshot.as_ref())?;
        let mut plane = Self {
            controllers: None,
            parts,
            binaries,
        };
        plane.start_controllers()?;
        plane.wait_for_controllers()?;
        if let Some(snapshot) = snapshot {
            snapshot.wait_served(&plane.parts.objects)?;
        }
        Ok(plane)
    }

    /// Ends the controller manager without warning (SIGKILL): nothing acts on what changes from now on, and every
    /// status stays as it is. Nothing happens when it is not running.
    pub fn kill_controllers(&mut self) {
        self.controllers = None;
    }

    /// Starts the controller manager if it is not running.
    pub fn start_controllers(&mut self) -> Result<(), ClusterError> {
        if self.controllers.is_none() {
            self.controllers = Some(self.parts.start_controllers(&self.binaries)?);
        }
        Ok(())
    }

    /// The address of the API server, such as `https://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.parts.url
    }

    /// The file with the certificate, as PEM, by which the API server is known.
    pub fn ca_file(&self) -> &Path {
        &self.parts.ca
    }

    /// The kubeconfig of the test itself, which may do everything.
    pub fn harness_kubeconfig(&self) -> PathBuf {
        self.parts.identities.kubeconfig(HARNESS_USER)
    }

    /// The kubeconfig of the product's user, which may do nothing until rights are granted.
    pub fn product_kubeconfig(&self) -> PathBuf {
        self.parts.identities.kubeconfig(PRODUCT_USER)
    }

    /// The kubeconfig of the stand-ins.
    pub fn standin_kubeconfig(&self) -> PathBuf {
        self.parts.identities.kubeconfig(STANDIN_USER)
    }

    /// The kubeconfig of Argo CD.
    pub fn argocd_kubeconfig(&self) -> PathBuf {
        self.parts.identities.kubeconfig(ARGOCD_USER)
    }

    /// The folder with the logs and data of the components.
    pub fn folder(&self) -> &Path {
        self.parts.folder.path()
    }

    /// Makes the API server stand still: connections stay, and nothing is answered. Until [`Self::resume_api_server`]
    /// nothing here that asks it returns.
    pub fn pause_api_server(&self) -> Result<(), ClusterError> {
        self.parts.api_server.signal("STOP").map(drop)
    }

    /// Lets the API server go on.
    pub fn resume_api_server(&self) -> Result<(), ClusterError> {
        self.parts.api_server.signal("CONT").map(drop)
    }

    /// A moment in the audit log; later entries can be asked for by it.
    pub fn audit_mark(&self) -> Result<AuditMark, ClusterError> {
        self.parts.audit.mark(&self.parts.objects)
    }

    /// Everything a user asked for after a mark, in the order of the answers.
    pub fn audit_entries_by(
        &self,
        user: &str,
        since: AuditMark,
    ) -> Result<Vec<AuditEntry>, ClusterError> {
        let mut entries = self.parts.audit.since(&self.parts.objects, since)?;
        entries.retain(|entry| entry.user == user);
        Ok(entries)
    }

    /// What a user wrote, or tried to, after a mark ([`AuditEntry::is_write`]).
    pub fn audit_writes_by(
        &self,
        user: &str,
        since: AuditMark,
    ) -> Result<Vec<AuditEntry>, ClusterError> {
        let mut entries = self.audit_entries_by(user, since)?;
        entries.retain(AuditEntry::is_write);
        Ok(entries)
    }

    /// Pods can be made once the namespace's service account is there.
    fn wait_for_controllers(&mut self) -> Result<(), ClusterError> {
        let account = Ref::new("v1", "ServiceAccount", "default", "default");
        let deadline = Instant::now() + START_PATIENCE;
        while self.parts.objects.get(&account)?.is_none() {
            if let Some(controllers) = &mut self.controllers {
                controllers.check()?;
            }
            if Instant::now() >= deadline {
                return Err(ClusterError::TimedOut {
                    what: "the default service account".into(),
                    seconds: START_PATIENCE.as_secs(),
                    last: "none".into(),
                });
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

/// etcd and the API server, with a client of the harness's user.
pub(crate) struct Parts {
    pub(crate) objects: Objects,
    api_server: Process,
    etcd: Process,
    identities: Identities,
    url: String,
    ca: PathBuf,
    audit: AuditLog,
    folder: Folder,
}

/// A cold API server on a loaded machine takes many times its usual 3 seconds.
const START_PATIENCE: Duration = Duration::from_mins(2);

impl Parts {
    /// Starts both, on an empty store or on a copy, and waits until the API server is ready.
    pub(crate) fn start(
        binaries: &Binaries,
        snapshot: Option<&Snapshot>,
    ) -> Result<Self, ClusterError> {
        let mut attempts = 1;
        loop {
            match Self::try_start(binaries, snapshot) {
                // Another process was faster to bind one of the free ports.
                Err(ClusterError::Ended { log, .. })
                    if attempts < 5 && log.contains("address already in use") =>
                {
                    attempts += 1;
                }
                result => return result,
            }
        }
    }

    fn try_start(binaries: &Binaries, snapshot: Option<&Snapshot>) -> Result<Self, ClusterError> {
        let folder = Folder::create()?;
        let at = |name: &str| folder.path().join(name);
        let data = at(ETCD_DATA);
        if let Some(snapshot) = snapshot {
            snapshot.copy_to(&data)?;
        }
        let identities = Identities::create(folder.path())?;
        let [client_port, peer_port, secure_port] = free_ports()?;

        let mut etcd = binaries.command(Component::Etcd);
        let client_url = format!("http://127.0.0.1:{client_port}");
        etcd.arg(flag("data-dir", data.display()))
            .arg(flag("listen-client-urls", &client_url))
            .arg(flag("advertise-client-urls", &client_url))
            .arg(format!("--listen-peer-urls=http://127.0.0.1:{peer_port}"))
            .args(["--unsafe-no-fsync", "--log-level=error"]);
        let etcd = Process::start("etcd", etcd, folder.path())?;

        let mut api_server = binaries.command(Component::ApiServer);
        let audit_log = at("audit.log");
        let key = identities.service_account_key();
        api_server
            .arg(flag("etcd-servers", &client_url))
            .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
            .arg(flag("secure-port", secure_port))
            .arg(flag("cert-dir", at(CERTIFICATES).display()))
            .arg("--service-account-issuer=https://kubernetes.default.svc")
            .arg(flag("service-account-key-file", key.display()))
            .arg(flag("service-account-signing-key-file", key.display()))
            .arg(flag("token-auth-file", identities.token_file().display()))
            .args([
                "--authorization-mode=RBAC",
                "--service-cluster-ip-range=10.96.0.0/16",
            ])
            .args(["--endpoint-reconciler-type=none", "--allow-privileged"])
            .arg(flag(
                "audit-policy-file",
                identities.audit_policy().display(),
            ))
            .arg(flag("audit-log-path", audit_log.display()))
            // In megabytes: a log that rotates would lose the marks into it.
            .arg("--audit-log-maxsize=10000");
        let mut api_server = Process::start("kube-apiserver", api_server, folder.path())?;

        let url = format!("https://127.0.0.1:{secure_port}");
        let ca = at(CERTIFICATES).join("apiserver.crt");
        identities.write_kubeconfigs(&url, &ca)?;
        let mut etcd = etcd;
        let kubeconfig = identities.kubeconfig(HARNESS_USER);
        let objects = wait_ready(&ca, &kubeconfig, &mut [&mut etcd, &mut api_server])?;
        Ok(Self {
            objects,
            api_server,
            etcd,
            identities,
            url,
            ca,
            audit: AuditLog::new(&audit_log),
            folder,
        })
    }

    fn start_controllers(&self, binaries: &Binaries) -> Result<Process, ClusterError> {
        let mut command = binaries.command(Component::ControllerManager);
        command
            .arg(flag(
                "kubeconfig",
                self.identities.kubeconfig(CONTROLLER_USER).display(),
            ))
            .arg(flag(
                "service-account-private-key-file",
                self.identities.service_account_key().display(),
            ))
            .arg(flag("root-ca-file", self.ca.display()))
            .args(["--leader-elect=false", "--secure-port=0"])
            // The default of 20 requests a second is for clusters of many clients.
            .args(["--kube-api-qps=500", "--kube-api-burst=1000"])
            .arg(
                "--controllers=*,-nodeipam,-node-route-controller,\
                 -cloud-node-lifecycle-controller,-service-lb-controller",
            );
        Process::start("kube-controller-manager", command, self.folder.path())
    }

    /// Ends both in order, so that the store is whole; its folder lives as long as the result.
    pub(crate) fn stop(self) -> Result<StoppedData, ClusterError> {
        let Self {
            api_server,
            etcd,
            folder,
            ..
        } = self;
        api_server.stop()?;
        etcd.stop()?;
        Ok(StoppedData {
            data: folder.path().join(ETCD_DATA),
            _folder: folder,
        })
    }
}

/// The store of a control plane that has ended.
pub(crate) struct StoppedData {
    data: PathBuf,
    _folder: Folder,
}

impl StoppedData {
    pub(crate) fn path(&self) -> &Path {
        &self.data
    }
}

const ETCD_DATA: &str = "etcd";
const CERTIFICATES: &str = "certificates";

fn flag(name: &str, value: impl std::fmt::Display) -> String {
    format!("--{name}={value}")
}

/// A client, once the API server says that it is ready.
fn wait_ready(
    ca: &Path,
    kubeconfig: &Path,
    components: &mut [&mut Process],
) -> Result<Objects, ClusterError> {
    let deadline = Instant::now() + START_PATIENCE;
    let mut last = String::from("no certificate");
    loop {
        for component in &mut *components {
            component.check()?;
        }
        // The API server writes its certificate first; a client before that would trust nothing.
        let written =
            fs::read_to_string(ca).is_ok_and(|pem| pem.ends_with("-----END CERTIFICATE-----\n"));
        if written {
            let objects = Objects::connect(kubeconfig)?;
            match objects.get_text("/readyz") {
                Ok(_) => return Ok(objects),
                Err(error) => last = error.to_string(),
            }
        }
        if Instant::now() >= deadline {
            return Err(ClusterError::TimedOut {
                what: "the API server's readiness".into(),
                seconds: START_PATIENCE.as_secs(),
                last,
            });
        }
        thread::sleep(Duration::from_millis(50));
    }
}
