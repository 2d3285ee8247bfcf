//! Verification finds what somebody planted, and nothing where nobody did.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::format::{self, Release, digest_of};
use orz_core::id::{Digest, Part, ReleaseId};
use orz_core::paths;
use orz_gitops::check::reason;
use orz_gitops::verify::code;
use orz_gitops::{Recompile, RecordedInputs, VerifyReport};

use crate::support::{
    Fixture, from_objects, git, git_command, name, object_of, release, request, work,
};

/// A repository with some life behind it.
fn lived() -> Fixture {
    let fixture = Fixture::new();
    fixture.live(vec![
        release("acme", Part::Data, &[("disk", "1Gi")]),
        work("acme", "one"),
        work("globex", "one"),
    ]);
    fixture.live(vec![work("acme", "two")]);
    fixture
        .repo
        .rollback(&name("acme"), &[Part::Work], None, &request("x"))
        .expect("rollback");
    fixture
}

fn codes(report: &VerifyReport) -> BTreeSet<(&'static str, Option<&'static str>)> {
    report
        .findings
        .iter()
        .map(|finding| (finding.code, finding.reason))
        .collect()
}

fn entry_of(fixture: &Fixture, tenant: &str) -> (String, Release) {
    let live = fixture.live_release(tenant, Part::Work).expect("live");
    let entry = fixture
        .repo
        .view()
        .expect("view")
        .entry(&name(tenant), Part::Work, &live)
        .expect("readable");
    (
        paths::index_entry(&name(tenant), Part::Work, &live),
        entry.expect("stands"),
    )
}

/// A commit with the live release's tree in which one manifest says something else.
fn evil_release(fixture: &Fixture, parent: Option<&str>) -> (ReleaseId, BTreeMap<String, Vec<u8>>) {
    let live = fixture.live_release("acme", Part::Work).expect("live");
    let mut files = fixture
        .repo
        .view()
        .expect("view")
        .manifests(&live)
        .expect("manifests");
    let evil = object_of("acme", Part::Work, "settings", "evil");
    files.insert(
        evil.file_name(),
        orz_core::emit::yaml(evil.value()).into_bytes(),
    );
    (fixture.release_by_hand("acme", &files, parent), files)
}

fn digest(files: &BTreeMap<String, Vec<u8>>) -> Digest {
    digest_of(
        files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
    )
}

#[test]
fn what_nobody_touched_is_fine() {
    let fixture = lived();
    let report = fixture.repo.verify(None).expect("verify");
    assert_eq!(report.findings, []);
    assert_eq!(
        (
            report.pointers,
            report.releases,
            report.inputs,
            report.claims
        ),
        (3, 4, 4, 0)
    );
    assert_eq!(report.exit_code().code(), 0);
}

#[test]
fn planted_tamperings_are_found() {
    type Plant = fn(&Fixture);
    type Expected = &'static [(&'static str, Option<&'static str>)];
    let cases: &[(&str, Plant, Expected)] = &[
        (
            "a changed blob in a release tree, with the pointer moved to it",
            |f| {
                let (evil, files) = evil_release(f, None);
                f.edit_pointer("acme", Part::Work, |p| {
                    (p.release, p.digest) = (evil.clone(), digest(&files));
                });
            },
            &[(code::POINTER_INVALID, Some(reason::NO_INDEX_ENTRY))],
        ),
        (
            "the same, with an index entry that has the old digest",
            |f| {
                let (evil, _) = evil_release(f, None);
                let (_, mut entry) = entry_of(f, "acme");
                entry.release = evil.clone();
                let path = paths::index_entry(&entry.tenant, entry.part, &evil);
                f.commit_with_parents(
                    "releases",
                    &[(&path, Some(&format::to_bytes(&entry)))],
                    &[evil.as_str()],
                );
                f.edit_pointer("acme", Part::Work, |p| p.release = evil.clone());
            },
            &[
                (code::POINTER_INVALID, Some(reason::DIGEST_MISMATCH)),
                (code::RELEASE_INVALID, Some(reason::DIGEST_MISMATCH)),
            ],
        ),
        (
            "an index entry edited later",
            |f| {
                let (path, mut entry) = entry_of(f, "globex");
                entry.source.dirty = true;
                f.commit_by_hand("releases", &[(&path, Some(&format::to_bytes(&entry)))]);
            },
            &[(code::INDEX_CHANGED, None)],
        ),
        (
            "an index entry edited and edited back",
            |f| {
                let (path, entry) = entry_of(f, "globex");
                f.commit_by_hand("releases", &[(&path, Some(b"{}"))]);
                f.commit_by_hand("releases", &[(&path, Some(&format::to_bytes(&entry)))]);
            },
            &[(code::INDEX_CHANGED, None)],
        ),
        (
            "a vanished index entry",
            |f| f.commit_by_hand("releases", &[(&entry_of(f, "globex").0, None)]),
            &[
                (code::INDEX_VANISHED, None),
                (code::POINTER_INVALID, Some(reason::NO_INDEX_ENTRY)),
            ],
        ),
        (
            "an input blob replaced",
            |f| {
                let path = paths::input(&entry_of(f, "globex").1.inputs.files[1].sha256);
                f.commit_by_hand("releases", &[(&path, Some(b"other input"))]);
            },
            &[
                (code::INPUT_CHANGED, None),
                (code::INPUT_MISMATCH, None),
                (code::INPUT_MISSING, None),
            ],
        ),
        (
            "an input removed",
            |f| {
                let path = paths::input(&entry_of(f, "globex").1.inputs.files[1].sha256);
                f.commit_by_hand("releases", &[(&path, None)]);
            },
            &[(code::INPUT_VANISHED, None), (code::INPUT_MISSING, None)],
        ),
        (
            "a pointer to another tenant's release",
            |f| {
                let other = f.pointer("globex", Part::Work);
                f.edit_pointer("acme", Part::Work, |p| {
                    (p.release, p.digest) = (other.release.clone(), other.digest.clone());
                });
            },
            &[(code::POINTER_INVALID, Some(reason::NO_INDEX_ENTRY))],
        ),
        (
            "a pointer file copied to another tenant",
            |f| {
                let bytes = format::to_bytes(&f.pointer("globex", Part::Work));
                f.commit_by_hand(
                    "main",
                    &[(&f.stored("acme", Part::Work).path, Some(&bytes))],
                );
            },
            &[(code::POINTER_INVALID, Some(reason::PATH_MISMATCH))],
        ),
        (
            "a pointer that is no JSON",
            |f| f.commit_by_hand("main", &[(&f.stored("acme", Part::Work).path, Some(b"{"))]),
            &[(code::POINTER_INVALID, Some(reason::MALFORMED))],
        ),
        (
            "a file that is no pointer",
            |f| {
                f.commit_by_hand(
                    "main",
                    &[("pointers/in-cluster/zz/acme/work.json", Some(b"{}"))],
                );
            },
            &[(code::POINTER_INVALID, Some(reason::PATH_MISMATCH))],
        ),
        (
            "another namespace in the pointer",
            |f| {
                f.edit_pointer("acme", Part::Work, |p| {
                    p.namespace = "kube-system".to_owned();
                });
            },
            &[(code::POINTER_INVALID, Some(reason::NAMESPACE_MISMATCH))],
        ),
        (
            "a hand-made release commit with a parent",
            |f| {
                let parent = f.live_release("acme", Part::Work).expect("live");
                let (evil, files) = evil_release(f, Some(parent.as_str()));
                plant_release(f, &evil, &files, None);
            },
            &[
                (code::POINTER_INVALID, Some(reason::NOT_PARENTLESS)),
                (code::RELEASE_INVALID, Some(reason::NOT_PARENTLESS)),
            ],
        ),
        (
            "a hand-made release commit with an object of another tenant, which the index does not list",
            |f| {
                let foreign = object_of("globex", Part::Work, "settings", "evil");
                let files = [(
                    foreign.file_name(),
                    orz_core::emit::yaml(foreign.value()).into_bytes(),
                )]
                .into();
                let evil = f.release_by_hand("acme", &files, None);
                plant_release(f, &evil, &files, None);
            },
            &[
                (code::POINTER_INVALID, Some(reason::OBJECTS_MISMATCH)),
                (code::RELEASE_INVALID, Some(reason::OBJECTS_MISMATCH)),
            ],
        ),
        (
            "the same, listed by the index",
            |f| {
                let foreign = object_of("globex", Part::Work, "settings", "evil");
                let files = [(
                    foreign.file_name(),
                    orz_core::emit::yaml(foreign.value()).into_bytes(),
                )]
                .into();
                let evil = f.release_by_hand("acme", &files, None);
                plant_release(f, &evil, &files, Some(vec![foreign.reference()]));
            },
            &[
                (code::POINTER_INVALID, Some(reason::NOT_ALLOWED)),
                (code::RELEASE_INVALID, Some(reason::NOT_ALLOWED)),
            ],
        ),
        (
            "an object hidden under the name of another",
            |f| {
                let quota = object_of("acme", Part::Tenancy, "quota", "9999");
                let harmless = object_of("acme", Part::Work, "settings", "x");
                let files = [(
                    harmless.file_name(),
                    orz_core::emit::yaml(quota.value()).into_bytes(),
                )]
                .into();
                let evil = f.release_by_hand("acme", &files, None);
                plant_release(f, &evil, &files, Some(vec![harmless.reference()]));
            },
            &[
                (code::POINTER_INVALID, Some(reason::OBJECTS_MISMATCH)),
                (code::RELEASE_INVALID, Some(reason::OBJECTS_MISMATCH)),
            ],
        ),
        (
            "a release that no commit of the index keeps",
            |f| {
                let object = object_of("acme", Part::Work, "settings", "kept by nothing");
                let files = [(
                    object.file_name(),
                    orz_core::emit::yaml(object.value()).into_bytes(),
                )]
                .into();
                let loose = f.release_by_hand("acme", &files, None);
                let (_, mut entry) = entry_of(f, "acme");
                entry.release = loose.clone();
                entry.digest = digest(&files);
                entry.objects = vec![object.reference()];
                let path = paths::index_entry(&entry.tenant, entry.part, &loose);
                f.commit_by_hand("releases", &[(&path, Some(&format::to_bytes(&entry)))]);
            },
            &[(code::RELEASE_UNREACHABLE, None)],
        ),
        (
            "a foreign file and a foreign parent on the index",
            |f| {
                let main = f.git(&["rev-parse", "main"]);
                f.commit_with_parents(
                    "releases",
                    &[("tenants/readme.txt", Some(b"hello"))],
                    &[&main],
                );
            },
            &[
                (code::INDEX_FOREIGN_FILE, None),
                (code::INDEX_FOREIGN_PARENT, None),
            ],
        ),
        (
            "claims that do not fit",
            |f| {
                let key = crate::support::hostname("a.example.com");
                let claim = format::Claim {
                    claim: key.clone(),
                    tenant: name("acme"),
                    part: Part::Work,
                    state: format::ClaimState::Held,
                };
                let bytes = format::to_bytes(&claim);
                let other = paths::claim(&crate::support::hostname("b.example.com"));
                f.commit_by_hand(
                    "main",
                    &[(&paths::claim(&key), Some(&bytes)), (&other, Some(&bytes))],
                );
            },
            &[
                (code::CLAIM_INCONSISTENT, None),
                (code::CLAIM_MALFORMED, None),
            ],
        ),
    ];
    for (what, plant, expected) in cases {
        let fixture = lived();
        plant(&fixture);
        let report = fixture.repo.verify(None).expect(what);
        assert_eq!(
            codes(&report),
            expected.iter().copied().collect(),
            "{what}: {:#?}",
            report.findings
        );
        assert_eq!(report.exit_code().code(), 1, "{what}");
        assert!(
            report
                .findings
                .iter()
                .all(|finding| !finding.message.is_empty())
        );
    }
}

/// Puts a release on the index as if it had been published, and points at it.
fn plant_release(
    fixture: &Fixture,
    release: &ReleaseId,
    files: &BTreeMap<String, Vec<u8>>,
    objects: Option<Vec<format::ObjectRef>>,
) {
    let (_, mut entry) = entry_of(fixture, "acme");
    entry.release = release.clone();
    entry.digest = digest(files);
    entry.objects = objects.unwrap_or(entry.objects);
    let path = paths::index_entry(&entry.tenant, entry.part, release);
    fixture.commit_with_parents(
        "releases",
        &[(&path, Some(&format::to_bytes(&entry)))],
        &[release.as_str()],
    );
    fixture.edit_pointer("acme", Part::Work, |p| {
        (p.release, p.digest) = (release.clone(), digest(files));
    });
}

#[test]
fn a_replacement_object_fools_nobody() {
    let fixture = lived();
    let live = fixture.live_release("acme", Part::Work).expect("live");
    let honest = fixture
        .repo
        .view()
        .expect("view")
        .manifests(&live)
        .expect("manifests");
    let (evil, _) = evil_release(&fixture, None);
    fixture.git(&["replace", live.as_str(), evil.as_str()]);
    assert_eq!(
        fixture
            .repo
            .view()
            .expect("view")
            .manifests(&live)
            .expect("manifests"),
        honest
    );
    assert!(fixture.repo.verify(None).expect("verify").is_ok());
}

#[test]
fn a_damaged_repository_is_a_report_and_no_panic() {
    let fixture = lived();
    let live = fixture.live_release("globex", Part::Work).expect("live");
    // Every object loose, so that one of them can go.
    for pack in fixture.packs() {
        let pack = pack.replace(".idx", ".pack");
        let moved = fixture.folder().join("moved.pack");
        std::fs::rename(&pack, &moved).expect("moved");
        std::fs::remove_file(pack.replace(".pack", ".idx")).expect("removed");
        let mut unpack = git_command(&fixture.path());
        unpack
            .args(["unpack-objects", "-q"])
            .stdin(std::fs::File::open(&moved).expect("open"));
        assert!(unpack.status().expect("git runs").success());
    }
    assert!(
        fixture.repo.verify(None).expect("verify").is_ok(),
        "loose objects are as good"
    );
    let blob = git(
        &fixture.path(),
        &[
            "rev-parse",
            &format!("{live}:configmap_globex_settings.yaml"),
        ],
    );
    std::fs::remove_file(
        fixture
            .path()
            .join("objects")
            .join(&blob[..2])
            .join(&blob[2..]),
    )
    .expect("removed");
    let report = fixture.repo.verify(None).expect("a report");
    assert_eq!(
        codes(&report),
        [
            (code::POINTER_INVALID, Some(reason::UNREADABLE)),
            (code::RELEASE_INVALID, Some(reason::UNREADABLE)),
        ]
        .into(),
        "{:#?}",
        report.findings
    );
}

/// A compiler whose input is one ConfigMap's text in each line.
fn toy_compile(
    inputs: &RecordedInputs,
) -> Result<BTreeMap<Part, BTreeMap<String, Vec<u8>>>, String> {
    let bundle = inputs
        .files
        .iter()
        .find(|(path, _)| path.ends_with("bundle.txt"))
        .ok_or("no bundle")?
        .1;
    let text = std::str::from_utf8(bundle).map_err(|e| e.to_string())?;
    if text == "does not compile" {
        return Err("line 1: does not compile".to_owned());
    }
    let release = from_lines(inputs.tenant.as_str(), text);
    Ok([(Part::Work, release.files)].into())
}

fn from_lines(tenant: &str, text: &str) -> orz_gitops::NewRelease {
    let objects: Vec<_> = text
        .lines()
        .enumerate()
        .map(|(i, line)| object_of(tenant, Part::Work, &format!("line-{i}"), line))
        .collect();
    let mut release = from_objects(tenant, Part::Work, &objects);
    let bytes = text.as_bytes().to_vec();
    let file = format::InputFile {
        path: format!("tenants/{tenant}/bundle.txt"),
        sha256: Digest::of(&bytes),
    };
    release.inputs = vec![(file, bytes)];
    release
}

#[test]
fn recompiling_proves_or_says_why_not() {
    let fixture = Fixture::new();
    fixture.live(vec![from_lines("acme", "a\nb"), from_lines("globex", "c")]);
    let mut lied = from_lines("initech", "honest");
    let honest = from_lines("initech", "other");
    (lied.files, lied.digest, lied.objects) = (honest.files, honest.digest, honest.objects);
    fixture.live(vec![lied]);
    let mut broken = from_lines("hooli", "fine");
    broken.inputs = from_lines("hooli", "does not compile").inputs;
    fixture.live(vec![broken]);
    let mut elsewhere = from_lines("umbrella", "x");
    elsewhere.compiler.digest = Digest::of(b"another compiler");
    fixture.live(vec![elsewhere]);

    assert!(
        fixture.repo.verify(None).expect("verify").is_ok(),
        "only recompiling shows it"
    );
    let compiled = std::cell::RefCell::new(Vec::new());
    let compile = |inputs: &RecordedInputs| {
        compiled.borrow_mut().push(inputs.tenant.to_string());
        toy_compile(inputs)
    };
    let recompile = Recompile {
        compiler: Digest::of(b"compiler"),
        compile: &compile,
    };
    let report = fixture.repo.verify(Some(&recompile)).expect("verify");
    assert_eq!(
        codes(&report),
        [
            (code::RECOMPILE_FAILED, None),
            (code::RECOMPILE_MISMATCH, None)
        ]
        .into(),
        "{:#?}",
        report.findings
    );
    assert_eq!((report.recompiled, report.releases), (2, 5));
    assert_eq!(report.digest_only.len(), 1);
    assert!(report.digest_only[0].contains("/umbrella/work/"));
    compiled.borrow_mut().sort();
    assert_eq!(
        *compiled.borrow(),
        ["acme", "globex", "hooli", "initech"],
        "once each, and not the other compiler's"
    );
}
