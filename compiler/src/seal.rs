//! Sealing: manifests get what a release of them says about itself.

use std::collections::BTreeMap;

use orz_core::format::{InputFile, digest_of};
use orz_core::id::{ClusterName, Digest, TenantName};
use orz_core::kinds::SYSTEM_NAMESPACE;

use crate::emit::Manifests;
use crate::{CompiledPart, Inputs, Output};

pub(crate) fn seal(manifests: Manifests, cluster: &ClusterName, inputs: &Inputs) -> Output {
    let Manifests {
        parts,
        requires,
        claims,
    } = manifests;
    let parts = parts
        .into_iter()
        .map(|(part, manifests)| {
            let mut files = BTreeMap::new();
            let mut objects = Vec::new();
            for (file, (reference, bytes)) in manifests {
                objects.push(reference);
                files.insert(file, bytes);
            }
            let digest = digest_of(
                files
                    .iter()
                    .map(|(path, bytes)| (path.as_str(), bytes.as_slice())),
            );
            let requires = requires
                .iter()
                .filter(|(by, _)| *by == part)
                .map(|(_, what)| what.clone())
                .collect();
            let claims = claims
                .iter()
                .filter(|(by, _)| *by == part)
                .map(|(_, what)| what.clone())
                .collect();
            (
                part,
                CompiledPart {
                    part,
                    files,
                    objects,
                    requires,
                    claims,
                    digest,
                },
            )
        })
        .collect();
    Output {
        tenant: inputs.tenant.clone(),
        cluster: cluster.clone(),
        namespace: main_namespace(&inputs.tenant),
        parts,
        inputs: recorded(inputs),
        at: inputs.at.clone(),
    }
}

fn main_namespace(tenant: &TenantName) -> String {
    if tenant.is_platform() {
        SYSTEM_NAMESPACE.to_owned()
    } else {
        tenant.to_string()
    }
}

/// Every file that decided about the output: recompiling these yields these bytes.
fn recorded(inputs: &Inputs) -> Vec<(InputFile, Vec<u8>)> {
    let own = inputs
        .files
        .iter()
        .map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
    let files: BTreeMap<&str, &[u8]> = own.chain(inputs.platform.inputs(&inputs.tenant)).collect();
    files
        .into_iter()
        .map(|(path, bytes)| {
            (
                InputFile {
                    path: path.to_owned(),
                    sha256: Digest::of(bytes),
                },
                bytes.to_vec(),
            )
        })
        .collect()
}
