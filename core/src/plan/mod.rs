//! The plan: what publishing and activating would change, before anything is written.
//!
//! A plan compares, for each part of each tenant, the release that is live with the one that the
//! source would give. It is exact and needs no cluster: release against release. The document can
//! be kept in a file; its [`Plan::id`] names everything that must still hold when it is carried out.
//! [`ReleaseDiff`] is the same comparison between any two releases.
//!
//! What people read ([`Plan::render_human`], [`Plan::render_markdown`]) groups objects by what they
//! belong to (an app, a connector, a config, a volume; from labels, see [`Owner`]) and says the
//! intent of a change in a few words, with the difference of the manifests beneath. Values stand
//! in it as they stand in the manifests: releases hold no secret, because no object in them may
//! (the kind table refuses a Secret), and a Secret's values are hidden all the same.

mod changes;
mod id;
mod intent;
mod manifest;
mod release_diff;
mod render;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use changes::{Changes, Owner, OwnerKind, PlannedChange, PlannedField, Totals};
pub use id::inputs_digest;
pub use release_diff::{ReleaseDiff, Side};
pub use render::{HumanOptions, MARKDOWN_MAX, Manifests};

use crate::exit::ExitCode;
use crate::format::{self, Compiler, Document, FormatError, Inputs, Release};
use crate::id::{BlobId, ClusterName, Digest, Part, ReleaseId, TenantName};
use crate::object::Object;
use render::Section;

/// What would change, in every part that was compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Names the inputs, the compiler, the policies, the base and the result of every part.
    ///
    /// SHA-256 over the parts, sorted by tenant and then by the name of the part, both in byte order.
    /// Each part contributes seven texts: tenant, part, digest of the inputs, digest of the compiler,
    /// digest of the policies, blob of the pointer that is the base (empty without one), digest of
    /// the result. Each text is written as its length in bytes, an unsigned 64-bit big-endian number,
    /// and its bytes. Digests and blobs are lower-case hex.
    pub id: Digest,
    /// Every part that was compared, those without a change included, sorted by tenant and by the
    /// order in which parts are applied.
    pub parts: Vec<PartPlan>,
}

/// What would change in one part of a tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartPlan {
    /// The tenant.
    pub tenant: TenantName,
    /// The part.
    pub part: Part,
    /// The cluster whose pointer is the base.
    pub cluster: ClusterName,
    /// What is live; null if nothing is.
    pub base: Option<Base>,
    /// What was compiled, see [`inputs_digest`].
    pub inputs: Digest,
    /// What compiled it.
    pub compiler: Digest,
    /// What it was checked against.
    pub policies: Digest,
    /// Digest of the manifests, as on the index.
    pub result: Digest,
    /// Why the manifests differ from those that are live; empty if they do not.
    pub why: Vec<Why>,
    /// The objects that change.
    #[serde(flatten)]
    pub changes: Changes,
}

/// What a part is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Base {
    /// The blob of the pointer: if another one stands there, the plan is stale.
    pub pointer: BlobId,
    /// The release that is live.
    pub release: ReleaseId,
    /// Digest of its manifests.
    pub digest: Digest,
}

/// Why a part changes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// The tenant's own files, or the time that was supplied.
    Input,
    /// The operator's files.
    Platform,
    /// The compiler, or the platform data that ships in it.
    Compiler,
}

/// What the source would give for one part, and what is live there.
#[derive(Clone, Debug)]
pub struct Proposed<'a> {
    /// The tenant.
    pub tenant: TenantName,
    /// The part.
    pub part: Part,
    /// The cluster it is for.
    pub cluster: ClusterName,
    /// What is live there.
    pub live: Option<Live<'a>>,
    /// Every file that was read, and the time that was supplied.
    pub inputs: &'a Inputs,
    /// What compiled it.
    pub compiler: &'a Compiler,
    /// Digest of the policies that it was checked against; [`format::digest_of`] nothing if there
    /// are none.
    pub policies: Digest,
    /// Digest of the manifests.
    pub result: Digest,
    /// The objects.
    pub objects: &'a [Object],
}

/// The release of a part that is live.
#[derive(Clone, Debug)]
pub struct Live<'a> {
    /// The blob of the pointer that says so.
    pub pointer: BlobId,
    /// Its entry on the index.
    pub release: &'a Release,
    /// Its objects.
    pub objects: &'a [Object],
}

/// Why a file is not a plan that can be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Not a plan at all.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The id does not name what the plan holds: the file was changed after it was made.
    #[error(
        "the plan was changed after it was made: its id is `{found}`, its content gives `{expected}`"
    )]
    Id {
        /// The id in the file.
        found: Digest,
        /// The id of what the file holds.
        expected: Digest,
    },
}

impl Document for Plan {
    const KIND: &'static str = "Plan";
}

impl Plan {
    /// Compares what is proposed with what is live.
    ///
    /// A Namespace that goes takes with it what any proposed part of the same tenant has live in it,
    /// so cascades are exact only if all parts of a tenant are planned together.
    pub fn new(mut proposed: Vec<Proposed>) -> Self {
        proposed
            .sort_by(|a, b| (&a.tenant, a.part, &a.cluster).cmp(&(&b.tenant, b.part, &b.cluster)));
        let parts: Vec<PartPlan> = proposed
            .iter()
            .map(|part| {
                let siblings = proposed.iter().filter(|other| {
                    (&other.tenant, &other.cluster) == (&part.tenant, &part.cluster)
                        && other.part != part.part
                });
                let others: Vec<&[Object]> = siblings
                    .filter_map(|p| p.live.as_ref().map(|l| l.objects))
                    .collect();
                PartPlan::new(part, &others)
            })
            .collect();
        Self {
            id: id::plan_id(&parts),
            parts,
        }
    }

    /// Reads a plan from the bytes of its file and makes sure that its id is its own.
    pub fn read(bytes: &[u8]) -> Result<Self, PlanError> {
        let plan: Self = format::from_bytes(bytes)?;
        let expected = id::plan_id(&plan.parts);
        if plan.id == expected {
            Ok(plan)
        } else {
            Err(PlanError::Id {
                found: plan.id,
                expected,
            })
        }
    }

    /// The document for programs and for a file; ends with a newline.
    pub fn to_json(&self) -> String {
        String::from_utf8(format::to_bytes(self)).expect("JSON is UTF-8")
    }

    /// The plan of one part.
    pub fn part(&self, tenant: &TenantName, part: Part) -> Option<&PartPlan> {
        self.parts
            .iter()
            .find(|p| p.tenant == *tenant && p.part == part)
    }

    /// How many objects are created, updated, replaced and deleted, in all parts together.
    pub fn totals(&self) -> Totals {
        self.parts.iter().map(|part| part.changes.totals()).sum()
    }

    /// [`ExitCode::Destroys`] if anything is deleted or replaced, [`ExitCode::Changes`] if anything
    /// else would change, else [`ExitCode::Ok`].
    pub fn exit_code(&self) -> ExitCode {
        self.parts
            .iter()
            .map(PartPlan::exit_code)
            .fold(ExitCode::Ok, ExitCode::combine)
    }

    /// For people at a terminal: what changes, by intent, with the manifests of what changes in
    /// place or is replaced beneath; the last line counts.
    pub fn render_human(&self, color: bool) -> String {
        self.render_human_with(HumanOptions {
            color,
            ..HumanOptions::default()
        })
    }

    /// Like [`Plan::render_human`], with a choice of what is shown beneath.
    pub fn render_human_with(&self, options: HumanOptions) -> String {
        render::human(&self.sections(), self.totals(), options)
    }

    /// For a comment on a pull request: collapsible, and shorter than [`MARKDOWN_MAX`]; says how
    /// much it left out.
    pub fn render_markdown(&self) -> String {
        let intro = format!("Plan `{}`", self.id);
        render::markdown("Plan", &intro, &self.sections(), self.totals())
    }

    fn sections(&self) -> Vec<Section<'_>> {
        self.parts
            .iter()
            .filter(|part| part.moves())
            .map(PartPlan::section)
            .collect()
    }
}

impl PartPlan {
    fn new(proposed: &Proposed, others: &[&[Object]]) -> Self {
        let live = proposed.live.as_ref();
        let base = live.map(|live| Base {
            pointer: live.pointer.clone(),
            release: live.release.release.clone(),
            digest: live.release.digest.clone(),
        });
        let changes = Changes::between(
            live.map_or(&[], |live| live.objects),
            proposed.objects,
            others,
        );
        let mut plan = Self {
            tenant: proposed.tenant.clone(),
            part: proposed.part,
            cluster: proposed.cluster.clone(),
            base,
            inputs: inputs_digest(proposed.inputs),
            compiler: proposed.compiler.digest.clone(),
            policies: proposed.policies.clone(),
            result: proposed.result.clone(),
            why: Vec::new(),
            changes,
        };
        if plan.moves() {
            plan.why = why(
                live.map(|live| live.release),
                proposed.inputs,
                proposed.compiler,
            );
        }
        plan
    }

    /// Whether activating the result would move the pointer. It can without any object changing its
    /// meaning, when a newer compiler writes the same differently.
    pub fn moves(&self) -> bool {
        match &self.base {
            Some(base) => base.digest != self.result,
            None => !self.changes.changes.is_empty(),
        }
    }

    /// As [`Plan::exit_code`], for this part alone.
    pub fn exit_code(&self) -> ExitCode {
        match self.changes.exit_code() {
            ExitCode::Ok if self.moves() => ExitCode::Changes,
            code => code,
        }
    }

    fn section(&self) -> Section<'_> {
        let reasons: Vec<&str> = self.why.iter().map(|why| why.as_words()).collect();
        let because = match (&self.base, &reasons[..]) {
            (None, _) => "nothing is live there yet".to_owned(),
            (Some(_), []) => String::new(),
            (Some(_), [one]) => format!("because {one} changed"),
            (Some(_), [first @ .., last]) => {
                format!("because {} and {last} changed", first.join(", "))
            }
        };
        Section {
            title: format!("{}/{}", self.tenant, self.part),
            place: format!("on {}", self.cluster),
            because,
            changes: &self.changes,
        }
    }
}

impl Why {
    const fn as_words(self) -> &'static str {
        match self {
            Self::Input => "its input",
            Self::Platform => "the platform data",
            Self::Compiler => "the compiler",
        }
    }
}

/// What differs between what made the live release and what makes the new one. Ownership is a path
/// prefix: everything under `platform/`, the operator's word on the tenant included, is platform data.
fn why(live: Option<&Release>, inputs: &Inputs, compiler: &Compiler) -> Vec<Why> {
    let Some(live) = live else {
        return vec![Why::Input];
    };
    let of = |inputs: &Inputs, platform: bool| -> Vec<(String, Digest)> {
        let files = inputs
            .files
            .iter()
            .filter(|file| file.path.starts_with("platform/") == platform);
        files
            .map(|file| (file.path.clone(), file.sha256.clone()))
            .collect()
    };
    let mut why = Vec::new();
    if live.inputs.at != inputs.at || of(&live.inputs, false) != of(inputs, false) {
        why.push(Why::Input);
    }
    if of(&live.inputs, true) != of(inputs, true) {
        why.push(Why::Platform);
    }
    if live.compiler.digest != compiler.digest {
        why.push(Why::Compiler);
    }
    why
}

#[cfg(test)]
mod tests;
