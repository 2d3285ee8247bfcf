//! The packages depend on each other only as ARCHITECTURE.md says.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Every edge between our packages in what ships; dev-dependencies are free.
const EDGES: &[(&str, &[&str])] = &[
    ("orz-core", &[]),
    ("orz-compiler", &["orz-core"]),
    ("orz-gitops", &["orz-core"]),
    ("orz-reconciler", &["orz-core", "orz-gitops"]),
    (
        "orzc",
        &["orz-compiler", "orz-core", "orz-gitops", "orz-reconciler"],
    ),
];

/// Crates that a package must not even reach through others: they would break what it promises.
const NEVER: &[(&str, &[&str])] = &[
    (
        "orz-core",
        &[
            "gix",
            "git2",
            "kube",
            "k8s-openapi",
            "tokio",
            "clap",
            "rand",
            "jiff",
            "chrono",
            "reqwest",
        ],
    ),
    (
        "orz-compiler",
        &["gix", "git2", "kube", "tokio", "clap", "rand", "reqwest"],
    ),
    (
        "orz-gitops",
        &["kube", "k8s-openapi", "tokio", "clap", "git2"],
    ),
];

fn packages() -> Vec<Package> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .exec()
        .expect("cargo metadata runs")
        .packages
}

fn shipped(package: &Package) -> BTreeSet<String> {
    package
        .dependencies
        .iter()
        .filter(|d| d.kind != DependencyKind::Development)
        .map(|d| d.name.clone())
        .collect()
}

#[test]
fn edges_between_our_packages_are_the_ones_we_decided() {
    let packages = packages();
    let expected: BTreeMap<&str, BTreeSet<String>> = EDGES
        .iter()
        .map(|(name, deps)| (*name, deps.iter().map(ToString::to_string).collect()))
        .collect();
    for (name, deps) in &expected {
        let package = packages
            .iter()
            .find(|p| p.name.as_str() == *name)
            .unwrap_or_else(|| panic!("no package {name}"));
        let ours: BTreeSet<String> = shipped(package)
            .into_iter()
            .filter(|d| d.starts_with("orz-") || d == "orzc")
            .collect();
        assert_eq!(
            &ours, deps,
            "{name} depends on other packages of ours than ARCHITECTURE.md says"
        );
    }
    let ours = packages.iter().filter(|p| p.source.is_none());
    for package in ours.filter(|p| !p.manifest_path.components().any(|c| c.as_str() == "tests")) {
        assert!(
            expected.contains_key(package.name.as_str()),
            "{} is not in the table of edges",
            package.name
        );
    }
}

#[test]
fn pure_packages_reach_nothing_that_touches_the_world() {
    let packages = packages();
    for (name, banned) in NEVER {
        let mut reached = BTreeSet::new();
        let mut open = vec![(*name).to_owned()];
        while let Some(next) = open.pop() {
            // Every version of a name counts, which can only report too much.
            let versions = packages.iter().filter(|p| p.name.as_str() == next);
            for dependency in versions.flat_map(shipped_names) {
                if reached.insert(dependency.clone()) {
                    open.push(dependency);
                }
            }
        }
        for banned in *banned {
            assert!(!reached.contains(*banned), "{name} reaches {banned}");
        }
    }
}

/// Names of what a package links on any platform, without optional dependencies that nobody turned on.
fn shipped_names(package: &Package) -> Vec<String> {
    package
        .dependencies
        .iter()
        .filter(|d| d.kind != DependencyKind::Development && !d.optional)
        .map(|d| d.name.clone())
        .collect()
}
