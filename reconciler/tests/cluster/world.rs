//! What the tests share: a cluster in which a stand-in for the kubelet says which images run, and the program.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use orz_cluster_tests::standin::{Kubelet, KubeletOptions, Outcome};
use orz_cluster_tests::{ControlPlane, Options, PRODUCT_USER};
use orz_core::format::{Action, Compiler, Phase, Source, Status, digest_of};
use orz_core::id::{Digest, Part, ReleaseId};
use orz_core::object::Object;
use orz_core::{Value, emit};
use orz_gitops::{HistoryItem, NewRelease, Repo, Request};
use orz_reconciler::apply::Connection;
use orz_reconciler::install::{Subject, install};
use serde_json::json;

pub(crate) type TestResult<T = ()> = Result<T, Box<dyn Error>>;

pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct World {
    pub(crate) plane: ControlPlane,
    kubelet: Kubelet,
    pub(crate) repo: Repo,
    folder: tempfile::TempDir,
}

/// The program, killed when this is dropped.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a process that has ended.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl World {
    pub(crate) fn start() -> TestResult<Self> {
        let plane = ControlPlane::start(&Options::default())?;
        let kubelet = Kubelet::start(&plane, KubeletOptions::default())?;
        let folder = tempfile::tempdir()?;
        let repo = Repo::init(folder.path().join("gitops.git"), &request("init"))?;
        let admin = Connection {
            kubeconfig: Some(plane.harness_kubeconfig()),
            context: None,
        };
        install(&admin, &Subject::User(PRODUCT_USER.to_owned()))?;
        Ok(Self {
            plane,
            kubelet,
            repo,
            folder,
        })
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub(crate) fn reconciler(&self, more: &[&str]) -> TestResult<Running> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let child = Command::new(env!("CARGO_BIN_EXE_orz-reconciler"))
            .env_clear()
            // Git is found through it.
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .arg("--gitops")
            .arg(self.repo.path())
            .args(["--engine", "apply", "--kubeconfig"])
            .arg(self.plane.product_kubeconfig())
            .args(["--soak", "3s", "--deadline", "90s", "--poll", "50ms"])
            .args(["--status-interval", "1s"])
            .args(more)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        Ok(Running(child))
    }

    pub(crate) fn cannot_pull(&self, app: &str, tag: &str) {
        self.kubelet
            .set_outcome(&image(app, tag), Outcome::CannotPull);
    }

    pub(crate) fn tenant(&self, tenant: &str) -> TestResult {
        let labels =
            json!({"orz.dev/tenant": tenant, "pod-security.kubernetes.io/enforce": "restricted"});
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": tenant, "labels": labels},
        });
        self.publish(tenant, Part::Tenancy, &[namespace]).map(drop)
    }

    /// Publishes and activates apps with the tags of their images.
    pub(crate) fn apps(&self, tenant: &str, apps: &[(&str, &str)]) -> TestResult<ReleaseId> {
        let objects: Vec<Value> = apps
            .iter()
            .flat_map(|(app, tag)| app_objects(tenant, app, tag))
            .collect();
        self.publish(tenant, Part::Work, &objects)
    }

    pub(crate) fn publish(
        &self,
        tenant: &str,
        part: Part,
        objects: &[Value],
    ) -> TestResult<ReleaseId> {
        let mut files = BTreeMap::new();
        let mut references = Vec::new();
        for value in objects {
            let object = Object::new(value.clone())?;
            files.insert(object.file_name(), emit::yaml(value).into_bytes());
            references.push(object.reference());
        }
        references.sort();
        let bytes = files.iter().map(|(path, b)| (path.as_str(), b.as_slice()));
        let release = NewRelease {
            tenant: tenant.parse()?,
            part,
            cluster: "in-cluster".parse()?,
            namespace: tenant.to_owned(),
            digest: digest_of(bytes),
            files,
            objects: references,
            requires: Vec::new(),
            claims: Vec::new(),
            inputs: Vec::new(),
            at: None,
            source: Source {
                repository: "test".to_owned(),
                commit: None,
                dirty: false,
            },
            compiler: Compiler {
                version: "0".to_owned(),
                digest: Digest::of(b""),
            },
        };
        let published = self
            .repo
            .publish(vec![release], true, &request("publish"))?;
        let item = published.items.first().ok_or("nothing was published")?;
        Ok(item.release.clone())
    }

    pub(crate) fn live(&self, tenant: &str) -> TestResult<ReleaseId> {
        let view = self.repo.view()?;
        let stored = view.pointer(&"in-cluster".parse()?, &tenant.parse()?, Part::Work)?;
        Ok(stored.ok_or("no pointer")?.pointer.release)
    }

    pub(crate) fn status(&self, tenant: &str) -> TestResult<Option<Status>> {
        let statuses = self.repo.statuses_of(&tenant.parse()?)?;
        Ok(statuses.into_iter().find(|s| s.part == Part::Work))
    }

    pub(crate) fn automatic(&self, tenant: &str) -> TestResult<Vec<HistoryItem>> {
        let mut items = self.repo.history(&tenant.parse()?, Some(Part::Work))?;
        items.retain(|item| item.action == Some(Action::AutoRollback));
        Ok(items)
    }

    pub(crate) fn until(&self, what: &str, is: impl Fn() -> TestResult<bool>) -> TestResult {
        let deadline = Instant::now() + PATIENCE;
        while !is()? {
            if Instant::now() >= deadline {
                let log = std::fs::read_to_string(self.log()).unwrap_or_default();
                return Err(format!("not in time: {what}\n{log}").into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    pub(crate) fn until_phase(
        &self,
        tenant: &str,
        release: &ReleaseId,
        phase: Phase,
    ) -> TestResult {
        self.until(&format!("{tenant}: {release} is {phase:?}"), || {
            let status = self.status(tenant)?;
            Ok(status.is_some_and(|s| s.release.as_ref() == Some(release) && s.phase == phase))
        })
    }
}

pub(crate) fn request(reason: &str) -> Request<'_> {
    Request {
        reason: Some(reason),
        actor: "Test <test@example.com>",
        request_id: None,
        now: "2026-01-01T00:00:00Z".to_owned(),
    }
}

pub(crate) fn image(app: &str, tag: &str) -> String {
    format!("registry.example/{app}:{tag}")
}

/// A Deployment with a short deadline of its own, and a secret in its environment.
pub(crate) fn app_objects(tenant: &str, app: &str, tag: &str) -> Vec<Value> {
    let labels = json!({"orz.dev/app": app});
    vec![
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": app, "namespace": tenant}}),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": app, "namespace": tenant, "labels": labels},
            "spec": {
                "replicas": 1,
                "progressDeadlineSeconds": 6,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "serviceAccountName": app,
                        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                        "containers": [{
                            "name": "app", "image": image(app, tag),
                            "env": [{"name": "TOKEN", "value": "hunter2-hunter2"}],
                            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "16Mi"}},
                        }],
                    },
                },
            },
        }),
    ]
}
