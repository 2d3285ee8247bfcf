//! Pure: what an Application says about itself.
//!
//! Argo CD writes the status of an Application in pieces and always later than its specification, so that
//! most of it may speak of the revision before. Nothing here counts unless it names what it is about.

use orz_core::Value;
use orz_core::id::ReleaseId;
use serde_json::json;

use crate::judge::Sync;

/// What an Application says about putting its release in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The release that is in place as a whole, by its last comparison.
    pub release: Option<ReleaseId>,
    /// Where Argo CD stands with what is wanted.
    pub sync: Sync,
    /// An operation under way that puts something else in place than what is wanted.
    pub foreign: Option<Operation>,
    /// An operation that ended without success and for which Argo CD would not begin the one that is wanted.
    pub stale: Option<Operation>,
    /// Whether an operation for what is wanted is being ended, from when something else was wanted.
    pub ending: bool,
    /// Whether Argo CD refuses the specification itself. It looks again only when it is asked to, or after minutes,
    /// also where the reason has gone (a project that it had not heard of yet).
    pub refused: bool,
}

/// An operation under way, or the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its phase.
    pub phase: String,
    /// The revision that it puts in place; `None` when whoever started it named none.
    pub revision: Option<String>,
    /// When it was started, as Argo CD wrote it.
    pub started: Option<String>,
}

/// Longest message that is taken over.
const MESSAGE_MAX: usize = 600;
/// How many refused objects are named.
const NAMED: usize = 3;

/// Reads the Application `live` (`None`: there is none), which should be `wanted`.
pub fn read(live: Option<&Value>, wanted: &Value) -> Reading {
    let Some(live) = live else {
        return Reading {
            release: None,
            sync: Sync::OutOfSync,
            foreign: None,
            stale: None,
            ending: false,
            refused: false,
        };
    };
    let revision = text(wanted, "/spec/source/targetRevision").unwrap_or_default();
    let state = State::of(live, revision);
    // Of one release, Argo CD is shown more or less when its tenant retires, is called back or is destroyed.
    let shown_otherwise = live
        .pointer("/status/operationState/syncResult/source")
        .is_some_and(|theirs| Some(files(theirs)) != wanted.pointer("/spec/source").map(files));
    let is_foreign = state.revision != Some(revision) || shown_otherwise;
    let operation = || Operation {
        phase: state.phase.to_owned(),
        revision: state.revision.map(str::to_owned),
        started: text(live, "/status/operationState/startedAt").map(str::to_owned),
    };
    let points_here = live.pointer("/spec/source") == wanted.pointer("/spec/source");
    let refusal = condition(live, "InvalidSpecError").or_else(|| condition(live, "UnknownError"));
    Reading {
        release: state.in_place().and_then(|revision| revision.parse().ok()),
        sync: sync(live, wanted, &state, refusal.as_deref()),
        foreign: (state.is_under_way() && is_foreign).then(operation),
        stale: state.is_in_the_way(is_foreign, points_here).then(operation),
        ending: state.phase == "Terminating" && !is_foreign && !points_here,
        refused: refusal.is_some(),
    }
}

/// Which files of a release a source shows: those that it includes, all but those that it excludes.
fn files(source: &Value) -> [Option<&str>; 2] {
    ["/directory/include", "/directory/exclude"].map(|field| text(source, field))
}

/// The patch that ends `operation`, provided that it is still the one under way.
pub fn termination(operation: &Operation) -> Value {
    let mut patch = tests(operation, "Running");
    patch.push(
        json!({"op": "replace", "path": "/status/operationState/phase", "value": "Terminating"}),
    );
    Value::from(patch)
}

/// The patch that makes Argo CD forget `operation`, provided that it is still the last one.
pub fn oblivion(operation: &Operation) -> Value {
    let mut patch = tests(operation, &operation.phase);
    patch.push(json!({"op": "remove", "path": "/status/operationState"}));
    Value::from(patch)
}

fn tests(operation: &Operation, phase: &str) -> Vec<Value> {
    let test = |path: &str, value: &str| json!({"op": "test", "path": path, "value": value});
    let mut patch = vec![test("/status/operationState/phase", phase)];
    if let Some(revision) = &operation.revision {
        patch.push(test(
            "/status/operationState/operation/sync/revision",
            revision,
        ));
    }
    if let Some(started) = &operation.started {
        patch.push(test("/status/operationState/startedAt", started));
    }
    patch
}

/// The pieces of a status that are read together.
struct State<'a> {
    /// What the last comparison found, about the revision that it names.
    compared: Option<&'a str>,
    word: &'a str,
    /// Whether that comparison was with the specification as it is now.
    current: bool,
    /// The phase of the last operation and the revision that it puts in place.
    phase: &'a str,
    revision: Option<&'a str>,
    /// Whether that operation says what it did.
    has_result: bool,
    /// An operation was asked for and has not begun.
    requested: bool,
}

impl<'a> State<'a> {
    fn of(live: &'a Value, wanted: &'a str) -> Self {
        let compared = text(live, "/status/sync/revision").filter(|revision| {
            text(live, "/status/sync/comparedTo/source/targetRevision") == Some(revision)
        });
        let matches = |ours: &str, theirs: &str| match (live.pointer(ours), live.pointer(theirs)) {
            (Some(ours), Some(theirs)) => contains(theirs, ours),
            _ => false,
        };
        // An operation that somebody starts by hand without a revision takes that of the specification then.
        let named = text(live, "/status/operationState/operation/sync/revision")
            .or_else(|| text(live, "/status/operationState/syncResult/revision"))
            .filter(|revision| !revision.is_empty());
        let requested = live.get("operation").is_some_and(|o| !o.is_null())
            && text(live, "/operation/sync/revision").is_none_or(|r| r == wanted);
        Self {
            compared,
            word: text(live, "/status/sync/status").unwrap_or_default(),
            current: matches("/spec/source", "/status/sync/comparedTo/source")
                && matches("/spec/destination", "/status/sync/comparedTo/destination"),
            phase: text(live, "/status/operationState/phase").unwrap_or_default(),
            revision: named,
            has_result: live
                .pointer("/status/operationState/syncResult")
                .is_some_and(Value::is_object),
            requested,
        }
    }

    fn is_under_way(&self) -> bool {
        matches!(self.phase, "Running" | "Terminating")
    }

    /// Whether an attempt that ended without success keeps Argo CD from the one that is wanted.
    ///
    /// Argo CD attempts no revision again of which the last attempt failed, also when it was pointed elsewhere
    /// meanwhile and had nothing to do there; and after an attempt without a result it attempts nothing at all. One
    /// that failed while the same was wanted as now stays: its retries were its chance.
    fn is_in_the_way(&self, is_foreign: bool, points_here: bool) -> bool {
        let blocks = if is_foreign {
            !self.has_result
        } else {
            !points_here
        };
        blocks && !self.requested && matches!(self.phase, "Failed" | "Error")
    }

    /// The revision that was in place as a whole at the last comparison, and that nothing has touched since.
    fn in_place(&self) -> Option<&'a str> {
        let revision = self.compared?;
        let touched = self.is_under_way() && self.revision != Some(revision);
        match self.word {
            _ if touched => None,
            "Synced" => Some(revision),
            // All of it was put in place, and since then somebody changed a part of it by hand.
            "OutOfSync" if self.phase == "Succeeded" && self.revision == Some(revision) => {
                Some(revision)
            }
            _ => None,
        }
    }
}

fn sync(live: &Value, wanted: &Value, state: &State<'_>, refusal: Option<&str>) -> Sync {
    let revision = text(wanted, "/spec/source/targetRevision");
    if live.pointer("/spec/source") != wanted.pointer("/spec/source") {
        return Sync::OutOfSync;
    }
    if let Some(refusal) = refusal {
        return Sync::Failed(refusal.to_owned());
    }
    if state.is_under_way() || state.requested {
        return Sync::Applying;
    }
    let of_this = revision.is_some() && state.revision == revision;
    let in_sync = state.current && state.word == "Synced";
    if of_this && matches!(state.phase, "Failed" | "Error") && !in_sync {
        return Sync::Failed(failure(live));
    }
    if !state.current {
        return Sync::Applying;
    }
    if let Some(error) = condition(live, "ComparisonError") {
        return Sync::Failed(error);
    }
    let is_automated = live
        .pointer("/spec/syncPolicy/automated")
        .is_some_and(Value::is_object);
    match state.word {
        "Synced" => Sync::Synced,
        "OutOfSync" => match condition(live, "SyncError") {
            // Such a condition names the revision that was tried: it may be left from the one before.
            Some(error) if revision.is_some_and(|revision| error.contains(revision)) => {
                Sync::Failed(error)
            }
            _ if of_this || !is_automated => Sync::OutOfSync,
            // Compared, and about to be put in place.
            _ => Sync::Applying,
        },
        _ => Sync::Unknown,
    }
}

/// Why an operation failed: its own message, and what the server said about the first objects.
fn failure(live: &Value) -> String {
    let message = text(live, "/status/operationState/message").unwrap_or_default();
    let objects = live
        .pointer("/status/operationState/syncResult/resources")
        .and_then(Value::as_array);
    let reasons = objects
        .into_iter()
        .flatten()
        .filter(|object| text(object, "/status") == Some("SyncFailed"))
        .filter_map(|object| {
            let kind = text(object, "/kind")?;
            let name = text(object, "/name")?;
            let place = text(object, "/namespace").map_or(String::new(), |n| format!("{n}/"));
            let why = one_line(text(object, "/message").unwrap_or_default());
            Some(format!("{kind} {place}{name}: {why}"))
        });
    let mut lines: Vec<String> = std::iter::once(one_line(message)).chain(reasons).collect();
    let more = lines.len().saturating_sub(1 + NAMED);
    if more > 0 {
        lines.truncate(1 + NAMED);
        lines.push(format!("and {more} more"));
    }
    cut(lines.join("; "))
}

/// The message of a condition of the Application.
fn condition(live: &Value, kind: &str) -> Option<String> {
    let conditions = live.pointer("/status/conditions")?.as_array()?;
    let found = conditions.iter().find(|c| text(c, "/type") == Some(kind))?;
    Some(cut(one_line(text(found, "/message").unwrap_or(kind))))
}

/// Whether `whole` states everything that `part` does.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, part)| whole.get(key).is_some_and(|whole| contains(whole, part))),
        _ => whole == part,
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MESSAGE_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}
