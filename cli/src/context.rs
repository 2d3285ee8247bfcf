//! What the flags, the environment and `orz.toml` mean together.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use orz_core::format::Source;
use orz_gitops::{RemoteOptions, Signing};

use crate::args::{Global, Who};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::error::CommandError;
use crate::git::git;
use crate::ops::target::Target;
use crate::place::{Place, current_folder, is_same_repository};
use crate::source;
use crate::view::{Format, View, count, origin};

/// The surroundings of a command.
pub(crate) struct Context {
    /// The time of this command.
    pub(crate) clock: Clock,
    global: Global,
    root: Option<PathBuf>,
    config: Config,
}

/// Who asked for a change, and why, as recorded in its commit.
pub(crate) struct Asked {
    /// Who.
    pub(crate) actor: String,
    /// Why.
    pub(crate) reason: Option<String>,
    /// The caller's own id of the request.
    pub(crate) request_id: Option<String>,
    /// When, RFC 3339 in UTC.
    pub(crate) now: String,
}

impl Asked {
    /// As the GitOps repository takes it.
    pub(crate) fn request(&self) -> orz_gitops::Request<'_> {
        orz_gitops::Request {
            reason: self.reason.as_deref(),
            actor: &self.actor,
            request_id: self.request_id.as_deref(),
            now: self.now.clone(),
        }
    }
}

impl Context {
    /// Joins what is known.
    pub(crate) fn new(global: Global, root: Option<PathBuf>, config: Config, clock: Clock) -> Self {
        Self {
            clock,
            global,
            root,
            config,
        }
    }

    /// How results are printed.
    pub(crate) fn format(&self) -> Format {
        self.global
            .format
            .or(self.config.format)
            .unwrap_or_default()
    }

    /// The root of the source repository, if one is named or found, and its configuration.
    pub(crate) fn config(global: &Global) -> Result<(Option<PathBuf>, Config), CommandError> {
        let root = match &global.source {
            Some(source) => Some(source.clone()),
            None => Config::find(&current_folder()?),
        };
        let config = root
            .as_deref()
            .map(Config::read)
            .transpose()?
            .unwrap_or_default();
        Ok((root, config))
    }

    /// The root of the source repository.
    pub(crate) fn source_root(&self) -> Result<PathBuf, CommandError> {
        let root = match &self.root {
            Some(root) => root.clone(),
            None => current_folder()?,
        };
        if !root.is_dir() {
            return Err(
                CommandError::input(format!("`{}` is not a folder", root.display()))
                    .help("name the source repository with `--source`"),
            );
        }
        let markers = [config::FILE, "tenants", "platform"];
        if !markers
            .iter()
            .any(|name| root.join(name).symlink_metadata().is_ok())
        {
            return Err(CommandError::input(format!(
                "`{}` is no source repository: it has no `orz.toml`, no `tenants/` and no `platform/`",
                root.display()
            ))
            .help("name one with `--source`, or make one with `orzc init`"));
        }
        Ok(root)
    }

    /// Where the source comes from, as recorded in releases.
    pub(crate) fn source_identity(&self, view: &mut dyn View) -> Result<Source, CommandError> {
        let source = source::identity(&self.source_root()?, self.config.name.as_deref())?;
        self.detail(view, || format!("recorded as {}", origin(&source)));
        Ok(source)
    }

    /// Where the GitOps repository is.
    fn gitops_place(&self) -> Result<Place, CommandError> {
        let named = self
            .global
            .gitops
            .as_deref()
            .or(self.config.gitops.as_deref());
        Place::of(named.ok_or_else(|| {
            CommandError::usage("no GitOps repository is named").help(
                "pass `--gitops PATH|URL`, set `ORZ_GITOPS`, or write `gitops = \"PATH\"` into `orz.toml`",
            )
        })?)
    }

    /// How a remote is reached.
    pub(crate) fn remote_options(&self) -> Result<RemoteOptions, CommandError> {
        Ok(RemoteOptions {
            offline: self.global.offline,
            prompt: std::io::stdin().is_terminal() && std::io::stderr().is_terminal(),
            ..RemoteOptions::of_user()?
        })
    }

    /// The source repository as a flag or `ORZ_SOURCE` names it.
    pub(crate) fn source_flag(&self) -> Option<&Path> {
        self.global.source.as_deref()
    }

    /// The GitOps repository as a flag or `ORZ_GITOPS` names it, a folder or a URL.
    pub(crate) fn gitops_flag(&self) -> Option<&Path> {
        self.global.gitops.as_deref()
    }

    /// The GitOps repository.
    pub(crate) fn gitops(&self, view: &mut dyn View) -> Result<orz_gitops::Repo, CommandError> {
        let repo = self.gitops_as_it_is(view)?;
        match repo.pending()?.len() {
            0 => {}
            1 => view.note(
                "1 commit made offline before is not on the remote yet; `orzc sync` sends it",
            ),
            waiting => view.note(&format!(
                "{} made offline before are not on the remote yet; `orzc sync` sends them",
                count(waiting, "commit")
            )),
        }
        Ok(repo)
    }

    /// The same without a word on what waits for the remote.
    pub(crate) fn gitops_as_it_is(
        &self,
        view: &mut dyn View,
    ) -> Result<orz_gitops::Repo, CommandError> {
        let place = self.gitops_place()?;
        self.detail(view, || format!("GitOps repository {}", place.shown()));
        let url = match place {
            Place::Folder(path) => {
                let repo = orz_gitops::Repo::open(&path)?.signing(Signing::AsUser);
                self.refuse_source(&repo, &path)?;
                return Ok(repo.telling(|lock| {
                    crate::view::write_stderr(&format!(
                        "removed the lock `{}`: the process that held it is gone\n",
                        lock.display()
                    ));
                }));
            }
            Place::Remote(url) => url,
        };
        view.progress(Some(&format!("fetching {url}")));
        let opened = orz_gitops::Repo::open_remote(&url, &self.remote_options()?);
        view.progress(None);
        let repo = opened
            .map_err(|error| self.gone(&url, error))?
            .signing(Signing::AsUser)
            .saying(|note| crate::view::write_stderr(&format!("{note}\n")));
        if self.global.offline {
            let age = repo.fetched_at().and_then(|at| at.elapsed().ok());
            let age = age.map_or_else(|| "unknown".to_owned(), ago);
            view.note(&format!("offline: `{url}` as it was {age}"));
        }
        Ok(repo)
    }

    /// A remote of which there is a copy here was there: it has gone away, and `--offline` does without.
    fn gone(&self, url: &orz_gitops::RemoteUrl, error: orz_gitops::Error) -> orz_gitops::Error {
        let orz_gitops::Error::NoRemoteRepository { remote, message } = error else {
            return error;
        };
        let offline = self.remote_options().map(|options| RemoteOptions {
            offline: true,
            ..options
        });
        let copy = offline.is_ok_and(|options| {
            orz_gitops::Repo::open_remote(url, &options)
                .and_then(|repo| repo.view())
                .is_ok()
        });
        if copy {
            let message = format!(
                "it was there before, and now there is no Git repository, or it is hidden: {message}"
            );
            orz_gitops::Error::Unreachable { remote, message }
        } else {
            orz_gitops::Error::NoRemoteRepository { remote, message }
        }
    }

    /// Refuses the source repository in the place of the GitOps repository.
    fn refuse_source(&self, repo: &orz_gitops::Repo, path: &Path) -> Result<(), CommandError> {
        let source = self.root.clone().map_or_else(current_folder, Ok)?;
        if !is_same_repository(path, &source) {
            return Ok(());
        }
        match repo.view() {
            Err(orz_gitops::Error::NotInitialised { .. }) => Err(CommandError::usage(format!(
                "`{}` is the source repository, not the GitOps repository",
                crate::place::shown(path)
            ))
            .help("name the GitOps repository with `--gitops`; `orzc init` makes one beside the source")),
            _ => Ok(()),
        }
    }

    /// The GitOps repository, for a change that may go to a branch for review.
    pub(crate) fn gitops_for(
        &self,
        branch: Option<&str>,
        view: &mut dyn View,
    ) -> Result<orz_gitops::Repo, CommandError> {
        let mut repo = self.gitops(view)?;
        if let Some(branch) = branch {
            repo.to_branch(branch)?;
        }
        Ok(repo)
    }

    /// Where tenants are reconciled to: the flag, else `target` of `orz.toml`.
    pub(crate) fn target(&self, flag: Option<&Target>) -> Result<Option<Target>, CommandError> {
        match (flag, &self.config.target) {
            (Some(target), _) => Ok(Some(target.clone())),
            (None, Some(text)) => match text.parse() {
                Ok(target) => Ok(Some(target)),
                Err(error) => Err(CommandError::input(format!(
                    "`target` of `{}`: {error}",
                    config::FILE
                ))),
            },
            (None, None) => Ok(None),
        }
    }

    /// Whether `--verbose` asks for everything.
    pub(crate) fn is_verbose(&self) -> bool {
        self.global.verbose
    }

    /// Says `line` where `--verbose` asks for it.
    pub(crate) fn detail(&self, view: &mut dyn View, line: impl FnOnce() -> String) {
        if self.global.verbose {
            view.note(&line());
        }
    }

    /// Who asks for a change: the flag or `ORZ_ACTOR`, else what Git knows about the user.
    pub(crate) fn asked(&self, who: &Who, reason: Option<&str>) -> Result<Asked, CommandError> {
        let actor = match who
            .actor
            .as_deref()
            .map(str::trim)
            .filter(|actor| !actor.is_empty())
        {
            Some(actor) => actor.to_owned(),
            None => self.git_user()?,
        };
        Ok(Asked {
            actor,
            reason: reason.map(str::to_owned),
            request_id: who.request_id.clone(),
            now: self.clock.now(),
        })
    }

    fn git_user(&self) -> Result<String, CommandError> {
        let folder = self
            .root
            .clone()
            .filter(|root| root.is_dir())
            .map_or_else(current_folder, Ok)?;
        let get =
            |key: &str| Ok::<_, CommandError>(git(&folder, &["config", "--get", key])?.line());
        match (get("user.name")?, get("user.email")?) {
            (Some(name), Some(email)) => Ok(format!("{name} <{email}>")),
            (Some(name), None) => Ok(name),
            (None, Some(email)) => Ok(email),
            (None, None) => Err(CommandError::usage("nobody says who asks for this").help(
                "pass `--actor NAME`, set `ORZ_ACTOR`, or set `git config --global user.name`",
            )),
        }
    }
}

/// How often a remote is fetched while somebody watches.
const WATCHED: Duration = Duration::from_secs(3);

/// Brings what a remote has, for as long as the value lives: for a command that watches.
pub(crate) fn follow_remote(
    repo: &orz_gitops::Repo,
) -> Result<Option<orz_gitops::Fetching>, CommandError> {
    if repo.remote().is_none() || repo.is_offline() {
        return Ok(None);
    }
    // Who watches sees that nothing changes, and what is written says why.
    Ok(Some(repo.keep_fetching(WATCHED, |_| {})?))
}

/// `5 minutes ago`, in the largest unit of which there is at least one.
fn ago(age: Duration) -> String {
    let minutes = age.as_secs() / 60;
    let (number, unit) = match minutes {
        0 => return "less than a minute ago".to_owned(),
        1..60 => (minutes, "minute"),
        60..1440 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    format!("{} ago", count(number, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        for (seconds, expected) in [
            (59, "less than a minute ago"),
            (60, "1 minute ago"),
            (7_199, "1 hour ago"),
            (200_000, "2 days ago"),
        ] {
            assert_eq!(ago(Duration::from_secs(seconds)), expected);
        }
    }
}
