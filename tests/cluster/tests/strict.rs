//! Everything that the examples and the good fixtures produce is accepted by a real API server with
//! strict field validation and the real custom resource definitions.
//!
//! Objects are really applied, not only validated: quota, defaults and admission have their say too.

#![expect(
    clippy::print_stderr,
    reason = "how much was tried is part of the result"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use orz_cluster_tests::{ControlPlane, Crds, Objects, Options};
use orz_compiler::{Inputs, Platform, compile, tenants};
use orz_core::id::TenantName;
use orz_core::{Value, kinds};
use serde_json::json;

type TestResult<T = ()> = Result<T, Box<dyn Error>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Source repositories: the examples, and the input of every good fixture.
fn sources() -> TestResult<Vec<PathBuf>> {
    let mut found = Vec::new();
    for (folder, inner) in [("examples", ""), ("tests/fixtures/ok", "in")] {
        for entry in fs::read_dir(root().join(folder))? {
            let path = entry?.path().join(inner);
            if path.join("tenants").is_dir() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Every file below `folder`, by its path relative to the source root.
fn files(source: &Path, folder: &str) -> TestResult<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut open = vec![source.join(folder)];
    while let Some(next) = open.pop() {
        if !next.is_dir() {
            continue;
        }
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path
                    .strip_prefix(source)?
                    .to_str()
                    .ok_or("not UTF-8")?
                    .to_owned();
                files.insert(name, fs::read(&path)?);
            }
        }
    }
    Ok(files)
}

/// The objects of every tenant of a source repository, in the order in which they are applied.
fn objects_of(source: &Path) -> TestResult<Vec<Value>> {
    let platform = Platform::load(&files(source, "platform")?)
        .value
        .ok_or("the platform data does not load")?;
    let all = files(source, "tenants")?;
    let mut objects = Vec::new();
    // The platform's own release everywhere, whatever the source says of it.
    let named = tenants(all.keys().map(String::as_str));
    for tenant in named.into_iter().chain([TenantName::platform()]) {
        let prefix = format!("tenants/{tenant}/");
        let own = all.iter().filter(|(path, _)| path.starts_with(&prefix));
        let inputs = Inputs {
            tenant: tenant.clone(),
            files: own
                .map(|(path, bytes)| (path.clone(), bytes.clone()))
                .collect(),
            platform: &platform,
            at: None,
        };
        let output = compile(&inputs)
            .output
            .ok_or_else(|| format!("{tenant} does not compile"))?;
        for compiled in output.parts.values() {
            let mut rows = Vec::new();
            for object in &compiled.objects {
                let bytes = &compiled.files[&object.file];
                let order = kinds::find(&object.group, &object.kind)
                    .ok_or("a kind without a row")?
                    .apply_order;
                rows.push((order, object.file.clone(), yaml(bytes)?));
            }
            rows.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
            objects.extend(rows.into_iter().map(|(_, _, object)| object));
        }
    }
    Ok(objects)
}

fn yaml(bytes: &[u8]) -> TestResult<Value> {
    let mut sources = orz_core::diag::Sources::new();
    let mut diagnostics = orz_core::diag::Diagnostics::new();
    let node = orz_core::read::parse(bytes, "manifest.yaml", &mut sources, &mut diagnostics);
    Ok(node
        .ok_or("a manifest that our own reader refuses")?
        .to_value())
}

#[test]
fn a_real_api_server_accepts_what_the_examples_produce() -> TestResult {
    let sources = sources()?;
    assert!(
        sources.len() >= 4,
        "only {} source repositories found",
        sources.len()
    );
    let plane = ControlPlane::start(&Options {
        crds: Crds::Platform,
    })?;
    let server = Objects::connect(&plane.harness_kubeconfig())?;
    // What `orzc platform install` brings; the Roles of the secret store and the platform's release live there.
    for name in ["orz-secrets", "orz-system"] {
        server
            .apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))?;
    }

    let (mut accepted, mut refused, mut kinds_seen) =
        (0, Vec::new(), BTreeMap::<String, usize>::new());
    for source in &sources {
        let objects = objects_of(source)?;
        assert!(
            !objects.is_empty(),
            "{} produces no object",
            source.display()
        );
        for object in objects {
            *kinds_seen
                .entry(object["kind"].as_str().unwrap_or_default().to_owned())
                .or_default() += 1;
            match server.apply(&object) {
                Ok(_) => accepted += 1,
                Err(error) => refused.push(format!(
                    "{}: {}: {error}",
                    source.display(),
                    object["metadata"]["name"]
                )),
            }
        }
    }
    eprintln!(
        "{accepted} objects of {} source repositories accepted: {kinds_seen:?}",
        sources.len()
    );
    assert!(refused.is_empty(), "refused:\n{}", refused.join("\n"));
    let missing: Vec<_> = kinds::all()
        .iter()
        .filter(|k| !k.parts.is_empty() && !kinds_seen.contains_key(k.kind))
        .map(|k| k.kind)
        .collect();
    assert!(
        missing.is_empty(),
        "no example or fixture produces {missing:?}"
    );
    Ok(())
}
