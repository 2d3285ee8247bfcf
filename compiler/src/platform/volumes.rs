//! `platform/volumes.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Classes of disks.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Volumes {
    /// Class of a volume that names none.
    pub default: String,
    /// Class by the name that bundles use.
    pub classes: BTreeMap<String, VolumeClass>,
}

/// A class of disks. Bundles use its name here, so the cluster's own class can be replaced behind it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeClass {
    /// What it is good for, in a few words.
    pub description: String,
    /// The StorageClass of the cluster.
    pub storage_class_name: String,
    /// How pods share it.
    pub access_mode: AccessMode,
}

/// How pods share a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = super::load::plain_enum)]
pub enum AccessMode {
    /// Pods of one node at a time: an update must stop the old pod before it starts the new one.
    ReadWriteOnce,
    /// One pod at a time.
    ReadWriteOncePod,
    /// Pods of all nodes.
    ReadWriteMany,
}
