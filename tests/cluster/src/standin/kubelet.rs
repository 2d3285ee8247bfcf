//! Stand-in for the scheduler and the kubelet: one node on which every pod finds room.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ListParams, Preconditions};
use serde_json::{Value, json};

use super::pod_status::{self, Facts, Outcome};
use super::references::Known;
use super::volumes::{SELECTED_NODE, waits_for_consumer};
use super::{Work, Worker, now, unless_outrun};
use crate::kube_api::{KubeApi, items, text};
use crate::{ClusterError, ControlPlane, Ref};

/// How the pods of a test behave.
#[derive(Clone, Debug, Default)]
pub struct KubeletOptions {
    /// What becomes of the pods of an image; all others run.
    pub outcomes: BTreeMap<String, Outcome>,
}

/// Binds pods to a node of its own and writes their status, as the scheduler and a kubelet would.
///
/// As with the real ones, a pod waits until its volumes are bound and what it refers to exists;
/// one that shall end does so half a second after it started; one that is deleted is gone when
/// its process would be. The node's lease is renewed, so the node stays ready.
pub struct Kubelet {
    outcomes: Arc<Mutex<BTreeMap<String, Outcome>>>,
    worker: Worker,
}

impl Kubelet {
    /// Starts it; the node is there and ready when this returns.
    pub fn start(plane: &ControlPlane, options: KubeletOptions) -> Result<Self, ClusterError> {
        let outcomes = Arc::new(Mutex::new(options.outcomes));
        let work = KubeletWork {
            outcomes: Arc::clone(&outcomes),
            renewed: None,
            running_since: BTreeMap::new(),
            addresses: 0,
        };
        let does = "binds pods to the node `standin` and writes their status";
        let worker = Worker::start(plane, "scheduler and kubelet", does, work)?;
        Ok(Self { outcomes, worker })
    }

    /// Changes what becomes of an image's pods, also of those that are there.
    pub fn set_outcome(&self, image: &str, outcome: Outcome) {
        if let Ok(mut outcomes) = self.outcomes.lock() {
            outcomes.insert(image.into(), outcome);
        }
    }

    /// What went wrong so far.
    pub fn problems(&self) -> Vec<String> {
        self.worker.problems()
    }
}

const NODE: &str = "standin";
/// From the block for documentation (RFC 5737): nothing answers there.
pub(super) const NODE_IP: &str = "192.0.2.1";
/// A kubelet renews at this pace; the node controller counts a node as lost after 50 s.
const RENEWAL: Duration = Duration::from_secs(10);
/// How long a process runs that ends by itself.
const RUN: Duration = Duration::from_millis(500);

struct KubeletWork {
    outcomes: Arc<Mutex<BTreeMap<String, Outcome>>>,
    renewed: Option<Instant>,
    /// By uid.
    running_since: BTreeMap<String, Instant>,
    addresses: u16,
}

impl Work for KubeletWork {
    async fn round(&mut self, api: &KubeApi) -> Result<(), ClusterError> {
        self.keep_node(api).await?;
        let cached = ListParams::default().match_any();
        let pods = api
            .list("v1", "Pod", "", &cached)
            .await?
            .unwrap_or_default();
        let uids: BTreeSet<&str> = pods.iter().map(|pod| text(pod, "/metadata/uid")).collect();
        self.running_since
            .retain(|uid, _| uids.contains(uid.as_str()));
        let due: Vec<&Value> = pods
            .iter()
            .filter(|pod| {
                !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") || deleted(pod)
            })
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let all = async |kind| {
            let listed = api.list("v1", kind, "", &cached).await;
            listed.map(Option::unwrap_or_default)
        };
        let claims = all("PersistentVolumeClaim").await?;
        let known = Known::new(&all("ConfigMap").await?, &all("Secret").await?);
        for pod in due {
            unless_outrun(self.serve(api, pod, &claims, &known).await)?;
        }
        Ok(())
    }
}

impl KubeletWork {
    async fn serve(
        &mut self,
        api: &KubeApi,
        pod: &Value,
        claims: &[Value],
        known: &Known,
    ) -> Result<(), ClusterError> {
        let reference = Ref::of(pod);
        match text(pod, "/spec/nodeName") {
            "" if schedulable(pod, claims) => bind(api, &reference, pod).await,
            "" => select_node(api, pod, claims).await,
            NODE if deleted(pod) => end(api, &reference, pod).await,
            NODE => {
                let status = self.status(pod, known);
                if pod_status::same(&pod["status"], &status) {
                    return Ok(());
                }
                api.merge_status(&reference, &status).await
            }
            _ => Ok(()),
        }
    }

    fn status(&mut self, pod: &Value, known: &Known) -> Value {
        let uid = text(pod, "/metadata/uid");
        let ip = match text(pod, "/status/podIP") {
            "" => self.next_address(),
            ip => ip.to_owned(),
        };
        if text(pod, "/status/phase") == "Running" {
            self.running_since
                .entry(uid.into())
                .or_insert_with(Instant::now);
        }
        let ran_long_enough = self
            .running_since
            .get(uid)
            .is_some_and(|since| since.elapsed() >= RUN);
        let outcomes = self
            .outcomes
            .lock()
            .map(|outcomes| outcomes.clone())
            .unwrap_or_default();
        let facts = Facts {
            outcome: &|image| outcomes.get(image).copied().unwrap_or_default(),
            missing: known.missing(pod),
            ip: &ip,
            now: &now(),
            ran_long_enough,
        };
        pod_status::status(pod, &facts)
    }

    fn next_address(&mut self) -> String {
        self.addresses = self.addresses.wrapping_add(1);
        let [high, low] = self.addresses.to_be_bytes();
        format!("10.244.{high}.{low}")
    }

    /// Registers the node at first, later renews its lease.
    async fn keep_node(&mut self, api: &KubeApi) -> Result<(), ClusterError> {
        let first = self.renewed.is_none();
        if self
            .renewed
            .is_some_and(|renewed| renewed.elapsed() < RENEWAL)
        {
            return Ok(());
        }
        if first {
            let node = node();
            api.apply("kubelet", &node).await?;
            api.merge_status(&Ref::of(&node), &node_status(&now()))
                .await?;
        }
        api.apply(
            "kubelet",
            &json!({
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": NODE, "namespace": "kube-node-lease"},
                "spec": {
                    "holderIdentity": NODE,
                    "leaseDurationSeconds": 40,
                    "renewTime": format!("{:.6}", Timestamp::now()),
                },
            }),
        )
        .await?;
        self.renewed = Some(Instant::now());
        Ok(())
    }
}

fn deleted(pod: &Value) -> bool {
    pod.pointer("/metadata/deletionTimestamp").is_some()
}

/// The scheduler waits for volumes to be bound and for gates to be lifted.
fn schedulable(pod: &Value, claims: &[Value]) -> bool {
    !deleted(pod)
        && items(pod, "/spec/schedulingGates").is_empty()
        && claims_of(pod, claims)
            .all(|claim| claim.is_some_and(|claim| text(claim, "/status/phase") == "Bound"))
}

/// The claims that a pod names; `None` for one that is not there.
fn claims_of<'a>(pod: &'a Value, claims: &'a [Value]) -> impl Iterator<Item = Option<&'a Value>> {
    items(pod, "/spec/volumes")
        .iter()
        .map(|volume| text(volume, "/persistentVolumeClaim/claimName"))
        .filter(|name| !name.is_empty())
        .map(|name| {
            claims.iter().find(|claim| {
                text(claim, "/metadata/namespace") == text(pod, "/metadata/namespace")
                    && text(claim, "/metadata/name") == name
            })
        })
}

/// The scheduler says for which node a volume is to be made, where the class waits for a pod
/// (`pkg/scheduler/framework/plugins/volumebinding` of Kubernetes 1.36).
async fn select_node(api: &KubeApi, pod: &Value, claims: &[Value]) -> Result<(), ClusterError> {
    if deleted(pod) {
        return Ok(());
    }
    for claim in claims_of(pod, claims).flatten() {
        let annotated = claim.pointer("/metadata/annotations");
        if text(claim, "/status/phase") == "Pending"
            && annotated.is_none_or(|annotations| annotations.get(SELECTED_NODE).is_none())
            && waits_for_consumer(api, claim).await?
        {
            let patch = json!({"metadata": {"annotations": {SELECTED_NODE: NODE}}});
            api.merge(&Ref::of(claim), &patch).await?;
        }
    }
    Ok(())
}

async fn bind(api: &KubeApi, reference: &Ref, pod: &Value) -> Result<(), ClusterError> {
    let binding = json!({
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {
            "name": reference.name,
            "namespace": reference.namespace,
            "uid": pod.pointer("/metadata/uid"),
        },
        "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
    });
    api.create_subresource(reference, "binding", &binding).await
}

/// A kubelet removes the object once the containers have ended.
async fn end(api: &KubeApi, reference: &Ref, pod: &Value) -> Result<(), ClusterError> {
    let parameters = DeleteParams::default()
        .grace_period(0)
        .preconditions(Preconditions {
            uid: Some(text(pod, "/metadata/uid").into()),
            resource_version: None,
        });
    api.delete(reference, &parameters).await?;
    Ok(())
}

fn node() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": NODE,
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": NODE,
                "kubernetes.io/os": "linux",
            },
        },
        "spec": {},
    })
}

/// As `pkg/kubelet/nodestatus/setters.go` of Kubernetes 1.36 sets it on a healthy node.
fn node_status(now: &str) -> Value {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        })
    };
    let room = json!({"cpu": "1000", "memory": "4Ti", "ephemeral-storage": "4Ti", "pods": "10000"});
    json!({
        "addresses": [
            {"type": "InternalIP", "address": NODE_IP},
            {"type": "Hostname", "address": NODE},
        ],
        "allocatable": room,
        "capacity": room,
        "conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ],
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": "standin",
            "containerRuntimeVersion": "containerd://2.1.0",
            "kernelVersion": "6.12.0",
            "kubeProxyVersion": "",
            "kubeletVersion": "v1.36.3",
            "machineID": "standin",
            "operatingSystem": "linux",
            "osImage": "stand-in for a node",
            "systemUUID": "standin",
        },
    })
}
