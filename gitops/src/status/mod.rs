//! Status references: what reconcilers publish for people who can only read Git.
//!
//! `refs/orz/status/<cluster>/<shard>` is a parentless commit that is replaced. It is a copy: nothing is decided
//! by it but where a rollback goes by default, and losing it loses nothing.

mod read;
mod write;

use orz_core::format::{self, Status};
use orz_core::id::ClusterName;
use orz_core::paths;

pub use read::{InvalidStatus, PublishedStatus, StatusShard};

/// The cluster and shard that a reference's name stands for, if it is one of ours.
fn parse_ref(name: &str) -> Option<(ClusterName, u32)> {
    let (cluster, shard) = name.strip_prefix(paths::STATUS_REFS)?.split_once('/')?;
    let (cluster, shard) = (cluster.parse().ok()?, shard.parse().ok()?);
    (paths::status_ref(&cluster, shard) == name).then_some((cluster, shard))
}

/// A status whose content agrees with its cluster and path.
fn parse(cluster: &ClusterName, path: &str, bytes: &[u8]) -> Result<Status, String> {
    let status: Status = format::from_bytes(bytes).map_err(|e| e.to_string())?;
    if status.cluster != *cluster || paths::status(&status.tenant, status.part) != path {
        return Err(format!(
            "it is the status of `{}/{}` on `{}`",
            status.tenant, status.part, status.cluster
        ));
    }
    Ok(status)
}
