//! What the tests of the engine share: a cluster with the product in it, a GitOps repository, a tenant.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use orz_cluster_tests::{AuditEntry, ControlPlane, Objects, Options, PRODUCT_USER, Ref};
use orz_core::format::{Compiler, Inventory, Requirement, Source, digest_of, from_bytes};
use orz_core::id::{Digest, Part, ReleaseId};
use orz_core::object::Object;
use orz_core::{Value, emit};
use orz_gitops::{NewRelease, Repo, Request};
use orz_reconciler::apply::{ApplyEngine, Connection};
use orz_reconciler::install::{Subject, install};
use orz_reconciler::plan::plan;
use orz_reconciler::{Changes, Engine, Outcome, Pointed, Report, TenantReport};
use serde_json::json;

pub(crate) type TestResult<T = ()> = Result<T, Box<dyn Error>>;

pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A control plane with the product installed, and a GitOps repository.
pub(crate) struct World {
    pub(crate) plane: ControlPlane,
    pub(crate) objects: Objects,
    pub(crate) repo: Repo,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn start() -> TestResult<Self> {
        Self::on(ControlPlane::start(&Options::default())?)
    }

    /// The same on a control plane that may have more kinds.
    pub(crate) fn on(plane: ControlPlane) -> TestResult<Self> {
        let objects = Objects::connect(&plane.harness_kubeconfig())?;
        let folder = tempfile::tempdir()?;
        let repo = Repo::init(folder.path().join("gitops.git"), &request("init"))?;
        let world = Self {
            plane,
            objects,
            repo,
            _folder: folder,
        };
        install(&world.admin(), &Subject::User(PRODUCT_USER.to_owned()))?;
        Ok(world)
    }

    pub(crate) fn admin(&self) -> Connection {
        Connection {
            kubeconfig: Some(self.plane.harness_kubeconfig()),
            context: None,
        }
    }

    pub(crate) fn engine(&self) -> TestResult<ApplyEngine> {
        let kubeconfig = Some(self.plane.product_kubeconfig());
        Ok(ApplyEngine::connect(&Connection {
            kubeconfig,
            context: None,
        })?)
    }

    /// Publishes and activates a part of tenant `acme`.
    pub(crate) fn publish(
        &self,
        part: Part,
        objects: &[Value],
        requires: &[(Part, &Value)],
    ) -> TestResult<ReleaseId> {
        self.publish_for("acme", part, objects, requires)
    }

    pub(crate) fn publish_for(
        &self,
        tenant: &str,
        part: Part,
        objects: &[Value],
        requires: &[(Part, &Value)],
    ) -> TestResult<ReleaseId> {
        let published = self.repo.publish(
            vec![release(tenant, part, objects, requires)?],
            true,
            &request("publish"),
        )?;
        Ok(published
            .items
            .first()
            .ok_or("nothing was published")?
            .release
            .clone())
    }

    pub(crate) fn pass(&self) -> TestResult<Report> {
        let options = orz_reconciler::Options::new("in-cluster".parse()?);
        Ok(orz_reconciler::reconcile(
            &self.repo.view()?,
            &mut self.engine()?,
            &options,
        )?)
    }

    /// One pass, in which every part must have been applied.
    pub(crate) fn applied(&self) -> TestResult<BTreeMap<Part, Changes>> {
        let mut changes = BTreeMap::new();
        for entry in self.pass()?.tenants {
            match (entry.part, entry.outcome) {
                (Some(part), Outcome::Applied(done)) => drop(changes.insert(part, done)),
                (part, other) => return Err(format!("{part:?}: {other:?}").into()),
            }
        }
        Ok(changes)
    }

    pub(crate) fn writes_of<T>(
        &self,
        action: impl FnOnce() -> TestResult<T>,
    ) -> TestResult<(T, Vec<AuditEntry>)> {
        let mark = self.plane.audit_mark()?;
        let done = action()?;
        Ok((done, self.plane.audit_writes_by(PRODUCT_USER, mark)?))
    }

    pub(crate) fn inventory(&self, part: Part) -> TestResult<Inventory> {
        let name = format!("inventory-acme-{part}");
        let found = self
            .objects
            .get(&Ref::new("v1", "ConfigMap", "orz-system", &name))?;
        let found = found.ok_or("no inventory")?;
        Ok(from_bytes(
            found["data"]["inventory.json"]
                .as_str()
                .ok_or("no text")?
                .as_bytes(),
        )?)
    }

    pub(crate) fn exists(&self, object: &Value) -> TestResult<bool> {
        Ok(self.objects.get(&Ref::of(object))?.is_some())
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

pub(crate) fn release(
    tenant: &str,
    part: Part,
    objects: &[Value],
    requires: &[(Part, &Value)],
) -> TestResult<NewRelease> {
    let mut files = BTreeMap::new();
    let mut references = Vec::new();
    for value in objects {
        let object = Object::new(value.clone())?;
        files.insert(object.file_name(), emit::yaml(value).into_bytes());
        references.push(object.reference());
    }
    references.sort();
    let mut needs = Vec::new();
    for (part, value) in requires {
        let key = Object::new((*value).clone())?.key();
        needs.push(Requirement {
            part: *part,
            group: key.group,
            kind: key.kind,
            namespace: key.namespace,
            name: key.name,
        });
    }
    needs.sort();
    Ok(NewRelease {
        tenant: tenant.parse()?,
        part,
        cluster: "in-cluster".parse()?,
        namespace: tenant.to_owned(),
        digest: digest_of(
            files
                .iter()
                .map(|(path, bytes)| (path.as_str(), bytes.as_slice())),
        ),
        files,
        objects: references,
        requires: needs,
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

pub(crate) fn namespace(name: &str) -> Value {
    let labels =
        json!({"orz.dev/tenant": name, "pod-security.kubernetes.io/enforce": "restricted"});
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

pub(crate) fn tenancy(tenant: &str) -> Vec<Value> {
    let rbac = "rbac.authorization.k8s.io";
    vec![
        namespace(tenant),
        json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "plan", "namespace": tenant},
            "spec": {"hard": {"pods": "20", "requests.cpu": "4000m", "requests.memory": "4096Mi"}},
        }),
        deny(tenant),
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "secrets", "namespace": tenant},
        }),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "Role", "metadata": {"name": tenant, "namespace": "orz-secrets"},
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": [tenant], "verbs": ["get"]}],
        }),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding", "metadata": {"name": tenant, "namespace": "orz-secrets"},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": tenant},
            "subjects": [{"kind": "ServiceAccount", "name": "secrets", "namespace": tenant}],
        }),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "Role", "metadata": {"name": "reader", "namespace": tenant},
            "rules": [{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]}],
        }),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding", "metadata": {"name": "reader", "namespace": tenant},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "reader"},
            "subjects": [{"apiGroup": rbac, "kind": "Group", "name": "acme:developers"}],
        }),
    ]
}

pub(crate) fn deny(tenant: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "default-deny", "namespace": tenant},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    })
}

pub(crate) fn volume() -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "disk", "namespace": "acme"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "local", "resources": {"requests": {"storage": "1024Mi"}}},
    })
}

/// Four objects of one app; spellings that a server stores in another way are on purpose.
pub(crate) fn app(name: &str, image: &str) -> Vec<Value> {
    let labels = json!({"orz.dev/app": name});
    let unprivileged = json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
    let confined = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    vec![
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "acme"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "acme"}, "data": {"a": "1"}}),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "acme"},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        }),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "acme", "labels": labels},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"serviceAccountName": name, "securityContext": unprivileged, "containers": [{
                        "name": "app", "image": image, "securityContext": confined,
                        "resources": {"requests": {"cpu": "100m", "memory": "1024Mi"}, "limits": {"cpu": "1000m", "memory": "1Gi"}},
                    }]},
                },
            },
        }),
    ]
}

pub(crate) fn apps(images: &[(&str, &str)]) -> Vec<Value> {
    images
        .iter()
        .flat_map(|(name, image)| app(name, image))
        .collect()
}

pub(crate) fn names(keys: &[orz_core::object::ObjectKey]) -> Vec<String> {
    keys.iter().map(ToString::to_string).collect()
}

pub(crate) fn failed(entry: &TenantReport) -> TestResult<&str> {
    match &entry.outcome {
        Outcome::Failed { error, .. } => Ok(error),
        other => Err(format!("{other:?}").into()),
    }
}

pub(crate) type Look = (
    orz_reconciler::Desired,
    orz_reconciler::Observation,
    orz_reconciler::plan::Plan,
);

/// What an engine sees and would do for a part of `acme`.
pub(crate) fn look(world: &World, engine: &mut ApplyEngine, part: Part) -> TestResult<Look> {
    let view = world.repo.view()?;
    let pointers = orz_reconciler::desired::pointers(
        &view,
        &"in-cluster".parse()?,
        &["acme".parse()?].into(),
    )?;
    for pointed in pointers {
        if let Pointed::Valid(desired) = pointed
            && desired.part == part
        {
            let observation = engine.observe(&desired)?;
            let steps = plan(&desired.release, &desired.objects, &observation)
                .map_err(|r| format!("{r:?}"))?;
            return Ok((*desired, observation, steps));
        }
    }
    Err("no such pointer".into())
}
