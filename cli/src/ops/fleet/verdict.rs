//! Pure: what status and pointer say about a part that is to be verified.

use orz_core::format::{HoldKind, Phase, Pointer, StateKind, Status};
use orz_core::id::ReleaseId;

use crate::view::short;

/// What is known about a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was healthy for the whole soak.
    Verified,
    /// Not yet; where it stands.
    Pending(String),
    /// It will not be.
    Failed(String),
}

/// Whether the release is on its way to being verified.
pub(super) fn is_under_way(status: &Status, release: &ReleaseId) -> bool {
    status.release.as_ref() == Some(release)
        && matches!(
            status.phase,
            Phase::Waiting | Phase::Progressing | Phase::Soaking
        )
}

/// Judges one part: its release, its pointer as it is now, its status, and the status before the pointer moved,
/// which may still stand there and then says nothing.
pub(super) fn verdict(
    release: &ReleaseId,
    pointer: Option<&Pointer>,
    status: Option<&Status>,
    before: Option<&Status>,
) -> Verdict {
    let Some(pointer) = pointer else {
        return Verdict::Failed("has no pointer any more".to_owned());
    };
    if pointer.release != *release {
        let to = short(pointer.release.as_str());
        let blocked = pointer.hold.as_ref().filter(|hold| hold.blocks(release));
        return Verdict::Failed(match blocked {
            Some(hold) if hold.kind == HoldKind::Auto => {
                format!("was rolled back to {to}: {}", hold.reason)
            }
            Some(hold) => format!("was rolled back to {to} by {}: {}", hold.by, hold.reason),
            None => format!("was moved to {to} by somebody else"),
        });
    }
    match pointer.state.kind {
        StateKind::Live => {}
        state => return Verdict::Failed(format!("is {state} meanwhile")),
    }
    let told =
        status.filter(|status| Some(*status) != before && status.release.as_ref() == Some(release));
    let Some(status) = told else {
        return Verdict::Pending("is not reported yet".to_owned());
    };
    match status.phase {
        Phase::Verified => Verdict::Verified,
        Phase::Failed => Verdict::Failed(format!("failed: {}", why(status))),
        Phase::Invalid => Verdict::Failed(format!("is refused: {}", why(status))),
        Phase::Waiting | Phase::Progressing | Phase::Soaking => {
            Verdict::Pending(match why(status).as_str() {
                "" => format!("is {}", word(status.phase)),
                why => format!("is {}: {why}", word(status.phase)),
            })
        }
        // The pointer says otherwise: the next status will too.
        Phase::Frozen | Phase::Retiring => Verdict::Pending("is not reported yet".to_owned()),
    }
}

fn why(status: &Status) -> String {
    let blocking = status.blocking.first().map(|blocking| {
        let object = &blocking.object;
        let namespace = object.namespace.as_ref().map(|n| format!("{n}/"));
        format!(
            "{} {}{}: {}",
            object.kind,
            namespace.unwrap_or_default(),
            object.name,
            blocking.message
        )
    });
    status.reason.clone().or(blocking).unwrap_or_default()
}

const fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Waiting => "waiting",
        Phase::Soaking => "soaking",
        _ => "progressing",
    }
}

#[cfg(test)]
mod tests {
    use orz_core::format::{HealthWord, State};
    use serde_json::json;

    use super::*;

    const WANTED: &str = "1111111111111111111111111111111111111111";
    const OTHER: &str = "2222222222222222222222222222222222222222";

    fn pointer(release: &str, hold: &serde_json::Value) -> Pointer {
        let document = json!({
            "apiVersion": "orz.dev/v1", "kind": "Pointer",
            "tenant": "acme", "part": "work", "cluster": "in-cluster", "namespace": "acme",
            "release": release, "digest": "0".repeat(64),
            "source": {"repository": "x", "commit": null, "dirty": false},
            "newestSource": null, "state": {"kind": "live"}, "hold": hold,
        });
        orz_core::format::from_bytes(document.to_string().as_bytes()).expect("a pointer")
    }

    fn status(release: &str, phase: Phase, reason: Option<&str>) -> Status {
        Status {
            cluster: "in-cluster".parse().expect("valid"),
            tenant: "acme".parse().expect("valid"),
            part: orz_core::id::Part::Work,
            engine: "dir".to_owned(),
            release: Some(release.parse().expect("valid")),
            observed: None,
            phase,
            health: HealthWord::Unknown,
            blocking: Vec::new(),
            reason: reason.map(str::to_owned),
            next: None,
            verified: Vec::new(),
            since: "2026-01-01T00:00:00Z".to_owned(),
        }
    }

    #[test]
    fn only_a_new_status_about_this_release_counts() {
        let release: ReleaseId = WANTED.parse().expect("valid");
        let there = pointer(WANTED, &json!(null));
        let judge = |status: Option<&Status>, before: Option<&Status>| match verdict(
            &release,
            Some(&there),
            status,
            before,
        ) {
            Verdict::Verified => "verified".to_owned(),
            Verdict::Pending(stands) => format!("pending: {stands}"),
            Verdict::Failed(why) => format!("failed: {why}"),
        };
        let of = |phase, reason| status(WANTED, phase, reason);
        let verified = of(Phase::Verified, None);
        for (status, before, expected) in [
            (None, None, "pending: is not reported yet"),
            (Some(&verified), None, "verified"),
            // It was live and verified once, and what says so is older than this activation.
            (
                Some(&verified),
                Some(&verified),
                "pending: is not reported yet",
            ),
            (
                Some(&status(OTHER, Phase::Verified, None)),
                None,
                "pending: is not reported yet",
            ),
            (
                Some(&status(OTHER, Phase::Failed, None)),
                None,
                "pending: is not reported yet",
            ),
            (Some(&of(Phase::Soaking, None)), None, "pending: is soaking"),
            (
                Some(&of(Phase::Waiting, Some("waits for a disk"))),
                None,
                "pending: is waiting: waits for a disk",
            ),
            (
                Some(&of(Phase::Failed, Some("web crashes"))),
                None,
                "failed: failed: web crashes",
            ),
            (
                Some(&of(Phase::Invalid, Some("pointer-invalid: x"))),
                None,
                "failed: is refused: pointer-invalid: x",
            ),
        ] {
            assert_eq!(judge(status, before), expected);
        }
    }

    #[test]
    fn the_pointer_at_the_head_is_the_truth() {
        let release: ReleaseId = WANTED.parse().expect("valid");
        let verified = status(WANTED, Phase::Verified, None);
        let hold = |kind: &str, blocks: serde_json::Value| {
            json!({
                "kind": kind, "by": "ann", "reason": "web crashes", "at": "2026-01-01T00:00:00Z",
                "until": null, "blocks": blocks,
            })
        };
        for (pointer, expected) in [
            (None, "has no pointer any more"),
            (
                Some(pointer(OTHER, &hold("auto", json!([WANTED])))),
                "was rolled back to 222222222222: web crashes",
            ),
            (
                Some(pointer(OTHER, &hold("manual", json!("all")))),
                "was rolled back to 222222222222 by ann: web crashes",
            ),
            (
                Some(pointer(OTHER, &json!(null))),
                "was moved to 222222222222 by somebody else",
            ),
            (
                Some(Pointer {
                    state: State {
                        kind: StateKind::Retiring,
                        ..State::LIVE
                    },
                    ..pointer(WANTED, &json!(null))
                }),
                "is retiring meanwhile",
            ),
        ] {
            let found = verdict(&release, pointer.as_ref(), Some(&verified), None);
            assert_eq!(found, Verdict::Failed(expected.to_owned()));
        }
    }
}
