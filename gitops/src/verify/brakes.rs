//! The brakes: each is one, of the cluster that its path names.

use super::{VerifyReport, code, files, or_find};
use crate::brake;
use crate::error::Error;
use crate::objects::Mode;
use crate::view::View;

/// Checks every file under `brakes/`. One that cannot be read stops its cluster's automatic rollbacks.
pub(super) fn check(view: &View, report: &mut VerifyReport) {
    let all = files(view, view.main.tree, "brakes");
    for (path, entry) in or_find(report, "brakes", all).unwrap_or_default() {
        report.brakes += 1;
        if entry.mode != Mode::File {
            let message = "not a regular file".to_owned();
            report.find(code::BRAKE_MALFORMED, Some(&path), None, message);
            continue;
        }
        let Some(bytes) = or_find(report, &path, view.objects.blob(entry.id)) else {
            continue;
        };
        if let Err(Error::Malformed { message, .. }) = brake::parse(&path, &bytes) {
            report.find(code::BRAKE_MALFORMED, Some(&path), None, message);
        }
    }
}
