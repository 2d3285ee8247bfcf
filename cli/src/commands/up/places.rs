//! Where a target and a GitOps repository must not be.

use std::path::{Component, Path};

use orz_gitops::Repo;

use crate::error::CommandError;
use crate::ops::target::Target;
use crate::place::{absolute, shown};

/// The folder by which the engine `dir` knows a directory of its own.
const MARK: &str = ".orz";

/// Refuses what would be read as source, and so change it, and a folder of somebody else.
pub(super) fn refuse(root: &Path, target: &Target, repo: &Repo) -> Result<(), CommandError> {
    let root = absolute(root)?;
    if let Target::Dir(path) = target {
        if absolute(path)? == root {
            return Err(CommandError::usage(format!(
                "the target `{}` is the source repository itself",
                shown(path)
            ))
            .help(BESIDE));
        }
        outside("the target", path, &root)?;
        refuse_foreign(path)?;
    }
    if repo.remote().is_none() {
        outside("the GitOps repository", repo.path(), &root)?;
    }
    Ok(())
}

const BESIDE: &str = "put it beside the source repository, such as `--target dir:../live`";

fn outside(what: &str, path: &Path, root: &Path) -> Result<(), CommandError> {
    let path = absolute(path)?;
    let Ok(way) = path.strip_prefix(root) else {
        return Ok(());
    };
    let names: Vec<&str> = way
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect();
    let hidden = names.iter().any(|name| name.starts_with('.'));
    match names.first() {
        Some(&("tenants" | "platform")) if !hidden => Err(CommandError::usage(format!(
            "{what} `{}` lies in what is compiled",
            shown(&path)
        ))
        .help("put it beside `tenants/` and `platform/`, or out of the source repository")),
        _ => Ok(()),
    }
}

/// What lies there was made by something else: nobody would find the tenants among it, and a folder named like a
/// cluster may be in use.
fn refuse_foreign(path: &Path) -> Result<(), CommandError> {
    if path.exists() && !path.is_dir() {
        return Err(
            CommandError::usage(format!("the target `{}` is not a folder", shown(path)))
                .help("name an empty or a new folder"),
        );
    }
    let Ok(entries) = path.read_dir() else {
        return Ok(());
    };
    let visible = |name: &std::ffi::OsStr| !name.as_encoded_bytes().starts_with(b".");
    let foreign = entries.flatten().any(|entry| visible(&entry.file_name()));
    if foreign && !path.join(MARK).is_dir() {
        return Err(CommandError::usage(format!(
            "the target `{}` holds files, and `orzc up` made none of them",
            shown(path)
        ))
        .help("name an empty or a new folder"));
    }
    Ok(())
}
