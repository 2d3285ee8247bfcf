//! Somebody who writes into the GitOps repository with plain Git: an attacker, or a tired person at night.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use orz_core::format::digest_of;
use orz_core::id::{Part, ReleaseId, TenantName};
use orz_core::object::Object;
use orz_core::paths;
use serde_json::Value;

use crate::TestResult;
use crate::program::{expect, hermetic};

/// A clone of the GitOps repository, and nothing of ours to work in it.
#[derive(Debug)]
pub struct Hand {
    clone: PathBuf,
    home: PathBuf,
}

/// How a release is made by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// `git commit`: with the name of whoever made it, and the time.
    Plain,
    /// With the author, date and message that a release of this tenant has.
    Careful,
}

/// Somebody else may have pushed meanwhile.
const ATTEMPTS: u32 = 20;

impl Hand {
    pub(crate) fn new(repository: &Path, home: &Path) -> TestResult<Self> {
        let hand = Self {
            clone: home.join("clone"),
            home: home.to_owned(),
        };
        if !hand.clone.exists() {
            let (from, to) = (repository.display(), hand.clone.display());
            let mut git = hermetic(Path::new("git"), home);
            git.args(["clone", "--quiet"])
                .args([from.to_string(), to.to_string()]);
            expect(&git.output()?, 0, "git clone")?;
        }
        Ok(hand)
    }

    /// Runs `git` in the clone; what it prints, without the last newline.
    pub fn git(&self, arguments: &[&str]) -> TestResult<String> {
        self.git_with(arguments, b"")
    }

    fn git_with(&self, arguments: &[&str], input: &[u8]) -> TestResult<String> {
        let mut git = hermetic(Path::new("git"), &self.home);
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "Mallory")
                .env(format!("GIT_{role}_EMAIL"), "mallory@example.com");
        }
        let mut child = git
            .args(arguments)
            .env("GIT_INDEX_FILE", self.index(arguments))
            .current_dir(&self.clone)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        child
            .stdin
            .take()
            .ok_or("a pipe was asked for")?
            .write_all(input)?;
        let said = expect(&child.wait_with_output()?, 0, &format!("git {arguments:?}"))?;
        Ok(said.trim_end().to_owned())
    }

    /// Trees of releases are put together beside the work tree's own index.
    fn index(&self, arguments: &[&str]) -> PathBuf {
        let plumbing = ["read-tree", "update-index", "write-tree"];
        let beside = arguments
            .first()
            .is_some_and(|verb| plumbing.contains(verb));
        self.clone
            .join(if beside { ".git/beside" } else { ".git/index" })
    }

    /// Commits a file of a branch and pushes it; the commit.
    pub fn commit(
        &self,
        branch: &str,
        path: &str,
        content: &str,
        message: &str,
    ) -> TestResult<String> {
        self.push(branch, || {
            let file = self.clone.join(path);
            fs::create_dir_all(file.parent().unwrap_or(Path::new("")))?;
            fs::write(file, content)?;
            self.git(&["add", "--all"])?;
            self.git(&["commit", "--quiet", "--message", message])
                .map(drop)
        })
    }

    /// `git revert` of a commit of `main`, pushed.
    pub fn revert(&self, commit: &str) -> TestResult<String> {
        self.push("main", || {
            self.git(&["revert", "--no-edit", commit]).map(drop)
        })
    }

    /// Does something on top of a branch and pushes it; anew when somebody else was faster.
    fn push(&self, branch: &str, change: impl Fn() -> TestResult) -> TestResult<String> {
        let mut lost = None;
        for _ in 0..ATTEMPTS {
            self.git(&["fetch", "--quiet", "origin"])?;
            let upstream = format!("origin/{branch}");
            self.git(&["checkout", "--quiet", "--force", "-B", branch, &upstream])?;
            change()?;
            match self.git(&["push", "--quiet", "origin", branch]) {
                Ok(_) => return self.git(&["rev-parse", "HEAD"]),
                Err(error) => lost = Some(error),
            }
        }
        Err(lost.unwrap_or_else(|| "never tried".into()))
    }

    /// A file of a branch as it stands.
    pub fn read(&self, branch: &str, path: &str) -> TestResult<String> {
        self.git(&["fetch", "--quiet", "origin"])?;
        self.git(&["cat-file", "blob", &format!("origin/{branch}:{path}")])
    }

    /// Points a tenant's `work` at a release, by an edit of its file; the commit.
    pub fn point(&self, tenant: &str, release: &ReleaseId, digest: &str) -> TestResult<String> {
        let path = pointer_path(tenant, Part::Work)?;
        let mut pointer: Value = serde_json::from_str(&self.read("main", &path)?)?;
        pointer["release"] = Value::from(release.as_str());
        pointer["digest"] = Value::from(digest);
        let message = format!("{tenant}: a quick fix");
        self.commit(
            "main",
            &path,
            &serde_json::to_string_pretty(&pointer)?,
            &message,
        )
    }

    /// A release made by hand: that of `base`, a release of the tenant's `work`, and these manifests as well. It
    /// stands on a branch of its own.
    pub fn forge(
        &self,
        forgery: Forgery,
        base: &ReleaseId,
        manifests: &[Value],
    ) -> TestResult<ReleaseId> {
        self.git(&["fetch", "--quiet", "origin"])?;
        self.git(&["read-tree", base.as_str()])?;
        for manifest in manifests {
            let object = Object::new(manifest.clone())?;
            let text = orz_core::emit::yaml(manifest);
            let blob = self.git_with(&["hash-object", "-w", "--stdin"], text.as_bytes())?;
            let entry = format!("100644,{blob},{}", object.file_name());
            self.git(&["update-index", "--add", "--cacheinfo", &entry])?;
        }
        let tree = self.git(&["write-tree"])?;
        let commit = match forgery {
            Forgery::Plain => self.git(&["commit-tree", "-m", "the release, repaired", &tree])?,
            Forgery::Careful => {
                let original = self.git(&["cat-file", "commit", base.as_str()])?;
                let (_, rest) = original.split_once('\n').ok_or("no commit")?;
                let bytes = format!("tree {tree}\n{rest}\n");
                self.git_with(
                    &["hash-object", "-t", "commit", "-w", "--stdin"],
                    bytes.as_bytes(),
                )?
            }
        };
        let branch = format!("{commit}:refs/heads/by-hand-{}", &commit[..12]);
        self.git(&["push", "--quiet", "origin", &branch])?;
        Ok(commit.parse()?)
    }

    /// The digest of a release's files, as its index entry has to say it.
    pub fn digest(&self, release: &ReleaseId) -> TestResult<String> {
        let mut files = Vec::new();
        for name in self
            .git(&["ls-tree", "--name-only", release.as_str()])?
            .lines()
        {
            // As it is, with its last newline.
            let mut git = hermetic(Path::new("git"), &self.home);
            let object = format!("{release}:{name}");
            let output = git
                .args(["cat-file", "blob", &object])
                .current_dir(&self.clone)
                .output()?;
            expect(&output, 0, &object)?;
            files.push((name.to_owned(), output.stdout));
        }
        let files = files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        Ok(digest_of(files).to_string())
    }

    /// Puts a release on the index: the entry of `base`, made to fit.
    pub fn list(
        &self,
        tenant: &str,
        base: &ReleaseId,
        release: &ReleaseId,
        manifests: &[Value],
    ) -> TestResult {
        let tenant: TenantName = tenant.parse()?;
        let path = |release: &ReleaseId| paths::index_entry(&tenant, Part::Work, release);
        let mut entry: Value = serde_json::from_str(&self.read("releases", &path(base))?)?;
        entry["release"] = Value::from(release.as_str());
        entry["digest"] = Value::from(self.digest(release)?);
        let objects = entry["objects"].as_array_mut().ok_or("no objects")?;
        for manifest in manifests {
            let reference = Object::new(manifest.clone())?.reference();
            objects.push(serde_json::to_value(reference)?);
        }
        let text = serde_json::to_string_pretty(&entry)?;
        self.commit("releases", &path(release), &text, "index")
            .map(drop)
    }
}

/// The file of a pointer.
pub fn pointer_path(tenant: &str, part: Part) -> TestResult<String> {
    Ok(paths::pointer(
        &crate::world::CLUSTER.parse()?,
        &tenant.parse()?,
        part,
    ))
}
