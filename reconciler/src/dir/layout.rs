//! Where things stand in the directory.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use orz_core::id::{ClusterName, TenantName};

use super::files::{if_exists, io, make_dir, real_dir, remove_dir, sync_dir};
use super::generation::Generation;
use crate::engine::EngineError;

/// The folder of everything that is not meant to be read by people.
pub(super) const STATE: &str = ".orz";
/// The folder of a generation that the link of a tenant leads to.
pub(super) const LIVE: &str = "live";

/// The places of one tenant. Names are checked identifiers, so that none of them can lead elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Place {
    root: PathBuf,
    cluster: ClusterName,
    tenant: TenantName,
}

impl Place {
    pub(super) fn new(root: &Path, cluster: &ClusterName, tenant: &TenantName) -> Self {
        Self {
            root: root.to_owned(),
            cluster: cluster.clone(),
            tenant: tenant.clone(),
        }
    }

    /// The link that people follow.
    pub(super) fn link(&self) -> PathBuf {
        self.root
            .join(self.cluster.as_str())
            .join(self.tenant.as_str())
    }

    /// The folder of the generations.
    pub(super) fn generations(&self) -> PathBuf {
        self.root
            .join(STATE)
            .join(self.cluster.as_str())
            .join(self.tenant.as_str())
    }

    /// What the link says when it leads to generation `name`; relative, so that the directory can be moved.
    pub(super) fn target(&self, name: &str) -> PathBuf {
        Path::new("..")
            .join(STATE)
            .join(self.cluster.as_str())
            .join(self.tenant.as_str())
            .join(name)
            .join(LIVE)
    }

    /// Makes the folders above the link and the generations.
    pub(super) fn prepare(&self) -> Result<(), EngineError> {
        for folder in [
            self.root.join(self.cluster.as_str()),
            self.root.join(STATE).join(self.cluster.as_str()),
            self.generations(),
        ] {
            make_dir(&folder)?;
            real_dir(&folder)?;
        }
        Ok(())
    }

    /// The generation that the link leads to.
    ///
    /// Anything else than a link of ours is an error: it may be somebody's only copy of something.
    pub(super) fn current(&self) -> Result<Option<Generation>, EngineError> {
        let link = self.link();
        let Some(found) = if_exists(&link, fs::symlink_metadata(&link))? else {
            return Ok(None);
        };
        let not_ours = |found: String| EngineError::NotOurs {
            path: link.clone(),
            found,
        };
        if !found.file_type().is_symlink() {
            return Err(not_ours(
                "expected a symbolic link, found a file or folder".to_owned(),
            ));
        }
        let target = fs::read_link(&link).map_err(io(&link))?;
        let name = target
            .parent()
            .and_then(Path::file_name)
            .and_then(OsStr::to_str)
            .unwrap_or_default();
        if parse(name).is_none() || target != self.target(name) {
            return Err(not_ours(format!(
                "a symbolic link to `{}`",
                target.display()
            )));
        }
        Ok(Some(Generation::new(self.generations().join(name), name)))
    }

    /// The generations that exist, whether or not they were ever live, oldest first.
    pub(super) fn all(&self) -> Result<Vec<(u64, PathBuf)>, EngineError> {
        let folder = self.generations();
        let Some(entries) = if_exists(&folder, fs::read_dir(&folder))? else {
            return Ok(Vec::new());
        };
        let mut all = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io(&folder))?;
            if let Some(number) = entry.file_name().to_str().and_then(parse) {
                all.push((number, entry.path()));
            }
        }
        all.sort();
        Ok(all)
    }

    /// The folder of what must be known after a kill.
    pub(super) fn memory(&self) -> PathBuf {
        self.generations().join("memory")
    }

    /// Removes the link and everything behind it; the link first, so that nobody reads half of it.
    pub(super) fn remove(&self) -> Result<(), EngineError> {
        let link = self.link();
        if self.current()?.is_some() {
            fs::remove_file(&link).map_err(io(&link))?;
            sync_dir(link.parent().unwrap_or(&link))?;
        }
        remove_dir(&self.generations())
    }

    /// Removes every generation but the live one and the one before it.
    pub(super) fn collect(&self) -> Result<(), EngineError> {
        let Some(current) = self
            .current()?
            .and_then(|generation| parse(generation.name()))
        else {
            return Ok(());
        };
        let all = self.all()?;
        let previous = all
            .iter()
            .map(|(number, _)| *number)
            .filter(|number| *number < current)
            .max();
        for (number, path) in all {
            if number != current && Some(number) != previous {
                remove_dir(&path)?;
            }
        }
        Ok(())
    }
}

/// Generations are numbered; ten digits sort as numbers do.
pub(super) fn name(number: u64) -> String {
    format!("{number:010}")
}

pub(super) fn parse(name: &str) -> Option<u64> {
    (name.len() >= 10 && name.bytes().all(|b| b.is_ascii_digit()))
        .then(|| name.parse().ok())
        .flatten()
}

/// Every tenant that the engine has worked on, by cluster and name.
pub(super) fn places(root: &Path) -> Result<Vec<Place>, EngineError> {
    let mut places = Vec::new();
    for cluster in names::<ClusterName>(&root.join(STATE))? {
        for tenant in names::<TenantName>(&root.join(STATE).join(cluster.as_str()))? {
            places.push(Place::new(root, &cluster, &tenant));
        }
    }
    Ok(places)
}

/// The entries of a folder whose name is an identifier, sorted.
fn names<T: std::str::FromStr + Ord>(folder: &Path) -> Result<Vec<T>, EngineError> {
    let Some(entries) = if_exists(folder, fs::read_dir(folder))? else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io(folder))?;
        // `lock` would be a valid name too, but is no folder.
        if entry.file_type().map_err(io(&entry.path()))?.is_dir() {
            names.extend(
                entry
                    .file_name()
                    .to_str()
                    .and_then(|name| name.parse().ok()),
            );
        }
    }
    names.sort();
    Ok(names)
}
