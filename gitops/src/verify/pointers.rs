//! The pointers: each may be acted on, and what it names stays reachable.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::format::ClaimKey;
use orz_core::id::{Part, TenantName};
use orz_core::paths;

use super::{Found, VerifyReport, code, is_kept, or_find};
use crate::view::{PointerFile, View};

/// What the live releases of each part claim.
pub(super) type Live = BTreeMap<(TenantName, Part), BTreeSet<ClaimKey>>;

/// Checks every pointer; what is live is told by the index entries, valid pointer or not.
pub(super) fn check(view: &View, found: &Found, report: &mut VerifyReport) -> Live {
    let mut live = Live::new();
    for file in or_find(report, paths::POINTERS, view.pointers()).unwrap_or_default() {
        report.pointers += 1;
        let stored = match file {
            PointerFile::Valid(stored) => stored,
            PointerFile::Invalid(file) => {
                report.find_invalid(code::POINTER_INVALID, &file.path, &file.invalid);
                continue;
            }
        };
        if let Err(invalid) = view.check(&stored) {
            report.find_invalid(code::POINTER_INVALID, &stored.path, &invalid);
        }
        let pointer = &stored.pointer;
        let entry = paths::index_entry(&pointer.tenant, pointer.part, &pointer.release);
        if let Some(release) = found.entries.get(&entry) {
            if !is_kept(found, release) {
                let message = format!(
                    "the live release `{}` is not reachable from `releases`",
                    pointer.release
                );
                report.find(code::RELEASE_UNREACHABLE, Some(&stored.path), None, message);
            }
            let claims = live
                .entry((pointer.tenant.clone(), pointer.part))
                .or_default();
            claims.extend(release.claims.iter().cloned());
        }
    }
    live
}
