//! A commit that is made again after a lost race is signed again.

use std::process::Command;

use super::{as_bob, raced};
use crate::Signing;
use crate::support::{Fixture, git, request, work};

#[test]
fn what_is_made_again_after_a_lost_race_is_signed_again() {
    let fixture = Fixture::new();
    let key = fixture.folder().join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-t", "ed25519", "-f"])
        .arg(&key)
        .status()
        .expect("this test needs `ssh-keygen` (package openssh-client), which Git signs with");
    assert!(made.success());
    let path = fixture.path();
    git(
        &path,
        &["config", "user.signingKey", key.to_str().expect("UTF-8")],
    );

    let repo = raced(&path, |repo| {
        repo.publish(vec![work("other", "x")], true, &as_bob())
            .map(drop)
            .expect("bob");
    });
    let repo = repo.signing(Signing::AsUser);
    repo.publish(vec![work("acme", "one")], true, &request("x"))
        .expect("published");

    let public = std::fs::read_to_string(key.with_extension("pub")).expect("a public key");
    let allowed = fixture.folder().join("allowed");
    std::fs::write(&allowed, format!("ann@example.com {public}")).expect("written");
    let allowed = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
    for (commit, verdict) in [
        ("main", "G"),
        ("releases", "G"),
        ("main~1", "N"),
        ("releases~1", "N"),
    ] {
        let said = git(
            &path,
            &["-c", &allowed, "log", "-1", "--format=%G?", commit],
        );
        assert_eq!(said, verdict, "{commit}");
    }
}
