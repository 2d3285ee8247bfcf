//! What publishing writes, and what it does not.

use orz_core::id::Part;
use orz_gitops::{PointerMove, Repo};

use crate::support::{Fixture, git, release, request, work};

#[test]
fn a_release_is_the_commit_that_git_makes_of_the_same_files() {
    let fixture = Fixture::new();
    let published = fixture.live(vec![work("acme", "one")]);
    let item = &published.items[0];
    assert_eq!((item.new, &item.pointer), (true, &PointerMove::Created));

    let tree = fixture.git(&["rev-parse", &format!("{}^{{tree}}", item.release)]);
    let output = crate::support::git_command(&fixture.path())
        .args(["commit-tree", "-m", "release acme/work", &tree])
        .envs(["AUTHOR", "COMMITTER"].iter().flat_map(|role| {
            [
                (format!("GIT_{role}_NAME"), "orz"),
                (format!("GIT_{role}_EMAIL"), "orz@localhost"),
                (format!("GIT_{role}_DATE"), "2000-01-01T00:00:00Z"),
            ]
        }))
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
    fixture.fsck();
}
