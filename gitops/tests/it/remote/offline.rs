use orz_core::id::Part;
use orz_gitops::{Error, Repo, Signing};

use super::{BOB, World, activate, live_in, publish, releases};
use crate::signed::{Key, sign_with};
use crate::support::{name, request, work};

/// Ann has rolled `acme` back while the remote was away.
fn rolled_back_offline() -> (World, Vec<orz_core::id::ReleaseId>) {
    let world = World::new();
    let ids = releases(&world.open("ann"), "acme", &["one", "two"]);
    publish(&world.open("ann"), "other", "one");
    world.away();
    let ann = world.offline("ann");
    ann.rollback(&name("acme"), &[Part::Work], None, &request("at 3 a.m."))
        .expect("committed offline");
    assert_eq!(
        live_in(&ann, "acme").as_ref(),
        Some(&ids[0]),
        "seen offline"
    );
    world.back();
    assert_eq!(world.live("acme").as_ref(), Some(&ids[1]), "not there yet");
    (world, ids)
}

#[test]
fn what_was_committed_offline_reaches_the_remote_as_it_was() {
    let (world, ids) = rolled_back_offline();
    let ann = world.open("ann");
    assert_eq!(
        live_in(&ann, "acme").as_ref(),
        Some(&ids[1]),
        "the remote counts"
    );
    let pending = ann.pending().expect("pending");
    assert_eq!(pending.len(), 1);
    assert!(pending[0].subject.contains("acme/work"), "{pending:?}");
    let sent = ann.sync().expect("sent");
    assert_eq!(sent, pending);
    assert_eq!(
        world.git(&["rev-parse", "main"]),
        sent[0].commit.to_string(),
        "nobody was in between, so it is the same commit"
    );
    assert_eq!(ann.pending().expect("pending"), []);
    assert_eq!(ann.sync().expect("nothing left"), []);
    assert_eq!(live_in(&ann, "acme").as_ref(), Some(&ids[0]));
    world.is_sound();
}

#[test]
fn others_in_between_are_kept() {
    let (world, ids) = rolled_back_offline();
    let message = |commit: &str| world.git(&["log", "-1", "--format=%an %ad %cn %B", commit]);
    publish(&world.open("bob"), "other", "two");
    let ann = world.open("ann");
    // Any write sends first what waits.
    publish(&ann, "third", "one");
    assert_eq!(world.live("acme").as_ref(), Some(&ids[0]));
    let rolled_back = message("main~1");
    assert!(
        rolled_back.contains("Orz-Reason: at 3 a.m."),
        "{rolled_back}"
    );
    assert!(rolled_back.starts_with("Ann "), "{rolled_back}");
    assert_eq!(world.git(&["rev-list", "--count", "main"]), "7");
    assert_eq!(ann.pending().expect("pending"), []);
    world.is_sound();
}

#[test]
fn whoever_moved_the_same_pointer_is_named_and_nothing_is_lost() {
    let (world, ids) = rolled_back_offline();
    let third = releases(&world.open("bob"), "acme", &["three"]).remove(0);
    let before = world.refs();
    let ann = world.open("ann");
    for attempt in ["sync", "a write"] {
        let error = match attempt {
            "sync" => ann.sync().map(drop),
            _ => activate(&ann, "other", &ids[0], BOB),
        }
        .expect_err(attempt);
        assert!(matches!(error, Error::PendingConflict { .. }), "{error:?}");
        assert_eq!(error.exit_code().code(), 5, "{error}");
        assert!(
            error.to_string().contains("Ann <ann@example.com>"),
            "{error}"
        );
    }
    assert_eq!(world.refs(), before);
    assert_eq!(ann.pending().expect("pending").len(), 1, "it still waits");
    assert_eq!(ann.discard_pending().expect("given up").len(), 1);
    publish(&ann, "other", "two");
    assert_eq!(world.live("acme"), Some(third));
    world.is_sound();
}

#[test]
fn what_somebody_did_already_is_done() {
    let (world, ids) = rolled_back_offline();
    // The very same change, by somebody with the same words at the same time.
    world
        .open("bob")
        .rollback(&name("acme"), &[Part::Work], None, &request("at 3 a.m."))
        .expect("rolled back");
    let before = world.refs();
    world.open("ann").sync().expect("done");
    assert_eq!(world.refs(), before);
    assert_eq!(world.live("acme").as_ref(), Some(&ids[0]));
}

#[test]
fn a_release_that_was_made_offline_goes_with_its_pointer() {
    let world = World::new();
    releases(&world.open("ann"), "acme", &["one"]);
    let ann = world.offline("ann");
    let two = ann
        .publish(vec![work("acme", "two")], true, &request("offline"))
        .expect("offline");
    ann.hold(&name("acme"), &[], None, &request("offline"))
        .expect("held");
    publish(&world.open("bob"), "acme2", "one");
    let pending = world.open("ann").pending().expect("pending");
    assert_eq!(
        pending.len(),
        3,
        "the index, the pointer, the hold: {pending:?}"
    );
    world.open("ann").sync().expect("sent");
    assert_eq!(world.live("acme"), Some(two.items[0].release.clone()));
    world.is_sound();
}

#[test]
fn without_a_cache_there_is_nothing_to_work_on() {
    let world = World::new();
    let mut options = world.options("eve");
    options.offline = true;
    let error = Repo::open_remote(&world.url(), &options).expect_err("never fetched");
    assert!(matches!(error, Error::NeverFetched { .. }), "{error:?}");
    let mut ann = {
        world.open("ann");
        world.offline("ann")
    };
    assert!(ann.fetched_at().is_some());
    ann.to_branch("x").expect("a name");
    let error = ann
        .publish(vec![work("acme", "one")], true, &request("x"))
        .expect_err("a branch is on the remote");
    assert!(matches!(error, Error::NeedsRemote { .. }), "{error:?}");
}

#[test]
fn what_was_signed_offline_is_signed_anew_by_who_sends_it() {
    let world = World::new();
    releases(&world.open("ann"), "acme", &["one", "two"]);
    let folder = world.cache("keys");
    std::fs::create_dir(&folder).expect("made");
    let key = Key::ed25519(&folder, "key");
    let file = key.file.to_str().expect("UTF-8");
    sign_with(&world.cached("ann"), file, Some("ssh"));
    world.away();
    let ann = world.offline("ann").signing(Signing::AsUser);
    ann.rollback(&name("acme"), &[Part::Work], None, &request("at 3 a.m."))
        .expect("committed offline");
    world.back();
    publish(&world.open("bob"), "other", "two");

    let before = world.refs();
    let error = world.open("ann").sync().expect_err("without a key");
    assert!(matches!(error, Error::PendingSigned { .. }), "{error}");
    assert_eq!(world.refs(), before, "nothing was sent");

    world
        .open("ann")
        .signing(Signing::AsUser)
        .sync()
        .expect("sent");
    let allowed = folder.join("allowed");
    std::fs::write(&allowed, format!("ann@example.com {}\n", key.public)).expect("written");
    let allowed = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
    let said = world.git(&["-c", &allowed, "log", "-2", "--format=%G? %GS %s", "main"]);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("G ann@example.com "), "{said}");
    assert!(lines[1].starts_with("N "), "{said}");

    // Made without a key and sent with one, it is signed on its way, though nobody was in between.
    world.away();
    world
        .offline("ann")
        .release_hold(&name("acme"), &[], &request("go on"))
        .expect("committed offline");
    world.back();
    world
        .open("ann")
        .signing(Signing::AsUser)
        .sync()
        .expect("sent");
    let said = world.git(&["-c", &allowed, "log", "-1", "--format=%G? %s", "main"]);
    assert!(said.starts_with("G "), "{said}");
    world.is_sound();
}

#[test]
fn what_landed_without_an_answer_is_not_sent_again() {
    let (world, ids) = rolled_back_offline();
    // The push lands; then the remote dies before it answers, and cannot be looked at.
    world.hook("post-receive", "mv HEAD HEAD.gone; kill -9 $PPID");
    let error = world.open("ann").sync().expect_err("no answer");
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error}");
    world.no_hook("post-receive");
    std::fs::rename(world.path().join("HEAD.gone"), world.path().join("HEAD")).expect("back");
    assert_eq!(world.live("acme").as_ref(), Some(&ids[0]), "it landed");
    // Meanwhile somebody takes the rollback back, byte for byte, and ann goes on offline.
    world.git(&["update-ref", "refs/heads/by-hand", "main"]);
    let tree = world.git(&["rev-parse", "main~1^{tree}"]);
    let revert = [
        "-c",
        "user.name=b",
        "-c",
        "user.email=b@c",
        "commit-tree",
        "-p",
        "main",
        "-m",
        "revert",
        &tree,
    ];
    let revert = world.git(&revert);
    world.git(&["update-ref", "refs/heads/main", &revert]);
    world
        .offline("ann")
        .hold(&name("other"), &[], None, &request("wait"))
        .expect("held");
    let ann = world.open("ann");
    publish(&ann, "third", "one");
    assert_eq!(
        world.live("acme").as_ref(),
        Some(&ids[1]),
        "the revert stands"
    );
    let log = world.git(&["log", "--format=%s", "main"]);
    assert_eq!(log.matches("rollback").count(), 1, "{log}");
    assert_eq!(log.matches("hold").count(), 1, "{log}");
    assert_eq!(ann.pending().expect("pending"), []);
    world.is_sound();
}

#[test]
fn a_large_publish_made_offline_keeps_all_of_its_releases() {
    let world = World::new();
    world.open("ann");
    let ann = world.offline("ann");
    // More than one commit of the index can carry.
    let many = (0..502).map(|i| work(&format!("t-{i}"), "one")).collect();
    let published = ann.publish(many, false, &request("offline")).expect("kept");
    publish(&world.open("bob"), "other", "one");
    world.open("ann").sync().expect("sent");
    let here = Repo::open(world.path()).expect("open");
    let report = here.verify(None).expect("verify");
    assert!(report.is_ok(), "{:#?}", report.findings);
    for item in &published.items {
        let reachable = [
            "merge-base",
            "--is-ancestor",
            item.release.as_str(),
            "releases",
        ];
        world.git(&reachable);
    }
    // Sent once more from another machine, it is there already.
    let before = world.refs();
    let bob = world.open("bob");
    bob.publish(
        (0..502).map(|i| work(&format!("t-{i}"), "one")).collect(),
        false,
        &request("x"),
    )
    .expect("nothing to do");
    assert_eq!(world.refs(), before);
}
