//! Reading what was published.

use std::collections::BTreeMap;

use gix::ObjectId;
use orz_core::format::Status;
use orz_core::id::{ClusterName, Part, TenantName};
use orz_core::paths;

use super::{parse, parse_ref};
use crate::error::{Error, Result};
use crate::objects::{Entry, Mode, Objects};
use crate::{Repo, time, trees};

/// Everything that status references hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishedStatus {
    /// The readable ones, by cluster, tenant and part. Where two shards speak of the same part, as after tenants
    /// were divided anew, the one that was written last is taken.
    pub statuses: Vec<Status>,
    /// Who published, and when.
    pub shards: Vec<StatusShard>,
    /// What was passed over.
    pub invalid: Vec<InvalidStatus>,
}

/// A status reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusShard {
    /// The cluster.
    pub cluster: ClusterName,
    /// Which of the reconcilers of the cluster.
    pub shard: u32,
    /// When something in it changed last, RFC 3339 in UTC.
    pub at: String,
}

/// A status reference, or a file in one, that is not what its name says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InvalidStatus {
    /// The reference.
    pub reference: String,
    /// The file in it; `None`: the reference itself.
    pub path: Option<String>,
    /// What is wrong with it.
    pub message: String,
}

impl Repo {
    /// The published status of every part on every cluster. What cannot be read is passed over; see
    /// [`Repo::published_status`].
    pub fn statuses(&self) -> Result<Vec<Status>> {
        Ok(self.published_status()?.statuses)
    }

    /// The published status of the parts of one tenant, on every cluster.
    pub fn statuses_of(&self, tenant: &TenantName) -> Result<Vec<Status>> {
        Ok(self.published_status_of(tenant)?.statuses)
    }

    /// Like [`Repo::published_status`], of the parts of one tenant.
    pub fn published_status_of(&self, tenant: &TenantName) -> Result<PublishedStatus> {
        let parts = [Part::Tenancy, Part::Data, Part::Work, Part::Platform];
        let only: Vec<String> = parts.map(|part| paths::status(tenant, part)).to_vec();
        self.read_status(Some(&only))
    }

    /// The published status with what could not be read.
    pub fn published_status(&self) -> Result<PublishedStatus> {
        self.read_status(None)
    }

    fn read_status(&self, only: Option<&[String]>) -> Result<PublishedStatus> {
        let mut published = PublishedStatus::default();
        let mut newest: BTreeMap<(ClusterName, TenantName, Part), (i64, Status)> = BTreeMap::new();
        let (objects, shards) = shards(self)?;
        for shard in shards {
            let reference = shard.reference.clone();
            let mut invalid = |path: Option<String>, message: String| {
                published.invalid.push(InvalidStatus {
                    reference: reference.clone(),
                    path,
                    message,
                });
            };
            let (named, commit) = match shard.open(&objects) {
                Ok(found) => found,
                Err(message) => {
                    invalid(None, message);
                    continue;
                }
            };
            for file in files(&objects, commit.tree, only) {
                match file.and_then(|(path, entry)| read(&objects, &named.0, path, &entry)) {
                    Ok(status) => {
                        let key = (status.cluster.clone(), status.tenant.clone(), status.part);
                        let known = newest.get(&key);
                        if known.is_none_or(|(seconds, _)| *seconds <= commit.seconds) {
                            newest.insert(key, (commit.seconds, status));
                        }
                    }
                    Err((path, message)) => invalid(path, message),
                }
            }
            published.shards.push(StatusShard {
                cluster: named.0,
                shard: named.1,
                at: time::format(commit.seconds),
            });
        }
        published.statuses = newest.into_values().map(|(_, status)| status).collect();
        Ok(published)
    }
}

/// A status reference as found.
struct Shard {
    reference: String,
    target: Result<ObjectId, String>,
}

impl Shard {
    /// Whose it is and its commit, or what is wrong with it.
    fn open(
        &self,
        objects: &Objects,
    ) -> Result<((ClusterName, u32), crate::objects::Commit), String> {
        let target = self.target.clone()?;
        let Some(named) = parse_ref(&self.reference) else {
            return Err("its name is no cluster and shard".to_owned());
        };
        let commit = objects.commit(target).map_err(|e| e.to_string())?;
        if !commit.parents.is_empty() {
            return Err(format!("commit `{}` has a parent", commit.id));
        }
        Ok((named, commit))
    }
}

/// Every reference under `refs/orz/status/`, in the order of their names, with the objects to read them by.
fn shards(repo: &Repo) -> Result<(Objects, Vec<Shard>)> {
    let fresh = crate::open::reopen(&repo.gix)?;
    let failed = |message: String| Error::Open {
        path: fresh.git_dir().to_owned(),
        message,
    };
    let platform = fresh.references().map_err(|e| failed(e.to_string()))?;
    let found = platform
        .prefixed(paths::STATUS_REFS)
        .map_err(|e| failed(e.to_string()))?;
    let mut shards = Vec::new();
    for reference in found {
        let reference = match reference {
            Ok(reference) => reference,
            // A file that is no reference: the others are read all the same.
            Err(error) => {
                shards.push(Shard {
                    reference: paths::STATUS_REFS.to_owned(),
                    target: Err(error.to_string()),
                });
                continue;
            }
        };
        let target = match reference.try_id() {
            Some(id) => Ok(id.detach()),
            None => Err("a symbolic reference".to_owned()),
        };
        let reference = reference.name().as_bstr().to_string();
        shards.push(Shard { reference, target });
    }
    shards.sort_by(|a, b| a.reference.cmp(&b.reference));
    drop(platform);
    Ok((Objects::new(fresh), shards))
}

type Unreadable = (Option<String>, String);

fn files(
    objects: &Objects,
    tree: ObjectId,
    only: Option<&[String]>,
) -> Vec<Result<(String, Entry), Unreadable>> {
    let found = match only {
        None => trees::files_below(objects, tree, ""),
        Some(paths) => paths
            .iter()
            .filter_map(|path| {
                let entry = trees::lookup(objects, tree, path).transpose()?;
                Some(entry.map(|entry| (path.clone(), entry)))
            })
            .collect(),
    };
    match found {
        Ok(found) => found.into_iter().map(Ok).collect(),
        Err(error) => vec![Err((None, error.to_string()))],
    }
}

fn read(
    objects: &Objects,
    cluster: &ClusterName,
    path: String,
    entry: &Entry,
) -> Result<Status, Unreadable> {
    let status = if entry.mode == Mode::File {
        let bytes = objects.blob(entry.id).map_err(|e| e.to_string());
        bytes.and_then(|bytes| parse(cluster, &path, &bytes))
    } else {
        Err("not a regular file".to_owned())
    };
    status.map_err(|message| (Some(path), message))
}
