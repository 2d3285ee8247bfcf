//! Where tenants are reconciled to.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A place that can be made to follow the pointers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A folder.
    Dir(PathBuf),
    /// A cluster: the context of this name in the kubeconfig, or the current one.
    Cluster(Option<String>),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("dir", path)) if !path.is_empty() => Ok(Self::Dir(path.into())),
            Some(("cluster", context)) if !context.is_empty() => {
                Ok(Self::Cluster(Some(context.to_owned())))
            }
            None if text == "cluster" => Ok(Self::Cluster(None)),
            _ => Err("a target is `dir:PATH`, `cluster` or `cluster:CONTEXT`".to_owned()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dir(path) => write!(f, "dir:{}", path.display()),
            Self::Cluster(Some(context)) => write!(f, "cluster:{context}"),
            Self::Cluster(None) => f.write_str("cluster"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_says_what_kind_it_is() {
        for text in ["dir:/tmp/live", "dir:a:b", "cluster", "cluster:kind-orz"] {
            assert_eq!(text.parse::<Target>().expect(text).to_string(), text);
        }
        for bad in ["", "dir:", "dir", "cluster:", "/tmp/live", "ssh:x"] {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
    }
}
