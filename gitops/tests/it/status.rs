//! Status references: a copy that is replaced, beside the branches.

use orz_core::format::{self, HealthWord, Status};
use orz_core::id::{ClusterName, Part};
use orz_core::paths;
use orz_gitops::{Error, Repo, verify};

use crate::support::{Fixture, NOW, git, name, status, work};

const LATER: &str = "2027-01-31T12:01:00Z";

fn cluster(name: &str) -> ClusterName {
    name.parse().expect("valid")
}

fn of(cluster_name: &str, tenant: &str) -> Status {
    Status {
        cluster: cluster(cluster_name),
        ..status(tenant, Part::Work, &[])
    }
}

#[test]
fn what_is_published_is_read_by_all_and_replaced_as_a_whole() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    fixture.live(vec![work("acme", "one")]);
    assert_eq!(repo.statuses().expect("none"), []);
    let heads = fixture.git(&["for-each-ref", "refs/heads"]);

    let first: Vec<Status> = ["acme", "globex", "initech"]
        .map(|t| of("in-cluster", t))
        .to_vec();
    repo.write_status(&cluster("in-cluster"), 0, &first, NOW)
        .expect("written");
    repo.write_status(
        &cluster("in-cluster"),
        1,
        &[of("in-cluster", "umbrella")],
        NOW,
    )
    .expect("written");
    repo.write_status(&cluster("edge"), 0, &[of("edge", "acme")], NOW)
        .expect("written");
    let names = |statuses: &[Status]| -> Vec<String> {
        let names = statuses
            .iter()
            .map(|s| format!("{}/{}", s.cluster, s.tenant));
        names.collect()
    };
    assert_eq!(
        names(&repo.statuses().expect("readable")),
        [
            "edge/acme",
            "in-cluster/acme",
            "in-cluster/globex",
            "in-cluster/initech",
            "in-cluster/umbrella"
        ]
    );
    let of_acme = repo.statuses_of(&name("acme")).expect("readable");
    assert_eq!(names(&of_acme), ["edge/acme", "in-cluster/acme"]);
    assert_eq!(
        fixture.git(&["for-each-ref", "refs/heads"]),
        heads,
        "no branch moved"
    );

    // Nothing new, nothing written, whatever the time.
    let before = fixture.fingerprint();
    repo.write_status(&cluster("in-cluster"), 0, &first, LATER)
        .expect("the same");
    assert_eq!(fixture.fingerprint(), before);

    // One changed, one gone; the commit has no parent, and only what changed is new.
    let had = fixture.packs();
    let mut second = first.clone();
    second[0].health = HealthWord::Degraded;
    second.remove(2);
    repo.write_status(&cluster("in-cluster"), 0, &second, LATER)
        .expect("written");
    let published = repo.published_status().expect("readable");
    assert_eq!(
        published
            .statuses
            .iter()
            .find(|s| s.cluster == cluster("in-cluster")),
        Some(&second[0])
    );
    assert_eq!(
        published.statuses.len(),
        4,
        "{:?}",
        names(&published.statuses)
    );
    let shard = published
        .shards
        .iter()
        .find(|s| s.at == LATER)
        .expect("written last");
    assert_eq!((shard.cluster.as_str(), shard.shard), ("in-cluster", 0));
    let reference = paths::status_ref(&cluster("in-cluster"), 0);
    assert_eq!(fixture.git(&["rev-list", "--count", &reference]), "1");
    let new: Vec<String> = fixture
        .packs()
        .into_iter()
        .filter(|pack| !had.contains(pack))
        .collect();
    let [pack] = new.as_slice() else {
        panic!("{new:?}");
    };
    let list = fixture.git(&["verify-pack", "-v", pack]);
    let kinds = |kind: &str| list.lines().filter(|l| l.contains(kind)).count();
    assert_eq!(
        (kinds(" blob "), kinds(" tree "), kinds(" commit ")),
        (1, 3, 1),
        "a file, its folders and the commit: {list}"
    );

    // Packed references are read too, garbage collection keeps them, and everybody empty is still published.
    fixture.git(&["pack-refs", "--all"]);
    fixture.git(&["gc", "--quiet", "--prune=now"]);
    assert_eq!(repo.published_status().expect("readable"), published);
    repo.write_status(&cluster("in-cluster"), 0, &[], LATER)
        .expect("written");
    assert_eq!(repo.statuses().expect("readable").len(), 2);
    let report = repo.verify(None).expect("verify");
    assert!(report.is_ok(), "{:#?}", report.findings);
    assert_eq!((report.statuses, report.pointers), (2, 1));
    fixture.fsck();
    fixture.libgit2_reads_everything();
}

#[test]
fn a_plain_clone_leaves_it_and_ours_takes_it() {
    let fixture = Fixture::new();
    fixture
        .repo
        .write_status(&cluster("in-cluster"), 0, &[of("in-cluster", "acme")], NOW)
        .expect("written");
    let clone = fixture.folder().join("clone.git");
    let from = fixture.path();
    let (from, to) = (from.to_string_lossy(), clone.to_string_lossy());
    git(
        fixture.folder(),
        &["clone", "--quiet", "--bare", &from, &to],
    );
    let cloned = Repo::open(&clone).expect("open");
    assert_eq!(
        cloned.statuses().expect("none"),
        [],
        "what Argo CD fetches has none of it"
    );
    git(
        &clone,
        &["fetch", "--quiet", "origin", "+refs/orz/*:refs/orz/*"],
    );
    assert_eq!(
        cloned.statuses().expect("fetched"),
        fixture.repo.statuses().expect("readable")
    );
}

#[test]
fn what_cannot_be_read_is_passed_over_and_reported() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    let here = cluster("in-cluster");
    repo.write_status(&here, 0, &[of("in-cluster", "acme")], NOW)
        .expect("written");
    let good = repo.statuses().expect("readable");
    let commit = |files: &[(&str, &[u8])], parent: Option<&str>| {
        let mut entries = String::new();
        for (path, bytes) in files {
            let file = fixture.folder().join("file");
            std::fs::write(&file, bytes).expect("written");
            let blob = fixture.git(&["hash-object", "-w", &file.to_string_lossy()]);
            entries = format!("{entries}100644 blob {blob}\t{path}\n");
        }
        let list = fixture.folder().join("list");
        std::fs::write(&list, entries).expect("written");
        let tree = crate::support::git_command(&fixture.path())
            .arg("mktree")
            .stdin(std::fs::File::open(&list).expect("opened"))
            .output()
            .expect("git runs");
        let tree = String::from_utf8_lossy(&tree.stdout).trim().to_owned();
        let mut args = vec!["commit-tree", "-m", "by hand"];
        args.extend(parent.map(|p| ["-p", p]).into_iter().flatten());
        args.push(&tree);
        fixture.git(&args)
    };
    let foreign = format::to_bytes(&of("edge", "acme"));
    let reference = paths::status_ref(&here, 7);
    let plant = |what: &str| match what {
        "garbage" => fixture.git(&["update-ref", &reference, &commit(&[("x.json", b"{")], None)]),
        "of another cluster" => {
            let commit = commit(&[("acme.json", &foreign)], None);
            fixture.git(&["update-ref", &reference, &commit])
        }
        "with a parent" => {
            let commit = commit(&[], Some("main"));
            fixture.git(&["update-ref", &reference, &commit])
        }
        "no commit" => {
            let blob = fixture.git(&["rev-parse", &format!("{}^{{tree}}", "main")]);
            fixture.git(&["update-ref", &reference, &blob])
        }
        "no shard" => fixture.git(&["update-ref", "refs/orz/status/in-cluster/x", "main"]),
        "no reference" => {
            let file = fixture.path().join("refs/orz/status/in-cluster/8");
            std::fs::write(file, "not an id\n").expect("written");
            String::new()
        }
        "symbolic" => fixture.git(&["symbolic-ref", &reference, "refs/heads/main"]),
        _ => panic!("{what}"),
    };
    for what in [
        "garbage",
        "of another cluster",
        "with a parent",
        "no commit",
        "no shard",
        "no reference",
        "symbolic",
    ] {
        plant(what);
        let published = repo.published_status().expect(what);
        assert_eq!(published.statuses, good, "{what}");
        assert_eq!(
            published.invalid.len(),
            1,
            "{what}: {:?}",
            published.invalid
        );
        let report = repo.verify(None).expect("verify");
        let codes: Vec<_> = report.findings.iter().map(|f| f.code).collect();
        assert_eq!(codes, [verify::code::STATUS_MALFORMED], "{what}");
        // Its writer puts it right.
        if matches!(
            what,
            "garbage" | "of another cluster" | "with a parent" | "no commit"
        ) {
            repo.write_status(&here, 7, &[], NOW).expect(what);
            assert_eq!(
                repo.published_status().expect("readable").invalid,
                [],
                "{what}"
            );
        }
        for name in ["7", "8", "x"] {
            let file = fixture.path().join("refs/orz/status/in-cluster").join(name);
            if file.exists() {
                std::fs::remove_file(file).expect("removed");
            }
        }
    }
    let wrong = |statuses: &[Status]| {
        let before = fixture.fingerprint();
        let error = repo
            .write_status(&here, 0, statuses, NOW)
            .expect_err("refused");
        assert_eq!(fixture.fingerprint(), before);
        matches!(error, Error::BadStatus { .. })
    };
    assert!(wrong(&[of("edge", "acme")]));
    assert!(wrong(&[of("in-cluster", "acme"), of("in-cluster", "acme")]));
}

#[test]
fn of_two_shards_that_speak_of_one_part_the_later_counts() {
    let fixture = Fixture::new();
    let repo = &fixture.repo;
    let said = |health| Status {
        health,
        ..of("in-cluster", "acme")
    };
    for (shard, health, now) in [
        (0, HealthWord::Healthy, LATER),
        (1, HealthWord::Degraded, NOW),
    ] {
        repo.write_status(&cluster("in-cluster"), shard, &[said(health)], now)
            .expect("written");
    }
    assert_eq!(
        repo.statuses().expect("readable"),
        [said(HealthWord::Healthy)]
    );
}
