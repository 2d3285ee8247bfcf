//! One pointer, or one file that is none: its row of the table and its document.

use orz_core::Value;
use orz_core::format::{self, Blocks, HealthWord, Phase, Pointer, StateKind};
use orz_core::id::{ClusterName, Part, TenantName};
use orz_gitops::{LastChange, PointerInvalid, StoredPointer};
use serde_json::json;

use super::engine::Engine;
use super::{Place, repair};
use crate::ops::leave::is_gone;
use crate::view::{Cell, Tone, short};

/// A file below `pointers/`.
pub(super) enum Row {
    Pointer(Box<Line>),
    Broken(Box<Broken>),
}

/// A pointer.
pub(super) struct Line {
    pub(super) stored: StoredPointer,
    /// Why it must not be acted on; looked at for one tenant, and where a reconciler says so.
    pub(super) invalid: Option<PointerInvalid>,
    /// Who made an invalid one what it is, or took out one on its way out.
    pub(super) changed: Option<LastChange>,
    pub(super) engine: Option<Engine>,
    /// What the cluster's reconciler published.
    pub(super) status: Option<format::Status>,
    /// When the reconcilers of its cluster last had something new to say; `None` where there are none.
    pub(super) reported: Option<String>,
    /// Whether the brake of its cluster stands.
    pub(super) braked: bool,
}

/// A file that nobody can act on.
pub(super) struct Broken {
    pub(super) path: String,
    /// What its path names, if that is the place of a pointer.
    pub(super) place: Option<Place>,
    pub(super) why: String,
    /// What the cluster's reconciler published about the part.
    pub(super) status: Option<format::Status>,
    /// Who made it what it is.
    pub(super) changed: Option<LastChange>,
}

/// Where a part stands, as far as anybody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// No reconciler ever said a word about the cluster.
    Unknown,
    /// What the reconciler said is about another version of the pointer, or there is nothing yet.
    Unseen,
    /// The reconciler follows the pointer as it is.
    Seen(Phase),
    /// The pointer must not be acted on.
    Invalid,
}

impl Row {
    pub(super) fn order(&self) -> (bool, Option<(&TenantName, Part, &ClusterName)>, &str) {
        match self {
            Self::Pointer(line) => {
                let pointer = &line.stored.pointer;
                (
                    false,
                    Some((&pointer.tenant, pointer.part, &pointer.cluster)),
                    &line.stored.path,
                )
            }
            Self::Broken(broken) => {
                let place = broken.place.as_ref();
                (
                    place.is_none(),
                    place.map(|(cluster, tenant, part)| (tenant, *part, cluster)),
                    &broken.path,
                )
            }
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        match self {
            Self::Pointer(line) => line.invalid.is_some(),
            Self::Broken(_) => true,
        }
    }

    pub(super) fn cluster(&self) -> Option<&ClusterName> {
        match self {
            Self::Pointer(line) => Some(&line.stored.pointer.cluster),
            Self::Broken(broken) => broken.place.as_ref().map(|(cluster, _, _)| cluster),
        }
    }
}

impl Line {
    pub(super) fn stand(&self) -> Stand {
        if self.invalid.is_some() {
            return Stand::Invalid;
        }
        match &self.status {
            None if self.reported.is_none() => Stand::Unknown,
            None => Stand::Unseen,
            // It was checked here again, and is sound by now.
            Some(status) if status.phase == Phase::Invalid => Stand::Unseen,
            Some(status) if status.release.as_ref() != Some(&self.stored.pointer.release) => {
                Stand::Unseen
            }
            Some(status) => Stand::Seen(status.phase),
        }
    }

    /// Whether the reconciler says that nothing of a retired part is left but what stays.
    pub(super) fn is_gone(&self) -> bool {
        let status = self.status.as_ref();
        status.is_some_and(|status| is_gone(&self.stored.pointer, status))
    }

    pub(super) fn cells(&self) -> Vec<Cell> {
        let pointer = &self.stored.pointer;
        let source = match &pointer.source.commit {
            Some(commit) if pointer.source.dirty => format!("{}+", short(commit.as_str())),
            Some(commit) => short(commit.as_str()).to_owned(),
            None => "no commit".to_owned(),
        };
        let stand = self.stand();
        let said = matches!(stand, Stand::Seen(Phase::Frozen | Phase::Retiring));
        let state = match pointer.state.kind {
            StateKind::Live => "",
            StateKind::Frozen | StateKind::Retiring if said => "",
            other => super::super::freeze::word(other),
        };
        let hold = pointer.hold.as_ref().map(|hold| match &hold.blocks {
            Blocks::Releases(releases) => {
                let named: Vec<&str> = releases.iter().map(|r| short(r.as_str())).collect();
                format!("blocks {}", named.join(", "))
            }
            Blocks::All => {
                let until = hold.until.as_ref();
                until.map_or_else(|| "held".to_owned(), |until| format!("held until {until}"))
            }
        });
        let (tone, engine) = self.engine.as_ref().map(Engine::words).unwrap_or_default();
        let (phase_tone, phase) = self.phase(stand);
        vec![
            Cell::plain(pointer.tenant.to_string()),
            Cell::plain(pointer.part.to_string()),
            Cell::plain(pointer.cluster.to_string()),
            Cell::new(Tone::Name, short(pointer.release.as_str())),
            Cell::new(Tone::Faint, source),
            Cell::new(tone, engine),
            Cell::new(phase_tone, phase),
            Cell::new(Tone::Notice, state),
            Cell::new(Tone::Notice, hold.unwrap_or_default()),
        ]
    }

    /// The phase in words; a verified release that is not well by now says so.
    pub(super) fn phase(&self, stand: Stand) -> (Tone, String) {
        let (tone, word) = words(stand);
        let health = self.status.as_ref().map(|status| status.health);
        match (stand, health) {
            (Stand::Seen(Phase::Verified), Some(health)) if health != HealthWord::Healthy => {
                (Tone::Notice, format!("{word}, now {health:?}"))
            }
            _ => (tone, word.to_owned()),
        }
    }

    pub(super) fn json(&self) -> Value {
        let Pointer {
            tenant,
            part,
            cluster,
            namespace,
            release,
            digest,
            source,
            state,
            hold,
            ..
        } = &self.stored.pointer;
        json!({
            "tenant": tenant,
            "part": part,
            "cluster": cluster,
            "namespace": namespace,
            "release": release,
            "digest": digest,
            "source": source,
            "state": state,
            "hold": hold,
            "pointer": self.stored.blob,
            "invalid": self.invalid.as_ref().map(ToString::to_string),
            "changed": self.changed.as_ref().map(change),
            "help": repair::of_pointer(self),
            "engine": self.engine.as_ref().map(Engine::json),
            "seen": matches!(self.stand(), Stand::Seen(_) | Stand::Invalid),
            "status": self.status,
            "reported": self.reported,
        })
    }
}

impl Broken {
    /// Its row of the table, where it is in the place of a pointer.
    pub(super) fn cells(&self) -> Option<Vec<Cell>> {
        let (cluster, tenant, part) = self.place.as_ref()?;
        let (tone, word) = words(Stand::Invalid);
        Some(vec![
            Cell::plain(tenant.to_string()),
            Cell::plain(part.to_string()),
            Cell::plain(cluster.to_string()),
            Cell::new(Tone::Faint, "no pointer"),
            Cell::default(),
            Cell::default(),
            Cell::new(tone, word),
        ])
    }

    pub(super) fn json(&self) -> Value {
        let (cluster, tenant, part) = match &self.place {
            Some((cluster, tenant, part)) => (Some(cluster), Some(tenant), Some(part)),
            None => (None, None, None),
        };
        json!({
            "path": self.path,
            "cluster": cluster,
            "tenant": tenant,
            "part": part,
            "invalid": self.why,
            "changed": self.changed.as_ref().map(change),
            "help": repair::of_broken(self),
            "status": self.status,
        })
    }
}

fn change(change: &LastChange) -> Value {
    json!({
        "commit": change.commit,
        "time": change.time,
        "actor": change.actor,
        "subject": change.subject,
    })
}

/// A stand as people read it.
pub(super) const fn words(stand: Stand) -> (Tone, &'static str) {
    match stand {
        Stand::Unknown => (Tone::Plain, ""),
        Stand::Unseen => (Tone::Notice, "not seen by the reconciler yet"),
        Stand::Invalid | Stand::Seen(Phase::Invalid) => (Tone::Bad, "invalid"),
        Stand::Seen(Phase::Waiting) => (Tone::Notice, "waiting"),
        Stand::Seen(Phase::Progressing) => (Tone::Notice, "progressing"),
        Stand::Seen(Phase::Soaking) => (Tone::Good, "healthy, soaking"),
        Stand::Seen(Phase::Verified) => (Tone::Good, "verified"),
        Stand::Seen(Phase::Failed) => (Tone::Bad, "failed"),
        Stand::Seen(Phase::Frozen) => (Tone::Notice, "frozen"),
        Stand::Seen(Phase::Retiring) => (Tone::Notice, "retiring"),
    }
}
