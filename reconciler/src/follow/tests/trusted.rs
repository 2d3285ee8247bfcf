//! The loop where only trusted publishers are followed.

use std::path::Path;
use std::process::Command;

use orz_gitops::{Signing, TrustedPublishers};

use super::*;

fn run(folder: &Path, program: &str, args: &[&str]) {
    let status = Command::new(program)
        .args(args)
        .current_dir(folder)
        .status();
    let status = status.expect("this test needs `git` and `ssh-keygen` (package openssh-client)");
    assert!(status.success(), "{program} {args:?}");
}

/// A world whose reconciler signs, with the key that it trusts, as Ann does; and the repository as Ann and as
/// somebody without a key have it.
fn world() -> (World, Repo, Repo) {
    let mut world = World::new();
    let folder = world.folder.path().to_owned();
    run(
        &folder,
        "ssh-keygen",
        &["-q", "-N", "", "-t", "ed25519", "-f", "key"],
    );
    let key = folder.join("key").display().to_string();
    run(
        &folder,
        "git",
        &["--git-dir=gitops.git", "config", "user.signingKey", &key],
    );
    run(
        &folder,
        "git",
        &["--git-dir=gitops.git", "config", "gpg.format", "ssh"],
    );
    let public = std::fs::read_to_string(folder.join("key.pub")).expect("a public key");
    let allowed = folder.join("allowed");
    std::fs::write(&allowed, format!("ann@example.com {public}")).expect("written");
    let view = world.repo.view().expect("view");
    let since = [view.head_main(), view.head_releases()];
    let open = || Repo::open(folder.join("gitops.git")).expect("open");
    let publishers = TrustedPublishers::read(&allowed, &since).expect("readable");
    world.repo = open().signing(Signing::AsUser).demanding(publishers);
    (world, open().signing(Signing::AsUser), open())
}

fn web(repo: &Repo, tenant: &str, tag: &str) -> ReleaseId {
    publish(
        repo,
        tenant,
        Part::Work,
        &[deployment(tenant, "web", tag)],
        &[],
    )
}

#[test]
fn what_nobody_trusted_signed_moves_nothing_and_stops_nobody_else() {
    let (world, ann, mallory) = world();
    let mut follower = world.follower();
    let good = web(&ann, "acme", "1");
    web(&ann, "other", "1");
    world.run(&mut follower, 130);
    let verified = world.status("acme", Part::Work).verified;
    assert_eq!(verified, std::slice::from_ref(&good));

    let smuggled = web(&mallory, "acme", "2");
    let moved = web(&ann, "other", "2");
    world.run(&mut follower, 130);
    assert_eq!(world.live("acme"), smuggled, "the pointer says so");
    let status = world.status("acme", Part::Work);
    assert_eq!(
        (status.phase, status.observed.as_ref()),
        (Phase::Invalid, Some(&good)),
        "what is live stays"
    );
    let reason = status.reason.expect("said");
    assert!(
        reason.starts_with("pointer-invalid: untrusted-publisher: the pointer is from commit `"),
        "{reason}"
    );
    assert!(
        reason.ends_with("not of a trusted publisher: unsigned: it has no signature"),
        "{reason}"
    );
    assert_eq!(
        world.status("other", Part::Work).verified.last(),
        Some(&moved)
    );

    // A process that begins now says the same, and Ann puts it right.
    drop(follower);
    let mut follower = world.follower();
    world.run(&mut follower, 30);
    assert_eq!(world.status("acme", Part::Work).phase, Phase::Invalid);
    let fixed = web(&ann, "acme", "3");
    world.run(&mut follower, 130);
    assert_eq!(
        world.status("acme", Part::Work).verified.last(),
        Some(&fixed)
    );
}

#[test]
fn what_the_reconciler_takes_back_itself_is_followed() {
    let (world, ann, _) = world();
    let mut follower = world.follower();
    let good = web(&ann, "acme", "1");
    world.run(&mut follower, 130);
    web(&ann, "acme", "degraded");
    world.run(&mut follower, 130);
    assert_eq!(world.live("acme"), good);
    assert_eq!(world.automatic("acme").len(), 1);
    let status = world.status("acme", Part::Work);
    assert_eq!(
        (status.phase, status.observed),
        (Phase::Verified, Some(good)),
        "{:?}",
        status.reason
    );
}
