//! A Python that has both of its YAML libraries.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Digest, ToolError, made_once, say};

/// What the virtual environment holds: the YAML 1.1 library and the YAML 1.2 library of Python.
const REQUIREMENTS: [&str; 2] = ["PyYAML==6.0.3", "ruamel.yaml==0.18.16"];

/// The path of a Python interpreter that imports `yaml` (PyYAML) and `ruamel.yaml`, in a virtual
/// environment of the cache. The error says which part is absent.
pub fn python_with_yaml() -> Result<PathBuf, ToolError> {
    let mut digest = Digest::default();
    for requirement in REQUIREMENTS {
        digest = digest.with(requirement);
    }
    // Made in place, not in a folder that is renamed: the scripts of a virtual environment hold
    // its path. The entry of the cache is the mark that it is whole.
    let mark = made_once(&format!("python/{digest}.whole"), |mark| {
        let venv = venv_of(mark);
        fill(&venv)?;
        std::fs::write(mark, b"").map_err(ToolError::io(mark))
    })?;
    Ok(venv_of(&mark).join("bin").join("python"))
}

/// The environment's folder, from the path of its mark (also while that is still partial).
fn venv_of(mark: &Path) -> PathBuf {
    let name = mark.file_name().unwrap_or_default().to_string_lossy();
    let digest = name.split('.').next().unwrap_or_default();
    mark.with_file_name(digest)
}

fn fill(venv: &Path) -> Result<(), ToolError> {
    say("installing PyYAML and ruamel.yaml once (a few seconds)");
    let python = |program: &Path| {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        command
    };
    run(
        python(Path::new("python3"))
            .args(["-m", "venv", "--clear"])
            .arg(venv),
        "making a Python virtual environment",
        "install Python's `venv` module (`python3-venv` on Debian)",
    )?;
    run(
        python(&venv.join("bin").join("python"))
            .args(["-m", "pip", "install", "--quiet", "--no-input"])
            .args(REQUIREMENTS),
        "installing PyYAML and ruamel.yaml",
        "pip needs its package index, or `PIP_FIND_LINKS` with both wheels",
    )
}

fn run(command: &mut Command, what: &str, help: &str) -> Result<(), ToolError> {
    let output = command.output().map_err(|_| ToolError::Missing {
        program: command.get_program().to_string_lossy().into_owned(),
        help: "install Python 3.10 or newer with its `venv` module".into(),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Err(ToolError::Failed {
        what: what.into(),
        output: text,
        help: help.into(),
    })
}
