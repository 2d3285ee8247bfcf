//! What the tests of the engine share: Argo CD and the product in one cluster, a GitOps repository, tenants.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::time::{Duration, Instant};

use orz_cluster_tests::argocd::{ArgoCd, ArgoOptions, NAMESPACE};
use orz_cluster_tests::standin::StandIns;
use orz_cluster_tests::{AuditEntry, ControlPlane, Crds, Objects, Options, PRODUCT_USER, Ref};
use orz_core::format::{Compiler, Source, digest_of};
use orz_core::id::{Digest, Part, ReleaseId};
use orz_core::object::Object;
use orz_core::{Value, emit, jobs};
use orz_gitops::{NewRelease, Repo, Request};
use orz_reconciler::apply::Connection;
use orz_reconciler::argocd::{ArgoEngine, ArgoSettings};
use orz_reconciler::install::{Subject, install_for_argocd};
use orz_reconciler::judge::{Seen, Sync};
use orz_reconciler::{Desired, Engine as _, Health, Outcome, Pointed, Report, desired};
use serde_json::json;

pub(crate) type TestResult<T = ()> = Result<T, Box<dyn Error>>;

pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
pub(crate) const ONE: &str = "registry.example/web:1";
pub(crate) const TWO: &str = "registry.example/web:2";
/// Its pods wait for ever, so a Job of it never ends.
pub(crate) const STUCK: &str = "registry.example/stuck:1";

pub(crate) struct World {
    pub(crate) standins: StandIns,
    pub(crate) argo: ArgoCd,
    pub(crate) objects: Objects,
    pub(crate) plane: ControlPlane,
    pub(crate) repo: Repo,
    pub(crate) engine: ArgoEngine,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn start() -> TestResult<Self> {
        Self::start_with(&ArgoOptions::default())
    }

    pub(crate) fn start_with(options: &ArgoOptions) -> TestResult<Self> {
        let plane = ControlPlane::start(&Options { crds: Crds::ArgoCd })?;
        let argo = ArgoCd::start(&plane, options)?;
        let standins = StandIns::start(&plane)?;
        let objects = Objects::connect(&plane.harness_kubeconfig())?;
        let folder = tempfile::tempdir()?;
        let repo = Repo::init(folder.path().join("gitops.git"), &request("init"))?;
        let settings = ArgoSettings::new(ArgoCd::repository_url(repo.path()));
        install_for_argocd(
            &connection(plane.harness_kubeconfig()),
            &Subject::User(PRODUCT_USER.to_owned()),
            &settings,
        )?;
        let engine = ArgoEngine::connect(&connection(plane.product_kubeconfig()), settings)?;
        Ok(Self {
            standins,
            argo,
            objects,
            plane,
            repo,
            engine,
            _folder: folder,
        })
    }

    pub(crate) fn settings(&self) -> ArgoSettings {
        ArgoSettings::new(ArgoCd::repository_url(self.repo.path()))
    }

    /// Publishes a release and points at it.
    pub(crate) fn publish(
        &self,
        tenant: &str,
        part: Part,
        objects: &[Value],
    ) -> TestResult<ReleaseId> {
        let release = release(tenant, part, objects)?;
        let published = self
            .repo
            .publish(vec![release], true, &request("publish"))?;
        let item = published.items.first().ok_or("nothing was published")?;
        Ok(item.release.clone())
    }

    pub(crate) fn pass(&mut self) -> TestResult<Report> {
        let options = orz_reconciler::Options::new("in-cluster".parse()?);
        let view = self.repo.view()?;
        Ok(orz_reconciler::reconcile(
            &view,
            &mut self.engine,
            &options,
        )?)
    }

    pub(crate) fn desired(&self, tenant: &str, part: Part) -> TestResult<Desired> {
        let view = self.repo.view()?;
        let tenants = [tenant.parse()?].into();
        for pointed in desired::pointers(&view, &"in-cluster".parse()?, &tenants)? {
            match pointed {
                Pointed::Valid(desired) if desired.part == part => return Ok(*desired),
                Pointed::Valid(_) => {}
                Pointed::Invalid(invalid) => return Err(invalid.reason.into()),
            }
        }
        Err("no such pointer".into())
    }

    pub(crate) fn seen(&mut self, tenant: &str, part: Part) -> TestResult<Seen> {
        let desired = self.desired(tenant, part)?;
        let observation = self.engine.observe(&desired)?;
        Ok(self.engine.seen(&desired, &observation)?)
    }

    /// Passes until what is seen of a part satisfies the condition; nobody else in the cluster waits for that.
    pub(crate) fn until(
        &mut self,
        tenant: &str,
        part: Part,
        what: &str,
        condition: impl Fn(&Seen) -> bool,
    ) -> TestResult<Seen> {
        let started = Instant::now();
        loop {
            let report = self.pass()?;
            let seen = self.seen(tenant, part)?;
            if condition(&seen) {
                say(&format!(
                    "{what} after {:.2} s",
                    started.elapsed().as_secs_f64()
                ))?;
                return Ok(seen);
            }
            if started.elapsed() > PATIENCE {
                let live = self.objects.get(&application(tenant, part))?;
                return Err(format!("{what}: {seen:#?}\n{report:#?}\n{live:#?}").into());
            }
            self.engine.changes().wait(Duration::from_millis(200));
        }
    }

    /// Passes until the release is in place and every object healthy.
    pub(crate) fn settled(
        &mut self,
        tenant: &str,
        part: Part,
        release: &ReleaseId,
        what: &str,
    ) -> TestResult<Seen> {
        self.until(tenant, part, what, |seen| is_settled(seen, release))
    }

    pub(crate) fn writes_of<T>(
        &mut self,
        action: impl FnOnce(&mut Self) -> TestResult<T>,
    ) -> TestResult<(T, Vec<AuditEntry>)> {
        let mark = self.plane.audit_mark()?;
        let done = action(self)?;
        Ok((done, self.plane.audit_writes_by(PRODUCT_USER, mark)?))
    }

    /// One pass, in which the part must have failed; why.
    pub(crate) fn failure(&mut self, tenant: &str) -> TestResult<String> {
        let report = self.pass()?;
        let of_tenant = |t: &&orz_reconciler::TenantReport| {
            t.tenant.as_ref().is_some_and(|t| t.as_str() == tenant)
        };
        for entry in report.tenants.iter().filter(of_tenant) {
            if let Outcome::Failed { error, .. } = &entry.outcome {
                return Ok(error.clone());
            }
        }
        Err(format!("{report:#?}").into())
    }

    pub(crate) fn image(&self, tenant: &str) -> TestResult<Value> {
        let found = self.objects.get(&web(tenant))?.ok_or("no Deployment")?;
        Ok(found["spec"]["template"]["spec"]["containers"][0]["image"].clone())
    }
}

pub(crate) fn is_settled(seen: &Seen, release: &ReleaseId) -> bool {
    seen.release.as_ref() == Some(release)
        && seen.sync == Sync::Synced
        && seen.health.iter().all(|o| o.health == Health::Healthy)
}

pub(crate) fn say(line: &str) -> TestResult {
    writeln!(std::io::stderr(), "argocd engine: {line}")?;
    Ok(())
}

fn connection(kubeconfig: std::path::PathBuf) -> Connection {
    Connection {
        kubeconfig: Some(kubeconfig),
        context: None,
    }
}

pub(crate) fn application(tenant: &str, part: Part) -> Ref {
    Ref::new(
        "argoproj.io/v1alpha1",
        "Application",
        NAMESPACE,
        &format!("{tenant}-{part}"),
    )
}

pub(crate) fn project(name: &str) -> Ref {
    Ref::new("argoproj.io/v1alpha1", "AppProject", NAMESPACE, name)
}

pub(crate) fn web(tenant: &str) -> Ref {
    Ref::new("apps/v1", "Deployment", tenant, "web")
}

pub(crate) fn request(reason: &str) -> Request<'_> {
    Request {
        reason: Some(reason),
        actor: "Test <test@example.com>",
        request_id: None,
        now: "2026-01-01T00:00:00Z".to_owned(),
    }
}

pub(crate) fn release(tenant: &str, part: Part, objects: &[Value]) -> TestResult<NewRelease> {
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
        tenant: tenant.parse()?,
        part,
        cluster: "in-cluster".parse()?,
        namespace: tenant.to_owned(),
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

/// Namespace and the fence around it.
pub(crate) fn tenancy(tenant: &str) -> Vec<Value> {
    let mut labels = json!({"orz.dev/tenant": tenant});
    for mode in ["enforce", "warn", "audit"] {
        labels[format!("pod-security.kubernetes.io/{mode}")] = json!("restricted");
        labels[format!("pod-security.kubernetes.io/{mode}-version")] = json!("v1.36");
    }
    vec![
        json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": tenant, "labels": labels, "annotations": durable()},
        }),
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "default-deny", "namespace": tenant},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        }),
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "secret-store", "namespace": tenant},
        }),
    ]
}

pub(crate) fn durable() -> Value {
    json!({
        "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
        "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
    })
}

/// A web server with its Service.
pub(crate) fn app(tenant: &str, image: &str) -> Vec<Value> {
    let labels = json!({"orz.dev/app": "web"});
    vec![
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": tenant},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        }),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": tenant, "labels": labels},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"securityContext": pod_security(), "containers": [container("app", image)]},
                },
            },
        }),
    ]
}

fn pod_security() -> Value {
    json!({"runAsNonRoot": true, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}})
}

fn container(name: &str, image: &str) -> Value {
    let security = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    json!({"name": name, "image": image, "securityContext": security})
}

pub(crate) fn config(tenant: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": tenant}, "data": {"a": "1"},
    })
}

/// A release job: it runs before everything else of its release, once, and stays.
pub(crate) fn release_job(tenant: &str, name: &str, image: &str) -> Value {
    let labels = json!({jobs::LABEL: name});
    let template = json!({
        "metadata": {"labels": labels},
        "spec": {
            "restartPolicy": "Never", "securityContext": pod_security(),
            "containers": [container("job", image)],
        },
    });
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": jobs::object_name(name, &template), "namespace": tenant,
            "labels": labels, "annotations": jobs::annotations(true),
        },
        "spec": {"template": template},
    })
}
