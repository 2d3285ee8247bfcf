//! A repository on a remote: real ones, that refuse, die, lie and are taken away.

mod branch;
mod cache;
mod faults;
mod follow;
mod offline;
mod races;
mod use_it;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use orz_core::id::{Part, ReleaseId};
use orz_gitops::{ActivateOptions, Published, RemoteOptions, RemoteUrl, Repo, Request};

use crate::support::{NOW, git, name, request, work};

pub(super) const BOB: &str = "Bob <bob@example.com>";

/// A bare repository that is only reached by its URL.
pub(super) struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// With both branches.
    pub(super) fn new() -> Self {
        let world = Self::empty();
        Repo::init_remote(&world.url(), &world.options("first"), &request("set up")).expect("init");
        world
    }

    /// As a host makes it.
    pub(super) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        git(
            folder.path(),
            &[
                "init",
                "-q",
                "--bare",
                "--initial-branch=main",
                "remote.git",
            ],
        );
        Self { folder }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("remote.git")
    }

    pub(super) fn url(&self) -> RemoteUrl {
        let url = format!("file://{}", self.path().display());
        url.parse().expect("a URL")
    }

    /// With the cache of this person.
    pub(super) fn options(&self, person: &str) -> RemoteOptions {
        RemoteOptions {
            cache: self.cache(person),
            offline: false,
            prompt: false,
            stall: Duration::from_mins(1),
        }
    }

    pub(super) fn cache(&self, person: &str) -> PathBuf {
        self.folder.path().join(person)
    }

    /// The one repository in the cache of this person.
    pub(super) fn cached(&self, person: &str) -> PathBuf {
        let key = orz_core::id::Digest::of(format!("file://{}", self.path().display()).as_bytes());
        self.cache(person).join(format!("{key}.git"))
    }

    pub(super) fn open(&self, person: &str) -> Repo {
        Repo::open_remote(&self.url(), &self.options(person)).expect("open")
    }

    pub(super) fn offline(&self, person: &str) -> Repo {
        let options = RemoteOptions {
            offline: true,
            ..self.options(person)
        };
        Repo::open_remote(&self.url(), &options).expect("open offline")
    }

    pub(super) fn git(&self, args: &[&str]) -> String {
        git(&self.path(), args)
    }

    /// Where every reference of the remote stands.
    pub(super) fn refs(&self) -> String {
        self.git(&["for-each-ref"])
    }

    pub(super) fn hook(&self, hook: &str, script: &str) {
        let path = self.path().join("hooks").join(hook);
        fs::create_dir_all(path.parent().expect("hooks")).expect("a folder");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a hook");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    }

    pub(super) fn no_hook(&self, hook: &str) {
        fs::remove_file(self.path().join("hooks").join(hook)).expect("a hook");
    }

    /// The remote is not there until it is moved back.
    pub(super) fn away(&self) {
        fs::rename(self.path(), self.folder.path().join("away")).expect("moved");
    }

    pub(super) fn back(&self) {
        fs::rename(self.folder.path().join("away"), self.path()).expect("moved");
    }

    /// What no end of any exchange may break: sound objects, a linear `main`, pointers that may be acted on.
    pub(super) fn is_sound(&self) {
        assert_eq!(
            self.git(&["fsck", "--strict", "--full", "--no-dangling"]),
            ""
        );
        assert_eq!(self.git(&["rev-list", "--merges", "--count", "main"]), "0");
        let here = Repo::open(self.path()).expect("open");
        let view = here.view().expect("view");
        for file in view.pointers().expect("pointers") {
            let stored = file.valid().expect("valid");
            view.check(stored).expect("may be acted on");
        }
    }

    pub(super) fn live(&self, tenant: &str) -> Option<ReleaseId> {
        let here = Repo::open(self.path()).expect("open");
        live_in(&here, tenant)
    }
}

pub(super) fn live_in(repo: &Repo, tenant: &str) -> Option<ReleaseId> {
    let cluster = "in-cluster".parse().expect("valid");
    let view = repo.view().expect("view");
    let found = view.pointer(&cluster, &name(tenant), Part::Work);
    found
        .expect("readable")
        .map(|stored| stored.pointer.release)
}

pub(super) fn publish(repo: &Repo, tenant: &str, text: &str) -> Published {
    repo.publish(vec![work(tenant, text)], true, &request("publish"))
        .expect("published")
}

pub(super) fn activate(
    repo: &Repo,
    tenant: &str,
    to: &ReleaseId,
    actor: &str,
) -> orz_gitops::Result<()> {
    let request = Request {
        reason: Some("because"),
        actor,
        request_id: Some("r-1"),
        now: NOW.to_owned(),
    };
    let options = ActivateOptions::default();
    repo.activate(&name(tenant), Part::Work, to, options, &request)
        .map(drop)
}

/// A tenant with these releases, of which the last one is live.
pub(super) fn releases(repo: &Repo, tenant: &str, texts: &[&str]) -> Vec<ReleaseId> {
    let published = texts.iter().map(|text| publish(repo, tenant, text));
    published
        .map(|published| published.items[0].release.clone())
        .collect()
}

pub(super) fn packs(folder: &Path) -> Vec<PathBuf> {
    let mut packs: Vec<PathBuf> = fs::read_dir(folder.join("objects/pack"))
        .expect("packs")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "pack"))
        .collect();
    packs.sort();
    packs
}
