//! The branch `releases`: nothing on it ever changes, and it keeps every release reachable.

use gix::ObjectId;
use orz_core::format::{self, Release};
use orz_core::id::Digest;
use orz_core::paths;

use super::{Found, VerifyReport, code, files, is_kept, or_find};
use crate::commit::parse_release_message;
use crate::error::{Error, Result};
use crate::objects::{Commit, Mode};
use crate::view::{View, commit_id};
use crate::{check, trees};

/// Walks the branch from its head to its root and looks at what each commit changed.
pub(super) fn history(view: &View, found: &mut Found, report: &mut VerifyReport) {
    let mut next = Some(view.releases.commit);
    while let Some(id) = next {
        match step(view, id, found, report) {
            Ok(parent) => next = parent,
            Err(error) => {
                let message = format!("the history of `releases` ends here: {error}");
                report.find(code::UNREADABLE, None, Some(commit_id(id)), message);
                return;
            }
        }
    }
}

fn step(
    view: &View,
    id: ObjectId,
    found: &mut Found,
    report: &mut VerifyReport,
) -> Result<Option<ObjectId>> {
    let commit = view.objects.commit(id)?;
    let Some((first, releases)) = commit.parents.split_first() else {
        return Ok(None);
    };
    for release in releases {
        match view.objects.commit(*release) {
            Ok(kept) if is_release(&kept) => {
                found.kept.insert(*release);
            }
            Ok(_) => {
                let message = format!("its parent `{release}` is no release");
                report.find(
                    code::INDEX_FOREIGN_PARENT,
                    None,
                    Some(commit_id(id)),
                    message,
                );
            }
            Err(error) => report.find(
                code::UNREADABLE,
                None,
                Some(commit_id(id)),
                error.to_string(),
            ),
        }
    }
    let before = view.objects.commit(*first)?;
    for change in trees::diff(&view.objects, before.tree, commit.tree)? {
        if change.before.is_none() {
            continue;
        }
        let input = change.path.starts_with("inputs/");
        let (code, what) = match (&change.after, input) {
            (Some(_), false) => (
                code::INDEX_CHANGED,
                "changed an entry that was written before",
            ),
            (None, false) => (code::INDEX_VANISHED, "removed an entry"),
            (Some(_), true) => (
                code::INPUT_CHANGED,
                "changed an input that was recorded before",
            ),
            (None, true) => (code::INPUT_VANISHED, "removed a recorded input"),
        };
        let message = format!(
            "commit `{}` of {} {what}",
            commit_id(id),
            crate::history::actor_of(&commit)
        );
        report.find(code, Some(&change.path), Some(commit_id(id)), message);
    }
    Ok(Some(*first))
}

fn is_release(commit: &Commit) -> bool {
    // Whether it is the right commit for its entry is looked at with the entry.
    parse_release_message(&commit.message).is_some()
}

/// Looks at every entry at the head, and at the release that it names.
pub(super) fn entries(view: &View, found: &mut Found, report: &mut VerifyReport) {
    let all = files(view, view.releases.tree, "");
    for (path, entry) in or_find(report, "releases", all).unwrap_or_default() {
        if path.starts_with("inputs/") {
            continue;
        }
        if paths::parse_index_entry(&path).is_none() || entry.mode != Mode::File {
            let message = "neither an index entry nor an input".to_owned();
            report.find(code::INDEX_FOREIGN_FILE, Some(&path), None, message);
            continue;
        }
        report.releases += 1;
        let read = view.objects.blob(entry.id).and_then(|bytes| {
            format::from_bytes::<Release>(&bytes).map_err(|e| Error::Malformed {
                path: path.clone(),
                message: e.to_string(),
            })
        });
        let Some(release) = or_find(report, &path, read) else {
            continue;
        };
        if paths::index_entry(&release.tenant, release.part, &release.release) != path {
            let message = format!(
                "it is the entry of `{}/{}` `{}`",
                release.tenant, release.part, release.release
            );
            let invalid = check::PointerInvalid::new(check::reason::INDEX_MALFORMED, message);
            report.find_invalid(code::RELEASE_INVALID, &path, &invalid);
            continue;
        }
        if !is_kept(found, &release) {
            let message = format!(
                "no commit of `releases` has `{}` as a parent",
                release.release
            );
            report.find(code::RELEASE_UNREACHABLE, Some(&path), None, message);
        }
        match check::release(view, &release.tenant, release.part, &release.release) {
            Ok(_) => {
                found.intact.insert(path.clone());
            }
            Err(invalid) => report.find_invalid(code::RELEASE_INVALID, &path, &invalid),
        }
        found.entries.insert(path, release);
    }
}

/// Looks at every recorded input, and at whether each input that an entry names is recorded.
pub(super) fn inputs(view: &View, found: &Found, report: &mut VerifyReport) {
    let all = files(view, view.releases.tree, "inputs");
    let mut recorded = std::collections::BTreeSet::new();
    for (path, entry) in or_find(report, "inputs", all).unwrap_or_default() {
        report.inputs += 1;
        let Some(bytes) = or_find(report, &path, view.objects.blob(entry.id)) else {
            continue;
        };
        let digest = Digest::of(&bytes);
        if paths::input(&digest) == path && entry.mode == Mode::File {
            recorded.insert(digest);
        } else {
            let message = format!("its bytes hash to `{digest}`");
            report.find(code::INPUT_MISMATCH, Some(&path), None, message);
        }
    }
    for (path, release) in &found.entries {
        for file in release
            .inputs
            .files
            .iter()
            .filter(|file| !recorded.contains(&file.sha256))
        {
            let message = format!("input `{}` (`{}`) is not recorded", file.path, file.sha256);
            report.find(code::INPUT_MISSING, Some(path), None, message);
        }
    }
}
