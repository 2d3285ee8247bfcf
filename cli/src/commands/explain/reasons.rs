//! What stands after `pointer-invalid`, which no diagnostic of a source raises.

use orz_core::diag::Code;

/// The reasons for which nobody acts on a pointer, in no order.
pub(super) static REASONS: &[Code] = &[
    Code {
        name: "pointer-invalid",
        cause: "A pointer on `main`, or what it names, is not what `orzc` writes. Nobody acts on it: what is live stays. The word after it says what is wrong with it.",
        example: "pointer-invalid: digest-mismatch: …",
        fix: "`orzc status TENANT` names the commit that made it so, and the commands that lead back: mostly `orzc rollback TENANT --part PART --reason TEXT`, or `git revert` of that commit.",
    },
    Code {
        name: "malformed",
        cause: "The file of a pointer is not a pointer: no valid JSON, an unknown field, or a value that cannot be.",
        example: "git commit -m \"by hand\" pointers/in-cluster/2a/acme/work.json",
        fix: "Revert the commit on `main` that changed the file; `orzc status TENANT` names it.",
    },
    Code {
        name: "path-mismatch",
        cause: "A pointer names another cluster, tenant or part than its path on `main` does. It was copied or moved by hand.",
        example: "git mv pointers/in-cluster/2a/acme/work.json pointers/in-cluster/2a/acme/data.json",
        fix: "Revert that commit, or remove the file, and activate with `orzc activate`.",
    },
    Code {
        name: "no-index-entry",
        cause: "A pointer names a release that branch `releases` does not list for this tenant and part. The pointer was edited by hand, or `releases` was replaced by an older one.",
        example: "git push --force origin OLD:releases",
        fix: "If `releases` was replaced, push the newer one of any clone, or run `orzc publish`, which puts the same releases back. Otherwise `orzc rollback TENANT --part PART --reason TEXT`.",
    },
    Code {
        name: "index-malformed",
        cause: "The entry of a release on branch `releases` cannot be read, or is the entry of something else. Somebody wrote to that branch by hand.",
        example: "git commit -m \"by hand\" tenants/2a/acme/work/RELEASE.json",
        fix: "`orzc verify` lists what was changed; revert that commit on `releases`. Until then `orzc rollback` leads to a sound release.",
    },
    Code {
        name: "namespace-mismatch",
        cause: "A pointer names another namespace than the one that its release was made for.",
        example: "\"namespace\": \"other\" in a pointer",
        fix: "`orzc rollback TENANT --part PART --reason TEXT`, or revert the commit that changed the pointer.",
    },
    Code {
        name: "no-commit",
        cause: "The commit of a release does not exist in the GitOps repository, although the index lists it.",
        example: "a clone that was cut off, or a push of `releases` alone",
        fix: "Fetch it from any clone that has it, or run `orzc publish` from the same source, which makes the same commit again.",
    },
    Code {
        name: "not-parentless",
        cause: "The commit of a release has parents. A release stands alone, so that it is the same whoever makes it.",
        example: "git commit on top of a release",
        fix: "`orzc rollback TENANT --part PART --reason TEXT`; `orzc verify` lists what else was changed.",
    },
    Code {
        name: "not-canonical",
        cause: "The commit of a release has another author, date or message than `orzc` gives to every release.",
        example: "git commit --amend of a release",
        fix: "`orzc rollback TENANT --part PART --reason TEXT`; `orzc verify` lists what else was changed.",
    },
    Code {
        name: "not-a-file",
        cause: "The tree of a release holds something that is no regular file: a link, a folder, a program, or a name that is not UTF-8.",
        example: "ln -s /etc/passwd in the tree of a release",
        fix: "`orzc rollback TENANT --part PART --reason TEXT`; `orzc verify` lists what else was changed.",
    },
    Code {
        name: "digest-mismatch",
        cause: "The manifests of a release have another digest than its index entry, or than the pointer. Either the pointer was edited or the manifests are not those that were compiled.",
        example: "\"digest\": \"…\" in a pointer, changed by hand",
        fix: "`orzc rollback TENANT --part PART --reason TEXT`, or revert the commit that changed the pointer; `orzc verify` tells whether the release is sound.",
    },
    Code {
        name: "objects-mismatch",
        cause: "The objects in the manifests of a release are not those that its index entry lists.",
        example: "an object taken out of `objects` in an index entry",
        fix: "Revert the commit on `releases` that changed the entry; `orzc verify` lists it.",
    },
    Code {
        name: "not-allowed",
        cause: "A release holds an object that may not be in this part of this tenant: another namespace, or a kind that the part must not have.",
        example: "a ClusterRole in `work`",
        fix: "`orzc rollback TENANT --part PART --reason TEXT`; then find out who wrote the release: `orzc verify` lists what was changed by hand.",
    },
    Code {
        name: "claim-lost",
        cause: "The live release claims something, such as a hostname, that another tenant holds by now, or nobody. A plain `git revert` of a move does not bring claims back.",
        example: "git revert COMMIT on `main`",
        fix: "`orzc activate TENANT RELEASE --reason TEXT` claims it again once nobody else holds it; `orzc rollback` goes back to a release that does not need it.",
    },
    Code {
        name: "untrusted-publisher",
        cause: "The reconciler demands signatures, and nobody whom it trusts signed the commit that brought the pointer or the index entry.",
        example: "a push to `main` without a key of `--trusted-publishers`",
        fix: "With a key that the reconciler trusts, `orzc rollback TENANT --part PART --reason TEXT`, then publish again. `orzc verify --trusted FILE` lists every such commit.",
    },
];

#[cfg(test)]
mod tests {
    use orz_core::diag::codes;
    use orz_gitops::check::reason;

    use super::REASONS;

    #[test]
    fn every_reason_is_explained_once() {
        for name in [
            reason::MALFORMED,
            reason::PATH_MISMATCH,
            reason::NO_INDEX_ENTRY,
            reason::INDEX_MALFORMED,
            reason::NAMESPACE_MISMATCH,
            reason::NO_COMMIT,
            reason::NOT_PARENTLESS,
            reason::NOT_CANONICAL,
            reason::NOT_A_FILE,
            reason::DIGEST_MISMATCH,
            reason::OBJECTS_MISMATCH,
            reason::NOT_ALLOWED,
            reason::CLAIM_LOST,
            reason::UNTRUSTED_PUBLISHER,
            reason::UNREADABLE,
            "pointer-invalid",
        ] {
            let here = REASONS.iter().filter(|code| code.name == name).count();
            let found = here + usize::from(codes::find(name).is_some());
            assert_eq!(found, 1, "{name}");
        }
    }
}
