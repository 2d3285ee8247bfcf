//! Opening and making a GitOps repository.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gix::ObjectId;
use gix::odb::store::init::Slots;
use orz_core::format::{Action, Trailers};
use orz_core::paths;

use crate::commit::{self, Ident};
use crate::error::{Error, Result};
use crate::git::Git;
use crate::objects::{Objects, Staging};
use crate::refs::{self, Move};
use crate::remote::Remote;
use crate::signing::Signer;
use crate::trust::TrustedPublishers;
use crate::{Belief, Request, Signing, View, pack, trees};

/// A GitOps repository on this machine, bare or with a work tree.
///
/// It holds no state of the branches: every operation reads the heads anew.
pub struct Repo {
    /// What it is called in messages: the folder, or the address of the remote.
    pub(crate) path: PathBuf,
    pub(crate) gix: gix::Repository,
    /// The remote that it is the cache of, if it is one: then its branches are what the remote has.
    pub(crate) remote: Option<Remote>,
    /// The branch that gets what would go to `main`.
    pub(crate) review: Option<String>,
    /// What must be so for anything to be written.
    pub(crate) beliefs: Vec<Belief>,
    /// Whether an operation begins anew when somebody else moved the same pointer first.
    pub(crate) repeats: bool,
    /// Who signs what is written.
    pub(crate) signer: Signer,
    /// Whose commits pointers and index entries must be of, where that is demanded.
    pub(crate) trusted: Option<Arc<TrustedPublishers>>,
    /// Called between writing the objects and moving the branches, so that a test can move them first.
    #[cfg(test)]
    pub(crate) before_refs: Option<Box<dyn Fn(u32)>>,
    /// Is told of every lock of Git that was removed.
    pub(crate) tell: Option<Tell>,
    /// How many lost races end an operation.
    pub(crate) attempts: u32,
    /// How many packs may lie beside each other before they are folded.
    pub(crate) packs_max: usize,
    /// How many releases one index commit may carry as parents.
    pub(crate) parents_max: usize,
}

type Tell = Box<dyn Fn(&Path) + Send>;

impl std::fmt::Debug for Repo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repo")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// How many packs may come while a repository is open, of which the library keeps a fixed number of places. Each publish
/// is a pack until the next fold; a crowd of publishers makes far more than the few dozen that are usual.
const ROOM_FOR_PACKS: Slots = Slots::AsNeededByDiskState {
    multiplier: 2.0,
    minimum: 4096,
};
/// After so many lost races something other than bad luck is at work.
const ATTEMPTS: u32 = 200;
/// As many as `git gc --auto` leaves beside each other.
const PACKS_MAX: usize = 50;
/// More parents than this make tools slow that expect a merge of two.
const PARENTS_MAX: usize = 500;

impl Repo {
    /// Opens the repository at `path`: a bare repository, a work tree, or its `.git`.
    ///
    /// References in the reftable format and SHA-256 object names are refused by name, because a reader
    /// that does not know them takes such a repository for an empty one.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        refuse_unknown_formats(path)?;
        let gix = open_at(path)?;
        refuse_foreign(path, gix.git_dir())?;
        Ok(Self {
            path: path.to_owned(),
            gix,
            remote: None,
            review: None,
            beliefs: Vec::new(),
            repeats: false,
            signer: Signer::default(),
            trusted: None,
            #[cfg(test)]
            before_refs: None,
            tell: None,
            attempts: ATTEMPTS,
            packs_max: PACKS_MAX,
            parents_max: PARENTS_MAX,
        })
    }

    /// Makes a bare repository at `path`, a new or empty folder, with its two branches.
    ///
    /// In an existing Git repository it adds the branches that are missing; where both stand, it only opens.
    pub fn init(path: impl AsRef<Path>, request: &Request) -> Result<Self> {
        Self::init_with(path, request, Signing::Nobody)
    }

    /// [`Repo::init`], with commits signed from the first one on.
    pub fn init_with(path: impl AsRef<Path>, request: &Request, signing: Signing) -> Result<Self> {
        let path = path.as_ref();
        // Nothing is made for a request that cannot be recorded.
        Ident::of(request)?;
        if !is_repository(path) {
            Signer::new(signing).is_there(path)?;
            if path.exists() {
                let mut entries = std::fs::read_dir(path).map_err(Error::io(path))?;
                if entries.next().is_some() {
                    return Err(Error::NotEmpty {
                        path: path.to_owned(),
                    });
                }
            }
            // The formats are named, so that no setting of the user chooses others.
            Git::new("init")
                .arg("--quiet")
                .arg("--bare")
                .arg("--template=")
                .arg("--object-format=sha1")
                .arg("--initial-branch=main")
                .arg(path)
                .output()?;
        }
        let repo = Self::open(path)?.signing(signing);
        repo.add_branches(request)?;
        Ok(repo)
    }

    /// Makes the branches that are missing.
    pub(crate) fn add_branches(&self, request: &Request) -> Result<()> {
        let ident = Ident::of(request)?;
        let trailers = Trailers::new(
            Action::Init,
            request.reason,
            request.actor,
            request.request_id,
        )?;
        let mut staging = Staging::default();
        let mut moves = Vec::new();
        for (name, subject) in [
            (paths::RELEASES, "init: the index of releases"),
            (paths::MAIN, "init: the pointers"),
        ] {
            if refs::read(&self.gix, name)?.is_none() {
                // An empty branch in its place would make nonsense of the one that stands.
                if let Some(lost) = self.lost(short(name)) {
                    return Err(lost);
                }
                let tree = staging.put(gix::objs::Kind::Tree, Vec::new());
                let bytes = commit::bytes(tree, &[], &ident, &trailers.message(subject));
                let new = staging.put(gix::objs::Kind::Commit, self.signed(bytes)?);
                moves.push(Move {
                    name: name.into(),
                    old: None,
                    new,
                });
            }
        }
        if moves.is_empty() {
            return Ok(());
        }
        let mut packs = pack::Kept::new(&self.objects_dir());
        packs.write(&staging.take())?;
        match refs::advance(self, &moves, &ident)? {
            refs::Advance::Done => {}
            refs::Advance::Raced => return Err(Error::Contended { attempts: 1 }),
        }
        packs.release();
        crate::worktree::follow(self, &moves)
    }

    /// Tells somebody of every lock file of Git that is removed because the process that held it is gone.
    #[must_use]
    pub fn telling(mut self, tell: impl Fn(&Path) + Send + 'static) -> Self {
        self.tell = Some(Box::new(tell));
        self
    }

    /// The folder it was opened at; of a remote, its address as it may be shown.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Both branches as they stand now; everything read through it agrees.
    pub fn view(&self) -> Result<View> {
        // `main` first: a publish moves `releases` before it, so the index read afterwards
        // knows every release that a pointer read here names.
        let main = self.head(paths::MAIN, "main")?;
        let releases = self.head(paths::RELEASES, "releases")?;
        let view = View::new(Objects::new(reopen(&self.gix)?), main, releases)?;
        Ok(view.demanding(self.trusted.clone()))
    }

    /// The folder that holds everything which several work trees share.
    pub(crate) fn common_dir(&self) -> &Path {
        self.gix.common_dir()
    }

    pub(crate) fn objects_dir(&self) -> PathBuf {
        self.common_dir().join("objects")
    }

    /// Where one of the two branches stands, by its full and its short name.
    pub(crate) fn head(&self, name: &'static str, branch: &'static str) -> Result<ObjectId> {
        self.tip(name)?.ok_or_else(|| {
            self.lost(branch).unwrap_or_else(|| Error::NotInitialised {
                path: self.path.clone(),
                branch,
            })
        })
    }

    /// The error that this missing branch was there once, if the other one says so.
    pub(crate) fn lost(&self, branch: &str) -> Option<Error> {
        let (branch, other, name, folder) = match branch {
            "main" => ("main", "releases", paths::RELEASES, "tenants"),
            _ => ("releases", "main", paths::MAIN, paths::POINTERS),
        };
        let objects = Objects::new(reopen(&self.gix).ok()?);
        let head = objects.commit(self.tip(name).ok()??).ok()?;
        trees::lookup(&objects, head.tree, folder).ok()??;
        Some(Error::BranchLost {
            path: self.path.clone(),
            branch,
            other,
        })
    }
}

fn short(name: &str) -> &str {
    name.trim_start_matches("refs/heads/")
}

/// The same repository with nothing cached.
pub(crate) fn reopen(repo: &gix::Repository) -> Result<gix::Repository> {
    open_at(repo.git_dir())
}

fn open_at(path: &Path) -> Result<gix::Repository> {
    // Neither the environment nor a person's settings may change what is read.
    let options = gix::open::Options::isolated().object_store_slots(ROOM_FOR_PACKS);
    let mut repo = gix::open_opts(path, options).map_err(|e| Error::Open {
        path: path.to_owned(),
        message: e.to_string(),
    })?;
    // A replacement would show other bytes under the name of a release.
    repo.objects.ignore_replacements = true;
    Ok(repo)
}

/// The settings and hooks of a repository name programs, which run as whoever works on it. One of somebody else is
/// refused by Git's own rule, which knows `safe.directory`; `--git-dir` would pass over it.
fn refuse_foreign(path: &Path, git_dir: &Path) -> Result<()> {
    use gix::sec::Trust;
    if Trust::from_path_ownership(git_dir).map_err(Error::io(git_dir))? == Trust::Full {
        return Ok(());
    }
    Git::inside(path, "rev-parse").arg("--git-dir").output()?;
    Ok(())
}

fn is_repository(path: &Path) -> bool {
    git_dir(path).is_some()
}

/// The Git folder of `path`, if it looks like a repository.
fn git_dir(path: &Path) -> Option<PathBuf> {
    let dot_git = path.join(".git");
    let found = if dot_git.is_file() {
        let text = std::fs::read_to_string(&dot_git).ok()?;
        path.join(text.strip_prefix("gitdir:")?.trim())
    } else if dot_git.is_dir() {
        dot_git
    } else {
        path.to_owned()
    };
    found.join("HEAD").exists().then_some(found)
}

fn refuse_unknown_formats(path: &Path) -> Result<()> {
    let Some(git_dir) = git_dir(path) else {
        return Err(Error::NotARepository {
            path: path.to_owned(),
        });
    };
    let common = std::fs::read_to_string(git_dir.join("commondir"))
        .map_or_else(|_| git_dir.clone(), |common| git_dir.join(common.trim()));
    if !common.join("objects").is_dir() {
        return Err(Error::NotARepository {
            path: path.to_owned(),
        });
    }
    let unsupported = |format| {
        Err(Error::UnsupportedFormat {
            path: path.to_owned(),
            format,
        })
    };
    if common.join("reftable").is_dir() {
        return unsupported("keeps its references in the `reftable` format");
    }
    let config = common.join("config");
    if !config.is_file() {
        return Ok(());
    }
    let config =
        gix::config::File::from_path_no_includes(config.clone(), gix::config::Source::Local)
            .map_err(|e| Error::Open {
                path: config,
                message: e.to_string(),
            })?;
    let value = |key: &str| {
        config
            .string(key)
            .map(|v| v.to_string().to_ascii_lowercase())
    };
    if value("extensions.refStorage").is_some_and(|v| v != "files") {
        return unsupported("keeps its references in the `reftable` format");
    }
    if value("extensions.objectFormat").is_some_and(|v| v != "sha1") {
        return unsupported("names its objects by SHA-256");
    }
    Ok(())
}
