//! The status references: copies that nothing is applied by, but that people read.

use orz_core::paths;

use super::{VerifyReport, code, or_find};
use crate::Repo;

/// Checks every status reference and every file in it.
pub(super) fn check(repo: &Repo, report: &mut VerifyReport) {
    let Some(published) = or_find(report, paths::STATUS_REFS, repo.published_status()) else {
        return;
    };
    report.statuses += published.statuses.len();
    for invalid in published.invalid {
        let path = match invalid.path {
            Some(path) => format!("{}:{path}", invalid.reference),
            None => invalid.reference,
        };
        report.find(code::STATUS_MALFORMED, Some(&path), None, invalid.message);
    }
}
