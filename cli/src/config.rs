//! `orz.toml`: what the flags of a source repository default to.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::CommandError;
use crate::place;
use crate::view::Format;

/// The file's name, at the root of a source repository.
pub(crate) const FILE: &str = "orz.toml";

/// `orz.toml` as written. Unknown keys are errors, so that a typing error is never ignored.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The name of the source repository where it has no remote to be named after.
    pub(crate) name: Option<String>,
    /// The GitOps repository: a URL, or a folder relative to this file.
    pub(crate) gitops: Option<PathBuf>,
    /// How results are printed.
    pub(crate) format: Option<Format>,
    /// Where `up` reconciles to and `status` looks, with a `dir:` path relative to this file.
    pub(crate) target: Option<String>,
}

impl Config {
    /// Reads `orz.toml` in `folder`; without one, everything is unset.
    pub(crate) fn read(folder: &Path) -> Result<Self, CommandError> {
        let path = folder.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
                return Err(
                    CommandError::input(format!("`{}` is not a folder", folder.display()))
                        .help("name the source repository with `--source`"),
                );
            }
            Err(error) => {
                return Err(CommandError::input(format!(
                    "cannot read `{}`: {error}",
                    path.display()
                )));
            }
        };
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            CommandError::input(format!(
                "`{}` is not valid\n{}",
                path.display(),
                error.to_string().trim_end()
            ))
            .help("the keys are `name`, `gitops`, `format` and `target`; none is required")
        })?;
        config.gitops = config.gitops.map(|gitops| {
            if place::is_remote(&gitops) {
                gitops
            } else {
                straight(folder.join(gitops))
            }
        });
        config.target = config
            .target
            .map(|target| match target.strip_prefix("dir:") {
                Some(path) => format!("dir:{}", folder.join(path).display()),
                None => target,
            });
        Ok(config)
    }

    /// The nearest folder from `start` upwards that has an `orz.toml`.
    pub(crate) fn find(start: &Path) -> Option<PathBuf> {
        start
            .ancestors()
            .find(|folder| folder.join(FILE).is_file())
            .map(Path::to_owned)
    }
}

/// The path without `..`, as people read and paste it; as it is where that leads nowhere yet.
fn straight(path: PathBuf) -> PathBuf {
    path.canonicalize().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_file_and_unknown_keys_are_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |text: &str| std::fs::write(folder.path().join(FILE), text).expect("writable");
        assert_eq!(
            Config::read(folder.path()).expect("no file is fine"),
            Config::default()
        );

        write("gitops = \"../g.git\"\ntarget = \"dir:live\"\nformat = \"json\"\n");
        let config = Config::read(folder.path()).expect("valid");
        assert_eq!(config.gitops, Some(folder.path().join("../g.git")));
        assert_eq!(
            config.target,
            Some(format!("dir:{}", folder.path().join("live").display()))
        );
        assert_eq!(config.format, Some(Format::Json));

        for remote in ["https://git.example.com/a.git", "git@git.example.com:a.git"] {
            write(&format!("gitops = \"{remote}\"\n"));
            let config = Config::read(folder.path()).expect("valid");
            assert_eq!(config.gitops, Some(remote.into()));
        }

        write("gitop = \"x\"\n");
        let error = Config::read(folder.path()).expect_err("an unknown key");
        assert!(error.message.contains("gitop"), "{}", error.message);
    }
}
