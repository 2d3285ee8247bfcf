//! The programs under test, built once for each test process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::{ToolError, say};

/// Where the two programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `orzc`.
    pub orzc: PathBuf,
    /// `orz-reconciler`.
    pub reconciler: PathBuf,
}

impl Programs {
    /// Builds them as a user would. Cargo hands a test only the programs of its own package.
    pub fn get() -> Result<&'static Self, ToolError> {
        static BUILT: OnceLock<Result<Programs, String>> = OnceLock::new();
        let built = BUILT.get_or_init(|| build().map_err(|error| error.to_string()));
        built.as_ref().map_err(|output| ToolError::Failed {
            what: "building `orzc` and `orz-reconciler`".to_owned(),
            output: output.clone(),
            help: String::new(),
        })
    }
}

fn build() -> Result<Programs, ToolError> {
    say("cargo build of `orzc` and `orz-reconciler`");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cargo = Path::new(env!("CARGO"));
    let mut command = Command::new(cargo);
    // What cargo says to a test about its package would make build scripts of others run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    let output = command
        .args(["build", "--locked", "--package", "orzc", "--package"])
        .args([
            "orz-reconciler",
            "--message-format",
            "json-render-diagnostics",
        ])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .map_err(ToolError::io(cargo))?;
    let failed = |output: String| ToolError::Failed {
        what: "cargo build".to_owned(),
        output,
        help: String::new(),
    };
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = |name: &str| {
        messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["target"]["name"] == name)
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .ok_or_else(|| failed(format!("cargo built no program `{name}`")))
    };
    Ok(Programs {
        orzc: executable("orzc")?,
        reconciler: executable("orz-reconciler")?,
    })
}
