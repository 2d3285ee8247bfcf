//! The program with all of Argo CD's parts, and what else is had from its module.

use std::fs;
use std::path::{Path, PathBuf};

use orz_test_tools::{Digest, GoProgram, go_module_dir, made_once, yaml};
use serde_json::Value;

use crate::ClusterError;
use crate::crds::{ARGO_CD, documents_of};

/// The built program.
pub(crate) struct Program {
    path: PathBuf,
}

impl Program {
    /// Finds the program, building it when it is nowhere yet (minutes, once).
    pub(crate) fn find() -> Result<Self, ClusterError> {
        let module_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../argocd");
        let version = ARGO_CD.version.trim_start_matches('v');
        let program = GoProgram {
            module_dir: &module_dir,
            ldflags: &format!("-s -w -X {}/common.version={version}", ARGO_CD.module),
            what: "the Argo CD of the cluster tests (about 5 minutes)",
        };
        let path = program.binary()?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The ConfigMaps and the Secret that every installation of Argo CD begins with, as its
    /// module holds them: above all, which kinds it does not watch.
    pub(crate) fn shipped_settings() -> Result<Vec<Value>, ClusterError> {
        let digest = Digest::default()
            .with(ARGO_CD.module)
            .with(ARGO_CD.version)
            .with(SETTINGS);
        // Kept, so that the Go command is needed only once.
        let path = made_once(&format!("argocd/{digest}.json"), |target| {
            let folder = go_module_dir(ARGO_CD.module, ARGO_CD.version)?.join(SETTINGS);
            let documents = documents_of(&folder)?;
            let mut objects = yaml::Library::Go
                .prepare()?
                .read(&documents)?
                .into_iter()
                .collect::<Result<Vec<_>, _>>()
                .map_err(|reason| {
                    ClusterError::Unexpected(format!("`{}`: {reason}", folder.display()))
                })?;
            objects.retain(|object| object["kind"] == "ConfigMap" || object["kind"] == "Secret");
            fs::write(target, Value::from(objects).to_string()).map_err(ClusterError::io(target))
        })?;
        let content = fs::read(&path).map_err(ClusterError::io(&path))?;
        serde_json::from_slice(&content)
            .map_err(|error| ClusterError::Unexpected(format!("`{}`: {error}", path.display())))
    }
}

const SETTINGS: &str = "manifests/base/config";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crds_are_of_the_version_that_is_built() -> Result<(), ClusterError> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../argocd/go.mod");
        let text = fs::read_to_string(&path).map_err(ClusterError::io(&path))?;
        let line = format!("{} {}", ARGO_CD.module, ARGO_CD.version);
        assert!(text.lines().any(|found| found.trim() == line), "{line}");
        Ok(())
    }
}
