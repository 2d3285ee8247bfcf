//! Objects grouped by what they belong to.

use crate::diff::Change;
use crate::plan::changes::{Changes, PlannedChange};

/// More phrases than this in one line say less.
const PHRASES_MAX: usize = 10;

/// The changes of what belongs together.
pub(super) struct Group<'a> {
    /// What it is, `app web`; `None` for an object that belongs to nothing and stands alone.
    pub(super) owner: Option<String>,
    /// Its objects, in the order of the changes; not empty.
    pub(super) changes: Vec<&'a PlannedChange>,
}

/// The groups in the order of their first object, so that what destroys comes first.
pub(super) fn groups(changes: &Changes) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();
    for change in &changes.changes {
        let owner = change.owner.as_ref().map(ToString::to_string);
        match groups
            .iter_mut()
            .find(|group| owner.is_some() && group.owner == owner)
        {
            Some(group) => group.changes.push(change),
            None => groups.push(Group {
                owner,
                changes: vec![change],
            }),
        }
    }
    groups
}

impl Group<'_> {
    /// What happens to the group, in phrases to be joined by commas; may be empty for an object
    /// that stands alone.
    pub(super) fn phrases(&self) -> Vec<String> {
        let all = |wanted: Change| self.changes.iter().all(|change| change.change == wanted);
        let of = |wanted: Change| {
            self.changes
                .iter()
                .filter(move |change| change.change == wanted)
        };
        let mut phrases = Vec::new();
        if self.owner.is_none() {
            phrases.extend(self.changes.iter().flat_map(|change| notes(change)));
            phrases.extend(
                self.changes
                    .iter()
                    .flat_map(|change| change.summary.iter().cloned()),
            );
        } else if all(Change::Delete) {
            phrases.push("removed".to_owned());
        } else if all(Change::Create) {
            phrases.push("new".to_owned());
            phrases.extend(of(Change::Create).flat_map(|change| change.summary.iter().cloned()));
        } else {
            // Of a release job that runs again, only that it does.
            let runs_again = |change: &PlannedChange| {
                change.release_job.is_some()
                    && of(Change::Create).any(|new| new.release_job == change.release_job)
            };
            phrases.extend(
                of(Change::Delete)
                    .filter(|change| !runs_again(change))
                    .flat_map(|change| of_one(change, '-')),
            );
            phrases.extend(of(Change::Replace).map(|c| format!("replace {} {}", c.kind, c.name)));
            for change in self
                .changes
                .iter()
                .filter(|c| matches!(c.change, Change::Replace | Change::Update))
            {
                phrases.extend(change.summary.iter().cloned());
            }
            phrases.extend(of(Change::Create).flat_map(|change| of_one(change, '+')));
        }
        if phrases.len() > PHRASES_MAX {
            let more = phrases.len() - (PHRASES_MAX - 1);
            phrases.truncate(PHRASES_MAX - 1);
            phrases.push(format!("{more} more"));
        }
        phrases
    }
}

/// An object that comes or goes in a group that stays.
fn of_one(change: &PlannedChange, sign: char) -> Vec<String> {
    if change.release_job.is_some() {
        change.summary.clone()
    } else {
        vec![format!("{sign}{} {}", change.kind, change.name)]
    }
}

/// What must be known about one object beyond its kind of change.
pub(super) fn notes(change: &PlannedChange) -> Vec<String> {
    let mut notes = Vec::new();
    if !change.replace_paths.is_empty() {
        notes.push(format!(
            "cannot change in place: {}",
            change.replace_paths.join(", ")
        ));
    }
    match change.cascades {
        0 => {}
        1 => notes.push("with 1 object in it".to_owned()),
        more => notes.push(format!("with {more} objects in it")),
    }
    match change.change {
        Change::Create if change.release_job.is_some() => {
            notes.push("runs before the rest, unless it is complete already".to_owned());
        }
        Change::Delete if change.release_job.is_some() => {
            notes.push("stays in the cluster as what has run".to_owned());
        }
        Change::Delete if change.durable => {
            notes.push("durable: stays in the cluster until it is destroyed on purpose".to_owned());
        }
        Change::Replace if change.durable => {
            notes.push("durable: what it holds does not move along".to_owned());
        }
        _ => {}
    }
    notes
}
