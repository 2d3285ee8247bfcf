//! What wakes the watch: saves, and the end.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use orz_reconciler::notice::{Notice, Notices, Place, Watch};

use crate::error::CommandError;
use crate::source::{Hint, is_compiled};

/// So long nothing must be written before what was written is read: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(100);
/// After so long it is read although somebody still writes.
const QUIET_MAX: Duration = Duration::from_secs(2);
/// How long a `git` that changes the work tree is waited for. A lock that is older was left behind.
const GIT_MAX: Duration = Duration::from_secs(10);
/// How often the source is looked at where the operating system does not tell of changes.
const LOOK: Duration = Duration::from_secs(1);
/// What was told is looked at once more after so long: whatever was written into a folder that was new may have been
/// written before it was listened to.
const AGAIN: Duration = Duration::from_secs(1);

/// Why the watch woke.
pub(super) enum Woken {
    /// Files may be different.
    Saved(Hint),
    /// Changes are looked for from now on, at most so late; why.
    Looking(String, Duration),
    /// The time is up.
    Late,
    /// Somebody ends it.
    Ended,
}

enum Message {
    Notice(Notice),
    End,
}

/// The messages of a watched source.
pub(super) struct Inbox {
    messages: Receiver<Message>,
    roots: Vec<PathBuf>,
    lock: Option<PathBuf>,
    again: Option<(Instant, Hint)>,
    _notices: Notices,
}

impl Inbox {
    /// Listens to the source at `root`, from the root of the file system, and to Ctrl-C.
    pub(super) fn open(root: &Path, only_look: bool) -> Result<Self, CommandError> {
        let (sender, messages) = channel();
        end_on_signals(sender.clone())?;
        // Some systems tell of a path as it is without links.
        let roots = vec![
            root.to_owned(),
            root.canonicalize().unwrap_or_else(|_| root.to_owned()),
        ];
        let place = |name| Place {
            path: root.join(name),
            below: true,
        };
        let of_watch = roots.clone();
        let watch = Watch {
            places: ["platform", "tenants"].map(place).into(),
            relevant: Box::new(move |path| within(&of_watch, path).is_some_and(is_compiled)),
            look: LOOK,
            only_look,
        };
        let notices = Notices::start(watch, move |notice| {
            // The watch has ended.
            drop(sender.send(Message::Notice(notice)));
        });
        Ok(Self {
            messages,
            lock: index_lock(root),
            roots,
            again: None,
            _notices: notices,
        })
    }

    /// Waits until something happened and is over, at most for so long.
    pub(super) fn wait(&mut self, patience: Option<Duration>) -> Woken {
        let again = self
            .again
            .as_ref()
            .map(|(at, _)| at.saturating_duration_since(Instant::now()));
        let wait = match (patience, again) {
            (Some(patience), Some(again)) => patience.min(again),
            (patience, again) => patience.or(again).unwrap_or(Duration::from_hours(1)),
        };
        let mut hint = match self.messages.recv_timeout(wait) {
            Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return Woken::Ended,
            Ok(Message::Notice(notice)) => match self.hint(notice) {
                Ok(hint) => hint,
                Err((why, every)) => return Woken::Looking(why, every),
            },
            Err(RecvTimeoutError::Timeout) => {
                let now = Instant::now();
                return match self.again.take_if(|(at, _)| *at <= now) {
                    Some((_, hint)) => Woken::Saved(hint),
                    None => Woken::Late,
                };
            }
        };
        let began = Instant::now();
        loop {
            match self.messages.recv_timeout(QUIET) {
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return Woken::Ended,
                Ok(Message::Notice(notice)) => match self.hint(notice) {
                    Ok(more) => hint = hint.and(more),
                    // It is told again by what is looked at.
                    Err((why, every)) => {
                        self.again = Some((Instant::now(), Hint::All));
                        return Woken::Looking(why, every);
                    }
                },
                Err(RecvTimeoutError::Timeout) if !self.is_git_busy(began) => break,
                Err(RecvTimeoutError::Timeout) => continue,
            }
            if began.elapsed() > QUIET_MAX && !self.is_git_busy(began) {
                break;
            }
        }
        let more = self.again.take().map(|(_, hint)| hint).unwrap_or_default();
        hint = hint.and(more);
        self.again = Some((Instant::now() + AGAIN, hint.clone()));
        Woken::Saved(hint)
    }

    fn hint(&self, notice: Notice) -> Result<Hint, (String, Duration)> {
        match notice {
            Notice::Anything => Ok(Hint::All),
            Notice::Looking { why, every } => Err((why, every)),
            Notice::Changed(paths) => {
                let of = |path: &PathBuf| within(&self.roots, path).map_or(Hint::All, Hint::of);
                Ok(paths.iter().map(of).fold(Hint::Nothing, Hint::and))
            }
        }
    }

    /// Whether `git` is in the middle of changing the work tree.
    fn is_git_busy(&self, since: Instant) -> bool {
        since.elapsed() < GIT_MAX && self.lock.as_ref().is_some_and(|lock| lock.exists())
    }
}

/// The path relative to the root that it lies below.
fn within<'p>(roots: &[PathBuf], path: &'p Path) -> Option<&'p Path> {
    roots.iter().find_map(|root| path.strip_prefix(root).ok())
}

/// The file that stands as long as `git` changes the work tree that `root` lies in.
fn index_lock(root: &Path) -> Option<PathBuf> {
    let (tree, git) = root
        .ancestors()
        .map(|folder| (folder, folder.join(".git")))
        .find(|(_, git)| git.exists())?;
    if git.is_dir() {
        return Some(git.join("index.lock"));
    }
    let text = std::fs::read_to_string(git).ok()?;
    Some(
        tree.join(text.strip_prefix("gitdir:")?.trim())
            .join("index.lock"),
    )
}

/// The first Ctrl-C ends the watch after what it does, the second one at once.
fn end_on_signals(sender: Sender<Message>) -> Result<(), CommandError> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error| CommandError::internal(format!("cannot listen to Ctrl-C: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (
            signal(SignalKind::interrupt()).map_err(failed)?,
            signal(SignalKind::terminate()).map_err(failed)?,
        )
    };
    thread::spawn(move || {
        let mut next = || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            });
        };
        next();
        // The watch has ended by itself.
        drop(sender.send(Message::End));
        next();
        #[expect(
            clippy::exit,
            reason = "somebody asks for the second time, and the first answer takes too long"
        )]
        std::process::exit(130);
    });
    Ok(())
}
