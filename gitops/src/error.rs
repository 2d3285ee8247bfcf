//! What can go wrong with a GitOps repository, with the exit code and the help of each.

use std::path::PathBuf;

use orz_core::exit::ExitCode;
use orz_core::format::{ClaimKey, Hold, State, TrailerError};
use orz_core::id::{ClusterName, CommitId, Part, ReleaseId, TenantName};

use crate::check::PointerInvalid;
use crate::history::LastChange;
use crate::machine;
use crate::source::StaleSource;

/// A result of this package.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something about a GitOps repository could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder holds no Git repository.
    #[error("`{}` is not a Git repository", path.display())]
    NotARepository {
        /// The folder as given.
        path: PathBuf,
    },
    /// A repository format that the reader would misread as empty or broken.
    #[error("`{}` {format}, which is not supported", path.display())]
    UnsupportedFormat {
        /// The folder as given.
        path: PathBuf,
        /// What it uses, as the rest of a sentence.
        format: &'static str,
    },
    /// A Git repository without one of the two branches.
    #[error("`{}` has no branch `{branch}`, so it is no GitOps repository yet", path.display())]
    NotInitialised {
        /// The folder as given.
        path: PathBuf,
        /// The short name of the branch that is missing.
        branch: &'static str,
    },
    /// One of the two branches is gone, and what the other one holds needs it.
    #[error("`{}` has lost its branch `{branch}`, which `{other}` needs", path.display())]
    BranchLost {
        /// The folder as given, or the address of the remote.
        path: PathBuf,
        /// The short name of the branch that is missing.
        branch: &'static str,
        /// The one that stands.
        other: &'static str,
    },
    /// A folder that `init` would have to mix its files into.
    #[error("`{}` is neither empty nor a Git repository", path.display())]
    NotEmpty {
        /// The folder as given.
        path: PathBuf,
    },
    /// Reason, actor or request id cannot be a line of a commit message.
    #[error(transparent)]
    Trailer(#[from] TrailerError),
    /// A time that is not RFC 3339 in UTC.
    #[error("`{}` is not a time such as `2027-01-31T12:00:00Z`", text.escape_debug())]
    Time {
        /// The text as given.
        text: String,
    },
    /// A release handed to `publish` that does not agree with itself.
    #[error("the release of `{tenant}/{part}` cannot be published: {message}")]
    BadRelease {
        /// Whose release.
        tenant: TenantName,
        /// Which part.
        part: Part,
        /// What does not agree.
        message: String,
    },
    /// Nothing is live there.
    #[error("`{tenant}/{part}` has no pointer")]
    NoPointer {
        /// The tenant.
        tenant: TenantName,
        /// The part.
        part: Part,
    },
    /// The part is live on several clusters, and the request fits more than one.
    #[error("`{tenant}/{part}` is live on several clusters: {}", list(clusters))]
    SeveralClusters {
        /// The tenant.
        tenant: TenantName,
        /// The part.
        part: Part,
        /// The clusters.
        clusters: Vec<ClusterName>,
    },
    /// One explicit release cannot be the target of several parts.
    #[error("a release belongs to one part, but {} parts were named", parts.len())]
    SeveralParts {
        /// The parts as given.
        parts: Vec<Part>,
    },
    /// A file under `pointers/` that is no pointer; nothing moves it until a person repaired it.
    #[error("`{path}` is not a valid pointer: {reason}")]
    MalformedPointer {
        /// Its path on `main`.
        path: String,
        /// Why.
        reason: String,
    },
    /// The index has no such release of this part.
    #[error("`{tenant}/{part}` has no release `{release}`")]
    NoRelease {
        /// The tenant.
        tenant: TenantName,
        /// The part.
        part: Part,
        /// The release as asked for.
        release: ReleaseId,
    },
    /// No release starts with this text.
    #[error("no release starts with `{}`", prefix.escape_debug())]
    UnknownRelease {
        /// The text as given.
        prefix: String,
    },
    /// More than one release starts with this text.
    #[error("`{prefix}` is ambiguous: {}", list(candidates))]
    AmbiguousRelease {
        /// The text as given.
        prefix: String,
        /// The releases that start with it.
        candidates: Vec<ReleaseId>,
    },
    /// The release must not be pointed at.
    #[error("release `{release}` of `{tenant}/{part}` must not go live: {invalid}")]
    InvalidRelease {
        /// The tenant.
        tenant: TenantName,
        /// The part.
        part: Part,
        /// The release.
        release: ReleaseId,
        /// Why.
        invalid: PointerInvalid,
    },
    /// Nothing in this pointer's history can be rolled back to.
    #[error("`{tenant}/{part}` has nothing to roll back to: {why}")]
    NoRollbackTarget {
        /// The tenant.
        tenant: TenantName,
        /// The part.
        part: Part,
        /// What was looked at, and why none of it fits.
        why: String,
    },
    /// A hold stops the activation.
    #[error("`{tenant}/{part}` is held by {} since {}: {}", hold.by, hold.at, hold.reason)]
    Held {
        /// The tenant.
        tenant: TenantName,
        /// The part.
        part: Part,
        /// The hold.
        hold: Box<Hold>,
    },
    /// There is no hold to release.
    #[error("`{tenant}/{part}` is not held")]
    NotHeld {
        /// The tenant.
        tenant: TenantName,
        /// The part.
        part: Part,
    },
    /// The tenant is on its way out, and nothing is activated there.
    #[error("`{tenant}/{part}` is {}{}", state.kind, by(state))]
    Leaving {
        /// The tenant.
        tenant: TenantName,
        /// The part.
        part: Part,
        /// Who retires it, and why.
        state: Box<State>,
    },
    /// There is no freeze to end.
    #[error("`{tenant}/{part}` is not frozen")]
    NotFrozen {
        /// The tenant.
        tenant: TenantName,
        /// The part.
        part: Part,
    },
    /// What is only done to a tenant on its way out was asked for one that is not.
    #[error("`{tenant}` was not retired: {} would still be followed", list(parts))]
    NotRetired {
        /// The tenant.
        tenant: TenantName,
        /// The parts that are not on their way out.
        parts: Vec<Part>,
    },
    /// More tenants would go live in one step than was allowed.
    #[error("{tenants} tenants would go live at once, more than {most}; nothing was written")]
    TooManyAtOnce {
        /// How many there are.
        tenants: usize,
        /// How many may.
        most: usize,
    },
    /// A part goes after those that build on it.
    #[error("`{tenant}/{part}` is still needed by {}", list(left))]
    StillNeeded {
        /// The tenant.
        tenant: TenantName,
        /// The part whose pointer should go.
        part: Part,
        /// The parts that go before it.
        left: Vec<Part>,
    },
    /// The tenant has no pointer on this cluster.
    #[error("`{tenant}` has no pointer on `{cluster}`")]
    NotOnCluster {
        /// The tenant.
        tenant: TenantName,
        /// The cluster as asked for.
        cluster: ClusterName,
    },
    /// What takes a tenant away is not done on several clusters at once.
    #[error("`{tenant}` is on several clusters: {}", list(clusters))]
    ClusterNeeded {
        /// The tenant.
        tenant: TenantName,
        /// The clusters.
        clusters: Vec<ClusterName>,
    },
    /// What takes something away for good has to say why.
    #[error("`{verb}` needs a reason")]
    ReasonNeeded {
        /// The verb.
        verb: &'static str,
    },
    /// An automatic rollback that must not happen; a person has to look.
    #[error("`{tenant}/{part}` is not rolled back automatically: {why}")]
    NoAutoRollback {
        /// The tenant.
        tenant: TenantName,
        /// The part.
        part: Part,
        /// Why not.
        why: String,
    },
    /// A status handed over to be published that does not belong where it would stand.
    #[error("the status of `{tenant}/{part}` cannot be published: {message}")]
    BadStatus {
        /// Whose status.
        tenant: TenantName,
        /// Which part.
        part: Part,
        /// What does not agree.
        message: String,
    },
    /// Somebody else has what the release claims.
    #[error("{} `{}` is claimed by `{holder}/{part}`{}", claim.kind, claim.value, if *releasing { ", which is giving it up" } else { "" })]
    Claimed {
        /// What is claimed.
        claim: ClaimKey,
        /// The tenant that holds it.
        holder: TenantName,
        /// The part of that tenant.
        part: Part,
        /// Whether the holder's live release no longer has it, but its objects may still exist.
        releasing: bool,
    },
    /// The release needs objects that the live releases of other parts do not provide.
    #[error(
        "release `{release}` of `{tenant}/{part}` requires what is not live: {}",
        list(missing)
    )]
    Requires {
        /// The tenant.
        tenant: TenantName,
        /// The part.
        part: Part,
        /// The release.
        release: ReleaseId,
        /// What is missing, each as `<part>: <kind> <namespace>/<name>`.
        missing: Vec<String>,
    },
    /// Somebody moved the same pointer first.
    #[error("`{tenant}/{part}` was changed by {by} at {at} (commit `{commit}`) in the meantime")]
    Moved {
        /// The tenant.
        tenant: TenantName,
        /// The part.
        part: Part,
        /// Who.
        by: String,
        /// When, RFC 3339 in UTC.
        at: String,
        /// The commit on `main`.
        commit: CommitId,
    },
    /// The caller believed something else to be live.
    #[error("`{tenant}/{part}` is not {expected}, as was expected: {found}{}", changed_by(by.as_deref()))]
    NotExpected {
        /// The tenant.
        tenant: TenantName,
        /// The part.
        part: Part,
        /// What was believed, in words.
        expected: String,
        /// What is there, in words.
        found: String,
        /// The commit that made it so, if it is known.
        by: Option<Box<LastChange>>,
    },
    /// What is live, or was, came from newer sources than these, or nobody can tell.
    #[error("{}", lines(refused))]
    Source {
        /// Everything that was refused, at least one.
        refused: Vec<StaleSource>,
    },
    /// The history of the source repository could not be read.
    #[error("the history of the source repository cannot be read: {message}")]
    SourceHistory {
        /// What was said.
        message: String,
    },
    /// Others moved the branches before us, again and again.
    #[error("the branches moved {attempts} times while this was being written")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// A lock file that nobody gives up.
    #[error("`{}` exists: another Git process is at work, or one was killed", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// Files that would be changed carry changes of a person.
    #[error("the work tree `{}` has changes of its own in {}", worktree.display(), list(paths))]
    DirtyWorkTree {
        /// The work tree.
        worktree: PathBuf,
        /// The files, relative to it.
        paths: Vec<String>,
    },
    /// The branch moved, but the checked-out files could not follow.
    #[error("commit `{commit}` was written, but the work tree `{}` did not follow: {message}", worktree.display())]
    WorkTreeBehind {
        /// The work tree.
        worktree: PathBuf,
        /// The new head of the branch.
        commit: CommitId,
        /// What `git` said.
        message: String,
    },
    /// A file of the repository is not what its path says.
    #[error("`{path}` is not valid: {message}")]
    Malformed {
        /// Its path on the branch.
        path: String,
        /// Why.
        message: String,
    },
    /// An object of the repository is missing or unreadable.
    #[error("object `{id}`: {message}")]
    Object {
        /// Its id.
        id: String,
        /// What is wrong with it.
        message: String,
    },
    /// `gix` could not open the repository or read a reference.
    #[error("`{}`: {message}", path.display())]
    Open {
        /// The repository.
        path: PathBuf,
        /// What it said.
        message: String,
    },
    /// The address of a remote that cannot be one. It is not shown, for it may hold a password.
    #[error("the address of the GitOps repository is not valid: {message}")]
    RemoteUrl {
        /// What is wrong with it.
        message: String,
    },
    /// Neither `XDG_CACHE_HOME` nor `HOME` says where a remote is cached.
    #[error("there is no place for the cache of a remote")]
    NoCacheFolder,
    /// Something that only makes sense for a repository on a remote.
    #[error("the GitOps repository is on this machine, not on a remote")]
    NoRemote,
    /// Something that cannot be done without the remote.
    #[error("{what} needs the remote")]
    NeedsRemote {
        /// What was asked for.
        what: &'static str,
    },
    /// The cache of the remote is empty.
    #[error("`{remote}` was never fetched on this machine")]
    NeverFetched {
        /// The remote as it may be shown.
        remote: String,
    },
    /// The remote cannot be reached, or went away.
    #[error("cannot reach `{remote}`: {message}")]
    Unreachable {
        /// The remote as it may be shown.
        remote: String,
        /// What was said.
        message: String,
    },
    /// The remote does not let us, or refuses the change.
    #[error("`{remote}` refused: {message}")]
    RemoteDenied {
        /// The remote as it may be shown.
        remote: String,
        /// What it said.
        message: String,
    },
    /// There is no repository at the address.
    #[error("there is no Git repository at `{remote}`, or it is hidden: {message}")]
    NoRemoteRepository {
        /// The remote as it may be shown.
        remote: String,
        /// What was said.
        message: String,
    },
    /// The remote could not do it, and nothing was written.
    #[error("`{remote}` could not do it: {message}")]
    RemoteFailed {
        /// The remote as it may be shown.
        remote: String,
        /// What was said.
        message: String,
    },
    /// The change was sent, and nobody knows what became of it.
    #[error(
        "`{remote}` was sent the change and gave no answer, so it may have it or not: {message}"
    )]
    OutcomeUnknown {
        /// The remote as it may be shown.
        remote: String,
        /// What was said.
        message: String,
    },
    /// A commit that was made offline and no longer fits.
    #[error(
        "`{subject}`, committed offline, no longer fits: `{path}` was changed by {by} at {at} (commit `{commit}`)"
    )]
    PendingConflict {
        /// The first line of its message.
        subject: String,
        /// The file that somebody else changed.
        path: String,
        /// Who.
        by: String,
        /// When, RFC 3339 in UTC.
        at: String,
        /// The commit on the remote's `main`.
        commit: CommitId,
    },
    /// A commit that was made offline and points at what is gone.
    #[error(
        "`{subject}`, committed offline, points at release `{release}`, which the remote no longer has"
    )]
    PendingLost {
        /// The first line of its message.
        subject: String,
        /// The release.
        release: ReleaseId,
    },
    /// No name for a branch that is to be reviewed.
    #[error("`{branch}` cannot be the name of a branch for review")]
    BadBranch {
        /// The name as given.
        branch: String,
    },
    /// The branch for review stands already.
    #[error("branch `{branch}` exists already")]
    BranchExists {
        /// The name as given.
        branch: String,
    },
    /// A key that is to sign cannot be used as it is named.
    #[error("`{named_by}` {message}")]
    SigningKey {
        /// The variable or setting that names it.
        named_by: &'static str,
        /// What is wrong, as the rest of a sentence, without the key.
        message: String,
    },
    /// A commit could not be signed.
    #[error("the key that `{named_by}` names did not sign: {message}")]
    NotSigned {
        /// The variable or setting that names it.
        named_by: &'static str,
        /// What the program said.
        message: String,
    },
    /// A commit that was made offline and signed would lose its signature.
    #[error("`{subject}` was committed offline and signed, and cannot be made anew without a key")]
    PendingSigned {
        /// The first line of its message.
        subject: String,
    },
    /// A file of trusted publishers that cannot be used.
    #[error("`{}`{}: {message}", path.display(), line.map_or(String::new(), |line| format!(", line {line}")))]
    TrustedPublishers {
        /// The file.
        path: PathBuf,
        /// The line, counted from one, where one is to blame.
        line: Option<usize>,
        /// What is wrong.
        message: String,
    },
    /// The commit from which on signatures are demanded is on neither branch.
    #[error("`{commit}` is a commit of neither `main` nor `releases`")]
    UnknownSince {
        /// The commit as given.
        commit: CommitId,
    },
    /// A `git` command ended with an error of its own.
    #[error("`git {command}`: {message}")]
    Git {
        /// The subcommand.
        command: String,
        /// What it said.
        message: String,
    },
    /// A file of the repository could not be read or written.
    #[error("`{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    /// How a command that met this error ends.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotARepository { .. }
            | Self::UnsupportedFormat { .. }
            | Self::NotInitialised { .. }
            | Self::BranchLost { .. }
            | Self::NotEmpty { .. }
            | Self::NoPointer { .. }
            | Self::MalformedPointer { .. }
            | Self::NoRelease { .. }
            | Self::UnknownRelease { .. }
            | Self::AmbiguousRelease { .. }
            | Self::InvalidRelease { .. }
            | Self::NoRollbackTarget { .. }
            | Self::NotHeld { .. }
            | Self::NotFrozen { .. }
            | Self::NotRetired { .. }
            | Self::NotOnCluster { .. }
            | Self::SeveralClusters { .. }
            | Self::NeverFetched { .. }
            | Self::NoRemoteRepository { .. }
            | Self::BranchExists { .. }
            | Self::TrustedPublishers { .. }
            | Self::UnknownSince { .. }
            | Self::DirtyWorkTree { .. } => ExitCode::Input,
            Self::Held { .. }
            | Self::RemoteDenied { .. }
            | Self::Leaving { .. }
            | Self::StillNeeded { .. }
            | Self::NoAutoRollback { .. }
            | Self::Claimed { .. }
            | Self::Requires { .. } => ExitCode::Denied,
            Self::Moved { .. }
            | Self::NotExpected { .. }
            | Self::Source { .. }
            | Self::Contended { .. }
            | Self::PendingConflict { .. }
            | Self::PendingLost { .. } => ExitCode::Stale,
            Self::Trailer(_)
            | Self::Time { .. }
            | Self::SeveralParts { .. }
            | Self::RemoteUrl { .. }
            | Self::NoRemote
            | Self::NeedsRemote { .. }
            | Self::BadBranch { .. }
            | Self::ClusterNeeded { .. }
            | Self::TooManyAtOnce { .. }
            | Self::ReasonNeeded { .. }
            | Self::SigningKey { .. }
            | Self::PendingSigned { .. } => ExitCode::Usage,
            Self::BadRelease { .. }
            | Self::BadStatus { .. }
            | Self::Locked { .. }
            | Self::NoCacheFolder
            | Self::Unreachable { .. }
            | Self::RemoteFailed { .. }
            | Self::OutcomeUnknown { .. }
            | Self::SourceHistory { .. }
            | Self::WorkTreeBehind { .. }
            | Self::Malformed { .. }
            | Self::Object { .. }
            | Self::Open { .. }
            | Self::NotSigned { .. }
            | Self::Git { .. }
            | Self::Io { .. } => ExitCode::Internal,
        }
    }

    /// What to do about it, where something can be done.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::NotARepository { path } => {
                format!("create one with `orzc init --gitops {}`", path.display())
            }
            Self::UnsupportedFormat { .. } => {
                "use a repository made by `git init --object-format=sha1` with the `files` format of references".to_owned()
            }
            Self::RemoteUrl { .. } => {
                "name a folder, `https://host/path`, `ssh://user@host/path` or `user@host:path`".to_owned()
            }
            Self::NoCacheFolder => "set `XDG_CACHE_HOME` to a folder that may be written to".to_owned(),
            Self::NoRemote => "name the remote with `--gitops URL`".to_owned(),
            Self::NeedsRemote { .. } => "run it again without `--offline`".to_owned(),
            Self::NeverFetched { .. } => "run any command once without `--offline`".to_owned(),
            Self::Unreachable { .. } => {
                "nothing was changed; `--offline` reads what was fetched last, and keeps a rollback until `orzc sync`"
                    .to_owned()
            }
            Self::RemoteDenied { .. } => {
                "nothing was changed; what Git itself is allowed there, `git ls-remote` and `git push` show".to_owned()
            }
            Self::NoRemoteRepository { .. } => {
                "see that the address is right and that you may read it; a host makes the empty repository, and `orzc init --gitops URL` its branches".to_owned()
            }
            Self::OutcomeUnknown { .. } => {
                "when the remote answers again, look with `orzc status`, or just repeat the command".to_owned()
            }
            Self::PendingConflict { .. } | Self::PendingLost { .. } => {
                "look at what is live now; `orzc sync --discard` gives up what was committed offline".to_owned()
            }
            Self::SigningKey { named_by: "gpg.format", .. } => {
                "`git config gpg.format ssh`; the others are `openpgp` and `x509`".to_owned()
            }
            Self::SigningKey { .. } => {
                "name a key file, such as `~/.ssh/id_ed25519`, or `key::ssh-ed25519 …` for a key of an agent; nothing was written".to_owned()
            }
            Self::NotSigned { .. } => {
                "nothing was written; `git commit-tree -S` with the same key shows what Git says".to_owned()
            }
            Self::PendingSigned { .. } => {
                "set `user.signingKey` or `ORZ_SIGNING_KEY`; `orzc sync --discard` gives up what was committed offline".to_owned()
            }
            Self::TrustedPublishers { .. } => {
                "each line is `<name> ssh-ed25519 <key>`, as `gpg.ssh.allowedSignersFile` of Git takes it".to_owned()
            }
            Self::UnknownSince { .. } => {
                "`git rev-parse main releases` names two that are".to_owned()
            }
            Self::BadBranch { .. } => "give it another name, such as `rollback-shop`".to_owned(),
            Self::BranchExists { .. } => "give another name, or delete the branch first".to_owned(),
            Self::NotInitialised { path, .. } => {
                format!(
                    "see that this is the repository you mean; if it is, and nothing else is kept in it, `orzc init --gitops {}` adds what is missing",
                    path.display()
                )
            }
            Self::BranchLost { path, branch, .. } => {
                format!(
                    "nothing that is live changes; any clone that was fetched before has it: `git -C CLONE push {} origin/{branch}:refs/heads/{branch}`",
                    path.display()
                )
            }
            Self::NotEmpty { .. } => "name an empty or a new folder".to_owned(),
            Self::MalformedPointer { path, .. } => {
                format!("look at `git log -p main -- {path}` and revert the commit that broke it")
            }
            Self::NoPointer { tenant, .. } => {
                format!("`orzc status {tenant}` lists what is live; `orzc publish --activate --reason TEXT` makes something live")
            }
            Self::NoRelease { tenant, .. } | Self::NoRollbackTarget { tenant, .. } => {
                format!("`orzc history {tenant}` lists the releases that were live")
            }
            Self::AmbiguousRelease { .. } => "give more digits".to_owned(),
            Self::SeveralClusters { .. } => "`orzc rollback` takes `--cluster`; elsewhere name a release that was compiled for one of them".to_owned(),
            Self::Held { tenant, .. } => {
                format!("`orzc release-hold {tenant} --reason TEXT` ends the hold; `--override-hold` activates once in spite of it")
            }
            Self::Leaving { tenant, .. } => {
                format!("`orzc activate {tenant} --override-leaving --reason TEXT` calls the tenant back")
            }
            Self::NotRetired { tenant, .. } => {
                format!("`orzc retire {tenant} --reason TEXT` comes first; look at what is left with `orzc status {tenant}`")
            }
            Self::ClusterNeeded { .. } => "name one of them with `--cluster`".to_owned(),
            Self::TooManyAtOnce { most, .. } => {
                format!("`--fleet N` activates N tenants at a time and stops at the first that is not verified; `--fleet {most}` is a start")
            }
            Self::ReasonNeeded { .. } => "say why with `--reason`".to_owned(),
            Self::NoAutoRollback { tenant, .. } => {
                format!("look at `orzc status {tenant}`; `orzc rollback {tenant} --reason TEXT` goes back by hand")
            }
            Self::Claimed { holder, releasing: true, .. } => {
                format!("wait until the objects of `{holder}` that use it are gone")
            }
            Self::Claimed { holder, .. } => format!("remove it from `{holder}` first, or choose another"),
            Self::Requires { .. } => "move those parts in the same step (`--all`), or choose a release that does not need it".to_owned(),
            Self::Moved { .. } => "look at what is live now, then repeat the command; with `--override` it goes on even if somebody is faster again".to_owned(),
            Self::NotExpected { tenant, .. } => {
                format!("look at `orzc history {tenant}`, then repeat the command with what is live now")
            }
            Self::Source { refused } => refused.iter().flat_map(StaleSource::help).next()?,
            Self::Contended { .. } => "repeat the command".to_owned(),
            Self::Locked { path } => {
                format!("if no Git process is at work there, delete it: `rm {}`", path.display())
            }
            Self::DirtyWorkTree { .. } => "commit or undo these changes; better, use a bare repository".to_owned(),
            Self::WorkTreeBehind { worktree, .. } => {
                format!("run `git -C {} reset --keep HEAD` after saving what you changed there", worktree.display())
            }
            Self::Malformed { .. } | Self::Object { .. } => {
                "`orzc verify` and `git fsck --strict` list everything that is wrong".to_owned()
            }
            Self::Git { message, .. } if message.contains("os error 2)") => {
                "install Git 2.36 or newer, and see that `git` is on the `PATH`".to_owned()
            }
            Self::Git { message, .. } if message.contains("dubious ownership") => {
                "run as the owner of the repository, or add it to `safe.directory`".to_owned()
            }
            Self::Git { message, .. } => machine::help(None, message)?,
            Self::RemoteFailed { message, .. } => machine::help(None, message).unwrap_or_else(|| {
                "its log, or whoever runs it, may know more; `orzc status` says what is live, and the command can be repeated".to_owned()
            }),
            Self::Io { source, .. } => machine::help(Some(source.kind()), &source.to_string())?,
            _ => return None,
        })
    }

    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

fn changed_by(by: Option<&LastChange>) -> String {
    by.map_or_else(String::new, |by| {
        format!(
            "; changed by {} at {} (commit `{}`)",
            by.actor, by.time, by.commit
        )
    })
}

fn by(state: &State) -> String {
    let by = state.by.as_ref().map(|by| format!(" by {by}"));
    let why = state.reason.as_ref().map(|reason| format!(": {reason}"));
    by.into_iter().chain(why).collect()
}

fn lines<T: ToString>(items: &[T]) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

fn list<T: ToString>(items: &[T]) -> String {
    items
        .iter()
        .map(|item| format!("`{}`", item.to_string()))
        .collect::<Vec<_>>()
        .join(", ")
}
