//! Codes of publishing: a source that must not go live over what was live before.

use super::codes;

codes! {
    /// A source commit that is older than the newest one that was live.
    STALE_SOURCE = "stale-source" {
        cause: "The commit that `orzc publish --activate` was run for is older than the newest one that was ever live for the tenant. A job that was slow or was started again would undo what a newer commit did, also if nothing else is being published at the moment.",
        example: "git checkout HEAD~1 && orzc publish --activate --reason \"an old job\"",
        fix: "Publish from the newer commit. To go back on purpose, use `orzc rollback`, or `git revert` in the source repository and publish that.",
    }
    /// A source commit that has nothing to do with the newest one that was live.
    UNRELATED_SOURCE = "unrelated-source" {
        cause: "The commit that `orzc publish --activate` was run for does not descend from the newest one that was ever live for the tenant: it is on another branch, the history was rewritten, this clone lacks what others have pushed, or the folder is no Git repository. What the other commit changed would be undone.",
        example: "git commit --amend && orzc publish --activate --reason \"the commit that was live is gone\"",
        fix: "Fetch, then merge or rebase, and publish the result. If this source is the right one from now on, pass `--allow-unrelated-source` with a `--reason`.",
    }
    /// A clone whose history is cut off.
    SHALLOW_SOURCE = "shallow-source" {
        cause: "The clone of the source repository is shallow, as CI makes it by default. The newest commit that was ever live for the tenant is not in it, so nobody can tell whether it is older than the one to be published.",
        example: "git clone --depth 1 URL . && orzc publish --activate --reason \"a CI job\"",
        fix: "Fetch the whole history: `fetch-depth: 0` of `actions/checkout`, `GIT_DEPTH: 0` in GitLab CI, or `git fetch --unshallow`. A clone with `--filter=blob:none` has the history without old files, and is enough.",
    }
}
