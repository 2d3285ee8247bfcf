//! The compiler: a tenant's bundle and platform data in, Kubernetes manifests and diagnostics out.
//!
//! It is pure: it does no I/O, reads no clock and no environment, and equal inputs give equal bytes on
//! any machine. [`compile`] joins the stages; each is a function from one type to the next, so that
//! none can be skipped:
//!
//! | stage | from → to | what it finds |
//! |---|---|---|
//! | [`parse`] | bytes → documents with positions | hostile paths, files that do not belong, broken syntax |
//! | [`validate`] | documents → typed model | every schema error, duplicate names, what only the operator may say |
//! | [`resolve`] | typed model → model whose names fit together | unknown references, unknown plans, closed enrollment |
//! | [`lower`] | model → objects | (one file a section, in [`sections`]) |
//! | [`check`] | objects → checked objects | everything an object can be wrong about |
//! | [`emit`] | checked objects → canonical YAML | nothing: it cannot fail |
//! | [`seal`] | manifests → parts with digest, requirements and claims | nothing |
//!
//! Each stage reports all that it finds before the pipeline stops. [`platform`] holds the operator's data.

mod check;
mod emit;
mod identity;
mod lower;
mod model;
mod parse;
pub mod platform;
mod report;
mod resolve;
mod schema;
mod seal;
pub mod sections;
mod suggest;
mod validate;

use std::collections::{BTreeMap, BTreeSet};

use orz_core::diag::{Diagnostics, Sources};
use orz_core::format::{ClaimKey, InputFile, ObjectRef, Requirement};
use orz_core::id::{ClusterName, Digest, Part, TenantName};

pub use identity::compiler_identity;
pub use platform::Platform;
pub use schema::schemas;

use report::Report;

/// Everything that decides what a compile of one tenant emits.
pub struct Inputs<'a> {
    /// The tenant; [`TenantName::platform`] for the platform's own release.
    pub tenant: TenantName,
    /// Every file under `tenants/<tenant>/`: path relative to the source root → bytes. The platform has none.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The operator's data.
    pub platform: &'a Platform,
    /// The time by which expiring entries are judged, RFC 3339 in UTC; `None` when nothing expires.
    pub at: Option<String>,
}

/// What came of a compile.
pub struct Compiled {
    /// The files that the spans of `diagnostics` point into.
    pub sources: Sources,
    /// Everything found, sorted.
    pub diagnostics: Diagnostics,
    /// The manifests; `None` if and only if there is an error.
    pub output: Option<Output>,
}

/// The manifests of a tenant, ready to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The tenant.
    pub tenant: TenantName,
    /// The cluster it is for, from the operator's file; for the platform the default cluster.
    pub cluster: ClusterName,
    /// The tenant's main namespace; for the platform the reconciler's.
    pub namespace: String,
    /// Always all parts of the tenant; one without objects has no files.
    pub parts: BTreeMap<Part, CompiledPart>,
    /// Every file that was read, the platform's overrides and the operator's file included, sorted by path.
    pub inputs: Vec<(InputFile, Vec<u8>)>,
    /// [`Inputs::at`], as given.
    pub at: Option<String>,
}

/// The manifests of one part of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompiledPart {
    /// The part.
    pub part: Part,
    /// File name → canonical YAML, one object a file.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The objects, in the order of their files.
    pub objects: Vec<ObjectRef>,
    /// Objects of other parts that must exist first, sorted.
    pub requires: Vec<Requirement>,
    /// What this part claims for its tenant alone, sorted.
    pub claims: Vec<ClaimKey>,
    /// Digest of `files`.
    pub digest: Digest,
}

/// Compiles one tenant.
///
/// Reports every problem of the first stage that finds one; warnings and notes of all stages before it.
pub fn compile(inputs: &Inputs) -> Compiled {
    let mut report = Report::new(inputs.platform);
    let output = pipeline(inputs, &mut report);
    report.finish(output)
}

fn pipeline(inputs: &Inputs, report: &mut Report) -> Option<Output> {
    if inputs.tenant.is_platform() {
        return of_platform(inputs, report);
    }
    let documents = parse::parse(inputs, report)?;
    let model = validate::validate(documents, inputs, report)?;
    let resolved = resolve::resolve(model, inputs.platform, report)?;
    let objects = lower::lower(&resolved, report)?;
    let checked = check::check(objects, &resolved, report)?;
    let manifests = emit::emit(checked, &inputs.tenant);
    Some(seal::seal(manifests, resolved.cluster(), inputs))
}

/// The platform has no bundle, so there is nothing to validate and no name to resolve: its data was checked when
/// it was loaded.
fn of_platform(inputs: &Inputs, report: &mut Report) -> Option<Output> {
    parse::no_bundle(inputs, report)?;
    let objects = lower::platform(inputs.platform);
    let checked = check::check_platform(objects, &inputs.tenant, report)?;
    let manifests = emit::emit(checked, &inputs.tenant);
    let cluster = &inputs.platform.settings.default_cluster;
    Some(seal::seal(manifests, cluster, inputs))
}

/// The tenants that a source repository has: the valid names of folders under `tenants/`.
///
/// `paths` are relative to the source root. A folder whose name is no tenant's name is not here;
/// compiling it by name says why.
pub fn tenants<'a>(paths: impl Iterator<Item = &'a str>) -> BTreeSet<TenantName> {
    paths
        .filter_map(|path| {
            path.strip_prefix("tenants/")?
                .split_once('/')?
                .0
                .parse()
                .ok()
        })
        .collect()
}
