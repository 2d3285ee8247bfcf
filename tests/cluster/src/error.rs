//! Why the harness could not do its part.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use orz_test_tools::ToolError;

/// Why the harness could not do its part. It is never a reason to skip a test.
#[derive(thiserror::Error)]
pub enum ClusterError {
    /// A program or module that the harness is made of is not there.
    #[error("the control plane for tests cannot be had: {0}")]
    Tool(#[from] ToolError),
    /// `KUBEBUILDER_ASSETS` names a folder without a component.
    #[error(
        "`KUBEBUILDER_ASSETS` is `{}`, which holds no `{component}`\nhelp: unset it, then the component is built from Go modules", folder.display()
    )]
    NoAsset {
        /// The folder that the variable names.
        folder: PathBuf,
        /// The file that is not in it.
        component: &'static str,
    },
    /// A component ended while it was starting or running.
    #[error("`{component}` ended ({status}); the end of its log:\n{log}")]
    Ended {
        /// The component.
        component: String,
        /// How it ended.
        status: String,
        /// The last lines that it logged.
        log: String,
    },
    /// Something did not happen in time.
    #[error("{what}: not within {seconds} s; last seen: {last}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
        /// What was there instead; an object as JSON, an error, or the end of a log.
        last: String,
    },
    /// The API server refused a request, or could not be reached.
    #[error("{what}: {source}")]
    Api {
        /// What was asked for.
        what: String,
        /// The client's or the server's reason.
        source: Box<kube::Error>,
    },
    /// A kubeconfig file cannot be used.
    #[error("kubeconfig `{}`: {source}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The client's reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file, folder, socket or process of the harness.
    #[error("`{what}`: {source}")]
    Io {
        /// The path or address.
        what: String,
        /// The system's reason.
        source: io::Error,
    },
    /// Something that was read is not what it should be.
    #[error("{0}")]
    Unexpected(String),
}

/// As for users: a test runner shows the error of a test by this.
impl fmt::Debug for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl ClusterError {
    /// For `map_err`: an I/O error with the path it belongs to.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let what = path.display().to_string();
        move |source| Self::Io { what, source }
    }

    /// For `map_err`: a client's error with what was asked for.
    pub(crate) fn api(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |source| Self::Api {
            what,
            source: Box::new(source),
        }
    }

    /// The HTTP status of the API server's answer, when it is one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Api { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => Some(status.code),
                _ => None,
            },
            _ => None,
        }
    }
}
