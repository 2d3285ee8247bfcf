//! The CRDs that a control plane starts with, each from its own project's Go module.

use std::fs;
use std::path::Path;

use orz_test_tools::{go_module_dir, yaml};
use serde_json::Value;

use crate::ClusterError;
use crate::kube_api::text;

/// Which CRDs a control plane starts with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Crds {
    /// None.
    #[default]
    Core,
    /// All of [`CRDS`].
    Platform,
    /// Those, and Argo CD's own (Application, ApplicationSet, AppProject).
    ArgoCd,
}

impl Crds {
    /// The rows of the table that belong to it.
    pub fn sources(self) -> &'static [CrdSource] {
        match self {
            Self::Core => &[],
            Self::Platform => CRDS,
            Self::ArgoCd => &WITH_ARGO_CD,
        }
    }
}

/// A folder of CRD files in a Go module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrdSource {
    /// The module's path.
    pub module: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The folder in it.
    pub folder: &'static str,
}

/// The table: a row per project. Each CRD costs the API server memory, so a row comes with the
/// first test that needs it.
pub const CRDS: &[CrdSource] = &[
    CrdSource {
        module: "sigs.k8s.io/gateway-api",
        version: "v1.6.1",
        folder: "config/crd/standard",
    },
    CrdSource {
        module: "github.com/envoyproxy/gateway",
        version: "v1.9.0",
        folder: "charts/gateway-helm/charts/crds/crds/generated",
    },
    // Newer majors are not published as a Go module; this one serves `external-secrets.io/v1` too.
    CrdSource {
        module: "github.com/external-secrets/external-secrets",
        version: "v1.3.2",
        folder: "config/crds/bases",
    },
];

/// Argo CD's own, of the version that `tests/argocd` builds.
pub(crate) const ARGO_CD: CrdSource = CrdSource {
    module: "github.com/argoproj/argo-cd/v3",
    version: "v3.2.11",
    folder: "manifests/crds",
};

const WITH_ARGO_CD: [CrdSource; CRDS.len() + 1] = {
    let mut rows = [ARGO_CD; CRDS.len() + 1];
    let mut index = 0;
    while index < CRDS.len() {
        rows[index] = CRDS[index];
        index += 1;
    }
    rows
};

/// The CRDs of the rows, as objects, in the order of rows and file names. What else stands in the
/// folders (a kustomization, an admission policy) is left out.
pub(crate) fn load(sources: &[CrdSource]) -> Result<Vec<Value>, ClusterError> {
    let mut documents = Vec::new();
    for source in sources {
        let folder = go_module_dir(source.module, source.version)?.join(source.folder);
        documents.extend(documents_of(&folder)?);
    }
    let read = yaml::Library::Go.prepare()?.read(&documents)?;
    let mut crds = Vec::new();
    for (document, value) in documents.iter().zip(read) {
        let value = value.map_err(|reason| {
            let start: String = document.chars().take(200).collect();
            ClusterError::Unexpected(format!("a CRD file is not YAML: {reason}\n{start}"))
        })?;
        if text(&value, "/kind") == "CustomResourceDefinition" {
            crds.push(value);
        }
    }
    Ok(crds)
}

/// The YAML documents of a folder's files, by file name.
pub(crate) fn documents_of(folder: &Path) -> Result<Vec<String>, ClusterError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(ClusterError::io(folder))? {
        let path = entry.map_err(ClusterError::io(folder))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            paths.push(path);
        }
    }
    paths.sort();
    let mut documents = Vec::new();
    for path in paths {
        let content = fs::read_to_string(&path).map_err(ClusterError::io(&path))?;
        documents.extend(split(&content));
    }
    Ok(documents)
}

/// The documents of a stream: parts between lines of three dashes.
fn split(stream: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in stream.lines() {
        if line.trim_end() == "---" {
            documents.push(String::new());
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    documents.retain(|document| !document.trim().is_empty());
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_splits_at_its_dashes_only() {
        assert_eq!(
            split("---\na: 1\n--- \nb: |\n  ---x\n---\n"),
            ["a: 1\n", "b: |\n  ---x\n"]
        );
    }
}
