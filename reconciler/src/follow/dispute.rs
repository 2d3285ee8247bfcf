//! Somebody who changes again and again what is put right again: corrected at once at first, then ever more seldom.
//!
//! The first corrections are immediate, because a person who tries something does it once or twice. Whoever goes on
//! is another program, and two programs that undo each other's work at full speed only wear out the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use orz_core::object::ObjectKey;

/// Something that was not as it had been put in place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Drift {
    pub(super) key: ObjectKey,
    /// Who changed it last, by the field manager; `None` when it was deleted, of which nothing tells.
    pub(super) by: Option<String>,
}

/// What is put right again and again, of one part.
///
/// Each object is counted by itself: somebody who changes many things once is no dispute.
#[derive(Clone, Debug, Default)]
pub(super) struct Dispute(BTreeMap<ObjectKey, Quarrel>);

#[derive(Clone, Debug, Default)]
struct Quarrel {
    rounds: u32,
    last: Duration,
    by: Option<String>,
}

/// So many corrections in a row are no dispute yet.
const TOLERATED: u32 = 3;
/// The first pause; it doubles.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(5);
/// A dispute is over when nothing was changed for so long after the pause, or for twice the pause.
const QUIET: Duration = Duration::from_secs(20);
/// How many objects are named.
const NAMED: usize = 3;

impl Dispute {
    /// These were put right at `now`. Whether that makes a dispute of one of them.
    pub(super) fn corrected(&mut self, now: Duration, drift: &[Drift]) -> bool {
        self.0.retain(|_, quarrel| !quarrel.is_over(now));
        let mut begins = false;
        for Drift { key, by } in drift {
            let quarrel = self.0.entry(key.clone()).or_default();
            quarrel.rounds = quarrel.rounds.saturating_add(1);
            quarrel.last = now;
            quarrel.by.clone_from(by);
            begins |= quarrel.rounds == TOLERATED + 1;
        }
        begins
    }

    /// What is not put right yet.
    pub(super) fn held(&self, now: Duration) -> BTreeSet<ObjectKey> {
        let held = self.disputed().filter(|(_, q)| now < q.until());
        held.map(|(key, _)| key.clone()).collect()
    }

    /// When the next correction may be made; `None`: at once.
    pub(super) fn until(&self, now: Duration) -> Option<Duration> {
        let untils = self.disputed().map(|(_, quarrel)| quarrel.until());
        untils.filter(|until| now < *until).min()
    }

    /// Forgets what is over; whether that was the end of the last dispute.
    pub(super) fn ends(&mut self, now: Duration) -> bool {
        let was_one = self.disputed().next().is_some();
        self.0.retain(|_, quarrel| !quarrel.is_over(now));
        was_one && self.disputed().next().is_none()
    }

    /// When the first dispute will be over if nothing more happens; `None` without one.
    pub(super) fn end(&self) -> Option<Duration> {
        let ends = self.disputed().map(|(_, quarrel)| quarrel.end());
        ends.min()
    }

    /// Who changes what, in one line; `None` while it is no dispute.
    pub(super) fn reason(&self) -> Option<String> {
        let pause = self.disputed().map(|(_, quarrel)| quarrel.pause()).max()?;
        let mut said: Vec<String> = self
            .disputed()
            .take(NAMED)
            .map(|(key, quarrel)| match &quarrel.by {
                Some(by) => format!("`{by}` changes {key}"),
                None => format!("somebody deletes {key}"),
            })
            .collect();
        let more = self.disputed().count() - said.len();
        if more > 0 {
            said.push(format!("and {more} more"));
        }
        Some(format!(
            "{} again and again: put right again at most every {} s",
            said.join(", "),
            pause.as_secs()
        ))
    }

    fn disputed(&self) -> impl Iterator<Item = (&ObjectKey, &Quarrel)> {
        self.0.iter().filter(|(_, quarrel)| quarrel.is_dispute())
    }
}

impl Quarrel {
    const fn is_dispute(&self) -> bool {
        self.rounds > TOLERATED
    }

    fn until(&self) -> Duration {
        self.last + self.pause()
    }

    fn pause(&self) -> Duration {
        if !self.is_dispute() {
            return Duration::ZERO;
        }
        let doubled = (self.rounds - TOLERATED - 1).min(16);
        PAUSE_MIN.saturating_mul(1 << doubled).min(PAUSE_MAX)
    }

    fn end(&self) -> Duration {
        let pause = self.pause();
        self.last + (pause + QUIET).max(pause * 2)
    }

    fn is_over(&self, now: Duration) -> bool {
        now >= self.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drift(name: &str, by: Option<&str>) -> Drift {
        let key = ObjectKey {
            group: String::new(),
            kind: "Service".to_owned(),
            namespace: Some("acme".to_owned()),
            name: name.to_owned(),
        };
        Drift {
            key,
            by: by.map(str::to_owned),
        }
    }

    #[test]
    fn pauses_double_and_end_with_quiet() {
        let mut dispute = Dispute::default();
        let mut now = Duration::ZERO;
        let mut pauses = Vec::new();
        for round in 1..=16 {
            // Somebody is always faster than the pause.
            let said = dispute.corrected(now, &[drift("web", Some("helm"))]);
            assert_eq!(said, round == TOLERATED + 1, "{round}");
            let until = dispute.until(now).unwrap_or(now);
            pauses.push(until.saturating_sub(now).as_secs());
            assert!(!dispute.ends(until));
            now = until;
        }
        assert_eq!(
            pauses,
            [
                0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300
            ]
        );
        let reason = dispute.reason().expect("said");
        assert_eq!(
            reason,
            "`helm` changes Service acme/web again and again: put right again at most every 300 s"
        );
        assert!(
            !dispute.corrected(now, &[drift("db", None)]),
            "the first time"
        );
        for _ in 0..2 {
            assert!(!dispute.corrected(now, &[drift("db", None)]));
        }
        assert!(dispute.corrected(now, &[drift("db", None)]));
        let reason = dispute.reason().expect("said");
        assert!(
            reason.starts_with("somebody deletes Service acme/db, `helm`"),
            "{reason}"
        );
        assert!(
            !dispute.ends(dispute.end().expect("some day")),
            "the other one goes on"
        );
        now = dispute.end().expect("some day");
        assert!(dispute.ends(now));
        assert_eq!((dispute.reason(), dispute.until(now)), (None, None));
    }

    #[test]
    fn somebody_who_tries_something_now_and_then_is_corrected_at_once() {
        let mut many = Dispute::default();
        for name in ["a", "b", "c", "d", "e"] {
            assert!(!many.corrected(Duration::ZERO, &[drift(name, Some("kubectl-edit"))]));
        }
        assert_eq!(many.held(Duration::ZERO), BTreeSet::new());
        let mut dispute = Dispute::default();
        for round in 0..20 {
            let now = Duration::from_secs(30 * round);
            assert!(!dispute.corrected(now, &[drift("web", Some("kubectl-edit"))]));
            assert_eq!(dispute.until(now), None);
        }
    }
}
