//! A GitOps repository in a temporary folder, and releases to put into it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use orz_core::format::{ClaimKey, Compiler, InputFile, Requirement, Source, digest_of};
use orz_core::id::{Digest, Part, ReleaseId, TenantName};
use orz_core::object::Object;
use orz_gitops::{NewRelease, Repo, Request};
use serde_json::json;

pub(crate) const NOW: &str = "2027-01-31T12:00:00Z";

/// A repository that goes with its folder.
pub(crate) struct Fixture {
    pub(crate) repo: Repo,
    folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let repo = Repo::init(folder.path().join("gitops.git"), &request("set up")).expect("init");
        Self { repo, folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.repo.path().to_owned()
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        git(&self.path(), args)
    }

    /// Publishes and activates, at the common time.
    pub(crate) fn live(&self, releases: Vec<NewRelease>) -> orz_gitops::Published {
        self.repo
            .publish(releases, true, &request("publish"))
            .expect("publish")
    }

    /// What no successful operation may break.
    pub(crate) fn fsck(&self) {
        let out = self.git(&["fsck", "--strict", "--full", "--no-dangling"]);
        assert_eq!(out, "", "fsck has nothing to say");
    }

    /// Every reference and the number of objects: equal when nothing was written.
    pub(crate) fn fingerprint(&self) -> String {
        let objects = self.git(&["cat-file", "--batch-all-objects", "--batch-check"]);
        let packs = std::fs::read_dir(self.path().join("objects/pack"))
            .expect("pack folder")
            .count();
        format!("{}\n{objects}\n{packs}", self.git(&["for-each-ref"]))
    }

    pub(crate) fn live_release(&self, tenant: &str, part: Part) -> Option<ReleaseId> {
        let view = self.repo.view().expect("view");
        let cluster = "in-cluster".parse().expect("valid");
        let pointer = view
            .pointer(&cluster, &name(tenant), part)
            .expect("readable");
        pointer.map(|stored| stored.pointer.release)
    }
}

/// `git` without any settings of the machine, at a fixed time.
pub(crate) fn git(folder: &Path, args: &[&str]) -> String {
    let output = git_command(folder).args(args).output().expect("git runs");
    assert!(
        output.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

pub(crate) fn git_command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("LC_ALL", "C");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "A Person");
        command.env(format!("GIT_{role}_EMAIL"), "person@example.com");
        command.env(format!("GIT_{role}_DATE"), "2027-01-31T13:00:00Z");
    }
    command
}

pub(crate) fn request(reason: &str) -> Request<'_> {
    request_at(reason, NOW)
}

pub(crate) fn request_at<'a>(reason: &'a str, now: &str) -> Request<'a> {
    Request {
        reason: Some(reason),
        actor: "Ann <ann@example.com>",
        request_id: None,
        now: now.to_owned(),
    }
}

pub(crate) fn name(tenant: &str) -> TenantName {
    tenant.parse().expect("a valid tenant name")
}

/// A release of `work` with two ConfigMaps, of which one holds `text`.
pub(crate) fn work(tenant: &str, text: &str) -> NewRelease {
    release(
        tenant,
        Part::Work,
        &[("settings", text), ("fixed", "always the same")],
    )
}

/// A release with these ConfigMaps (name, text); `data` and `tenancy` get kinds that they may hold.
pub(crate) fn release(tenant: &str, part: Part, objects: &[(&str, &str)]) -> NewRelease {
    let objects: Vec<Object> = objects
        .iter()
        .map(|(object, text)| object_of(tenant, part, object, text))
        .collect();
    from_objects(tenant, part, &objects)
}

pub(crate) fn from_objects(tenant: &str, part: Part, objects: &[Object]) -> NewRelease {
    let files: BTreeMap<String, Vec<u8>> = objects
        .iter()
        .map(|object| {
            (
                object.file_name(),
                orz_core::emit::yaml(object.value()).into_bytes(),
            )
        })
        .collect();
    let input = format!("# the input of {tenant}/{part}\n{}", files.len()).into_bytes();
    let shared = b"{\"plans\": {}}\n".to_vec();
    let file = |path: &str, bytes: &[u8]| InputFile {
        path: path.to_owned(),
        sha256: Digest::of(bytes),
    };
    NewRelease {
        tenant: name(tenant),
        part,
        cluster: "in-cluster".parse().expect("valid"),
        namespace: tenant.to_owned(),
        digest: digest_of(
            files
                .iter()
                .map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
        ),
        files,
        objects: objects.iter().map(Object::reference).collect(),
        requires: Vec::new(),
        claims: Vec::new(),
        inputs: vec![
            (file("platform/plans.json", &shared), shared),
            (
                file(&format!("tenants/{tenant}/bundle.json"), &input),
                input,
            ),
        ],
        at: None,
        source: source(1),
        compiler: Compiler {
            version: "0.1.0".to_owned(),
            digest: Digest::of(b"compiler"),
        },
    }
}

pub(crate) fn source(commit: u32) -> Source {
    Source {
        repository: "https://git.example.com/apps".to_owned(),
        commit: Some(format!("{commit:040x}").parse().expect("40 digits")),
        dirty: false,
    }
}

pub(crate) fn object_of(tenant: &str, part: Part, object: &str, text: &str) -> Object {
    let metadata = json!({ "name": object, "namespace": tenant });
    let value = match part {
        Part::Data => json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata,
            "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": text } } },
        }),
        Part::Tenancy => json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata,
            "spec": { "hard": { "pods": text } },
        }),
        _ => {
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "text": text } })
        }
    };
    Object::new(value).expect("an object")
}

pub(crate) fn hostname(value: &str) -> ClaimKey {
    ClaimKey {
        kind: "hostname".to_owned(),
        value: value.to_owned(),
    }
}

/// A requirement on a claim of `data`.
pub(crate) fn requires_volume(tenant: &str, volume: &str) -> Requirement {
    Requirement {
        part: Part::Data,
        group: String::new(),
        kind: "PersistentVolumeClaim".to_owned(),
        namespace: Some(tenant.to_owned()),
        name: volume.to_owned(),
    }
}
