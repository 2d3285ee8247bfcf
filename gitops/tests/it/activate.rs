//! Activation: what may go live, and what the pointer then says.

use orz_core::id::Part;
use orz_gitops::{ActivateOptions, Error};

use crate::support::{Fixture, name, release, request, request_at, requires_volume, source, work};

#[test]
fn a_release_of_the_index_goes_live() {
    let fixture = Fixture::new();
    let mut first = work("acme", "one");
    first.source = source(1);
    let mut second = work("acme", "two");
    second.source = source(2);
    let one = fixture.live(vec![first]).items[0].release.clone();
    let two = fixture.live(vec![second]).items[0].release.clone();

    let options = ActivateOptions::default();
    let done = fixture
        .repo
        .activate(&name("acme"), Part::Work, &one, options, &request("back"))
        .expect("activate");
    assert_eq!((done.from.as_ref(), &done.to), (Some(&two), &one));
    let stored = fixture.pointer("acme", Part::Work);
    assert_eq!(
        stored.source,
        source(1),
        "the source is that of the release"
    );
    assert_eq!(
        stored.newest_source,
        source(2).commit,
        "and the newest source never moves back"
    );
    assert_eq!(stored.hold, None);

    let before = fixture.fingerprint();
    let again = fixture
        .repo
        .activate(&name("acme"), Part::Work, &one, options, &request("again"))
        .expect("activate");
    assert_eq!(again.commit, None);
    assert_eq!(fixture.fingerprint(), before, "it is live already");
}

#[test]
fn a_published_release_waits_for_its_activation() {
    let fixture = Fixture::new();
    let published = fixture
        .repo
        .publish(vec![work("acme", "one")], false, &request("x"))
        .expect("publish");
    assert_eq!(published.main_commit, None);
    assert_eq!(fixture.live_release("acme", Part::Work), None);
    let release = published.items[0].release.clone();
    let options = ActivateOptions::default();
    let done = fixture
        .repo
        .activate(&name("acme"), Part::Work, &release, options, &request("go"))
        .expect("activate");
    assert_eq!((done.from, done.to), (None, release));
    assert!(fixture.repo.verify(None).expect("verify").is_ok());
}

#[test]
fn several_parts_move_in_one_commit_or_not_at_all() {
    let fixture = Fixture::new();
    let mut needs = work("acme", "needs the disk");
    needs.requires = vec![requires_volume("acme", "disk")];
    let published = fixture
        .repo
        .publish(
            vec![release("acme", Part::Data, &[("disk", "1Gi")]), needs],
            false,
            &request("x"),
        )
        .expect("publish");
    let id = |part| {
        published
            .items
            .iter()
            .find(|item| item.part == part)
            .expect("there")
            .release
            .clone()
    };
    let (data, work) = (id(Part::Data), id(Part::Work));
    let options = ActivateOptions::default();
    let before = fixture.fingerprint();
    let alone = fixture
        .repo
        .activate(&name("acme"), Part::Work, &work, options, &request("x"));
    let error = alone.expect_err("it requires what is not live");
    assert!(matches!(error, Error::Requires { .. }));
    assert!(
        error
            .to_string()
            .contains("data: PersistentVolumeClaim acme/disk"),
        "{error}"
    );
    assert_eq!(error.exit_code().code(), 4);
    assert_eq!(fixture.fingerprint(), before);

    let targets = [(Part::Work, work), (Part::Data, data)];
    let moves = fixture
        .repo
        .activate_parts(&name("acme"), &targets, options, &request("both"))
        .expect("both");
    assert_eq!(moves[0].commit, moves[1].commit);
    assert_eq!(fixture.git(&["rev-list", "--count", "main"]), "2");
    let message = fixture.git(&["log", "-1", "--format=%B", "main"]);
    assert!(
        message.starts_with("activate 2 parts of acme\n\nacme/work: "),
        "{message}"
    );
}

#[test]
fn data_cannot_go_back_under_the_feet_of_work() {
    let fixture = Fixture::new();
    let small = release("acme", Part::Data, &[("disk", "1Gi")]);
    let old = fixture.live(vec![small]).items[0].release.clone();
    let mut needs = work("acme", "needs both");
    needs.requires = vec![
        requires_volume("acme", "disk"),
        requires_volume("acme", "cache"),
    ];
    fixture.live(vec![
        release("acme", Part::Data, &[("cache", "1Gi"), ("disk", "1Gi")]),
        needs,
    ]);
    let error = fixture
        .repo
        .rollback(&name("acme"), &[Part::Data], None, &request("x"))
        .expect_err("needed");
    let text = error.to_string();
    assert!(
        text.contains("`acme/work`") && text.contains("acme/cache") && !text.contains("acme/disk"),
        "{text}"
    );
    assert_ne!(fixture.live_release("acme", Part::Data), Some(old));
}

#[test]
fn only_releases_of_exactly_this_part_of_this_tenant() {
    let fixture = Fixture::new();
    let foreign = fixture.live(vec![work("globex", "one")]).items[0]
        .release
        .clone();
    fixture.live(vec![work("acme", "one")]);
    let before = fixture.fingerprint();
    for (part, release) in [
        (Part::Work, foreign),
        (
            Part::Data,
            fixture.live_release("acme", Part::Work).expect("live"),
        ),
        (
            Part::Work,
            "0123456789abcdef0123456789abcdef01234567"
                .parse()
                .expect("40 digits"),
        ),
    ] {
        let options = ActivateOptions {
            override_hold: true,
            ..ActivateOptions::default()
        };
        let error = fixture
            .repo
            .activate(&name("acme"), part, &release, options, &request("x"));
        assert!(matches!(error, Err(Error::NoRelease { .. })), "{error:?}");
    }
    assert_eq!(fixture.fingerprint(), before);
}

#[test]
fn commits_carry_who_why_and_when() {
    let fixture = Fixture::new();
    let request = orz_gitops::Request {
        request_id: Some("42"),
        ..request_at("a reason", "2027-03-04T05:06:07Z")
    };
    fixture
        .repo
        .publish(vec![work("acme", "one")], true, &request)
        .expect("publish");
    for (branch, action) in [("main", "activate"), ("releases", "publish")] {
        let log = fixture.git(&["log", "-1", "--format=%an <%ae> %cn %aI%n%B", branch]);
        assert!(
            log.starts_with("Ann <ann@example.com> Ann 2027-03-04T05:06:07+00:00\n"),
            "{log}"
        );
        let trailers = format!(
            "\n\nOrz-Action: {action}\nOrz-Reason: a reason\nOrz-Actor: Ann <ann@example.com>\nOrz-Request-Id: 42"
        );
        assert!(log.contains(&trailers), "{log}");
    }
}

#[test]
fn find_release_takes_any_unique_prefix() {
    let fixture = Fixture::new();
    fixture.live(vec![work("acme", "one")]);
    let release = fixture.live_release("acme", Part::Work).expect("live");
    let view = fixture.repo.view().expect("view");
    for digits in [6, 12, 40] {
        assert_eq!(
            view.find_release(&release.as_str()[..digits])
                .expect("found")
                .release,
            release
        );
    }
    let main = fixture.git(&["rev-parse", "main"]);
    for unknown in ["", "abc", "zzzzzz", "0000000000", &main] {
        assert!(
            matches!(
                view.find_release(unknown),
                Err(Error::UnknownRelease { .. })
            ),
            "{unknown:?}"
        );
    }
}

#[test]
fn the_newest_is_chosen_when_it_is_written() {
    let fixture = Fixture::new();
    fixture.live(vec![work("acme", "one")]);
    let seen = fixture.live_release("acme", Part::Work).expect("live");
    // Somebody publishes between the look of the caller and the write.
    fixture.live(vec![work("acme", "two")]);
    let newest = fixture.live_release("acme", Part::Work).expect("live");
    let activate = |newest| {
        let options = ActivateOptions {
            newest,
            ..ActivateOptions::default()
        };
        let repo = &fixture.repo;
        let moved = repo.activate(&name("acme"), Part::Work, &seen, options, &request("x"));
        moved.expect("activated").to
    };
    assert_eq!(activate(true), newest);
    assert_eq!(activate(false), seen);
}
