//! Proof from the inputs: the same compiler makes the same bytes of them again.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::format::{Compiler, Inputs, Release};
use orz_core::id::{Digest, Part, TenantName};

use super::{Found, VerifyReport, code};
use crate::view::View;

/// A compile: recorded inputs in, the manifests of each part by file name out, or why it does not compile.
pub type Compile<'c> =
    dyn Fn(&RecordedInputs) -> Result<BTreeMap<Part, BTreeMap<String, Vec<u8>>>, String> + 'c;

/// The compiler at hand.
pub struct Recompile<'c> {
    /// Its digest; releases of another one are not compiled, because other bytes would prove nothing.
    pub compiler: Digest,
    /// The compile itself.
    pub compile: &'c Compile<'c>,
}

/// What a tenant was compiled from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedInputs {
    /// The tenant.
    pub tenant: TenantName,
    /// The parts that are compared with the result.
    pub parts: BTreeSet<Part>,
    /// The time that the compiler was given.
    pub at: Option<String>,
    /// Every file that it read: path relative to the root of the source repository, and bytes.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What compiled it.
    pub compiler: Compiler,
}

/// Compiles the inputs of every intact release again, once for all parts that share them.
pub(super) fn check(view: &View, found: &Found, recompile: &Recompile, report: &mut VerifyReport) {
    let mut groups: Vec<Vec<(&str, &Release)>> = Vec::new();
    let mut by_inputs: BTreeMap<(&TenantName, String), usize> = BTreeMap::new();
    for (path, release) in found
        .entries
        .iter()
        .filter(|(path, _)| found.intact.contains(*path))
    {
        if release.compiler.digest != recompile.compiler {
            report.digest_only.push(path.clone());
            continue;
        }
        let group = *by_inputs
            .entry((&release.tenant, key(&release.inputs)))
            .or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
        groups[group].push((path, release));
    }
    for group in groups {
        check_group(view, &group, recompile, report);
    }
}

fn check_group(
    view: &View,
    group: &[(&str, &Release)],
    recompile: &Recompile,
    report: &mut VerifyReport,
) {
    let Some((_, first)) = group.first() else {
        return;
    };
    let mut files = BTreeMap::new();
    for file in &first.inputs.files {
        // Missing or replaced inputs are findings of the index; there is nothing to compile then.
        let Ok(Some(bytes)) = view.input(&file.sha256) else {
            return;
        };
        if Digest::of(&bytes) != file.sha256 {
            return;
        }
        files.insert(file.path.clone(), bytes);
    }
    let inputs = RecordedInputs {
        tenant: first.tenant.clone(),
        parts: group.iter().map(|(_, release)| release.part).collect(),
        at: first.inputs.at.clone(),
        files,
        compiler: first.compiler.clone(),
    };
    match (recompile.compile)(&inputs) {
        Ok(parts) => {
            for (path, release) in group {
                compare(view, path, release, parts.get(&release.part), report);
            }
        }
        Err(message) => {
            for (path, _) in group {
                report.find(code::RECOMPILE_FAILED, Some(path), None, message.clone());
            }
        }
    }
}

fn compare(
    view: &View,
    path: &str,
    release: &Release,
    compiled: Option<&BTreeMap<String, Vec<u8>>>,
    report: &mut VerifyReport,
) {
    let recorded = match view.manifests(&release.release) {
        Ok(recorded) => recorded,
        Err(error) => return report.find(code::UNREADABLE, Some(path), None, error.to_string()),
    };
    let nothing = BTreeMap::new();
    let compiled = compiled.unwrap_or(&nothing);
    let names: BTreeSet<&String> = recorded.keys().chain(compiled.keys()).collect();
    let different: Vec<String> = names
        .into_iter()
        .filter_map(|name| match (recorded.get(name), compiled.get(name)) {
            (Some(_), None) => Some(format!("`{name}` is not compiled from them")),
            (None, Some(_)) => Some(format!("`{name}` is missing")),
            (a, b) if a != b => Some(format!("`{name}` has other bytes")),
            _ => None,
        })
        .collect();
    if different.is_empty() {
        report.recompiled += 1;
    } else {
        let message = format!(
            "its inputs compile to something else: {}",
            different.join(", ")
        );
        report.find(code::RECOMPILE_MISMATCH, Some(path), None, message);
    }
}

/// Equal for equal inputs.
fn key(inputs: &Inputs) -> String {
    serde_json::to_string(inputs).expect("inputs hold only strings")
}
