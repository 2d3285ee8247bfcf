//! What an operator has to know about one part beside its row: which object blocks, why, since when, what happens
//! next and when, and what can be done about it.

use orz_core::format::{Blocking, Blocks, Brake, HealthWord, Hold, Phase, State, StateKind};
use orz_core::id::{ClusterName, Part, TenantName};
use orz_core::object::ObjectKey;
use orz_gitops::LastChange;

use super::repair;
use super::row::{Broken, Line, Stand, words};
use crate::clock::later;
use crate::view::{Text, Tone, count, short};

/// So long after it was due, whoever should have done it is asked about.
const OVERDUE: u64 = 120;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// Whether there are parts of more than one cluster.
    pub(super) several: bool,
    /// Whether it is one tenant, of which everything is told, or the fleet.
    pub(super) one: bool,
    /// The present time.
    pub(super) now: &'a str,
}

/// A block of lines.
pub(super) struct Story {
    about: String,
    lines: Vec<Vec<(Tone, String)>>,
}

impl Story {
    fn new(about: String, tone: Tone, what: String) -> Self {
        Self {
            about,
            lines: vec![vec![(tone, what)]],
        }
    }

    /// Adds to the first line.
    fn more(&mut self, tone: Tone, text: String) {
        if let Some(first) = self.lines.first_mut() {
            first.push((tone, text));
        }
    }

    fn line(&mut self, tone: Tone, text: impl Into<String>) {
        self.lines.push(vec![(tone, text.into())]);
    }

    fn help(&mut self, help: Vec<String>) {
        for help in help {
            self.line(Tone::Notice, format!("help: {help}"));
        }
    }

    /// Prints it after an empty line.
    pub(super) fn tell(self, text: &mut Text) {
        text.gap();
        for (n, pieces) in self.lines.iter().enumerate() {
            let said = pieces.iter().any(|(_, piece)| !piece.is_empty());
            let start = match n {
                0 if said => (Tone::Strong, format!("{}  ", self.about)),
                0 => (Tone::Strong, self.about.clone()),
                _ => (Tone::Plain, "  ".to_owned()),
            };
            let pieces: Vec<(Tone, &str)> = std::iter::once(&start)
                .chain(pieces)
                .map(|(tone, piece)| (*tone, piece.as_str()))
                .collect();
            text.line(&pieces);
        }
    }
}

/// A brake that stands, before everything else.
pub(super) fn brake(brake: &Brake, text: &mut Text) {
    let Brake {
        cluster,
        at,
        reason,
        ..
    } = brake;
    text.line(&[
        (
            Tone::Bad,
            &format!("{cluster}: the brake is set since {at}: "),
        ),
        (Tone::Plain, reason),
    ]);
    let stands = "  nothing is judged or rolled back automatically there; people may publish, activate and roll back";
    text.line(&[(Tone::Plain, stands)]);
    let help =
        format!("  help: when the outage is over, `orzc resume --cluster {cluster} --reason TEXT`");
    text.line(&[(Tone::Notice, &help)]);
    text.gap();
}

/// What there is to say about a pointer; `None` where its row says everything.
pub(super) fn of_pointer(line: &Line, asked: Asked<'_>) -> Option<Story> {
    let pointer = &line.stored.pointer;
    let stand = line.stand();
    let about = about(
        &pointer.cluster,
        &pointer.tenant,
        pointer.part,
        asked.several,
    );
    let (tone, word) = line.phase(stand);
    let mut story = Story::new(about, tone, word);
    let quiet = match stand {
        Stand::Unknown => true,
        Stand::Invalid => {
            if let Some(invalid) = &line.invalid {
                since(&mut story, line);
                story.more(Tone::Plain, format!(": {}", bare(&invalid.to_string())));
            }
            stays(
                &mut story,
                line.status.as_ref().and_then(|s| s.observed.as_ref()),
            );
            changed(&mut story, line.changed.as_ref());
            false
        }
        Stand::Unseen => unseen(&mut story, line),
        Stand::Seen(phase) => seen(&mut story, line, phase, asked.now),
    };
    let frozen = frozen(&mut story, &pointer.state) || (asked.one && leaving(&mut story, line));
    // What was taken back and is well again stands in its row; after an outage that is half of the fleet.
    let tell = asked.one || !quiet || frozen;
    let held = pointer.hold.as_ref();
    let held = held.is_some_and(|hold| held_by(&mut story, hold, tell));
    if quiet && !frozen && !held {
        return None;
    }
    story.help(repair::of_pointer(line));
    Some(story)
}

/// Whether somebody froze it.
fn frozen(story: &mut Story, state: &State) -> bool {
    if state.kind != StateKind::Frozen {
        return false;
    }
    let by = state.by.as_ref().map(|by| format!(" by {by}"));
    let until = state.until.as_ref().map(|until| format!(" until {until}"));
    let why = state.reason.as_ref().map(|reason| format!(": {reason}"));
    let said: String = [by, until, why].into_iter().flatten().collect();
    story.line(Tone::Plain, format!("frozen{said}"));
    true
}

/// Whether somebody took it out: of a whole fleet, the row says that.
fn leaving(story: &mut Story, line: &Line) -> bool {
    let state = &line.stored.pointer.state;
    if !state.kind.is_leaving() {
        return false;
    }
    let made_so = line.changed.as_ref().filter(|changed| {
        let verbs = ["retire", "destroy"];
        verbs.iter().any(|verb| changed.subject.starts_with(verb))
    });
    let by = state.by.as_ref().map(|by| format!(" by {by}"));
    let since = made_so.map(|changed| format!(" since {}", changed.time));
    let why = state.reason.as_ref().map(|reason| format!(": {reason}"));
    let said: String = [by, since, why].into_iter().flatten().collect();
    story.line(Tone::Plain, format!("{}{said}", state.kind));
    let next = match (line.is_gone(), state.kind) {
        (_, StateKind::Destroying) => {
            "the reconciler deletes what is durable too, and then the pointer"
        }
        (true, _) => "nothing by itself",
        (false, _) => {
            "the reconciler removes `work`, then `data`, then `tenancy`; what is durable stays"
        }
    };
    story.line(Tone::Notice, format!("next: {next}"));
    true
}

/// Whether there is something to say about a hold. One that blocks releases by their names stands in nobody's way.
fn held_by(story: &mut Story, hold: &Hold, tell: bool) -> bool {
    if hold.blocks != Blocks::All && !tell {
        return false;
    }
    let until = hold.until.as_ref().map(|until| format!(" until {until}"));
    let until = until.unwrap_or_default();
    let (by, at, reason) = (&hold.by, &hold.at, &hold.reason);
    story.line(
        Tone::Plain,
        format!("held by {by} since {at}{until}: {reason}"),
    );
    if let Blocks::Releases(releases) = &hold.blocks {
        let named: Vec<&str> = releases.iter().map(|r| short(r.as_str())).collect();
        let said = format!(
            "only {} stays blocked; any other release goes live, and ends the hold once it is verified",
            named.join(", ")
        );
        story.line(Tone::Plain, said);
    }
    true
}

/// A file that nobody can act on.
pub(super) fn of_broken(broken: &Broken, several: bool) -> Story {
    let Some((cluster, tenant, part)) = &broken.place else {
        let what = format!("invalid: {}", bare(&broken.why));
        let mut story = Story::new(broken.path.clone(), Tone::Bad, what);
        changed(&mut story, broken.changed.as_ref());
        story.help(repair::of_broken(broken));
        return story;
    };
    let (tone, word) = words(Stand::Invalid);
    let about = about(cluster, tenant, *part, several);
    let mut story = Story::new(about, tone, word.to_owned());
    if let Some(status) = &broken.status {
        story.more(Tone::Faint, format!(" since {}", status.since));
    }
    story.more(Tone::Plain, format!(": {}", bare(&broken.why)));
    stays(
        &mut story,
        broken.status.as_ref().and_then(|s| s.observed.as_ref()),
    );
    changed(&mut story, broken.changed.as_ref());
    story.help(repair::of_broken(broken));
    story
}

fn about(cluster: &ClusterName, tenant: &TenantName, part: Part, several: bool) -> String {
    if several {
        format!("{tenant}/{part} on {cluster}")
    } else {
        format!("{tenant}/{part}")
    }
}

/// The reason without the word that stands before it already.
fn bare(reason: &str) -> &str {
    reason.strip_prefix("pointer-invalid: ").unwrap_or(reason)
}

/// What goes on running while a pointer must not be acted on.
fn stays(story: &mut Story, observed: Option<&orz_core::id::ReleaseId>) {
    let stays = match observed {
        Some(release) => format!("{} stays live", short(release.as_str())),
        None => "what is live stays".to_owned(),
    };
    story.line(
        Tone::Plain,
        format!("{stays}; nothing is changed until the pointer is repaired"),
    );
}

fn changed(story: &mut Story, changed: Option<&LastChange>) {
    if let Some(LastChange {
        commit,
        time,
        actor,
        subject,
    }) = changed
    {
        let commit = short(commit.as_str());
        let said = format!("changed by {actor} at {time} in {commit}: {subject}");
        story.line(Tone::Plain, said);
    }
}

fn since(story: &mut Story, line: &Line) {
    let status = line.status.as_ref().filter(|s| s.phase == Phase::Invalid);
    if let Some(status) = status {
        story.more(Tone::Faint, format!(" since {}", status.since));
    }
}

/// A version of the pointer that nobody has looked at: what was said about the one before, unless all was well.
fn unseen(story: &mut Story, line: &Line) -> bool {
    let Some(status) = &line.status else {
        return true;
    };
    if status.phase == Phase::Verified && status.health == HealthWord::Healthy {
        return true;
    }
    let of = status.release.as_ref().or(status.observed.as_ref());
    let of = of.map_or_else(String::new, |release| {
        format!("{} was ", short(release.as_str()))
    });
    let (_, word) = words(Stand::Seen(status.phase));
    story.line(
        Tone::Plain,
        format!("the last report: {of}{word} since {}", status.since),
    );
    false
}

/// Pointers that their reconciler has not looked at: where that stays, it is the one to be looked at.
pub(super) fn unseen_pointers(
    cluster: &ClusterName,
    unseen: usize,
    reported: &str,
    text: &mut Text,
) {
    text.gap();
    let pointers = count(unseen, "pointer");
    let said = format!(
        "{cluster}: the reconciler has yet to see {pointers}; it last had news at {reported}: where this stays, look whether it runs"
    );
    text.line(&[(Tone::Notice, &said)]);
}

/// What the reconciler says about the pointer as it is; whether that is nothing.
fn seen(story: &mut Story, line: &Line, phase: Phase, now: &str) -> bool {
    let Some(status) = &line.status else {
        return true;
    };
    let unwell = phase == Phase::Verified && status.health != HealthWord::Healthy;
    let said = status.reason.is_some() || status.next.is_some() || !status.blocking.is_empty();
    if phase == Phase::Verified && !unwell && !said {
        return true;
    }
    story.more(Tone::Faint, format!(" since {}", status.since));
    if let Some(reason) = &status.reason {
        story.more(Tone::Plain, format!(": {reason}"));
    }
    let release = &line.stored.pointer.release;
    match &status.observed {
        Some(observed) if observed != release => {
            let said = format!("{} is still in place", short(observed.as_str()));
            story.line(Tone::Plain, said);
        }
        None if !matches!(phase, Phase::Retiring) => {
            story.line(Tone::Plain, "no release is in place as a whole");
        }
        _ => {}
    }
    for blocking in &status.blocking {
        story.lines.push(blocked(blocking));
    }
    if let Some(next) = next(line, phase, now) {
        story.line(Tone::Notice, format!("next: {next}"));
    }
    false
}

fn blocked(blocking: &Blocking) -> Vec<(Tone, String)> {
    let object = ObjectKey::from(blocking.object.clone());
    vec![
        (Tone::Plain, format!("{object}  ")),
        (Tone::Bad, format!("{:?}", blocking.health)),
        (Tone::Plain, format!("  {}", blocking.message)),
        (Tone::Faint, format!("  since {}", blocking.since)),
    ]
}

/// What happens if nobody does anything, and when.
fn next(line: &Line, phase: Phase, now: &str) -> Option<String> {
    let pointer = &line.stored.pointer;
    let status = line.status.as_ref()?;
    let judged = matches!(phase, Phase::Waiting | Phase::Progressing | Phase::Soaking);
    if line.braked && judged {
        let cluster = &pointer.cluster;
        return Some(format!(
            "nothing until `orzc resume --cluster {cluster} --reason TEXT`"
        ));
    }
    if let Some(next) = &status.next {
        let what = match next.what.as_str() {
            "verified" => "verified, if it stays healthy,",
            "alert" => "a person is called, if it is not healthy by then,",
            _ => &next.what,
        };
        let unless = if next.what.starts_with("rolled back") {
            ", if it is not healthy by then,"
        } else {
            ""
        };
        let seconds = next.in_seconds;
        let due = line.reported.as_ref().and_then(|at| later(at, seconds));
        return Some(match due {
            Some(due) if later(&due, OVERDUE).is_some_and(|late| late.as_str() < now) => {
                format!(
                    "{what}{unless} at about {due}; that has passed: look whether the reconciler runs"
                )
            }
            Some(due) => {
                format!("{what}{unless} at about {due} ({seconds} s after the last report)")
            }
            None => format!("{what}{unless} after {seconds} s"),
        });
    }
    match phase {
        Phase::Waiting => {
            Some("applied as soon as that exists; no deadline runs before".to_owned())
        }
        Phase::Failed => Some("nothing by itself".to_owned()),
        Phase::Frozen => Some(match &pointer.state.until {
            Some(until) => format!("nothing is applied or judged until {until}"),
            None => "nothing is applied or judged until somebody thaws it".to_owned(),
        }),
        Phase::Verified if status.health != HealthWord::Healthy => {
            Some("nothing by itself: what was verified is not taken back".to_owned())
        }
        _ => None,
    }
}
