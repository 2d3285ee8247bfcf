//! From compiled tenants to published releases.

use orz_compiler::Output;
use orz_core::format::Source;
use orz_gitops::NewRelease;

/// What is published of these outputs: every part of every tenant.
pub(crate) fn releases(outputs: Vec<Output>, source: &Source) -> Vec<NewRelease> {
    let compiler = orz_compiler::compiler_identity();
    let mut releases = Vec::with_capacity(outputs.len() * 3);
    for output in outputs {
        for part in output.parts.into_values() {
            releases.push(NewRelease {
                tenant: output.tenant.clone(),
                part: part.part,
                cluster: output.cluster.clone(),
                namespace: output.namespace.clone(),
                files: part.files,
                objects: part.objects,
                requires: part.requires,
                claims: part.claims,
                digest: part.digest,
                inputs: output.inputs.clone(),
                at: output.at.clone(),
                source: source.clone(),
                compiler: compiler.clone(),
            });
        }
    }
    releases
}
