//! Why a tool of the tests is not there.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a tool of the tests cannot be used. Its text names what is missing and how to get it.
pub enum ToolError {
    /// A program is not on `PATH`.
    Missing {
        /// The program's name.
        program: String,
        /// What to do about it.
        help: String,
    },
    /// A program ran and did not do its work.
    Failed {
        /// What it was to do.
        what: String,
        /// The end of what it printed.
        output: String,
        /// What to do about it; may be empty.
        help: String,
    },
    /// A file or folder could not be read or written.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Neither `ORZ_TEST_CACHE`, `XDG_CACHE_HOME` nor `HOME` is set.
    NoCacheFolder,
}

impl ToolError {
    /// For `map_err`: an I/O error with the path it belongs to.
    pub fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { program, help } => {
                write!(f, "`{program}` is not on PATH\nhelp: {help}")
            }
            Self::Failed { what, output, help } => {
                write!(f, "{what}: {}", output.trim_end())?;
                if help.is_empty() {
                    Ok(())
                } else {
                    write!(f, "\nhelp: {help}")
                }
            }
            Self::Io { path, source } => write!(f, "`{}`: {source}", path.display()),
            Self::NoCacheFolder => f.write_str(
                "no folder to keep built tools in\nhelp: set `ORZ_TEST_CACHE` to a folder with 10 GB free",
            ),
        }
    }
}

/// As for users: a test runner shows the error of a test by this.
impl fmt::Debug for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for ToolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
