//! What publishing writes, and what it does not.

use std::collections::BTreeSet;

use orz_core::format::digest_of;
use orz_core::id::Part;
use orz_gitops::{Error, NewRelease, PointerMove, PublishOptions};

use crate::support::{
    Fixture, from_objects, git_command, name, object_of, release, request, request_at, source, work,
};

#[test]
fn a_release_is_the_commit_that_git_makes_of_the_same_files() {
    let fixture = Fixture::new();
    let published = fixture.live(vec![work("acme", "one")]);
    let item = &published.items[0];
    assert_eq!((item.new, &item.pointer), (true, &PointerMove::Created));

    let tree = fixture.git(&["rev-parse", &format!("{}^{{tree}}", item.release)]);
    let mut command = git_command(&fixture.path());
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "orz");
        command.env(format!("GIT_{role}_EMAIL"), "orz@localhost");
        command.env(format!("GIT_{role}_DATE"), "2000-01-01T00:00:00Z");
    }
    let output = command
        .args(["commit-tree", "-m", "release acme/work", &tree])
        .output()
        .expect("git runs");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        item.release.as_str()
    );
    // The test vector: it may never change, or every release of every user is another one.
    assert_eq!(
        item.release.as_str(),
        "b10e8475fc7c82ee444ac07eb0f6c89efbf2a493"
    );
    assert_eq!(
        fixture.git(&["ls-tree", "--name-only", item.release.as_str()]),
        "configmap_acme_fixed.yaml\nconfigmap_acme_settings.yaml"
    );
    fixture.fsck();
}

#[test]
fn equal_input_in_any_order_makes_equal_repositories() {
    let all = || -> Vec<NewRelease> {
        ["acme", "globex", "initech"]
            .into_iter()
            .flat_map(|tenant| {
                [
                    release(tenant, Part::Tenancy, &[("quota", "10")]),
                    release(tenant, Part::Data, &[("disk", "1Gi")]),
                    work(tenant, "one"),
                ]
            })
            .collect()
    };
    let (one, other) = (Fixture::new(), Fixture::new());
    one.live(all());
    let mut shuffled = all();
    shuffled.reverse();
    shuffled.swap(1, 6);
    for release in &mut shuffled {
        release.objects.reverse();
        release.inputs.reverse();
    }
    other.live(shuffled);
    assert_eq!(
        one.git(&["for-each-ref"]),
        other.git(&["for-each-ref"]),
        "the same commits, down to the branches"
    );
}

#[test]
fn unchanged_input_writes_nothing() {
    let fixture = Fixture::new();
    let releases = || {
        vec![
            release("acme", Part::Data, &[("disk", "1Gi")]),
            work("acme", "one"),
        ]
    };
    fixture.live(releases());
    let before = fixture.fingerprint();
    let mut later = releases();
    for release in &mut later {
        release.source = source(7);
    }
    let again = fixture
        .repo
        .publish(later, true, &request_at("again", "2027-02-01T00:00:00Z"))
        .expect("publish");
    assert_eq!((again.index_commit, again.main_commit), (None, None));
    assert!(
        again
            .items
            .iter()
            .all(|item| !item.new && item.pointer == PointerMove::Unchanged)
    );
    assert_eq!(fixture.fingerprint(), before);
}

#[test]
fn only_what_changed_is_written() {
    let fixture = Fixture::new();
    let mut first = vec![work("acme", "one")];
    first.extend((0..40).map(|i| work(&format!("tenant-{i}"), "one")));
    fixture.live(first);
    let objects = || -> BTreeSet<String> {
        fixture
            .git(&["cat-file", "--batch-all-objects", "--batch-check"])
            .lines()
            .map(str::to_owned)
            .collect()
    };
    let (before, packs) = (objects(), fixture.packs());
    let published = fixture.live(vec![work("acme", "two")]);
    let new: Vec<String> = objects().difference(&before).cloned().collect();
    // Release: blob, tree, commit. Index: entry, its four folders and the root, commit.
    // Pointer: blob, its four folders and the root, commit.
    assert_eq!(new.len(), 3 + 7 + 7, "{new:#?}");
    let written: Vec<String> = fixture
        .packs()
        .into_iter()
        .filter(|pack| !packs.contains(pack))
        .collect();
    assert_eq!(written.len(), 1, "one pack");
    let listed = fixture.git(&["verify-pack", "-v", &written[0]]);
    let listed = listed
        .lines()
        .filter(|l| {
            [" blob ", " tree ", " commit "]
                .iter()
                .any(|k| l.contains(k))
        })
        .count();
    assert_eq!(
        listed,
        new.len(),
        "the pack holds nothing that stood already"
    );
    assert!(published.items[0].new);
    fixture.fsck();
}

#[test]
fn first_writer_wins() {
    let fixture = Fixture::new();
    fixture.live(vec![work("acme", "one")]);
    let first = fixture.live_release("acme", Part::Work).expect("live");
    let mut again = work("acme", "one");
    again.source = source(9);
    again.cluster = "edge".parse().expect("valid");
    let published = fixture.live(vec![again]);
    assert_eq!(
        (published.index_commit, published.items[0].new),
        (None, false)
    );
    assert_eq!(
        published.items[0].pointer,
        PointerMove::Created,
        "another cluster has a pointer of its own"
    );
    let entry = fixture
        .repo
        .view()
        .expect("view")
        .entry(&name("acme"), Part::Work, &first)
        .expect("readable");
    assert_eq!(entry.expect("stands").source, source(1));
}

#[test]
fn one_release_for_two_clusters_is_one_release() {
    let fixture = Fixture::new();
    let mut edge = work("acme", "one");
    edge.cluster = "edge".parse().expect("valid");
    fixture.live(vec![edge, work("acme", "one")]);
    let parents = fixture.git(&["rev-list", "--parents", "-1", "releases"]);
    assert_eq!(
        parents.split(' ').count(),
        3,
        "itself, the branch before, one release"
    );
    assert!(fixture.repo.verify(None).expect("verify").is_ok());
}

#[test]
fn a_part_without_objects() {
    let fixture = Fixture::new();
    let empty = || release("acme", Part::Data, &[]);
    let before = fixture.fingerprint();
    let skipped = fixture.live(vec![empty()]);
    assert_eq!(skipped.items[0].pointer, PointerMove::EmptySkipped);
    assert_eq!(fixture.fingerprint(), before, "nothing to publish");

    fixture.live(vec![release("acme", Part::Data, &[("disk", "1Gi")])]);
    let emptied = fixture.live(vec![empty()]);
    assert!(matches!(
        emptied.items[0].pointer,
        PointerMove::Moved { .. }
    ));
    let live = fixture.live_release("acme", Part::Data).expect("live");
    let tree = fixture.git(&["rev-parse", &format!("{live}^{{tree}}")]);
    assert_eq!(tree, "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    assert!(fixture.repo.verify(None).expect("verify").is_ok());
    fixture.fsck();
    fixture.libgit2_reads_everything();
}

#[test]
fn a_bulk_publish_is_a_chain() {
    let fixture = Fixture::new();
    let releases: Vec<NewRelease> = (0..600).map(|i| work(&format!("t{i}"), "one")).collect();
    let published = fixture.live(releases);
    assert_eq!(published.items.len(), 600);
    let log = fixture.git(&["log", "--first-parent", "--format=%P", "releases"]);
    let parents: Vec<usize> = log
        .lines()
        .map(|line| line.split_whitespace().count())
        .collect();
    assert_eq!(parents, [101, 501], "and the root, which has none");
    assert_eq!(
        fixture.git(&["rev-list", "--count", "main"]),
        "2",
        "one pointer commit"
    );
    let report = fixture.repo.verify(None).expect("verify");
    assert_eq!(
        (report.findings, report.pointers, report.releases),
        (vec![], 600, 600)
    );
    fixture.fsck();
}

#[test]
fn what_does_not_agree_with_itself_is_refused() {
    type Spoil = fn(&mut NewRelease);
    let cases: [(&str, Spoil); 9] = [
        ("digest", |r| r.digest = digest_of([])),
        ("list of objects", |r| drop(r.objects.pop())),
        ("is not a manifest", |r| {
            with_file(r, "configmap_acme_bad.yaml", b"a: [");
        }),
        ("belongs in", |r| {
            let object = object_of("acme", Part::Work, "a", "b");
            with_file(
                r,
                "other.yaml",
                orz_core::emit::yaml(object.value()).as_bytes(),
            );
        }),
        ("belongs in", |r| {
            with_file(
                r,
                "../escape.yaml",
                b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n",
            );
        }),
        ("does not belong to tenant", |r| {
            let object = object_of("globex", Part::Work, "a", "b");
            with_file(
                r,
                &object.file_name(),
                orz_core::emit::yaml(object.value()).as_bytes(),
            );
            r.objects.push(object.reference());
        }),
        ("may not be in part", |r| {
            *r = from_objects(
                "acme",
                Part::Work,
                &[object_of("acme", Part::Tenancy, "quota", "1")],
            );
        }),
        ("has another digest", |r| r.inputs[0].1 = b"other".to_vec()),
        ("no kind of claim", |r| {
            r.claims = vec![orz_core::format::ClaimKey {
                kind: "../x".to_owned(),
                value: "v".to_owned(),
            }];
        }),
    ];
    for (expected, spoil) in cases {
        let fixture = Fixture::new();
        let before = fixture.fingerprint();
        let mut release = work("acme", "one");
        spoil(&mut release);
        let error =
            fixture
                .repo
                .publish(vec![work("globex", "good"), release], true, &request("x"));
        let error = error.expect_err(expected);
        assert!(
            matches!(error, Error::BadRelease { .. }) && error.to_string().contains(expected),
            "{error}"
        );
        assert_eq!(
            fixture.fingerprint(),
            before,
            "{expected}: nothing is written, not even the good one"
        );
    }
    let twice = Fixture::new().repo.publish(
        vec![work("acme", "1"), work("acme", "2")],
        true,
        &request("x"),
    );
    assert!(
        twice
            .expect_err("given twice")
            .to_string()
            .contains("twice")
    );
}

#[test]
fn a_request_that_is_no_commit_message_is_refused() {
    let fixture = Fixture::new();
    let before = fixture.fingerprint();
    for (request, code) in [
        (request("two\nlines"), 64),
        (request_at("x", "yesterday"), 64),
        (
            orz_gitops::Request {
                actor: " ",
                ..request("x")
            },
            64,
        ),
    ] {
        let error = fixture
            .repo
            .publish(vec![work("acme", "one")], true, &request)
            .expect_err("refused");
        assert_eq!(error.exit_code().code(), code, "{error}");
    }
    assert_eq!(fixture.fingerprint(), before);
}

/// Puts a file in, and the digest right, so that only the file is wrong.
fn with_file(release: &mut NewRelease, name: &str, bytes: &[u8]) {
    release.files.insert(name.to_owned(), bytes.to_vec());
    release.digest = digest_of(
        release
            .files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
    );
}

#[test]
fn a_publish_that_expects_other_pointers_writes_nothing() {
    let fixture = Fixture::new();
    fixture.live(vec![work("acme", "one")]);
    let key = (
        name("acme"),
        Part::Work,
        "in-cluster".parse().expect("valid"),
    );
    let base = fixture.stored("acme", Part::Work).blob;
    fixture.live(vec![work("acme", "two")]);
    let before = fixture.fingerprint();
    let publish = |expected| {
        fixture.repo.publish_expecting(
            vec![work("acme", "three")],
            true,
            &[(key.clone(), expected)].into(),
            &request("x"),
        )
    };
    for stale in [Some(base), None] {
        let error = publish(stale).expect_err("it moved");
        assert_eq!(error.exit_code().code(), 5);
        assert!(
            error.to_string().contains("Ann <ann@example.com>"),
            "{error}"
        );
        assert_eq!(fixture.fingerprint(), before);
    }
    publish(Some(fixture.stored("acme", Part::Work).blob)).expect("it stands");
}

#[test]
fn more_tenants_than_allowed_write_nothing() {
    let fixture = Fixture::new();
    fixture.live(vec![work("ant", "one"), work("bee", "one")]);
    let before = fixture.fingerprint();
    let publish = |tenants: &[(&str, &str)], activate| {
        let releases = tenants.iter().flat_map(|(tenant, text)| {
            let tenancy = release(tenant, Part::Tenancy, &[("fence", text)]);
            [work(tenant, text), tenancy]
        });
        let options = PublishOptions {
            activate,
            tenants_max: Some(1),
            ..PublishOptions::default()
        };
        fixture
            .repo
            .publish_with(releases.collect(), options, &request("all"))
    };
    let two = [("ant", "two"), ("bee", "two")];
    let error = publish(&two, true).expect_err("two tenants");
    assert!(
        matches!(
            error,
            Error::TooManyAtOnce {
                tenants: 2,
                most: 1
            }
        ),
        "{error}"
    );
    assert_eq!(error.exit_code().code(), 64);
    assert_eq!(fixture.fingerprint(), before);
    // What does not go live, or is live already, does not count; and one tenant has as many parts as it has.
    publish(&two, false).expect("nothing goes live");
    publish(&two[..1], true).expect("one tenant");
    publish(&two, true).expect("the other one");
}

#[test]
fn the_newest_release_is_the_one_that_came_last() {
    let fixture = Fixture::new();
    let newest = || {
        fixture
            .repo
            .view()
            .expect("view")
            .newest(&name("acme"), Part::Work)
            .expect("readable")
    };
    assert_eq!(newest(), None);
    for text in ["one", "two", "three"] {
        let published = fixture
            .repo
            .publish(vec![work("acme", text)], false, &request("x"))
            .expect("publish");
        fixture.live(vec![work("globex", text)]);
        assert_eq!(
            newest().as_ref(),
            Some(&published.items[0].release),
            "{text}"
        );
    }
}

#[test]
fn a_malformed_pointer_stops_activation_and_nothing_else() {
    let fixture = Fixture::new();
    fixture.live(vec![work("acme", "one"), work("globex", "one")]);
    let path = fixture.stored("acme", Part::Work).path;
    fixture.commit_by_hand("main", &[(&path, Some(b"{"))]);
    let before = fixture.fingerprint();
    let error = fixture
        .repo
        .publish(vec![work("acme", "two")], true, &request("x"))
        .expect_err("malformed");
    assert!(
        matches!(&error, Error::MalformedPointer { path: found, .. } if *found == path),
        "{error}"
    );
    assert_eq!(fixture.fingerprint(), before);
    fixture
        .repo
        .publish(vec![work("acme", "two")], false, &request("x"))
        .expect("published, not activated");
    fixture.live(vec![work("globex", "two")]);
    let files = fixture
        .repo
        .view()
        .expect("view")
        .pointers()
        .expect("readable");
    assert_eq!(
        files
            .iter()
            .map(|file| file.valid().is_some())
            .filter(|valid| *valid)
            .count(),
        1
    );
    assert_eq!(files.len(), 2);
}
