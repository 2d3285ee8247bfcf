//! Stand-in for a volume provisioner: a volume for each claim; the binding is the real
//! controller's.

use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};

use super::{Work, Worker, unless_outrun};
use crate::kube_api::{KubeApi, text};
use crate::{ClusterError, ControlPlane, Ref};

/// Makes a volume for each claim that waits for one (where the class wants a pod first, once a node is chosen
/// for that), and removes it when the claim is gone and
/// the class says so, as a provisioner of a storage class would.
pub struct Provisioner {
    worker: Worker,
}

impl Provisioner {
    /// Starts it.
    pub fn start(plane: &ControlPlane) -> Result<Self, ClusterError> {
        let does = "makes a PersistentVolume for each claim";
        let worker = Worker::start(plane, "volume provisioner", does, ProvisionerWork)?;
        Ok(Self { worker })
    }

    /// What went wrong so far.
    pub fn problems(&self) -> Vec<String> {
        self.worker.problems()
    }
}

/// The scheduler's word that a pod which uses the claim is to run on a node.
pub(super) const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// Marks the volumes that are ours to remove.
const LABEL: &str = "standin.orz.dev/reclaim";

struct ProvisionerWork;

impl Work for ProvisionerWork {
    async fn round(&mut self, api: &KubeApi) -> Result<(), ClusterError> {
        let cached = ListParams::default().match_any();
        let claims = api.list("v1", "PersistentVolumeClaim", "", &cached).await?;
        for claim in claims
            .unwrap_or_default()
            .iter()
            .filter(|claim| waits(claim))
        {
            let class = match text(claim, "/spec/storageClassName") {
                "" => None,
                name => {
                    api.get(&Ref::new("storage.k8s.io/v1", "StorageClass", "", name))
                        .await?
                }
            };
            let chosen = claim.pointer("/metadata/annotations");
            let chosen = chosen.is_some_and(|a| a.get(SELECTED_NODE).is_some());
            if class.as_ref().is_some_and(binds_late) && !chosen {
                continue;
            }
            let volume = volume(claim, class.as_ref());
            unless_outrun(api.apply("provisioner", &volume).await.map(drop))?;
        }
        let ours = cached.clone().labels(&format!("{LABEL}=Delete"));
        let volumes = api.list("v1", "PersistentVolume", "", &ours).await?;
        for volume in volumes.unwrap_or_default() {
            if text(&volume, "/status/phase") == "Released" {
                api.delete(&Ref::of(&volume), &DeleteParams::default())
                    .await?;
            }
        }
        Ok(())
    }
}

/// Whether the class of a claim wants a pod that uses it first.
pub(super) async fn waits_for_consumer(api: &KubeApi, claim: &Value) -> Result<bool, ClusterError> {
    let name = text(claim, "/spec/storageClassName");
    if name.is_empty() {
        return Ok(false);
    }
    let class = api
        .get(&Ref::new("storage.k8s.io/v1", "StorageClass", "", name))
        .await?;
    Ok(class.as_ref().is_some_and(binds_late))
}

fn binds_late(class: &Value) -> bool {
    text(class, "/volumeBindingMode") == "WaitForFirstConsumer"
}

fn waits(claim: &Value) -> bool {
    text(claim, "/spec/volumeName").is_empty()
        && text(claim, "/status/phase") == "Pending"
        && claim.pointer("/metadata/deletionTimestamp").is_none()
}

/// Named and shaped as the external provisioner does (`pvc-<uid>`, bound to the claim from the
/// start). The path is read by nobody: there is no node. The reclaim policy is always `Retain`,
/// because for `Delete` the real controller would delete the path on this machine; what the
/// class says stands in the label.
fn volume(claim: &Value, class: Option<&Value>) -> Value {
    let uid = text(claim, "/metadata/uid");
    let reclaim = class.map_or("", |class| text(class, "/reclaimPolicy"));
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": format!("pvc-{uid}"),
            "labels": {LABEL: if reclaim.is_empty() { "Delete" } else { reclaim }},
        },
        "spec": {
            "accessModes": claim.pointer("/spec/accessModes"),
            "capacity": {"storage": claim.pointer("/spec/resources/requests/storage")},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": text(claim, "/metadata/namespace"),
                "name": text(claim, "/metadata/name"),
                "uid": uid,
            },
            "hostPath": {"path": format!("/nonexistent/{uid}")},
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": text(claim, "/spec/storageClassName"),
            "volumeMode": claim.pointer("/spec/volumeMode").cloned().unwrap_or_else(|| json!("Filesystem")),
        },
    })
}
