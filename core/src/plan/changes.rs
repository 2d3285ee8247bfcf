//! The changes between two sets of objects as a plan holds them.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{intent, manifest};
use crate::Value;
use crate::diff::{self, Change, ObjectChange};
use crate::exit::ExitCode;
use crate::jobs;
use crate::kinds;
use crate::object::{Object, ObjectKey};

/// The objects that change between two releases.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// Deletions first, then replacements, then the rest; each by group, kind, namespace and name.
    pub changes: Vec<PlannedChange>,
    /// How many objects stay as they are.
    pub unchanged: usize,
}

/// One object that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedChange {
    /// What happens to it; never `unchanged`.
    pub change: Change,
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace; absent for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// Which thing of the bundle it belongs to, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Whether it is of a kind that is never pruned: deleted here, it stays in the cluster until
    /// somebody destroys it on purpose.
    #[serde(default, skip_serializing_if = "is_false")]
    pub durable: bool,
    /// The name of the release job that it is, if it is one: created here, it runs unless it is complete
    /// under its name; deleted here, it stays in the cluster as what has run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_job: Option<String>,
    /// The frozen fields for which it has to be replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replace_paths: Vec<String>,
    /// How many further objects go with it: for a Namespace, everything in it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cascades: usize,
    /// What the change means, in a few words each: `image registry/x:1 → :2`, `+1 env LOG_LEVEL`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub summary: Vec<String>,
    /// The fields that differ; empty for an object that is created or deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<PlannedField>,
    /// The unified difference of the manifests, three lines of context, without file names.
    pub diff: String,
}

/// One field that differs, as in [`crate::diff::FieldChange`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedField {
    /// Where in the object.
    pub path: String,
    /// The value before; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The value after; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// What an object belongs to, from its label `orz.dev/<kind>: <name>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// Kind of thing.
    pub kind: OwnerKind,
    /// Its name in the bundle.
    pub name: String,
}

/// The things of a bundle to which objects belong. An object with several labels belongs to the
/// first of these: the volume of an app is a volume.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum OwnerKind {
    /// `orz.dev/volume`.
    Volume,
    /// `orz.dev/config`.
    Config,
    /// `orz.dev/connector`.
    Connector,
    /// `orz.dev/app`.
    App,
}

/// How many objects change in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// New ones.
    pub create: usize,
    /// Changed in place.
    pub update: usize,
    /// Deleted and created again.
    pub replace: usize,
    /// Gone.
    pub delete: usize,
}

impl Changes {
    /// Compares two sets of objects. `others` are further objects that are live in the same
    /// namespaces, which a deleted Namespace would take along.
    pub fn between(before: &[Object], after: &[Object], others: &[&[Object]]) -> Self {
        let (old, new) = (by_key(before), by_key(after));
        let mut unchanged = 0;
        let mut changes = Vec::new();
        for mut change in diff::diff(before, after) {
            if change.change == Change::Unchanged {
                unchanged += 1;
                continue;
            }
            if change.change == Change::Delete {
                change.cascades += others
                    .iter()
                    .map(|o| diff::cascades(&change.key, o))
                    .sum::<usize>();
            }
            let (old, new) = (old.get(&change.key).copied(), new.get(&change.key).copied());
            changes.push(PlannedChange::new(change, old, new));
        }
        Self { changes, unchanged }
    }

    /// How many objects change in which way.
    pub fn totals(&self) -> Totals {
        let count = |change: Change| self.changes.iter().filter(|c| c.change == change).count();
        Totals {
            create: count(Change::Create),
            update: count(Change::Update),
            replace: count(Change::Replace),
            delete: count(Change::Delete),
        }
    }

    /// [`ExitCode::Destroys`], [`ExitCode::Changes`] or [`ExitCode::Ok`].
    pub fn exit_code(&self) -> ExitCode {
        if self.changes.iter().any(PlannedChange::destroys) {
            ExitCode::Destroys
        } else if self.changes.is_empty() {
            ExitCode::Ok
        } else {
            ExitCode::Changes
        }
    }
}

impl PlannedChange {
    fn new(change: ObjectChange, before: Option<&Object>, after: Option<&Object>) -> Self {
        let owner = after.or(before).and_then(Owner::of);
        let (old, new) = diff::without_secrets(before, after);
        let mut summary = intent::summary(&change, new.as_ref(), owner.as_ref());
        let release_job = after.or(before).and_then(jobs::name).map(str::to_owned);
        if let Some(job) = &release_job {
            summary = intent::of_release_job(job, change.change, summary);
        }
        let ObjectKey {
            group,
            kind,
            namespace,
            name,
        } = change.key;
        let fields = change.fields.into_iter();
        Self {
            change: change.change,
            durable: kinds::find(&group, &kind).is_some_and(|info| info.durable),
            release_job,
            group,
            kind,
            namespace,
            name,
            owner,
            replace_paths: change.replace_paths,
            cascades: change.cascades,
            summary,
            fields: fields
                .map(|f| PlannedField {
                    path: f.path,
                    before: f.before,
                    after: f.after,
                })
                .collect(),
            diff: manifest::unified(old.as_ref(), new.as_ref()),
        }
    }

    /// Whether something is lost that the change does not bring back by itself.
    ///
    /// Not with a release job that a release no longer contains: it has run, and no engine removes it.
    pub fn destroys(&self) -> bool {
        self.change.destroys() && (self.change == Change::Replace || self.release_job.is_none())
    }

    /// What names the object.
    pub fn key(&self) -> ObjectKey {
        ObjectKey {
            group: self.group.clone(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

impl Owner {
    /// What an object says that it belongs to.
    pub fn of(object: &Object) -> Option<Self> {
        let labels = object.value().pointer("/metadata/labels")?;
        [
            OwnerKind::Volume,
            OwnerKind::Config,
            OwnerKind::Connector,
            OwnerKind::App,
        ]
        .into_iter()
        .find_map(|kind| {
            let name = labels.get(format!("orz.dev/{}", kind.as_str()))?.as_str()?;
            Some(Self {
                kind,
                name: name.to_owned(),
            })
        })
    }
}

impl OwnerKind {
    /// The kind as people read it: `app`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::Config => "config",
            Self::Connector => "connector",
            Self::App => "app",
        }
    }
}

impl fmt::Display for Owner {
    /// `app web`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.name)
    }
}

impl fmt::Display for Totals {
    /// `3 to create, 1 to update, 0 to replace, 1 to delete`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            create,
            update,
            replace,
            delete,
        } = self;
        write!(
            f,
            "{create} to create, {update} to update, {replace} to replace, {delete} to delete"
        )
    }
}

impl Sum for Totals {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), |a, b| Self {
            create: a.create + b.create,
            update: a.update + b.update,
            replace: a.replace + b.replace,
            delete: a.delete + b.delete,
        })
    }
}

/// Of an object that is there twice, the last one, as in [`diff::diff`].
fn by_key(objects: &[Object]) -> BTreeMap<ObjectKey, &Object> {
    objects
        .iter()
        .map(|object| (object.key(), object))
        .collect()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(value: &usize) -> bool {
    *value == 0
}
