//! What the tests of this package share.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use orz_core::emit;
use orz_core::format::{Compiler, Requirement, Source, StateKind, digest_of};
use orz_core::id::{Digest, Part, ReleaseId, hex};
use orz_core::object::Object;
use orz_gitops::{NewRelease, Repo, Request};
use serde_json::{Value, json};

use crate::desired::Desired;

pub(crate) fn object(
    api_version: &str,
    kind: &str,
    namespace: Option<&str>,
    name: &str,
    rest: &Value,
) -> Object {
    let mut value = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
    if let Some(namespace) = namespace {
        value["metadata"]["namespace"] = json!(namespace);
    }
    for (key, part) in rest.as_object().cloned().unwrap_or_default() {
        value[key] = part;
    }
    Object::new(value).expect("an object")
}

pub(crate) fn config(namespace: &str, name: &str, text: &str) -> Object {
    object(
        "v1",
        "ConfigMap",
        Some(namespace),
        name,
        &json!({"data": {"text": text}}),
    )
}

pub(crate) fn volume(namespace: &str, name: &str) -> Object {
    object(
        "v1",
        "PersistentVolumeClaim",
        Some(namespace),
        name,
        &json!({"spec": {}}),
    )
}

pub(crate) fn namespace(name: &str) -> Object {
    object("v1", "Namespace", None, name, &json!({}))
}

/// A valid pointer's target: the release of equal objects has an equal name.
pub(crate) fn desired(tenant: &str, part: Part, mut objects: Vec<Object>) -> Desired {
    objects.sort_by_key(Object::file_name);
    let files: BTreeMap<_, _> = objects
        .iter()
        .map(|o| (o.file_name(), format!("{:#}\n", o.value()).into_bytes()))
        .collect();
    let digest = digest_of(
        files
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice())),
    );
    let release = &hex(Digest::of(format!("{part}{digest}").as_bytes())
        .as_str()
        .as_bytes())[..40];
    Desired {
        cluster: "in-cluster".parse().expect("valid"),
        tenant: tenant.parse().expect("valid"),
        part,
        namespace: tenant.to_owned(),
        release: release.parse().expect("40 hex digits"),
        digest,
        files,
        objects,
        requires: Vec::new(),
        state: StateKind::Live,
        writer: None,
    }
}

pub(crate) fn requires(mut desired: Desired, part: Part, object: &Object) -> Desired {
    desired.requires.push(Requirement {
        part,
        group: object.group().to_owned(),
        kind: object.kind().to_owned(),
        namespace: object.namespace().map(str::to_owned),
        name: object.name().to_owned(),
    });
    desired
}

pub(crate) fn request(reason: &str) -> Request<'_> {
    Request {
        reason: Some(reason),
        actor: "Test <test@example.com>",
        request_id: None,
        now: "2027-01-31T00:00:00Z".to_owned(),
    }
}

/// Publishes and activates a part of a tenant.
pub(crate) fn publish(
    repo: &Repo,
    tenant: &str,
    part: Part,
    objects: &[Object],
    requires: &[(Part, &Object)],
) -> ReleaseId {
    let release = release(tenant, part, objects, requires);
    let published = repo.publish(vec![release], true, &request("publish"));
    published.expect("published").items[0].release.clone()
}

/// A release of these objects.
pub(crate) fn release(
    tenant: &str,
    part: Part,
    objects: &[Object],
    requires: &[(Part, &Object)],
) -> NewRelease {
    let files: BTreeMap<_, _> = objects
        .iter()
        .map(|o| (o.file_name(), emit::yaml(o.value()).into_bytes()))
        .collect();
    let mut references: Vec<_> = objects.iter().map(Object::reference).collect();
    references.sort();
    let needs = requires.iter().map(|(part, object)| Requirement {
        part: *part,
        group: object.group().to_owned(),
        kind: object.kind().to_owned(),
        namespace: object.namespace().map(str::to_owned),
        name: object.name().to_owned(),
    });
    NewRelease {
        tenant: tenant.parse().expect("valid"),
        part,
        cluster: "in-cluster".parse().expect("valid"),
        namespace: tenant.to_owned(),
        digest: digest_of(
            files
                .iter()
                .map(|(path, bytes)| (path.as_str(), bytes.as_slice())),
        ),
        files,
        objects: references,
        requires: needs.collect(),
        claims: Vec::new(),
        inputs: Vec::new(),
        at: None,
        source: Source {
            repository: "test".to_owned(),
            commit: None,
            dirty: false,
        },
        compiler: Compiler {
            version: "0".to_owned(),
            digest: Digest::of(b""),
        },
    }
}

/// Commits a file to `main`, as somebody with nothing but Git does.
pub(crate) fn commit_file(repo: &Repo, path: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let clone = folder.path().join("clone");
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .current_dir(folder.path())
            .args(["-c", "user.name=Test", "-c", "user.email=test@example.com"])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .output()
            .expect("git runs");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    };
    let bare = repo.path().to_str().expect("UTF-8");
    git(&["clone", "--quiet", "--branch", "main", bare, "clone"]);
    fs::write(clone.join(path), bytes).expect("written");
    git(&[
        "-C",
        "clone",
        "commit",
        "--quiet",
        "--all",
        "--message",
        "by hand",
    ]);
    git(&["-C", "clone", "push", "--quiet", "origin", "main"]);
}
