//! The inventory: what an engine has put into a cluster or a directory for one part of a tenant.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Document;
use super::release::ObjectRef;
use super::status::Memory;
use crate::id::{ClusterName, CommitId, Digest, Part, ReleaseId, TenantName};
use crate::object::ObjectKey;

/// What an engine has put in place for one part of a tenant on one cluster.
///
/// Written before the first change (with everything that is about to be created) and again after the
/// last one, so that at any instant it names at least everything that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// The cluster.
    pub cluster: ClusterName,
    /// The tenant.
    pub tenant: TenantName,
    /// The part.
    pub part: Part,
    /// The release that was applied, or is being applied.
    pub release: ReleaseId,
    /// Digest of that release's manifests.
    pub digest: Digest,
    /// Whether every step of that release was done; `false` while changes are under way.
    pub complete: bool,
    /// Everything that exists or is about to, sorted by group, kind, namespace and name.
    pub objects: Vec<InventoryItem>,
    /// What the judgement of the activation must survive a kill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// Who wrote this, where replicas share the tenants; absent where one process follows all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<Writer>,
}

/// Who wrote an inventory, and what that was decided on. A replica that has lost its tenants and does not know yet
/// finds a higher epoch here, or another version of the inventory than it has read, before it changes anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Writer {
    /// The name of the replica.
    pub holder: String,
    /// How often the lease of the tenant's shard had changed hands; it only grows.
    pub epoch: u64,
    /// The head of `main` that the replica had read.
    pub head: CommitId,
}

impl Document for Inventory {
    const KIND: &'static str = "Inventory";
}

/// One object of an inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InventoryItem {
    /// The object and the name of its file.
    #[serde(flatten)]
    pub object: ObjectRef,
    /// The `uid` it was given when it was created; absent while it is about to be created,
    /// and in a directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// SHA-256 of what was applied: another one means that the release changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Digest>,
    /// SHA-256 of the same fields as they were read back: another one means that somebody changed the
    /// live object. Recorded, because servers store other spellings than they are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Digest>,
    /// Whether the object stays although the release no longer contains it: what is durable, and a release job.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
}

impl InventoryItem {
    /// What names the object.
    pub fn key(&self) -> ObjectKey {
        ObjectKey::from(&self.object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{from_bytes, to_bytes};

    #[test]
    fn what_is_written_is_read_back() {
        let inventory = Inventory {
            cluster: "in-cluster".parse().expect("valid"),
            tenant: "acme".parse().expect("valid"),
            part: Part::Work,
            release: "0123456789abcdef0123456789abcdef01234567"
                .parse()
                .expect("valid"),
            digest: Digest::of(b""),
            complete: true,
            objects: vec![InventoryItem {
                object: ObjectRef {
                    file: "service_acme_web.yaml".to_owned(),
                    group: String::new(),
                    version: "v1".to_owned(),
                    kind: "Service".to_owned(),
                    namespace: Some("acme".to_owned()),
                    name: "web".to_owned(),
                },
                uid: Some("a-b".to_owned()),
                applied: None,
                live: None,
                kept: false,
            }],
            memory: None,
            writer: None,
        };
        let bytes = to_bytes(&inventory);
        assert_eq!(from_bytes::<Inventory>(&bytes).expect("valid"), inventory);
        let text = String::from_utf8(bytes).expect("UTF-8");
        assert!(
            !text.contains("kept") && text.contains("\"kind\": \"Service\""),
            "{text}"
        );
    }
}
