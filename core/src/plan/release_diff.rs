//! The difference between any two releases.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::changes::{Changes, Totals};
use super::render::{self, HumanOptions, Section};
use crate::exit::ExitCode;
use crate::format::{self, Document};
use crate::id::{Part, ReleaseId, TenantName};
use crate::object::Object;

/// What changes from one release to another. There is no base and nothing to carry out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseDiff {
    /// The release before.
    pub from: Side,
    /// The release after.
    pub to: Side,
    /// The objects that change.
    #[serde(flatten)]
    pub changes: Changes,
}

/// One of the two releases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// The tenant.
    pub tenant: TenantName,
    /// The part.
    pub part: Part,
    /// The release.
    pub release: ReleaseId,
}

impl Document for ReleaseDiff {
    const KIND: &'static str = "ReleaseDiff";
}

impl ReleaseDiff {
    /// Compares the objects of two releases.
    pub fn new(from: Side, to: Side, before: &[Object], after: &[Object]) -> Self {
        Self {
            from,
            to,
            changes: Changes::between(before, after, &[]),
        }
    }

    /// How many objects are created, updated, replaced and deleted.
    pub fn totals(&self) -> Totals {
        self.changes.totals()
    }

    /// As [`super::Plan::exit_code`]; two releases that mean the same are [`ExitCode::Ok`].
    pub fn exit_code(&self) -> ExitCode {
        self.changes.exit_code()
    }

    /// The document for programs; ends with a newline.
    pub fn to_json(&self) -> String {
        String::from_utf8(format::to_bytes(self)).expect("JSON is UTF-8")
    }

    /// As [`super::Plan::render_human`].
    pub fn render_human(&self, color: bool) -> String {
        self.render_human_with(HumanOptions {
            color,
            ..HumanOptions::default()
        })
    }

    /// As [`super::Plan::render_human_with`].
    pub fn render_human_with(&self, options: HumanOptions) -> String {
        render::human(&self.sections(), self.totals(), options)
    }

    /// As [`super::Plan::render_markdown`].
    pub fn render_markdown(&self) -> String {
        let intro = format!("From `{}` to `{}`", self.from.release, self.to.release);
        render::markdown("Difference", &intro, &self.sections(), self.totals())
    }

    fn sections(&self) -> Vec<Section<'_>> {
        if self.from.release == self.to.release {
            return Vec::new();
        }
        let side = |side: &Side| format!("{}/{}", side.tenant, side.part);
        let (from, to) = (side(&self.from), side(&self.to));
        vec![Section {
            title: if from == to {
                to
            } else {
                format!("{from} → {to}")
            },
            place: format!(
                "from {} to {}",
                short(&self.from.release),
                short(&self.to.release)
            ),
            because: String::new(),
            changes: &self.changes,
        }]
    }
}

fn short(release: &ReleaseId) -> &str {
    &release.as_str()[..12]
}
