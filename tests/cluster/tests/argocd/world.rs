//! What the tests share: a cluster with Argo CD in it, a GitOps repository, one tenant.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::time::{Duration, Instant};

use orz_cluster_tests::argocd::{ArgoCd, ArgoOptions, NAMESPACE};
use orz_cluster_tests::standin::{Kubelet, KubeletOptions, Outcome};
use orz_cluster_tests::{ControlPlane, Crds, Objects, Options, Ref};
use orz_core::format::{Compiler, Source, digest_of};
use orz_core::id::{Digest, Part, ReleaseId};
use orz_core::object::Object;
use orz_core::{Value, emit, jobs};
use orz_gitops::{NewRelease, Repo, Request};
use serde_json::json;

pub(crate) type TestResult<T = ()> = Result<T, Box<dyn Error>>;

pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
pub(crate) const TENANT: &str = "acme";
/// Its pods wait for ever, so its Job neither ends nor fails.
pub(crate) const STUCK_IMAGE: &str = "registry.example/stuck:1";

/// Argo CD on a cluster with a node, and a GitOps repository.
pub(crate) struct World {
    pub(crate) argo: ArgoCd,
    pub(crate) kubelet: Kubelet,
    pub(crate) objects: Objects,
    pub(crate) plane: ControlPlane,
    pub(crate) repo: Repo,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn start(options: &ArgoOptions) -> TestResult<Self> {
        let plane = timed("the control plane is there", || {
            Ok(ControlPlane::start(&Options { crds: Crds::ArgoCd })?)
        })?;
        let argo = timed("Argo CD answers", || Ok(ArgoCd::start(&plane, options)?))?;
        let outcomes = [(STUCK_IMAGE.to_owned(), Outcome::CannotPull)].into();
        let kubelet = Kubelet::start(&plane, KubeletOptions { outcomes })?;
        let objects = Objects::connect(&plane.harness_kubeconfig())?;
        objects.apply(&json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TENANT},
        }))?;
        let folder = tempfile::tempdir()?;
        let repo = Repo::init(folder.path().join("gitops.git"), &request("init"))?;
        Ok(Self {
            argo,
            kubelet,
            objects,
            plane,
            repo,
            _folder: folder,
        })
    }

    /// Publishes a release of the tenant's part `work`, and points at it.
    pub(crate) fn publish(&self, objects: &[Value]) -> TestResult<ReleaseId> {
        let release = release(objects)?;
        let published = self
            .repo
            .publish(vec![release], true, &request("publish"))?;
        let item = published.items.first().ok_or("nothing was published")?;
        Ok(item.release.clone())
    }

    /// An Application of the tenant, pinned to a release.
    pub(crate) fn application(&self, release: &ReleaseId) -> Value {
        let mut spec = application_spec(&ArgoCd::repository_url(self.repo.path()));
        spec["source"]["targetRevision"] = json!(release.to_string());
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {
                "name": "acme-work", "namespace": NAMESPACE,
                "annotations": {COMPARE_OPTIONS: "ServerSideDiff=true"},
            },
            "spec": spec,
        })
    }

    /// Points the Application at a release, and at nothing else.
    pub(crate) fn point(&self, release: &ReleaseId) -> TestResult {
        self.objects.merge(
            &application(),
            &json!({"spec": {"source": {"targetRevision": release.to_string()}}}),
        )?;
        Ok(())
    }

    /// Waits until the Application is synced to a release and healthy, and its operation is over.
    pub(crate) fn settled(&self, release: &ReleaseId) -> TestResult<Value> {
        let what = format!("synced to {release} and healthy");
        let revision = release.to_string();
        let found = self
            .objects
            .wait_for(&what, &application(), PATIENCE, |found| {
                let status = &found["status"];
                status["sync"]["status"] == "Synced"
                    && status["sync"]["revision"] == revision
                    && status["health"]["status"] == "Healthy"
                    && status["operationState"]["phase"] == "Succeeded"
                    && status["operationState"]["syncResult"]["revision"] == revision
            })?;
        Ok(found)
    }

    /// Waits until the Application is synced to a release and nothing is under way.
    pub(crate) fn synced(&self, release: &ReleaseId) -> TestResult<Value> {
        let what = format!("synced to {release}");
        let revision = release.to_string();
        let found = self
            .objects
            .wait_for(&what, &application(), PATIENCE, |found| {
                let status = &found["status"];
                let phase = &status["operationState"]["phase"];
                status["sync"]["status"] == "Synced"
                    && status["sync"]["revision"] == revision
                    && phase != "Running"
                    && phase != "Terminating"
            })?;
        Ok(found)
    }

    /// Waits until an operation runs for a release and has applied the object.
    pub(crate) fn stuck_at(&self, release: &ReleaseId, object: &Ref) -> TestResult {
        let revision = release.to_string();
        self.objects
            .wait_for("a running sync", &application(), PATIENCE, |found| {
                is_running(found, &revision)
            })?;
        self.objects
            .wait_for("what it applies first", object, PATIENCE, |_| true)?;
        Ok(())
    }

    /// Waits until a workload of the tenant runs this image.
    pub(crate) fn live(&self, image: &str) -> TestResult {
        self.objects.wait_for(image, &web(), PATIENCE, |found| {
            found["spec"]["template"]["spec"]["containers"][0]["image"] == image
        })?;
        Ok(())
    }
}

pub(crate) const COMPARE_OPTIONS: &str = "argocd.argoproj.io/compare-options";

/// An Application's specification without its `targetRevision`.
///
/// With short retries: a controller that has just started may not know the project yet, ends the
/// operation for that, and by default waits ten seconds before the next attempt.
pub(crate) fn application_spec(repository: &str) -> Value {
    json!({
        "project": "default",
        "source": {"repoURL": repository, "path": ".", "directory": {"recurse": true}},
        "destination": {"name": "in-cluster", "namespace": TENANT},
        "syncPolicy": {
            "automated": {"prune": true, "selfHeal": true},
            "syncOptions": ["ServerSideApply=true", "FailOnSharedResource=true"],
            "retry": {
                "limit": 5,
                "backoff": {"duration": "1s", "factor": 2, "maxDuration": "10s"},
            },
        },
    })
}

/// Whether an operation is under way that syncs this revision.
pub(crate) fn is_running(application: &Value, revision: &str) -> bool {
    let state = &application["status"]["operationState"];
    state["phase"] == "Running" && state["operation"]["sync"]["revision"] == revision
}

pub(crate) fn application() -> Ref {
    Ref::new(
        "argoproj.io/v1alpha1",
        "Application",
        NAMESPACE,
        "acme-work",
    )
}

pub(crate) fn web() -> Ref {
    Ref::new("apps/v1", "Deployment", TENANT, "web")
}

/// A web server with its Service.
pub(crate) fn app(image: &str) -> Vec<Value> {
    let labels = json!({"orz.dev/app": "web"});
    vec![
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": TENANT},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        }),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": TENANT, "labels": labels},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "app", "image": image}]},
                },
            },
        }),
    ]
}

pub(crate) fn config(name: &str, data: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": TENANT}, "data": data,
    })
}

/// A release job: it runs before everything else of its release, once, and stays.
pub(crate) fn release_job(name: &str, image: &str) -> Value {
    let labels = json!({jobs::LABEL: name});
    let template = json!({
        "metadata": {"labels": labels},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "job", "image": image}]},
    });
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": jobs::object_name(name, &template), "namespace": TENANT,
            "labels": labels, "annotations": jobs::annotations(true),
        },
        "spec": {"template": template},
    })
}

/// Does it and prints how long it took, past the capture of the test runner.
pub(crate) fn timed<T>(what: &str, action: impl FnOnce() -> TestResult<T>) -> TestResult<T> {
    let started = Instant::now();
    let done = action()?;
    writeln!(
        std::io::stderr(),
        "argocd: {what} after {:.2} s",
        started.elapsed().as_secs_f64()
    )?;
    Ok(done)
}

fn request(reason: &str) -> Request<'_> {
    Request {
        reason: Some(reason),
        actor: "Test <test@example.com>",
        request_id: None,
        now: "2026-01-01T00:00:00Z".to_owned(),
    }
}

fn release(objects: &[Value]) -> TestResult<NewRelease> {
    let mut files = BTreeMap::new();
    let mut references = Vec::new();
    for value in objects {
        let object = Object::new(value.clone())?;
        files.insert(object.file_name(), emit::yaml(value).into_bytes());
        references.push(object.reference());
    }
    references.sort();
    let contents = files
        .iter()
        .map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
    Ok(NewRelease {
        tenant: TENANT.parse()?,
        part: Part::Work,
        cluster: "in-cluster".parse()?,
        namespace: TENANT.to_owned(),
        digest: digest_of(contents),
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
    })
}
