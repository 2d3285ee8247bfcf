//! Verification: that a repository is what orz alone would have made of it.

mod brakes;
mod claims;
mod index;
mod pointers;
mod recompile;
mod statuses;

use std::collections::{BTreeMap, BTreeSet};

use gix::ObjectId;
use orz_core::exit::ExitCode;
use orz_core::format::Release;
use orz_core::id::CommitId;

use crate::Repo;
use crate::check::PointerInvalid;
use crate::error::Result;
use crate::trust::{TrustedPublishers, UntrustedCommit};
use crate::view::View;

pub use recompile::{Compile, Recompile, RecordedInputs};

/// The codes of findings: constants that other programs may compare.
pub mod code {
    /// A pointer that must not be acted on; the finding's reason says why.
    pub const POINTER_INVALID: &str = "pointer-invalid";
    /// A release of the index that must not be pointed at; the finding's reason says why.
    pub const RELEASE_INVALID: &str = "release-invalid";
    /// No commit of `releases` keeps the release reachable, so garbage collection may take it.
    pub const RELEASE_UNREACHABLE: &str = "release-unreachable";
    /// An index entry was changed after it was written.
    pub const INDEX_CHANGED: &str = "index-changed";
    /// An index entry was removed.
    pub const INDEX_VANISHED: &str = "index-vanished";
    /// A file on `releases` that is neither an index entry nor an input.
    pub const INDEX_FOREIGN_FILE: &str = "index-foreign-file";
    /// A commit of `releases` has a parent that is no release.
    pub const INDEX_FOREIGN_PARENT: &str = "index-foreign-parent";
    /// A recorded input was changed after it was written.
    pub const INPUT_CHANGED: &str = "input-changed";
    /// A recorded input was removed.
    pub const INPUT_VANISHED: &str = "input-vanished";
    /// A recorded input does not hash to its name.
    pub const INPUT_MISMATCH: &str = "input-mismatch";
    /// An index entry names an input that is not recorded.
    pub const INPUT_MISSING: &str = "input-missing";
    /// A file under `claims/` is no claim, or not the one its path names.
    pub const CLAIM_MALFORMED: &str = "claim-malformed";
    /// A claim and the live releases of its holder do not agree.
    pub const CLAIM_INCONSISTENT: &str = "claim-inconsistent";
    /// A file under `brakes/` is no brake, or not the one its path names.
    pub const BRAKE_MALFORMED: &str = "brake-malformed";
    /// A status reference, or a file in one, is not what its name says.
    pub const STATUS_MALFORMED: &str = "status-malformed";
    /// Compiling the recorded inputs gave other bytes.
    pub const RECOMPILE_MISMATCH: &str = "recompile-mismatch";
    /// The recorded inputs do not compile.
    pub const RECOMPILE_FAILED: &str = "recompile-failed";
    /// An object that the verification needs is missing or damaged.
    pub const UNREADABLE: &str = "unreadable";
}

/// Something that is not as orz leaves it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// One of [`code`].
    pub code: &'static str,
    /// One of [`crate::check::reason`], where a check of a pointer or release failed.
    pub reason: Option<&'static str>,
    /// The file, by its path on `main` or `releases`; a status as `<reference>:<path>`.
    pub path: Option<String>,
    /// The commit that did it, where it is known.
    pub commit: Option<CommitId>,
    /// What was found, in words.
    pub message: String,
}

/// What a verification looked at, and what it found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Everything that is wrong, sorted; empty when all is well.
    pub findings: Vec<Finding>,
    /// How many pointers were checked.
    pub pointers: usize,
    /// How many releases of the index were checked.
    pub releases: usize,
    /// How many recorded inputs were checked.
    pub inputs: usize,
    /// How many claims were checked.
    pub claims: usize,
    /// How many brakes were checked.
    pub brakes: usize,
    /// Of how many parts a status is published.
    pub statuses: usize,
    /// How many releases were compiled again and gave the same bytes.
    pub recompiled: usize,
    /// Releases of another compiler, which only their digest vouches for, by their path on `releases`.
    /// Filled only when recompiling was asked for. Such a release counts as checked, never as proved.
    pub digest_only: Vec<String>,
    /// Of how many commits the signatures were checked, where that was asked for.
    pub signatures: Option<usize>,
    /// The commits among them that no trusted publisher signed, those of `releases` first, oldest first.
    pub untrusted: Vec<UntrustedCommit>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    pub fn is_ok(&self) -> bool {
        self.findings.is_empty() && self.untrusted.is_empty()
    }

    /// How a command that verifies ends.
    pub fn exit_code(&self) -> ExitCode {
        if self.is_ok() {
            ExitCode::Ok
        } else {
            ExitCode::Input
        }
    }

    fn find(
        &mut self,
        code: &'static str,
        path: Option<&str>,
        commit: Option<CommitId>,
        message: String,
    ) {
        self.findings.push(Finding {
            code,
            reason: None,
            path: path.map(str::to_owned),
            commit,
            message,
        });
    }

    fn find_invalid(&mut self, code: &'static str, path: &str, invalid: &PointerInvalid) {
        self.findings.push(Finding {
            code,
            reason: Some(invalid.reason),
            path: Some(path.to_owned()),
            commit: None,
            message: invalid.to_string(),
        });
    }
}

/// What the steps of a verification hand to each other.
#[derive(Default)]
struct Found {
    /// The commits that `releases` keeps reachable besides its own.
    kept: BTreeSet<ObjectId>,
    /// The readable index entries at the head, by path.
    entries: BTreeMap<String, Release>,
    /// Those of [`Found::entries`] that are intact, with their manifests' paths.
    intact: BTreeSet<String>,
}

impl Repo {
    /// Checks everything that the branches and the status references hold, and with `recompile` proves the releases from their inputs.
    ///
    /// Only damage that keeps it from reading the heads is an error; everything else is a finding.
    pub fn verify(&self, recompile: Option<&Recompile>) -> Result<VerifyReport> {
        let view = self.view()?;
        let mut report = VerifyReport::default();
        let mut found = Found::default();
        index::history(&view, &mut found, &mut report);
        index::entries(&view, &mut found, &mut report);
        index::inputs(&view, &found, &mut report);
        let live = pointers::check(&view, &found, &mut report);
        claims::check(&view, &live, &mut report);
        brakes::check(&view, &mut report);
        statuses::check(self, &mut report);
        if let Some(recompile) = recompile {
            recompile::check(&view, &found, recompile, &mut report);
        }
        report.findings.sort();
        report.findings.dedup();
        Ok(report)
    }

    /// Checks that trusted publishers signed every commit of `main` and `releases`, and adds to the report what was
    /// found.
    pub fn verify_signatures(
        &self,
        publishers: &TrustedPublishers,
        report: &mut VerifyReport,
    ) -> Result<()> {
        let (untrusted, looked_at) = publishers.untrusted(&self.view()?)?;
        report.signatures = Some(looked_at);
        report.untrusted = untrusted;
        Ok(())
    }
}

/// Takes what could be read; what could not is a finding.
fn or_find<T>(report: &mut VerifyReport, path: &str, result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            report.find(code::UNREADABLE, Some(path), None, error.to_string());
            None
        }
    }
}

/// The release commit of an entry, by the view's naming.
fn is_kept(found: &Found, release: &Release) -> bool {
    found
        .kept
        .contains(&crate::view::object_id(release.release.as_str()))
}

/// Every file below a folder of a branch.
fn files(
    view: &View,
    tree: ObjectId,
    folder: &str,
) -> Result<Vec<(String, crate::objects::Entry)>> {
    crate::trees::files_below(&view.objects, tree, folder)
}
