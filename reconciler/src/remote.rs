//! The GitOps repository of the program: a folder, or a remote that is fetched beside the loop.

use std::path::Path;
use std::time::Duration;

use orz_gitops::{Error, FetchEvent, Fetching, RemoteOptions, RemoteUrl, Repo};
use orz_reconciler::follow::{About, Level, Log};

/// How often the branches on this machine are looked at although nothing told of a change, as on a file system of
/// another machine.
const LOOK: Duration = Duration::from_secs(1);
/// How often a remote is fetched.
const FETCH: Duration = Duration::from_secs(5);
/// How long a remote may be silent: the loop waits for its pushes.
const STALL: Duration = Duration::from_secs(30);

/// What the loop reads.
pub(crate) struct Source {
    /// The repository.
    pub(crate) repo: Repo,
    /// How often the loop looks at it.
    pub(crate) poll: Duration,
    /// Brings what a remote has, while it lives.
    pub(crate) fetching: Option<Fetching>,
}

/// Opens the repository for one pass.
pub(crate) fn open(named: &Path) -> Result<Repo, Error> {
    match address(named)? {
        Some(url) => Repo::open_remote(&url, &options()?),
        None => Repo::open(named),
    }
}

/// Opens the repository to follow it. `poll` is how often a folder is looked at, or a remote is fetched.
///
/// A remote that cannot be reached is no reason not to begin, when something was fetched of it before.
pub(crate) fn follow(named: &Path, poll: Option<Duration>, log: Log) -> Result<Source, Error> {
    let Some(url) = address(named)? else {
        return Ok(Source {
            repo: Repo::open(named)?,
            poll: poll.unwrap_or(LOOK),
            fetching: None,
        });
    };
    let options = options()?;
    let repo = match Repo::open_remote(&url, &options) {
        Ok(repo) => repo,
        Err(error) => match Repo::open_fetched(&url, &options).and_then(|repo| {
            repo.view()?;
            Ok(repo)
        }) {
            Ok(repo) => {
                let said = format!("{error}; goes on with what was fetched before");
                log.line(Level::Error, About::default(), &said);
                repo
            }
            Err(_) => return Err(error),
        },
    };
    let repo = repo.saying(move |note| log.line(Level::Alert, About::default(), note));
    let every = poll.unwrap_or(FETCH);
    let fetching = repo.keep_fetching(every, move |event| say(log, &event))?;
    Ok(Source {
        repo,
        poll: LOOK.min(every),
        fetching: Some(fetching),
    })
}

fn say(log: Log, event: &FetchEvent) {
    let (level, said) = match event {
        FetchEvent::Down { message } => (
            Level::Error,
            format!("{message}; goes on with what was fetched before"),
        ),
        FetchEvent::Back => (Level::Info, "the remote answers again".to_owned()),
        FetchEvent::Note(note) => (Level::Alert, note.clone()),
    };
    log.line(level, About::default(), &said);
}

fn address(named: &Path) -> Result<Option<RemoteUrl>, Error> {
    match named.to_str() {
        Some(text) if RemoteUrl::names_remote(text) => RemoteUrl::parse(text).map(Some),
        _ => Ok(None),
    }
}

fn options() -> Result<RemoteOptions, Error> {
    Ok(RemoteOptions {
        stall: STALL,
        ..RemoteOptions::of_user()?
    })
}
