//! A GitOps repository on a remote, worked on through a bare cache of it on this machine.
//!
//! - `cache`: the folder, its lock, and making it anew when it is broken.
//! - `fetch`: what the remote has, and the mirror of its branches that everything is read from.
//! - `push`: moving the remote's branches, by compare-and-swap there; the mirror follows.
//! - `pending`: commits made without the remote, and their way to it; `again` makes them upon what stands there.
//! - `follow`: fetching again and again, beside whoever reads.
//!
//! The mirror never runs ahead of the remote: a write composes its commits in the cache's objects and moves no branch
//! of it before the remote's have moved. So a write that fails leaves nothing behind, and one whose end is unknown is
//! told by looking.

mod again;
mod cache;
mod child;
mod fetch;
mod follow;
mod pending;
mod push;
mod said;
mod url;

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

pub use follow::{FetchEvent, Fetching};
pub use pending::PendingCommit;
pub use url::RemoteUrl;

pub(crate) use child::POINTERS;

use crate::commit::Ident;
use crate::error::{Error, Result};
use crate::refs::{Advance, Move};
use crate::{Repo, Request, Signing};
use cache::{Cache, Turn};

/// How a remote is reached.
#[derive(Clone, Debug)]
pub struct RemoteOptions {
    /// The folder of all caches. Nothing in it is needed again, but commits that were made offline.
    pub cache: PathBuf,
    /// Reads what was fetched last, and writes what is sent later.
    pub offline: bool,
    /// Whether Git may ask for a password at the terminal.
    pub prompt: bool,
    /// How long the remote may be silent, where nobody is asked.
    pub stall: Duration,
}

/// Longer than a hook of a busy host, shorter than the patience of whoever waits.
const STALL: Duration = Duration::from_mins(2);
/// So long, what was fetched is written upon without another look: whoever was faster is found out by the push.
const FRESH: Duration = Duration::from_secs(5);

impl RemoteOptions {
    /// As the user's environment has it: below `$XDG_CACHE_HOME`, or `~/.cache`.
    pub fn of_user() -> Result<Self> {
        let folder = |variable: &str| {
            std::env::var_os(variable)
                .map(PathBuf::from)
                .filter(|folder| folder.is_absolute())
        };
        let caches = folder("XDG_CACHE_HOME")
            .or_else(|| folder("HOME").map(|home| home.join(".cache")))
            .ok_or(Error::NoCacheFolder)?;
        Ok(Self {
            cache: caches.join("orz").join("gitops"),
            offline: false,
            prompt: false,
            stall: STALL,
        })
    }
}

/// A remote and its cache.
pub(crate) struct Remote {
    pub(crate) url: RemoteUrl,
    options: RemoteOptions,
    cache: Cache,
    notes: RefCell<Vec<String>>,
    /// Who is told of notes at once.
    say: RefCell<Option<Say>>,
    fetched: Cell<Option<Instant>>,
    /// What the remote said when it refused last for a reason that passes.
    busy: RefCell<Option<String>>,
    shared: Arc<Shared>,
}

type Say = Box<dyn Fn(&str) + Send>;

/// What the one who fetches again and again tells those who write.
#[derive(Debug, Default)]
struct Shared {
    /// Somebody keeps the mirror up to date.
    kept: std::sync::atomic::AtomicBool,
    /// Why the remote cannot be reached, while it cannot.
    down: Mutex<Option<String>>,
}

impl Repo {
    /// Opens the repository on a remote: fetches it into its cache, or with [`RemoteOptions::offline`] takes the
    /// cache as it is. From then on it is used like one on this machine.
    pub fn open_remote(url: &RemoteUrl, options: &RemoteOptions) -> Result<Self> {
        let remote = Remote::new(url, options);
        if options.offline {
            if !remote.cache.exists() {
                return Err(Error::NeverFetched {
                    remote: url.to_string(),
                });
            }
        } else {
            remote.fetch()?;
        }
        let opened = Self::of_cache(remote)?;
        match opened.view() {
            Err(cause) if !options.offline && cache::is_doubtful(&cause) => {
                opened.the_remote()?.renew(cause)?;
                Self::of_cache(opened.remote.ok_or(Error::NoCacheFolder)?)
            }
            Err(cause) => Err(cause),
            Ok(_) => Ok(opened),
        }
    }

    /// Opens what was fetched of a remote last, to go on with it while the remote cannot be reached. Unlike with
    /// [`RemoteOptions::offline`], what is written goes to the remote, or is not written.
    pub fn open_fetched(url: &RemoteUrl, options: &RemoteOptions) -> Result<Self> {
        let remote = Remote::new(url, options);
        if !remote.cache.exists() {
            return Err(Error::NeverFetched {
                remote: url.to_string(),
            });
        }
        Self::of_cache(remote)
    }

    /// Makes the two branches on a remote, where a host has made an empty repository; adds the one that is missing.
    pub fn init_remote(
        url: &RemoteUrl,
        options: &RemoteOptions,
        request: &Request,
    ) -> Result<Self> {
        Self::init_remote_with(url, options, request, Signing::Nobody)
    }

    /// [`Repo::init_remote`], with commits signed from the first one on.
    pub fn init_remote_with(
        url: &RemoteUrl,
        options: &RemoteOptions,
        request: &Request,
        signing: Signing,
    ) -> Result<Self> {
        let remote = Remote::new(url, options);
        if options.offline {
            return Err(Error::NeedsRemote { what: "`init`" });
        }
        remote.fetch_standing()?;
        let repo = Self::of_cache(remote)?.signing(signing);
        repo.add_branches(request)?;
        Ok(repo)
    }

    fn of_cache(remote: Remote) -> Result<Self> {
        let mut repo = remote.cache.open()?;
        // Whatever is said about it names what the user named.
        repo.path = PathBuf::from(remote.url.to_string());
        repo.remote = Some(remote);
        Ok(repo)
    }

    fn the_remote(&self) -> Result<&Remote> {
        self.remote.as_ref().ok_or(Error::NoRemote)
    }

    /// Whether the remote is left alone: what is written waits for [`Repo::sync`].
    pub fn is_offline(&self) -> bool {
        let remote = self.remote.as_ref();
        remote.is_some_and(|remote| remote.options.offline)
    }

    /// The remote that it is on, if it is on one.
    pub fn remote(&self) -> Option<&RemoteUrl> {
        self.remote.as_ref().map(|remote| &remote.url)
    }

    /// When the remote was last looked at.
    pub fn fetched_at(&self) -> Option<SystemTime> {
        self.remote.as_ref()?.cache.fetched_at()
    }

    /// What a person should know about the remote and was not an error: its branch was replaced, the cache was
    /// broken. Each is given once.
    pub fn take_notes(&self) -> Vec<String> {
        match &self.remote {
            Some(remote) => remote.notes.take(),
            None => Vec::new(),
        }
    }

    /// Tells somebody of each such note, those that wait first, from now on; none is left for [`Repo::take_notes`].
    #[must_use]
    pub fn saying(self, say: impl Fn(&str) + Send + 'static) -> Self {
        for note in self.take_notes() {
            say(&note);
        }
        if let Some(remote) = &self.remote {
            remote.say.replace(Some(Box::new(say)));
        }
        self
    }

    /// Called before the first look of a write: what stands on the remote, with what waits sent ahead.
    pub(crate) fn begin_write(&self) -> Result<()> {
        match &self.remote {
            Some(remote) => remote.begin(self),
            None => Ok(()),
        }
    }

    /// Writers who share a cache take turns, instead of losing to each other at the remote.
    pub(crate) fn turn(&self) -> Result<Option<Turn<'_>>> {
        self.remote
            .as_ref()
            .map(|remote| remote.cache.turn())
            .transpose()
    }

    /// After so many attempts, for so long.
    pub(crate) fn contended(&self, attempts: u32) -> Error {
        let busy = self.remote.as_ref().and_then(|remote| remote.busy.take());
        match (busy, &self.remote) {
            (Some(message), Some(remote)) => Error::RemoteFailed {
                remote: remote.url.to_string(),
                message,
            },
            _ => Error::Contended { attempts },
        }
    }
}

impl Remote {
    fn new(url: &RemoteUrl, options: &RemoteOptions) -> Self {
        Self {
            url: url.clone(),
            options: options.clone(),
            cache: Cache::new(&options.cache, url),
            notes: RefCell::default(),
            say: RefCell::default(),
            fetched: Cell::new(None),
            busy: RefCell::default(),
            shared: Arc::default(),
        }
    }

    /// Moves the remote's branches, or without it those of the commits that wait.
    pub(crate) fn advance(&self, moves: &[Move], ident: &Ident) -> Result<Advance> {
        if self.options.offline {
            self.keep_pending(moves, ident)
        } else {
            self.push(moves)
        }
    }

    fn begin(&self, repo: &Repo) -> Result<()> {
        if self.options.offline {
            return Ok(());
        }
        if let Some(message) = self.down() {
            return Err(Error::Unreachable {
                remote: self.url.to_string(),
                message,
            });
        }
        let kept = self.shared.kept.load(std::sync::atomic::Ordering::Relaxed);
        if !kept && !self.is_fresh() {
            self.fetch()?;
        }
        for sent in self.replay(repo)? {
            self.note(format!("sent what waited: `{}`", sent.subject));
        }
        Ok(())
    }

    fn is_fresh(&self) -> bool {
        self.fetched.get().is_some_and(|at| at.elapsed() < FRESH)
    }

    fn down(&self) -> Option<String> {
        let down = self.shared.down.lock();
        down.unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// A command to Git about the remote, on the Git folder `dir`.
    fn exchange(&self, dir: &Path, subcommand: &str) -> child::Exchange<'_> {
        let RemoteOptions { prompt, stall, .. } = self.options;
        child::Exchange::new(dir, &self.url, subcommand, prompt, stall)
    }

    fn note(&self, line: String) {
        match &*self.say.borrow() {
            Some(say) => say(&line),
            None => self.notes.borrow_mut().push(line),
        }
    }
}
