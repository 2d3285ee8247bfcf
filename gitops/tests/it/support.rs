//! A GitOps repository in a temporary folder, and releases to put into it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use orz_core::format::{
    Cause, ClaimKey, Compiler, HealthWord, InputFile, Phase, Pointer, Requirement, Source, Status,
    digest_of,
};
use orz_core::id::{Digest, Part, ReleaseId, TenantName};
use orz_core::object::Object;
use orz_gitops::{AutoRollback, NewRelease, Repo, Request, StoredPointer};
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

    /// The indexes of all packs, sorted.
    pub(crate) fn packs(&self) -> Vec<String> {
        let mut packs: Vec<_> = std::fs::read_dir(self.path().join("objects/pack"))
            .expect("pack folder")
            .map(|entry| entry.expect("entry").path())
            .filter(|path| path.extension().is_some_and(|e| e == "idx"))
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        packs.sort();
        packs
    }

    /// The second witness: another implementation parses every object.
    pub(crate) fn libgit2_reads_everything(&self) {
        let repo = git2::Repository::open_bare(self.path()).expect("libgit2 opens it");
        let odb = repo.odb().expect("objects");
        let mut ids = Vec::new();
        odb.foreach(|id| {
            ids.push(*id);
            true
        })
        .expect("listed");
        assert!(!ids.is_empty());
        for id in ids {
            match odb.read_header(id).expect("header").1 {
                git2::ObjectType::Commit => drop(
                    repo.find_commit(id)
                        .expect("commit")
                        .tree()
                        .expect("its tree"),
                ),
                git2::ObjectType::Tree => {
                    for entry in &repo.find_tree(id).expect("tree") {
                        assert!(odb.exists(entry.id()), "{} of {id}", entry.id());
                    }
                }
                _ => drop(repo.find_blob(id).expect("blob")),
            }
        }
    }

    pub(crate) fn stored(&self, tenant: &str, part: Part) -> StoredPointer {
        let cluster = "in-cluster".parse().expect("valid");
        let view = self.repo.view().expect("view");
        view.pointer(&cluster, &name(tenant), part)
            .expect("readable")
            .expect("there")
    }

    pub(crate) fn pointer(&self, tenant: &str, part: Part) -> Pointer {
        self.stored(tenant, part).pointer
    }

    /// Commits other files to a branch, as somebody with `git` and an editor would.
    pub(crate) fn commit_by_hand(&self, branch: &str, files: &[(&str, Option<&[u8]>)]) {
        self.commit_with_parents(branch, files, &[]);
    }

    /// The same, with further parents.
    pub(crate) fn commit_with_parents(
        &self,
        branch: &str,
        files: &[(&str, Option<&[u8]>)],
        parents: &[&str],
    ) {
        let tree = self.tree_by_hand(Some(branch), files);
        let mut args = vec!["commit-tree", "-m", "by hand", "-p", branch];
        for parent in parents {
            args.extend(["-p", parent]);
        }
        args.push(&tree);
        let commit = self.git(&args);
        self.git(&["update-ref", &format!("refs/heads/{branch}"), &commit]);
    }

    /// A commit that looks like a release.
    pub(crate) fn release_by_hand(
        &self,
        tenant: &str,
        files: &BTreeMap<String, Vec<u8>>,
        parent: Option<&str>,
    ) -> ReleaseId {
        let files: Vec<_> = files
            .iter()
            .map(|(name, bytes)| (name.as_str(), Some(bytes.as_slice())))
            .collect();
        let tree = self.tree_by_hand(None, &files);
        let mut command = git_command(&self.path());
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "orz");
            command.env(format!("GIT_{role}_EMAIL"), "orz@localhost");
            command.env(format!("GIT_{role}_DATE"), "2000-01-01T00:00:00Z");
        }
        command.args([
            "commit-tree",
            "-m",
            &format!("release {tenant}/work"),
            &tree,
        ]);
        if let Some(parent) = parent {
            command.args(["-p", parent]);
        }
        let output = command.output().expect("git runs");
        String::from_utf8_lossy(&output.stdout)
            .trim()
            .parse()
            .expect("a commit id")
    }

    /// Rewrites a pointer by hand.
    pub(crate) fn edit_pointer(&self, tenant: &str, part: Part, edit: impl Fn(&mut Pointer)) {
        let StoredPointer {
            mut pointer, path, ..
        } = self.stored(tenant, part);
        edit(&mut pointer);
        self.commit_by_hand(
            "main",
            &[(&path, Some(&orz_core::format::to_bytes(&pointer)))],
        );
    }

    /// What `git revert HEAD` on `main` does.
    pub(crate) fn revert_main(&self) {
        let commit = self.git(&[
            "commit-tree",
            "-m",
            "Revert \"activate\"",
            "-p",
            "main",
            "main~1^{tree}",
        ]);
        self.git(&["update-ref", "refs/heads/main", &commit]);
    }

    fn tree_by_hand(&self, base: Option<&str>, files: &[(&str, Option<&[u8]>)]) -> String {
        let index = self.folder().join("index");
        let run = |args: &[&str], input: &[u8]| -> String {
            let mut child = git_command(&self.path())
                .env("GIT_INDEX_FILE", &index)
                .args(args)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("git runs");
            child
                .stdin
                .take()
                .expect("a pipe")
                .write_all(input)
                .expect("written");
            let output = child.wait_with_output().expect("ended");
            assert!(output.status.success(), "git {args:?}");
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        run(&["read-tree", base.unwrap_or("--empty")], b"");
        let mut changes = String::new();
        for (path, bytes) in files {
            match bytes {
                Some(bytes) => {
                    let blob = run(&["hash-object", "-w", "--stdin"], bytes);
                    writeln!(changes, "100644 {blob}\t{path}").expect("a String");
                }
                None => writeln!(changes, "0 {}\t{path}", "0".repeat(40)).expect("a String"),
            }
        }
        run(
            &["update-index", "--add", "--index-info"],
            changes.as_bytes(),
        );
        run(&["write-tree"], b"")
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

/// What a reconciler publishes about a part on `in-cluster`.
pub(crate) fn status(tenant: &str, part: Part, verified: &[&ReleaseId]) -> Status {
    Status {
        cluster: "in-cluster".parse().expect("valid"),
        tenant: name(tenant),
        part,
        engine: "apply".to_owned(),
        release: None,
        observed: None,
        phase: Phase::Verified,
        health: HealthWord::Healthy,
        blocking: Vec::new(),
        reason: None,
        next: None,
        verified: verified.iter().copied().cloned().collect(),
        since: NOW.to_owned(),
    }
}

/// `work` of a tenant goes from a release that failed to another.
pub(crate) fn failed(tenant: &str, from: &ReleaseId, to: &ReleaseId) -> AutoRollback {
    AutoRollback {
        cluster: "in-cluster".parse().expect("valid"),
        tenant: name(tenant),
        part: Part::Work,
        from: from.clone(),
        to: to.clone(),
        cause: Cause {
            object: format!("Deployment {tenant}/web"),
            message: "exceeded its progress deadline".to_owned(),
            details: vec!["pod web-1: ImagePullBackOff".to_owned()],
        },
    }
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
