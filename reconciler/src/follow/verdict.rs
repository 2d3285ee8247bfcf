//! What follows from a pass: the judgement, and what it asks for.

use std::time::Duration;

use orz_core::Value;
use orz_core::format::{self, Memory, Phase};
use orz_core::id::ReleaseId;
use orz_core::jobs;
use orz_core::object::{Object, ObjectKey};

use super::clock::Clock;
use super::log::{About, Level, one_line};
use super::part::{LOOK_YOUNG, PartState, next_look};
use super::pass::{Before, Looked, Pass, Task};
use super::pool::Done;
use super::{Follower, Key, claims, leave};
use crate::desired::Desired;
use crate::engine::EngineError;
use crate::judge::{Action, Arrival, Decision, Judged, Timings, decide, is_news};

/// What Kubernetes is told where a bundle says nothing. Only who asks for more gets more.
const USUAL_DEADLINE: Duration = Duration::from_mins(10);

impl<C: Clock> Follower<'_, C> {
    /// Takes over what a pass found.
    pub(super) fn finish(&mut self, done: Done) {
        let Done {
            key,
            task,
            result,
            took,
        } = done;
        let now = self.clock.elapsed();
        let Some(part) = self.parts.get_mut(&key) else {
            return;
        };
        part.running = false;
        if !self.share.is_current(&key.0, task.desired.writer.as_ref()) {
            // Another replica follows it, or has followed it meanwhile, and saw for itself.
            part.start_anew(None, true, now);
            return;
        }
        if part.stored.as_ref().map(|stored| &stored.blob) != Some(&task.pointer) {
            // Somebody moved it meanwhile: what was seen is not what is wanted.
            part.wake(now);
            return;
        }
        match result {
            Ok(_) => self.heard(),
            Err(ref error) => self.unheard(error),
        }
        let Some(part) = self.parts.get_mut(&key) else {
            return;
        };
        match result {
            Ok(Pass::Seen(looked)) => {
                part.tries = if looked.awaits.is_empty() {
                    0
                } else {
                    part.tries
                };
                self.judge(&key, &task, &looked);
            }
            Ok(Pass::NeedsBefore(release)) => {
                let before = self.before(&release);
                if let Some(part) = self.parts.get_mut(&key) {
                    part.before = Some(before);
                    part.due = now;
                }
            }
            Ok(Pass::Gone) => self.gone(&key, &task),
            Err(error) => self.unseen(&key, &error),
        }
        // A slow tenant gets half of a thread at most.
        if let Some(part) = self.parts.get_mut(&key) {
            part.due = part.due.max(now.saturating_add(took.mul_f64(0.5)));
            if std::mem::take(&mut part.touched) {
                part.touch(now);
            }
        }
    }

    /// A server that gives no answer to one part gives none to any. It is said of all at once: asking for each
    /// takes as long as the patience with a request.
    fn unheard(&mut self, error: &EngineError) {
        let Some(said) = error.silence().filter(|_| self.silent.is_none()) else {
            return;
        };
        self.silent = Some(self.clock.elapsed());
        let asked = |part: &PartState| {
            let phase = part.status.as_ref().map(|status| status.phase);
            part.stored.is_some() && !matches!(phase, Some(Phase::Invalid | Phase::Frozen))
        };
        let of_cluster = self.parts.iter().filter(|(_, part)| asked(part));
        let keys: Vec<Key> = of_cluster.map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.stand_unseen(&key, &one_line(&said));
        }
    }

    /// It answers again, so every part is looked at, whatever was said of it meanwhile.
    fn heard(&mut self) {
        if let Some(since) = self.silent.take() {
            let now = self.clock.elapsed();
            let seconds = now.saturating_sub(since).as_secs();
            let said = format!("the cluster answers again, after {seconds} s");
            self.say(Level::Info, About::default(), &said);
            for part in self.parts.values_mut() {
                part.wake(now);
            }
        }
    }

    /// Nothing could be seen, so no time passes for the part either.
    fn unseen(&mut self, key: &Key, error: &EngineError) {
        let now = self.clock.elapsed();
        self.unread.remove(key);
        if let EngineError::Fenced { epoch, .. } = error {
            self.share.outdated(&key.0, *epoch);
        }
        if matches!(
            error,
            EngineError::Stale { .. } | EngineError::Fenced { .. }
        ) {
            // Somebody else was faster, perhaps a process before this one; the next pass starts from there.
            if let Some(part) = self.parts.get_mut(key) {
                part.memory = None;
                part.trouble(now);
            }
            return;
        }
        let said = one_line(&error.to_string());
        self.complain(key, &said);
        self.stand_unseen(key, &said);
        if let Some(part) = self.parts.get_mut(key) {
            part.trouble(now);
        }
    }

    /// Nothing is left of a part that was to be destroyed.
    fn gone(&mut self, key: &Key, task: &Task) {
        let stored = self.parts.get(key).and_then(|part| part.stored.clone());
        let Some(stored) = stored else { return };
        let request = self.request("nothing of it is left");
        match self.repo.remove_pointer(&stored, &request) {
            Ok(_) => {
                self.tell(
                    Level::Info,
                    key,
                    &task.desired.release,
                    "nothing is left; its pointer was removed",
                );
                if let Some(part) = self.parts.get_mut(key) {
                    part.empty = true;
                }
                self.wake_others(key);
            }
            Err(error) => {
                self.complain(key, &error.to_string());
                let now = self.clock.elapsed();
                if let Some(part) = self.parts.get_mut(key) {
                    part.trouble(now);
                }
            }
        }
    }

    fn judge(&mut self, key: &Key, task: &Task, looked: &Looked) {
        let now = self.clock.elapsed();
        let desired = task.desired.as_ref();
        let release = &desired.release;
        let Some(part) = self.parts.get_mut(key) else {
            return;
        };
        let elapsed = match part.observed {
            Some(then) if !looked.began => now.saturating_sub(then),
            _ => Duration::ZERO,
        };
        if looked.began {
            part.watched = Duration::ZERO;
        }
        part.watched += elapsed.min(self.settings.timings.interval_max);
        part.observed = Some(now);
        part.said = None;
        part.memory.clone_from(&looked.memory);
        self.recall_failure(key, looked);
        self.unread.remove(key);
        if looked.began {
            self.brake.begun(now);
            self.tell(Level::Info, key, release, "an activation begins");
        }
        self.tell_changes(key, release, &looked.changes, looked.began);
        self.dispute(key, release, looked);
        let timings = Timings {
            deadline: deadline(desired, &self.settings.timings),
            ..self.settings.timings
        };
        let candidates = self.candidates(key, looked.memory.as_ref());
        let name = format!("{}/{}", key.0, key.1);
        let irreversible: Vec<ObjectKey> = desired
            .objects
            .iter()
            .filter(|object| jobs::is_reversible(object) == Some(false))
            .map(Object::key)
            .collect();
        let ends = |object: &&Object| {
            let seconds = object.value().pointer("/spec/activeDeadlineSeconds");
            jobs::name(object).is_some() && seconds.is_some_and(Value::is_u64)
        };
        let bounded: Vec<ObjectKey> = desired
            .objects
            .iter()
            .filter(ends)
            .map(Object::key)
            .collect();
        let mut judged = Judged {
            name: &name,
            pointer: &task.pointer,
            release,
            state: desired.state,
            arrival: Arrival::Forward,
            rolled_back: &[],
            awaits: &looked.awaits,
            irreversible: &irreversible,
            bounded: &bounded,
            memory: looked.memory.as_ref(),
            seen: &looked.seen,
            elapsed,
            timings: &timings,
            brake: self.braked,
            disputed: looked.held,
            candidates: &candidates,
        };
        let mut decision = decide(&judged);
        // The history is long, and only a failure asks for it.
        let (arrival, rolled_back);
        if decision.standing.phase == Phase::Failed {
            match self.history(key, task) {
                Ok(found) => (arrival, rolled_back) = found,
                Err(error) => {
                    self.complain(key, &error.to_string());
                    if let Some(part) = self.parts.get_mut(key) {
                        part.trouble(now);
                    }
                    return;
                }
            }
            judged.arrival = arrival;
            judged.rolled_back = &rolled_back;
            decision = decide(&judged);
        }
        let before = looked.memory.clone();
        self.act(key, task, decision, before, looked);
    }

    /// Does what was decided, and settles when to look again.
    fn act(
        &mut self,
        key: &Key,
        task: &Task,
        decision: Decision,
        before: Option<Memory>,
        looked: &Looked,
    ) {
        let release = &task.desired.release;
        let Decision {
            memory,
            action,
            mut standing,
        } = decision;
        // The time of day is none of the judgement's business.
        let memory = memory.map(|memory| {
            let fails = memory.phase == Phase::Failed && memory.failed_at.is_none();
            let failed_at = if fails {
                Some(self.clock.now())
            } else {
                memory.failed_at
            };
            Memory {
                failed_at,
                ..memory
            }
        });
        let memory = match action {
            // Counted first is what failed before this process began.
            Action::Rollback { .. } | Action::Alert { .. } if self.is_recalling() => before,
            Action::None => memory,
            Action::Verified => {
                self.tell(Level::Info, key, release, "verified");
                self.end_hold(key, release);
                memory
            }
            Action::Alert { reason } => {
                if self.trips(key, release) {
                    before
                } else {
                    self.tell(Level::Alert, key, release, &reason);
                    memory
                }
            }
            Action::Rollback { to, cause } => {
                if self.trips(key, release) {
                    before
                } else {
                    self.roll_back(key, release, &to, &cause, memory, before)
                }
            }
        };
        if let Some(memory) = &memory
            && standing.phase == Phase::Failed
            && memory.phase != Phase::Failed
            && memory.release == *release
        {
            standing.phase = memory.phase;
        }
        let part = self.parts.get(key);
        if let Some(reason) = part.and_then(|part| part.dispute.reason()) {
            standing.reason.get_or_insert(reason);
        }
        if task.desired.state.is_leaving() {
            let why = standing.reason.take();
            standing.reason = Some(match (looked.left, why) {
                (0, _) => "nothing is left but what is durable and what guards it".to_owned(),
                (1, None) => "1 object is still to go".to_owned(),
                (left, None) => format!("{left} objects are still to go"),
                (left, Some(why)) => format!("{left} still to go: {why}"),
            });
        }
        let now = self.clock.elapsed();
        let drift = self.settings.drift.mul_f64(jitter(key));
        let phase = standing.phase;
        let Some(part) = self.parts.get_mut(key) else {
            return;
        };
        part.memory = memory;
        let emptied = task.desired.state.is_leaving() && looked.left == 0 && !part.empty;
        part.empty |= emptied;
        part.waits = phase == Phase::Waiting || !looked.awaits.is_empty();
        let gives_up = part.gives_up && !task.desired.state.is_leaving();
        let news = part.memory.as_ref().is_some_and(|memory| {
            is_news(looked.written.as_ref(), memory, &task.timings, part.watched)
        });
        if part.waits {
            part.wait(now);
        } else if news
            && !task.desired.state.is_leaving()
            && task.desired.state != format::StateKind::Frozen
        {
            part.due = now;
        } else if part.empty {
            part.due = now + drift;
        } else {
            let soon = next_look(phase, part.memory.as_ref(), &task.timings, drift);
            // A process that has just begun looks often, so that it has something to leave to the next one.
            let often = matches!(phase, Phase::Progressing | Phase::Soaking);
            let most = if often {
                part.watched.max(LOOK_YOUNG)
            } else {
                soon
            };
            part.due = now + soon.min(most);
        }
        if !news && phase == Phase::Verified && part.collected.as_ref() != Some(&looked.ended_jobs)
        {
            let memory = part.memory.clone();
            self.collect(key, memory.as_ref(), &looked.ended_jobs);
        }
        let Some(part) = self.parts.get_mut(key) else {
            return;
        };
        // A correction that is held back, or the end of the dispute, which is news too.
        let until = part.dispute.until(now).filter(|_| looked.held);
        for at in until.into_iter().chain(part.dispute.end()) {
            part.due = part.due.min(at);
        }
        if !news && matches!(phase, Phase::Verified | Phase::Frozen) {
            // Read again at the next look, and checked again with it.
            if let Some(desired) = part.desired.take() {
                part.before = Some(Before::new(&desired.release, &desired.objects));
            }
        }
        self.stand(key, standing, looked.seen.release.clone());
        if emptied || !looked.changes.is_empty() {
            self.wake_others(key);
        }
        if gives_up && claims::is_alone(&task.desired, looked) {
            self.give_back(key, &task.desired.release);
        }
    }

    /// Finds out which ended release jobs may go; the next pass takes them away.
    fn collect(&mut self, key: &Key, memory: Option<&Memory>, ended: &[ObjectKey]) {
        let found = memory.map(|memory| self.collectable(key, memory, ended));
        let goes = match found.transpose() {
            Ok(goes) => goes.unwrap_or_default(),
            Err(error) => {
                self.complain(key, &error.to_string());
                return;
            }
        };
        let now = self.clock.elapsed();
        if let Some(part) = self.parts.get_mut(key) {
            part.collected = Some(ended.to_vec());
            if !goes.is_empty() {
                part.wake(now);
            }
            part.collect = goes;
        }
    }

    /// Keeps account of who changes again and again what is put right.
    fn dispute(&mut self, key: &Key, release: &ReleaseId, looked: &Looked) {
        let now = self.clock.elapsed();
        let Some(part) = self.parts.get_mut(key) else {
            return;
        };
        let ended = part.dispute.ends(now);
        let corrected = !looked.held && !looked.drift.is_empty();
        let begun = corrected && part.dispute.corrected(now, &looked.drift);
        let reason = part.dispute.reason().filter(|_| begun);
        if ended {
            self.tell(Level::Info, key, release, "nobody changes it any more");
        }
        if let Some(reason) = reason {
            self.tell(Level::Alert, key, release, &reason);
        }
    }

    /// The part of the tenant that must be empty before this one goes and is not.
    pub(super) fn goes_before(&self, key: &Key) -> Option<orz_core::id::Part> {
        leave::before(key.1).find(|part| {
            let other = self.parts.get(&(key.0.clone(), *part));
            other.is_some_and(|other| other.stored.is_some() && !other.empty)
        })
    }

    /// Other parts of the tenant may wait for this one.
    fn wake_others(&mut self, key: &Key) {
        let now = self.clock.elapsed();
        for (other, part) in &mut self.parts {
            if other.0 == key.0 && other.1 != key.1 {
                let leaves = part
                    .stored
                    .as_ref()
                    .is_some_and(|stored| stored.pointer.state.kind.is_leaving());
                if part.waits || (leaves && !part.empty) {
                    part.tries = 0;
                    part.wake(now);
                }
            }
        }
    }
}

/// How long the release may be unhealthy: longer than usual where it says so itself.
fn deadline(desired: &Desired, timings: &Timings) -> Duration {
    let stated = desired
        .objects
        .iter()
        .filter_map(|object| {
            let seconds = object.value().pointer("/spec/progressDeadlineSeconds");
            seconds.and_then(Value::as_u64)
        })
        .max();
    match stated.map(Duration::from_secs) {
        Some(stated) if stated > USUAL_DEADLINE => timings.deadline.max(stated),
        _ => timings.deadline,
    }
}

/// Between 0.9 and 1.1, the same for a part always: what was started together does not stay together.
fn jitter(key: &Key) -> f64 {
    let digest = orz_core::id::Digest::of(format!("{}/{}", key.0, key.1).as_bytes());
    let byte = u8::from_str_radix(&digest.as_str()[..2], 16).unwrap_or(0);
    0.9 + f64::from(byte) / 1_275.0
}
