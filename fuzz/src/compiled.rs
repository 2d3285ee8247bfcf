//! What holds for every compile, whatever went in.

use std::collections::{BTreeMap, BTreeSet};

use orz_compiler::{Compiled, CompiledPart, Inputs, Output, Platform, compile};
use orz_core::diff::{Change, diff};
use orz_core::emit;
use orz_core::format::digest_of;
use orz_core::id::{Digest, TenantName};
use orz_core::kinds;
use orz_core::object::Object;

use super::reading::{check_diagnostics, value_of};

/// Path relative to the root of a source repository → bytes.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The tenant that is compiled.
pub(crate) const TENANT: &str = "acme";

/// A platform where every section can be used.
pub(crate) fn platform_files() -> Files {
    let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    Files::from([
        file(
            "platform/clusters.json",
            include_str!("../platform/clusters.json"),
        ),
        file(
            "platform/images.json",
            include_str!("../platform/images.json"),
        ),
        file(
            "platform/secret-stores.json",
            include_str!("../platform/secret-stores.json"),
        ),
        file(
            "platform/settings.json",
            include_str!("../platform/settings.json"),
        ),
        file(
            "platform/tenants/acme.json",
            include_str!("../platform/operator.json"),
        ),
    ])
}

/// Compiles the tenant [`TENANT`] twice and checks all that does not depend on what the files say.
pub(crate) fn checked_compile(files: &Files, platform: &Platform) -> Option<Output> {
    checked_compile_of(&tenant(), files, platform)
}

/// The same for any tenant.
pub(crate) fn checked_compile_of(
    tenant: &TenantName,
    files: &Files,
    platform: &Platform,
) -> Option<Output> {
    let run = || compile_as(tenant, files, platform);
    let (one, other) = (run(), run());
    check_diagnostics(&one.diagnostics, &one.sources);
    assert_eq!(
        one.diagnostics, other.diagnostics,
        "two compiles say two things"
    );
    assert_eq!(one.sources, other.sources, "two compiles read two things");
    assert_eq!(one.output, other.output, "two compiles emit two things");
    assert_eq!(
        one.output.is_none(),
        one.diagnostics.has_errors(),
        "no output if and only if there is an error"
    );
    if let Some(output) = &one.output {
        check_output(output, files);
    }
    one.output
}

/// Compiles the files as the tenant [`TENANT`].
pub(crate) fn compile_once(files: &Files, platform: &Platform) -> Compiled {
    compile_as(&tenant(), files, platform)
}

fn compile_as(tenant: &TenantName, files: &Files, platform: &Platform) -> Compiled {
    compile(&Inputs {
        tenant: tenant.clone(),
        files: files.clone(),
        platform,
        at: None,
    })
}

fn tenant() -> TenantName {
    TENANT.parse().expect("a tenant's name")
}

fn check_output(output: &Output, files: &Files) {
    assert_eq!(
        output.parts.keys().copied().collect::<Vec<_>>(),
        output.tenant.parts(),
        "always all parts of the tenant"
    );
    let mut names = BTreeSet::new();
    for (part, compiled) in &output.parts {
        assert_eq!(compiled.part, *part);
        for object in check_part(compiled, &output.tenant) {
            assert!(
                names.insert(object.key()),
                "{} is in the release twice",
                object.key()
            );
        }
        for required in &compiled.requires {
            let provider = &output.parts[&required.part];
            assert!(
                required.part != *part && provider.objects.iter().any(|o| required.is_met_by(o)),
                "part {part} waits for {required:?}, which nobody provides"
            );
        }
    }
    assert!(
        output.inputs.is_sorted_by(|a, b| a.0.path < b.0.path),
        "recorded inputs are sorted"
    );
    for (input, bytes) in &output.inputs {
        assert_eq!(input.sha256, Digest::of(bytes), "{}", input.path);
    }
    for (path, bytes) in files {
        let recorded = output.inputs.iter().find(|(input, _)| input.path == *path);
        assert_eq!(
            recorded.map(|(_, bytes)| bytes),
            Some(bytes),
            "{path} is not recorded"
        );
    }
}

/// The objects of a part, each checked as everything that acts on a release checks it.
fn check_part(compiled: &CompiledPart, tenant: &TenantName) -> Vec<Object> {
    let mut objects = Vec::new();
    for (file, bytes) in &compiled.files {
        let text = std::str::from_utf8(bytes).expect("YAML is UTF-8");
        let value = value_of("manifest.yaml", text);
        assert_eq!(emit::yaml(&value), text, "{file} is not canonical");
        let object = Object::new(value).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(
            &object.file_name(),
            file,
            "the name of a file is its object's"
        );
        if let Err(refused) = kinds::allowed_object(compiled.part, tenant, &object) {
            panic!("{file}: {refused}\n{text}");
        }
        objects.push(object);
    }
    let references: Vec<_> = objects.iter().map(Object::reference).collect();
    assert_eq!(
        compiled.objects, references,
        "the objects are those of the files"
    );
    let files = compiled.files.iter();
    let digest = digest_of(files.map(|(path, bytes)| (path.as_str(), bytes.as_slice())));
    assert_eq!(compiled.digest, digest, "the digest is that of the files");
    assert!(compiled.requires.is_sorted() && compiled.claims.is_sorted());
    let changes = diff(&objects, &objects);
    assert_eq!(changes.len(), objects.len());
    for change in changes {
        assert_eq!(
            change.change,
            Change::Unchanged,
            "{} differs from itself",
            change.key
        );
    }
    objects
}
