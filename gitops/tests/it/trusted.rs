//! Trusted publishers, and others who can write to the repository.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

use orz_core::id::{CommitId, Part};
use orz_gitops::{ActivateOptions, Error, Repo, TrustedPublishers, VerifyReport, check};

use crate::signed::{Key, signing};
use crate::support::{Fixture, git_command, name, release, request, work};

/// A repository with an unsigned past, Ann whose key is trusted, and Mallory whose key is not.
struct World {
    fixture: Fixture,
    ann: Key,
    mallory: Key,
    since: Vec<CommitId>,
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Ann,
    Mallory,
    Nobody,
}

impl World {
    fn new() -> Self {
        let fixture = Fixture::new();
        fixture.live(vec![work("old", "one")]);
        let (ann, mallory) = (
            Key::ed25519(fixture.folder(), "ann"),
            Key::ed25519(fixture.folder(), "mallory"),
        );
        let heads = fixture.git(&["rev-parse", "main", "releases"]);
        let since = heads.lines().map(|id| id.parse().expect("an id")).collect();
        Self {
            fixture,
            ann,
            mallory,
            since,
        }
    }

    fn repo(&self, by: By) -> Repo {
        match by {
            By::Ann => signing(&self.fixture, &self.ann),
            By::Mallory => signing(&self.fixture, &self.mallory),
            By::Nobody => Repo::open(self.fixture.path()).expect("open"),
        }
    }

    fn publish(&self, by: By, tenant: &str, text: &str) -> String {
        let published = self
            .repo(by)
            .publish(vec![work(tenant, text)], true, &request("x"));
        published.expect("published").items[0].release.to_string()
    }

    fn allowed(&self, options: &str) -> PathBuf {
        let file = self.fixture.folder().join("allowed");
        let line = format!("ann@example.com {options} {} of ann\n", self.ann.public);
        std::fs::write(&file, line).expect("written");
        file
    }

    fn publishers(&self) -> TrustedPublishers {
        TrustedPublishers::read(&self.allowed(""), &self.since).expect("readable")
    }

    /// Somebody who follows the repository from now on.
    fn follower(&self) -> Repo {
        self.repo(By::Nobody).demanding(self.publishers())
    }

    fn commit(&self, text: &str) -> String {
        let mut child = git_command(&self.fixture.path())
            .args(["hash-object", "-t", "commit", "-w", "--stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("git runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(text.as_bytes()).expect("written");
        drop(stdin);
        let output = child.wait_with_output().expect("ended");
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn point(&self, branch: &str, commit: &str) {
        self.fixture
            .git(&["update-ref", &format!("refs/heads/{branch}"), commit]);
    }

    fn merge(&self, tree: &str, parents: &[&str]) -> String {
        let tree = format!("{tree}^{{tree}}");
        let mut args = vec!["commit-tree", "-m", "merge", tree.as_str()];
        for parent in parents {
            args.extend(["-p", parent]);
        }
        self.fixture.git(&args)
    }

    /// Copies the signature of the head of a branch to a commit of `other` upon it.
    fn forge(&self, branch: &str, other: &str) {
        let signed = self.fixture.git(&["cat-file", "commit", branch]);
        let unsigned = self.fixture.git(&["cat-file", "commit", other]);
        let signature: String = signed
            .split_inclusive('\n')
            .skip_while(|line| !line.starts_with("gpgsig "))
            .take_while(|line| line.starts_with("gpgsig ") || line.starts_with(' '))
            .collect();
        let (headers, message) = unsigned.split_once("\n\n").expect("a commit");
        let forged = self.commit(&format!("{headers}\n{signature}\n{message}\n"));
        self.point(branch, &forged);
    }
}

/// Why a pointer must not be followed; empty: it may be.
fn refused(repo: &Repo, tenant: &str) -> String {
    let view = repo.view().expect("view");
    let cluster = "in-cluster".parse().expect("valid");
    let stored = view.pointer(&cluster, &name(tenant), Part::Work);
    let stored = stored.expect("readable").expect("there");
    match view.check(&stored) {
        Ok(_) => String::new(),
        Err(invalid) => {
            assert_eq!(
                invalid.reason,
                check::reason::UNTRUSTED_PUBLISHER,
                "{invalid}"
            );
            invalid.to_string()
        }
    }
}

#[test]
fn every_kind_of_key_is_checked_as_git_does() {
    let kinds: &[&[&str]] = &[
        &["ed25519"],
        &["ecdsa", "-b", "256"],
        &["ecdsa", "-b", "384"],
        &["rsa", "-b", "2048"],
    ];
    for kind in kinds {
        let world = World::new();
        let key = Key::new(world.fixture.folder(), "key", kind);
        let file = world.fixture.folder().join("allowed");
        std::fs::write(&file, format!("ann@example.com {}\n", key.public)).expect("written");
        let repo = signing(&world.fixture, &key);
        // Numbers of a signature by ECDSA are shorter now and then.
        for text in ["one", "two", "three", "four", "five", "six"] {
            repo.publish(vec![work("acme", text)], true, &request("x"))
                .expect("published");
        }
        let publishers = TrustedPublishers::read(&file, &world.since).expect("readable");
        let mut report = VerifyReport::default();
        repo.verify_signatures(&publishers, &mut report)
            .expect("verified");
        assert_eq!(
            (report.untrusted, report.signatures),
            (vec![], Some(12)),
            "{kind:?}"
        );

        // One bit of the message, of the tree, or of the signature.
        let signed = world.fixture.git(&["cat-file", "commit", "main"]);
        let changed = [
            signed.replace("Orz-Reason: x", "Orz-Reason: y"),
            signed.replace("author Ann", "author Bnn"),
            {
                // In the last quarter of the blob lies the signature itself.
                let end = signed.find(" -----END SSH").expect("a signature");
                let at = end - 30;
                let other = if &signed[at..=at] == "A" { "B" } else { "A" };
                format!("{}{other}{}", &signed[..at], &signed[at + 1..])
            },
        ];
        for text in changed {
            assert_ne!(text, signed);
            let commit = world.commit(&format!("{text}\n"));
            world.point("main", &commit);
            let mut command = git_command(&world.fixture.path());
            command
                .arg("-c")
                .arg(format!("gpg.ssh.allowedSignersFile={}", file.display()));
            let by_git = command
                .args(["verify-commit", &commit])
                .output()
                .expect("git runs");
            assert!(!by_git.status.success(), "{kind:?}: Git refuses it");
            let mut report = VerifyReport::default();
            repo.verify_signatures(&publishers, &mut report)
                .expect("verified");
            let found: Vec<_> = report.untrusted.iter().map(|u| u.distrust.reason).collect();
            assert_eq!(found, ["bad-signature"], "{kind:?}: {text}");
        }
    }
}

#[test]
fn verify_names_each_commit_that_nobody_trusted_signed() {
    let world = World::new();
    world.publish(By::Ann, "acme", "one");
    world.publish(By::Nobody, "acme", "two");
    world.publish(By::Mallory, "acme", "three");
    world.publish(By::Ann, "acme", "four");
    let repo = world.repo(By::Nobody);
    let verified = |publishers: &TrustedPublishers| {
        let mut report = repo.verify(None).expect("verified");
        repo.verify_signatures(publishers, &mut report)
            .expect("verified");
        report
    };
    let report = verified(&world.publishers());
    assert_eq!(report.signatures, Some(8));
    assert!(!report.is_ok() && report.exit_code().code() == 1);
    let found: Vec<_> = report
        .untrusted
        .iter()
        .map(|u| (u.branch, u.distrust.reason, u.distrust.key.is_some()))
        .collect();
    assert_eq!(
        found,
        [
            ("releases", "unsigned", false),
            ("releases", "unknown-key", true),
            ("main", "unsigned", false),
            ("main", "unknown-key", true),
        ]
    );
    let last = &report.untrusted[3];
    assert_eq!(
        last.commit.to_string(),
        world.fixture.git(&["rev-parse", "main~1"])
    );
    assert_eq!(
        last.author, "Ann <ann@example.com>",
        "the author is only what the commit says"
    );
    assert_eq!(last.time, crate::support::NOW);
    let fingerprint = std::process::Command::new("ssh-keygen")
        .arg("-lf")
        .arg(&world.mallory.file)
        .output()
        .expect("ssh-keygen runs");
    let fingerprint = String::from_utf8_lossy(&fingerprint.stdout).into_owned();
    let key = last.distrust.key.clone().expect("a key");
    assert!(fingerprint.contains(&key), "{fingerprint} {key}");

    // The commits of the fixture itself, when nothing says from where on.
    let strict = TrustedPublishers::read(&world.allowed(""), &[]).expect("readable");
    assert_eq!(verified(&strict).untrusted.len(), 4 + 4);

    for (options, reason) in [
        ("valid-before=\"20270131Z\"", "expired"),
        ("valid-after=\"20270201Z\"", "not-yet-valid"),
        ("namespaces=\"file\"", "not-for-git"),
    ] {
        let publishers = TrustedPublishers::read(&world.allowed(options), &world.since);
        let report = verified(&publishers.expect("readable"));
        let found: Vec<_> = report.untrusted.iter().map(|u| u.distrust.reason).collect();
        assert_eq!((found[0], found.len()), (reason, 8), "{options}");
    }
    let good = "valid-after=\"20270131Z\",valid-before=\"202701311201Z\",namespaces=\"git\"";
    let publishers = TrustedPublishers::read(&world.allowed(good), &world.since);
    assert_eq!(verified(&publishers.expect("readable")).untrusted.len(), 4);
}

#[test]
fn what_cannot_be_demanded_is_an_error() {
    let world = World::new();
    let file = world.fixture.folder().join("file");
    for (text, says) in [
        ("", "it names no key that can be checked"),
        ("# nobody\n", "it names no key that can be checked"),
        ("\nann\n", ", line 2: expected `<name> <kind of key> <key>`"),
        (
            "ann cert-authority ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\n",
            ", line 1: certificates are not checked, only keys",
        ),
    ] {
        std::fs::write(&file, text).expect("written");
        let error = TrustedPublishers::read(&file, &[]).expect_err(says);
        assert!(error.to_string().ends_with(says), "{error}");
        assert_eq!(error.exit_code().code(), 1);
    }
    let nowhere: CommitId = "1".repeat(40).parse().expect("an id");
    let publishers = TrustedPublishers::read(&world.allowed(""), &[nowhere]).expect("readable");
    let error = publishers.untrusted(&world.repo(By::Nobody).view().expect("view"));
    assert!(matches!(error, Err(Error::UnknownSince { .. })));
}

#[test]
fn whoever_follows_only_trusted_publishers_is_moved_by_nobody_else() {
    type Hostile = fn(&World);
    /// The last one and the one before it of `acme`, both published by nobody trusted.
    fn unsigned(world: &World) {
        world.publish(By::Nobody, "acme", "two");
    }
    let cases: [(&str, Hostile, &str); 9] = [
        ("unsigned", unsigned, "the pointer is from commit"),
        (
            "signed by a stranger",
            |world| drop(world.publish(By::Mallory, "acme", "two")),
            "it is signed with a key that nobody trusts (SHA256:",
        ),
        (
            "signed by somebody trusted, a release that nobody trusted published",
            |world| {
                let published =
                    world
                        .repo(By::Nobody)
                        .publish(vec![work("acme", "two")], false, &request("x"));
                let release = &published.expect("published").items[0].release;
                let options = ActivateOptions::default();
                let ann = world.repo(By::Ann);
                ann.activate(&name("acme"), Part::Work, release, options, &request("x"))
                    .expect("activated");
            },
            "the index entry is from commit",
        ),
        (
            "a signature copied from another commit",
            |world| {
                let before = world.fixture.git(&["rev-parse", "main"]);
                world.publish(By::Nobody, "acme", "two");
                let unsigned = world.fixture.git(&["rev-parse", "main"]);
                world.point("main", &before);
                world.forge("main", &unsigned);
            },
            "its signature does not hold: it is not of this commit",
        ),
        (
            "a merge that smuggles an index entry",
            |world| {
                let before = world.fixture.git(&["rev-parse", "releases"]);
                world.publish(By::Nobody, "acme", "two");
                let side = world.fixture.git(&["rev-parse", "releases"]);
                let merge = world.merge("releases", &[&before, &side]);
                world.point("releases", &merge);
                world
                    .repo(By::Ann)
                    .hold(&name("acme"), &[], None, &request("x"))
                    .expect("held");
            },
            "the index entry is from commit",
        ),
        (
            "a merge that smuggles it from the other side",
            |world| {
                let before = world.fixture.git(&["rev-parse", "releases"]);
                world.publish(By::Nobody, "acme", "two");
                let side = world.fixture.git(&["rev-parse", "releases"]);
                let merge = world.merge("releases", &[&side, &before]);
                world.point("releases", &merge);
                world
                    .repo(By::Ann)
                    .hold(&name("acme"), &[], None, &request("x"))
                    .expect("held");
            },
            "the index entry is from commit",
        ),
        (
            "an old state, signed then, that a merge brings back",
            |world| {
                let old = world.fixture.git(&["rev-parse", "main"]);
                world.publish(By::Ann, "acme", "two");
                let merge = world.merge(&old, &[&old, "main"]);
                world.point("main", &merge);
            },
            "it has no signature",
        ),
        (
            "an old state that is brought back, and then hidden behind a merge",
            |world| {
                let old = world.fixture.git(&["rev-parse", "main"]);
                world.publish(By::Ann, "acme", "two");
                let back = world.merge(&old, &["main"]);
                let merge = world.merge(&old, &[&old, &back]);
                world.point("main", &merge);
            },
            "it has no signature",
        ),
        (
            "a plain revert",
            |world| {
                world.publish(By::Ann, "acme", "two");
                world.fixture.revert_main();
            },
            "commit `",
        ),
    ];
    for (what, hostile, says) in cases {
        let world = World::new();
        world.publish(By::Ann, "other", "one");
        world.publish(By::Ann, "acme", "one");
        // One that watches all the time, and one that begins after it.
        let watching = world.follower();
        for tenant in ["old", "other", "acme"] {
            assert_eq!(refused(&watching, tenant), "", "{what}: {tenant} before");
        }
        hostile(&world);
        let beginning = world.follower();
        for repo in [&watching, &beginning] {
            let said = refused(repo, "acme");
            assert!(said.contains(says), "{what}: {said:?}");
            assert!(
                said.starts_with("pointer-invalid: untrusted-publisher: "),
                "{said}"
            );
            assert_eq!(refused(repo, "other"), "", "{what}: nobody else is stopped");
            assert_eq!(
                refused(repo, "old"),
                "",
                "{what}: what was there before is taken as it is"
            );
        }
        // Somebody trusted who goes on upon it vouches for nothing but what she writes.
        world.publish(By::Ann, "other", "two");
        for repo in [&watching, &beginning, &world.follower()] {
            assert!(refused(repo, "acme").contains(says), "{what}: still");
            assert_eq!(refused(repo, "other"), "", "{what}: she goes on");
        }
        // And she puts it right by publishing what nobody else did.
        drop(
            world
                .repo(By::Ann)
                .release_hold(&name("acme"), &[], &request("x")),
        );
        world.publish(By::Ann, "acme", "three");
        for repo in [&watching, &beginning, &world.follower()] {
            assert_eq!(refused(repo, "acme"), "", "{what}: put right");
        }
        let plain = world.repo(By::Nobody);
        assert_eq!(
            refused(&plain, "acme"),
            "",
            "nothing is demanded of who does not ask"
        );
    }
}

#[test]
fn a_branch_that_was_replaced_is_walked_anew() {
    let world = World::new();
    world.publish(By::Ann, "acme", "one");
    let follower = world.follower();
    let signed = world.fixture.git(&["rev-parse", "main"]);
    assert_eq!(refused(&follower, "acme"), "");
    world.publish(By::Mallory, "acme", "two");
    assert_ne!(refused(&follower, "acme"), "");
    world.point("main", &signed);
    assert_eq!(refused(&follower, "acme"), "", "back where it was");
    // Without the commit from which on signatures are demanded, everything needs one.
    let tree = world.fixture.git(&["rev-parse", "main^{tree}"]);
    let root = world.fixture.git(&["commit-tree", "-m", "root", &tree]);
    world.point("main", &root);
    assert_ne!(refused(&follower, "acme"), "");
    assert_ne!(refused(&follower, "old"), "");
    world.point("main", &signed);
    assert_eq!(refused(&follower, "acme"), "");
}

#[test]
fn a_merge_that_somebody_trusted_signed_vouches_for_what_it_takes() {
    let world = World::new();
    world.publish(By::Ann, "acme", "one");
    let follower = world.follower();
    assert_eq!(refused(&follower, "acme"), "");
    // A branch for review, that Ann merges with `git merge --no-ff -S`.
    let mut review = world.repo(By::Nobody);
    review.to_branch("change").expect("a branch");
    let publish = world
        .repo(By::Ann)
        .publish(vec![work("acme", "two")], false, &request("x"));
    let options = ActivateOptions::default();
    let release = publish.expect("published").items[0].release.clone();
    review
        .activate(&name("acme"), Part::Work, &release, options, &request("x"))
        .expect("proposed");
    let key = world.ann.file.display().to_string();
    let sign = format!("-S{key}");
    let merge = world.fixture.git(&[
        "-c",
        "gpg.format=ssh",
        "commit-tree",
        &sign,
        "-m",
        "merge",
        "change^{tree}",
        "-p",
        "main",
        "-p",
        "change",
    ]);
    world.point("main", &merge);
    for repo in [&follower, &world.follower()] {
        assert_eq!(refused(repo, "acme"), "");
        let view = repo.view().expect("view");
        let cluster = "in-cluster".parse().expect("valid");
        let stored = view
            .pointer(&cluster, &name("acme"), Part::Work)
            .expect("readable")
            .expect("there");
        assert_eq!(stored.pointer.release, release);
    }
}

#[test]
fn a_folder_with_a_name_twice_deceives_nobody() {
    let world = World::new();
    world.publish(By::Ann, "acme", "one");
    let follower = world.follower();
    assert_eq!(refused(&follower, "acme"), "");
    // Two `main` trees in one: Git makes no such thing, and a reader finds the first of each name.
    let other = world.repo(By::Nobody).publish(
        vec![release("evil", Part::Work, &[("x", "y")])],
        true,
        &request("x"),
    );
    drop(other.expect("published"));
    let entry = |commit: &str| {
        world
            .fixture
            .git(&["rev-parse", &format!("{commit}:pointers")])
    };
    let (evil, good) = (entry("main"), entry("main~1"));
    let mut raw = Vec::new();
    for id in [evil, good] {
        raw.extend_from_slice(b"40000 pointers\0");
        raw.extend(
            (0..40)
                .step_by(2)
                .map(|at| u8::from_str_radix(&id[at..at + 2], 16).expect("hex")),
        );
    }
    let mut child = git_command(&world.fixture.path())
        .args(["hash-object", "-t", "tree", "-w", "--stdin", "--literally"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git runs");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(&raw)
        .expect("written");
    let tree = child.wait_with_output().expect("ended").stdout;
    let tree = String::from_utf8_lossy(&tree).trim().to_owned();
    let commit = world
        .fixture
        .git(&["commit-tree", "-m", "x", &tree, "-p", "main~1"]);
    world.point("main", &commit);
    let view = follower.view().expect("view");
    let cluster = "in-cluster".parse().expect("valid");
    let stored = view
        .pointer(&cluster, &name("evil"), Part::Work)
        .expect("readable")
        .expect("there");
    let invalid = view.check(&stored).expect_err("nobody follows it");
    assert!(invalid.detail.contains("has `pointers` twice"), "{invalid}");
}
