//! Where the components' programs are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use orz_test_tools::{Digest, GoProgram, ToolError};

use crate::ClusterError;

/// A component of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Component {
    Etcd,
    ApiServer,
    ControllerManager,
}

impl Component {
    pub(crate) const ALL: [Self; 3] = [Self::Etcd, Self::ApiServer, Self::ControllerManager];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
        }
    }
}

/// The programs of one control plane.
pub(crate) enum Binaries {
    /// One file each, in the folder that `KUBEBUILDER_ASSETS` names.
    Assets(PathBuf),
    /// One file for all, built here; it dispatches on its first argument.
    Built(PathBuf),
}

impl Binaries {
    /// Finds the programs, building them when they are nowhere yet (minutes, once).
    pub(crate) fn find() -> Result<Self, ClusterError> {
        if let Some(folder) = env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty()) {
            let folder = PathBuf::from(folder);
            for component in Component::ALL {
                if !folder.join(component.name()).is_file() {
                    return Err(ClusterError::NoAsset {
                        folder,
                        component: component.name(),
                    });
                }
            }
            return Ok(Self::Assets(folder));
        }
        let module_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../controlplane");
        let ldflags = linker_flags(&kubernetes_version(&module_dir)?)?;
        let program = GoProgram {
            module_dir: &module_dir,
            ldflags: &ldflags,
            what: "the control plane of the cluster tests (about 5 minutes)",
        };
        Ok(Self::Built(program.binary()?))
    }

    /// A command that runs a component, without its flags. Its standard input must stay open as
    /// long as it shall run.
    pub(crate) fn command(&self, component: Component) -> Command {
        match self {
            Self::Assets(folder) => Command::new(folder.join(component.name())),
            Self::Built(program) => {
                let mut command = Command::new(program);
                command
                    .arg(component.name())
                    .env("ORZ_EXIT_WITH_PARENT", "1");
                command
            }
        }
    }

    /// What tells these programs from others: data that one version of etcd or of the API server
    /// wrote is not given to another.
    pub(crate) fn digest(&self) -> Result<Digest, ClusterError> {
        let mut digest = Digest::default();
        match self {
            // The name of the built program hashes all that it was made of.
            Self::Built(program) => {
                digest = digest.with(program.file_name().unwrap_or_default().as_encoded_bytes());
            }
            Self::Assets(folder) => {
                for component in Component::ALL {
                    let path = folder.join(component.name());
                    let content = fs::read(&path).map_err(ClusterError::io(&path))?;
                    digest = digest.with(content);
                }
            }
        }
        Ok(digest)
    }
}

/// The version of Kubernetes that the module requires, such as `v1.36.3`.
fn kubernetes_version(module_dir: &Path) -> Result<String, ClusterError> {
    let path = module_dir.join("go.mod");
    let text = fs::read_to_string(&path).map_err(ToolError::io(&path))?;
    text.lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "))
        .map(|version| version.trim().to_owned())
        .ok_or_else(|| ClusterError::Unexpected(format!("no Kubernetes in `{}`", path.display())))
}

/// Without these the components report a version that no client can parse.
fn linker_flags(version: &str) -> Result<String, ClusterError> {
    let mut parts = version.trim_start_matches('v').split('.');
    let (Some(major), Some(minor)) = (parts.next(), parts.next()) else {
        return Err(ClusterError::Unexpected(format!(
            "`{version}` is not a version of Kubernetes"
        )));
    };
    let base = "k8s.io/component-base/version";
    Ok(format!(
        "-s -w -X {base}.gitVersion={version} -X {base}.gitMajor={major} \
         -X {base}.gitMinor={minor} -X {base}.gitTreeState=clean \
         -X k8s.io/client-go/pkg/version.gitVersion={version}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_carry_the_version_of_the_module() -> Result<(), ClusterError> {
        let module_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../controlplane");
        let version = kubernetes_version(&module_dir)?;
        let flags = linker_flags(&version)?;
        assert!(
            flags.contains(&format!("version.gitVersion={version} ")),
            "{flags}"
        );
        assert!(flags.contains("gitMajor=1 "), "{flags}");
        assert!(linker_flags("v1").is_err());
        Ok(())
    }
}
