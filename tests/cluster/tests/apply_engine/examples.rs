//! Everything that the examples and the good fixtures compile to, one after the other in one cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use orz_cluster_tests::standin::StandIns;
use orz_cluster_tests::{ControlPlane, Crds, Options};
use orz_compiler::{Inputs, Output, Platform, compile, compiler_identity, tenants};
use orz_core::format::Source;
use orz_core::id::{ClusterName, TenantName};
use orz_gitops::NewRelease;
use orz_reconciler::Outcome;

use crate::world::{PATIENCE, TestResult, World, request};

/// With the rights of the installation alone: each tenant is live after one pass, and the next writes nothing.
/// Fixtures share names of tenants, so that what one leaves behind is what the next one starts from.
#[test]
fn what_we_compile_is_applied_once() -> TestResult {
    let plane = ControlPlane::start(&Options {
        crds: Crds::Platform,
    })?;
    let world = World::on(plane)?;
    // Release jobs end, and the secrets that they need are there.
    let _standins = StandIns::start(&world.plane)?;
    let (mut passes, mut objects) = (0, 0);
    for source in sources()? {
        let outputs = outputs(&source)?;
        let clusters: BTreeSet<ClusterName> = outputs.iter().map(|o| o.cluster.clone()).collect();
        let names: BTreeSet<TenantName> = outputs.iter().map(|o| o.tenant.clone()).collect();
        let releases = outputs.into_iter().flat_map(releases).collect();
        world.repo.publish(releases, true, &request("publish"))?;
        for cluster in clusters {
            let options = orz_reconciler::Options {
                tenants: names.clone(),
                wait: PATIENCE,
                ..orz_reconciler::Options::new(cluster)
            };
            let pass = || -> TestResult<_> {
                let mut engine = world.engine()?;
                Ok(orz_reconciler::reconcile(
                    &world.repo.view()?,
                    &mut engine,
                    &options,
                )?)
            };
            let first = pass()?;
            for entry in &first.tenants {
                assert!(
                    matches!(entry.outcome, Outcome::Applied(_)),
                    "{}: {entry:?}",
                    source.display()
                );
                objects += entry.health.len();
            }
            let (second, writes) = world.writes_of(pass)?;
            assert_eq!(writes, [], "{}", source.display());
            assert!(
                !second.changed() && second.is_ok(),
                "{}: {second:?}",
                source.display()
            );
            passes += 1;
        }
    }
    assert!(
        passes >= 4 && objects >= 50,
        "{passes} passes, {objects} objects"
    );
    Ok(())
}

fn sources() -> TestResult<Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for (folder, inner) in [("examples", ""), ("tests/fixtures/ok", "in")] {
        for entry in fs::read_dir(root.join(folder))? {
            let path = entry?.path().join(inner);
            if path.join("tenants").is_dir() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn outputs(source: &Path) -> TestResult<Vec<Output>> {
    let platform = Platform::load(&files(source, "platform")?);
    let platform = platform.value.ok_or("the platform data does not load")?;
    let all = files(source, "tenants")?;
    let mut outputs = Vec::new();
    for tenant in tenants(all.keys().map(String::as_str)) {
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
        let output = compile(&inputs).output;
        outputs.push(output.ok_or_else(|| format!("{tenant} does not compile"))?);
    }
    Ok(outputs)
}

pub(crate) fn releases(output: Output) -> Vec<NewRelease> {
    let Output {
        tenant,
        cluster,
        namespace,
        parts,
        inputs,
        at,
    } = output;
    let release = |part: orz_compiler::CompiledPart| NewRelease {
        tenant: tenant.clone(),
        part: part.part,
        cluster: cluster.clone(),
        namespace: namespace.clone(),
        files: part.files,
        objects: part.objects,
        requires: part.requires,
        claims: part.claims,
        digest: part.digest,
        inputs: inputs.clone(),
        at: at.clone(),
        source: Source {
            repository: "test".to_owned(),
            commit: None,
            dirty: false,
        },
        compiler: compiler_identity(),
    };
    parts.into_values().map(release).collect()
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
