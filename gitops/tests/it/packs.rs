//! The packs we write, as other programs see them.

use crate::support::{Fixture, git, request, work};

#[test]
fn other_programs_read_every_object() {
    let fixture = Fixture::new();
    for text in ["one", "two", &"long ".repeat(5_000)] {
        fixture.live(vec![work("acme", text), work("globex", text)]);
    }
    fixture.fsck();
    fixture.libgit2_reads_everything();
    let mut seen = 0;
    for idx in fixture.packs() {
        let pack = idx.replace(".idx", ".pack");
        let ours = std::fs::read(&idx).expect("our index");
        let theirs = fixture.folder().join("theirs.idx");
        git(
            &fixture.path(),
            &[
                "index-pack",
                "--strict",
                "-o",
                &theirs.to_string_lossy(),
                &pack,
            ],
        );
        assert!(
            ours == std::fs::read(&theirs).expect("their index"),
            "byte for byte the same: {idx}"
        );
        std::fs::remove_file(&theirs).expect("removed");
        seen += 1;
        let name = std::path::Path::new(&pack)
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert_eq!(name.len(), "pack-".len() + 40);
    }
    assert_eq!(seen, 4, "init, and one pack for each publish");
    let leftovers: Vec<_> = std::fs::read_dir(fixture.path().join("objects/pack"))
        .expect("pack folder")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_none_or(|e| e != "pack" && e != "idx"))
        .collect();
    assert_eq!(
        leftovers,
        Vec::<std::path::PathBuf>::new(),
        "no `.keep` and no temporary file stays behind"
    );
    assert_eq!(
        fixture.git(&["count-objects"]),
        "0 objects, 0 kilobytes",
        "no loose objects"
    );
}

#[test]
fn what_a_killed_publisher_kept_is_given_back_after_a_day() {
    let fixture = Fixture::new();
    let folder = fixture.path().join("objects/pack");
    let keep = |name: &str, note: &str, hours: u64| {
        let path = folder.join(name);
        std::fs::write(&path, note).expect("written");
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(hours * 3_600);
        std::fs::File::options()
            .write(true)
            .open(&path)
            .expect("open")
            .set_modified(then)
            .expect("dated");
        path
    };
    let stale = keep("pack-a.keep", "orz: being published by process 1\n", 25);
    let fresh = keep("pack-b.keep", "orz: being published by process 2\n", 1);
    let foreign = keep("pack-c.keep", "kept by an administrator\n", 999);
    let torn = keep("orz-writing-1", "half a pack", 25);
    let writing = keep("orz-writing-2", "half a pack", 1);
    fixture.live(vec![work("acme", "one")]);
    for (file, stays) in [
        (stale, false),
        (fresh, true),
        (foreign, true),
        (torn, false),
        (writing, true),
    ] {
        assert_eq!(file.exists(), stays, "{}", file.display());
    }
}

#[test]
fn one_pack_is_left_and_nothing_is_lost() {
    let fixture = Fixture::new();
    for text in ["one", "two", "three"] {
        fixture.live(vec![work("acme", text)]);
    }
    let unreachable = fixture.git(&["commit-tree", "-m", "nobody's", "main^{tree}"]);
    let done = fixture.repo.repack().expect("repacked");
    assert_eq!((done.before.packs, done.after.packs), (4, 1));
    assert_eq!(fixture.git(&["cat-file", "-t", &unreachable]), "commit");
    // What is being written is left where it is, and repacked when it is done.
    fixture.live(vec![work("acme", "four")]);
    let folder = fixture.path().join("objects/pack");
    let newest = std::fs::read_dir(&folder)
        .expect("readable")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|e| e == "pack"))
        .find(|path| !path.with_extension("bitmap").exists())
        .expect("the pack of the publish");
    std::fs::write(newest.with_extension("keep"), "").expect("written");
    assert_eq!(fixture.repo.repack().expect("repacked").after.packs, 2);
    assert!(newest.exists());
    std::fs::remove_file(newest.with_extension("keep")).expect("removed");
    assert_eq!(fixture.repo.repack().expect("repacked").after.packs, 1);
    assert_eq!(fixture.git(&["cat-file", "-t", &unreachable]), "commit");
    fixture
        .repo
        .publish(vec![work("acme", "five")], true, &request("x"))
        .expect("lands");
    let report = fixture.repo.verify(None).expect("verify");
    assert!(report.is_ok(), "{:#?}", report.findings);
    fixture.fsck();
}

/// What nothing leads to may be deleted by whoever cleans up, so a publish writes it again.
#[test]
fn what_lies_there_by_chance_is_not_relied_on() {
    let fixture = Fixture::new();
    fixture.live(vec![work("acme", "one")]);
    let heads = ["main", "releases"].map(|branch| (branch, fixture.git(&["rev-parse", branch])));
    let standing = fixture.packs();
    fixture.live(vec![work("acme", "two")]);
    let by_chance: Vec<String> = fixture.packs();
    let by_chance = by_chance.iter().filter(|pack| !standing.contains(pack));
    let by_chance: Vec<&String> = by_chance.collect();
    for (branch, commit) in &heads {
        fixture.git(&["update-ref", &format!("refs/heads/{branch}"), commit]);
    }
    // The very same publish, in another process.
    let again = orz_gitops::Repo::open(fixture.path()).expect("open");
    again
        .publish(vec![work("acme", "two")], true, &request("go"))
        .expect("lands");
    assert!(!by_chance.is_empty());
    for index in by_chance {
        for file in [index.clone(), index.replace(".idx", ".pack")] {
            std::fs::remove_file(file).expect("removed");
        }
    }
    fixture.fsck();
    let repo = orz_gitops::Repo::open(fixture.path()).expect("open");
    assert!(repo.verify(None).expect("verify").is_ok());
}
