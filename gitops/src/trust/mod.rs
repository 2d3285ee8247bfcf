//! Whose commits are believed: the file of trusted publishers, and what a repository holds that none of them signed.
//!
//! - `signers`: the file, as `ssh-keygen` and Git take it.
//! - `sshsig`, `wire`: signatures of SSH, checked in this process.
//! - `history`: the commits of a branch, the releases that the index keeps reachable left out.
//! - `standing`: which files of a branch a commit brought that nobody trusted signed.
//!
//! Only signatures of SSH are checked. OpenPGP would need a keyring beside the file, and a program for each commit.

mod history;
mod signers;
mod sshsig;
mod standing;
mod wire;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use gix::ObjectId;
use gix::objs::Kind;
use orz_core::id::CommitId;

use crate::check::{PointerInvalid, reason};
use crate::error::{Error, Result};
use crate::objects::{self, Objects};
use crate::signing::header;
use crate::view::{View, commit_id, object_id};
use crate::{Repo, time};
pub(crate) use history::Branch;
use history::History;
pub use signers::SkippedLine;
use signers::{Signers, Unfit};
use sshsig::{SshSignature, fingerprint};
use standing::{Standing, Walked};

/// Whoever may write, and from where on that is demanded.
pub struct TrustedPublishers {
    signers: Signers,
    /// These commits and all before them are taken as they are.
    since: BTreeSet<ObjectId>,
    /// Each commit is checked once; what its id says about it never changes.
    verdicts: Mutex<BTreeMap<ObjectId, Option<Distrust>>>,
    walked: Mutex<BTreeMap<Branch, Walked>>,
}

/// Why a commit is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distrust {
    /// `unsigned`, `unsupported-signature`, `unknown-key`, `bad-signature`, `expired`, `not-yet-valid` or
    /// `not-for-git`: for other programs.
    pub reason: &'static str,
    /// The same in words.
    pub detail: String,
    /// The fingerprint of the key that the signature claims to be of, where there is one.
    pub key: Option<String>,
}

/// A commit that is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntrustedCommit {
    /// `main` or `releases`.
    pub branch: &'static str,
    /// The commit.
    pub commit: CommitId,
    /// Why.
    pub distrust: Distrust,
    /// `Name <email>`, as the commit says.
    pub author: String,
    /// When it was committed, as it says, RFC 3339 in UTC.
    pub time: String,
    /// The first line of its message.
    pub subject: String,
}

impl fmt::Debug for TrustedPublishers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedPublishers")
            .field("signers", &self.signers.shown())
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}

impl TrustedPublishers {
    /// Reads the file of keys, in the format `allowed_signers` of `ssh-keygen`. The commits `since` and all before
    /// them need no signature; without any, each commit from the first one on does.
    pub fn read(file: &Path, since: &[CommitId]) -> Result<Self> {
        let wrong = |line, message| Error::TrustedPublishers {
            path: file.to_owned(),
            line,
            message,
        };
        let text = std::fs::read_to_string(file).map_err(|e| wrong(None, e.to_string()))?;
        let signers =
            Signers::parse(&text).map_err(|(line, message)| wrong(Some(line), message))?;
        if signers.lines.is_empty() {
            let why = signers.skipped.first();
            let message = "it names no key that can be checked".to_owned();
            return Err(wrong(
                why.map(|skipped| skipped.line),
                why.map_or(message, |skipped| skipped.why.clone()),
            ));
        }
        Ok(Self {
            signers,
            since: since.iter().map(|id| object_id(id.as_str())).collect(),
            verdicts: Mutex::default(),
            walked: Mutex::default(),
        })
    }

    /// The lines of the file that are not used.
    pub fn skipped(&self) -> &[SkippedLine] {
        &self.signers.skipped
    }

    /// `<names> <fingerprint>` of each key.
    pub fn keys(&self) -> Vec<String> {
        self.signers.shown()
    }

    /// Every commit of both branches that must be believed and is not, oldest first; and how many were looked at.
    pub fn untrusted(&self, view: &View) -> Result<(Vec<UntrustedCommit>, usize)> {
        let mut met = BTreeSet::new();
        let mut found = Vec::new();
        let mut looked_at = 0;
        for branch in [Branch::Releases, Branch::Main] {
            let mut history = History::new(branch, &self.since);
            for id in history.new_commits(&view.objects, branch.head(view))? {
                looked_at += 1;
                if let Some(distrust) = self.distrust(&view.objects, id)? {
                    found.push(untrusted(&view.objects, branch, id, distrust)?);
                }
            }
            met.extend(history.met);
        }
        match self.since.difference(&met).next() {
            Some(missing) => Err(Error::UnknownSince {
                commit: commit_id(*missing),
            }),
            None => Ok((found, looked_at)),
        }
    }

    /// Why a commit is not believed; `None`: it is.
    fn distrust(&self, objects: &Objects, id: ObjectId) -> Result<Option<Distrust>> {
        let known = || self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verdict) = known().get(&id) {
            return Ok(verdict.clone());
        }
        let bytes = objects.read(id, Kind::Commit)?;
        let verdict = if objects::id_of(Kind::Commit, &bytes) == id {
            let seconds = objects::parse_commit(id, &bytes)?.seconds;
            self.judge(&bytes, seconds).err()
        } else {
            Some(Distrust::bad("the commit is damaged", None))
        };
        known().insert(id, verdict.clone());
        Ok(verdict)
    }

    /// Whether these bytes of a commit, which was made at this time, carry a good signature.
    fn judge(&self, commit: &[u8], seconds: i64) -> Result<(), Distrust> {
        let Some(header::Signed { payload, signature }) = header::signed(commit) else {
            return Err(Distrust::new("unsigned", "it has no signature", None));
        };
        if !SshSignature::is_one(&signature) {
            let detail = "only signatures of SSH are checked, and it has another one";
            return Err(Distrust::new("unsupported-signature", detail, None));
        }
        if header::with_signature(&payload, &signature) != commit {
            return Err(Distrust::bad("it is not where Git puts it", None));
        }
        let Some(signature) = SshSignature::parse(&signature) else {
            return Err(Distrust::bad("it cannot be read", None));
        };
        let key = Some(fingerprint(&signature.key));
        let of_key = || {
            self.signers
                .lines
                .iter()
                .filter(|line| line.key == signature.key)
        };
        if of_key().next().is_none() {
            let detail = "it is signed with a key that nobody trusts";
            return Err(Distrust::new("unknown-key", detail, key));
        }
        signature
            .check(&payload)
            .map_err(|why| Distrust::bad(why, key.clone()))?;
        let mut unfit = None;
        for line in of_key() {
            match line.at(seconds) {
                Ok(()) => return Ok(()),
                Err(why) => unfit = unfit.or(Some((why, &line.names))),
            }
        }
        let (why, names) = unfit.unwrap_or((Unfit::NotForGit, &self.signers.lines[0].names));
        let (reason, what) = match why {
            Unfit::Expired => ("expired", "was valid until before it was made"),
            Unfit::NotYetValid => ("not-yet-valid", "is valid from after it was made"),
            Unfit::NotForGit => ("not-for-git", "may not sign for Git"),
        };
        let detail = format!("the key of `{}` {what}", names.escape_debug());
        Err(Distrust::new(reason, &detail, key))
    }

    fn standing(&self, view: &View, branch: Branch) -> Result<Arc<Standing>> {
        let mut walked = self.walked.lock().unwrap_or_else(PoisonError::into_inner);
        let walked = walked.entry(branch).or_default();
        let verdict = |id| match self.distrust(&view.objects, id)? {
            Some(distrust) => untrusted(&view.objects, branch, id, distrust).map(Some),
            None => Ok(None),
        };
        walked.at(
            &view.objects,
            branch,
            branch.head(view),
            &self.since,
            verdict,
        )
    }
}

impl Distrust {
    fn new(reason: &'static str, detail: &str, key: Option<String>) -> Self {
        Self {
            reason,
            detail: detail.to_owned(),
            key,
        }
    }

    fn bad(detail: &str, key: Option<String>) -> Self {
        Self::new(
            "bad-signature",
            &format!("its signature does not hold: {detail}"),
            key,
        )
    }
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)?;
        match &self.key {
            Some(key) => write!(f, " ({key})"),
            None => Ok(()),
        }
    }
}

fn untrusted(
    objects: &Objects,
    branch: Branch,
    id: ObjectId,
    distrust: Distrust,
) -> Result<UntrustedCommit> {
    let commit = objects.commit(id)?;
    let printable = |text: &str| text.chars().filter(|c| !c.is_control()).collect();
    Ok(UntrustedCommit {
        branch: branch.name(),
        commit: commit_id(id),
        distrust,
        author: printable(&commit.author),
        time: time::format(commit.seconds),
        subject: printable(commit.message.lines().next().unwrap_or_default()),
    })
}

/// What a view knows about the standing of its two branches, found out when it is first asked for.
#[derive(Default)]
pub(crate) struct Demand {
    publishers: Option<Arc<TrustedPublishers>>,
    main: OnceCell<Arc<Standing>>,
    releases: OnceCell<Arc<Standing>>,
}

impl Demand {
    pub(crate) fn new(publishers: Option<Arc<TrustedPublishers>>) -> Self {
        Self {
            publishers,
            ..Self::default()
        }
    }
}

impl View {
    /// Refuses a file that a commit brought which nobody trusted signed, where that is demanded.
    pub(crate) fn demand(&self, branch: Branch, path: &str) -> Result<(), PointerInvalid> {
        let Some(publishers) = &self.demand.publishers else {
            return Ok(());
        };
        let cell = match branch {
            Branch::Main => &self.demand.main,
            Branch::Releases => &self.demand.releases,
        };
        let standing = if let Some(standing) = cell.get() {
            standing
        } else {
            let standing = publishers
                .standing(self, branch)
                .map_err(|e| PointerInvalid::new(reason::UNREADABLE, e.to_string()))?;
            cell.get_or_init(|| standing)
        };
        let Some(commit) = standing.taint(path) else {
            return Ok(());
        };
        let what = match branch {
            Branch::Main => "the pointer",
            Branch::Releases => "the index entry",
        };
        let detail = format!(
            "{what} is from commit `{}` of {} at {}, which is not of a trusted publisher: {}",
            commit.commit, commit.author, commit.time, commit.distrust
        );
        Err(PointerInvalid::new(reason::UNTRUSTED_PUBLISHER, detail))
    }
}

impl Repo {
    /// From now on [`View::check`] refuses pointers and index entries that no trusted publisher brought.
    #[must_use]
    pub fn demanding(mut self, publishers: TrustedPublishers) -> Self {
        self.trusted = Some(Arc::new(publishers));
        self
    }

    /// Whether what this process writes would be believed where these publishers are demanded: signs something that
    /// is no commit of any branch, and looks.
    pub fn is_trusted_by(
        &self,
        publishers: &TrustedPublishers,
        now: &str,
    ) -> Result<Result<(), Distrust>> {
        let probe = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\nprobe\n".to_vec();
        let seconds = time::parse(now)?;
        Ok(publishers.judge(&self.signed(probe)?, seconds))
    }
}
