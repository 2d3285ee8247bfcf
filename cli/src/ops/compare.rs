//! Compares what the source says with what is live.

use std::collections::BTreeMap;

use orz_compiler::Output;
use orz_core::diag::{Diagnostics, Sources};
use orz_core::format::{self, Inputs};
use orz_core::id::Part;
use orz_core::object::Object;
use orz_core::plan::{Live, Plan, Proposed};
use orz_core::read;
use orz_gitops::{CheckedRelease, StoredPointer, View};

use crate::error::CommandError;

/// The plan that makes `outputs` live.
pub(crate) fn plan(view: &View, outputs: &[Output]) -> Result<Plan, CommandError> {
    let compiler = orz_compiler::compiler_identity();
    // Compiling checks structure alone as yet; there are no policies that could differ.
    let policies = format::digest_of([]);
    let mut sides = Vec::new();
    for output in outputs {
        let inputs = Inputs {
            at: output.at.clone(),
            files: output.inputs.iter().map(|(file, _)| file.clone()).collect(),
        };
        for part in output.parts.values() {
            let live = live(view, output, part.part)?;
            sides.push((output, part, inputs.clone(), objects(&part.files)?, live));
        }
    }
    let proposed = sides
        .iter()
        .map(|(output, part, inputs, objects, live)| Proposed {
            tenant: output.tenant.clone(),
            part: part.part,
            cluster: output.cluster.clone(),
            live: live.as_ref().map(|(stored, checked)| Live {
                pointer: stored.blob.clone(),
                release: &checked.entry,
                objects: &checked.objects,
            }),
            inputs,
            compiler: &compiler,
            policies: policies.clone(),
            result: part.digest.clone(),
            objects,
        })
        .collect();
    Ok(Plan::new(proposed))
}

/// The objects in the files of a release.
pub(crate) fn objects(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<Object>, CommandError> {
    files
        .iter()
        .map(|(file, bytes)| {
            if let Some(object) = read::canonical(bytes).and_then(|value| Object::new(value).ok()) {
                return Ok(object);
            }
            let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
            read::parse(bytes, file, &mut sources, &mut diagnostics)
                .and_then(|node| Object::new(node.to_value()).ok())
                .ok_or_else(|| {
                    CommandError::input(format!("`{file}` is not a manifest"))
                        .help("`orzc verify` tells which releases were tampered with")
                })
        })
        .collect()
}

/// What is live of a part on the cluster that it was compiled for.
fn live(
    view: &View,
    output: &Output,
    part: Part,
) -> Result<Option<(StoredPointer, CheckedRelease)>, CommandError> {
    let Some(stored) = view.pointer(&output.cluster, &output.tenant, part)? else {
        return Ok(None);
    };
    let checked = view.check(&stored).map_err(|invalid| {
        CommandError::input(format!(
            "what is live at `{}/{part}` cannot be compared with: {invalid}",
            output.tenant
        ))
        .help("`orzc verify` tells what is wrong; `orzc rollback` leads back to a sound release")
    })?;
    Ok(Some((stored, checked)))
}
