//! The claims: each is held by a live release, or is being given up.

use orz_core::format::{self, Claim, ClaimState};
use orz_core::paths;

use super::pointers::Live;
use super::{VerifyReport, code, files, or_find};
use crate::view::View;

/// Checks every claim. A live release without its claim is a finding of its pointer.
pub(super) fn check(view: &View, live: &Live, report: &mut VerifyReport) {
    let all = files(view, view.main.tree, paths::CLAIMS);
    for (path, entry) in or_find(report, paths::CLAIMS, all).unwrap_or_default() {
        report.claims += 1;
        let Some(bytes) = or_find(report, &path, view.objects.blob(entry.id)) else {
            continue;
        };
        let claim = match format::from_bytes::<Claim>(&bytes) {
            Ok(claim) => claim,
            Err(error) => {
                report.find(code::CLAIM_MALFORMED, Some(&path), None, error.to_string());
                continue;
            }
        };
        if paths::claim(&claim.claim) != path {
            let message = format!(
                "it is the claim on {} `{}`",
                claim.claim.kind, claim.claim.value
            );
            report.find(code::CLAIM_MALFORMED, Some(&path), None, message);
            continue;
        }
        let holder = (claim.tenant.clone(), claim.part);
        let claimed = live
            .get(&holder)
            .is_some_and(|claims| claims.contains(&claim.claim));
        let what = match (claim.state, claimed) {
            (ClaimState::Held, true) | (ClaimState::Releasing, false) => continue,
            (ClaimState::Held, false) => "holds it, but its live release does not claim it",
            (ClaimState::Releasing, true) => {
                "is said to give it up, but its live release claims it"
            }
        };
        let message = format!(
            "{} `{}`: `{}/{}` {what}",
            claim.claim.kind, claim.claim.value, claim.tenant, claim.part
        );
        report.find(code::CLAIM_INCONSISTENT, Some(&path), None, message);
    }
}
