//! Paths and addresses as people give them and read them.

use std::path::{Component, Path, PathBuf};

use orz_gitops::RemoteUrl;

use crate::error::CommandError;

/// Where a GitOps repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this machine.
    Folder(PathBuf),
    /// Where only Git reaches it.
    Remote(RemoteUrl),
}

impl Place {
    /// What a flag, a variable or `orz.toml` names.
    pub(crate) fn of(named: &Path) -> Result<Self, CommandError> {
        match named.to_str() {
            Some(text) if RemoteUrl::names_remote(text) => Ok(Self::Remote(text.parse()?)),
            _ => Ok(Self::Folder(named.to_owned())),
        }
    }

    /// For a person, without what lets in.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Folder(path) => shown(path),
            Self::Remote(url) => url.to_string(),
        }
    }
}

/// Whether it is a URL or `host:path`, as Git takes them.
pub(crate) fn is_remote(named: &Path) -> bool {
    named.to_str().is_some_and(RemoteUrl::names_remote)
}

/// Whether both lie in the same Git repository: `repository` is one itself, `folder` may be a folder of its work tree.
pub(crate) fn is_same_repository(repository: &Path, folder: &Path) -> bool {
    let (Some(one), Ok(folder)) = (common_dir(repository), folder.canonicalize()) else {
        return false;
    };
    folder.ancestors().find_map(common_dir) == Some(one)
}

/// The folder in which Git keeps what all work trees of the repository at `path` share; `None` where none is there.
fn common_dir(path: &Path) -> Option<PathBuf> {
    let dot_git = path.join(".git");
    let git_dir = if dot_git.is_file() {
        let text = std::fs::read_to_string(&dot_git).ok()?;
        path.join(text.strip_prefix("gitdir:")?.trim())
    } else if dot_git.is_dir() {
        dot_git
    } else if path.join("HEAD").is_file() && path.join("objects").is_dir() {
        path.to_owned()
    } else {
        return None;
    };
    let common = std::fs::read_to_string(git_dir.join("commondir"))
        .map_or_else(|_| git_dir.clone(), |common| git_dir.join(common.trim()));
    common.canonicalize().ok()
}

/// The folder that relative paths start from.
pub(crate) fn current_folder() -> Result<PathBuf, CommandError> {
    std::env::current_dir()
        .map_err(|error| CommandError::internal(format!("no current folder: {error}")))
}

/// `path` from the root of the file system, with `.` and `..` taken out by their names alone.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, CommandError> {
    let mut absolute = PathBuf::new();
    for component in current_folder()?.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(absolute.pop()),
            other => absolute.push(other),
        }
    }
    Ok(absolute)
}

/// The way from `folder` to `path`, both absolute.
pub(crate) fn relative(folder: &Path, path: &Path) -> PathBuf {
    let (mut from, mut to) = (folder.components().peekable(), path.components().peekable());
    let mut shared = 0;
    while let (Some(a), Some(b)) = (from.peek(), to.peek())
        && a == b
    {
        shared += usize::from(matches!(a, Component::Normal(_)));
        from.next();
        to.next();
    }
    // Two places that share no folder are better named from the root.
    if shared == 0 {
        return path.to_owned();
    }
    let way: PathBuf = from.map(|_| Component::ParentDir).chain(to).collect();
    if way.as_os_str().is_empty() {
        ".".into()
    } else {
        way
    }
}

/// `path` for a person: from here or from the root, whichever is shorter.
pub(crate) fn shown(path: &Path) -> String {
    let full = path.display().to_string();
    let (Ok(here), Ok(there)) = (current_folder(), absolute(path)) else {
        return full;
    };
    let way = relative(&here, &there).display().to_string();
    if way.len() < full.len() { way } else { full }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_between_two_folders() {
        for (from, to, expected) in [
            (
                "/home/ann/shop",
                "/home/ann/shop-gitops.git",
                "../shop-gitops.git",
            ),
            ("/home/ann/shop", "/home/ann/shop/g.git", "g.git"),
            ("/home/ann/shop", "/home/ann/shop", "."),
            ("/home/ann/a/b", "/home/bob/g.git", "../../../bob/g.git"),
            ("/home/ann/shop", "/srv/g.git", "/srv/g.git"),
        ] {
            assert_eq!(
                relative(Path::new(from), Path::new(to)),
                Path::new(expected)
            );
        }
    }
}
