//! Codes of the source repository: files and folders that are not what they should be.

use super::codes;

codes! {
    /// A tenant that the source repository does not have.
    UNKNOWN_TENANT = "unknown-tenant" {
        cause: "The selected tenant has no folder under `tenants/`.",
        example: "orzc check --tenant acm",
        fix: "Name a tenant that has a folder under `tenants/`, or create `tenants/<tenant>/bundle.json`.",
    }
    /// A file or folder that cannot be read.
    UNREADABLE = "unreadable" {
        cause: "A file or folder of the source repository cannot be read. It is never treated as absent, because what is missing would be deleted.",
        example: "chmod 000 tenants/acme/bundle.json",
        fix: "Make it readable for the user that runs `orzc`, or remove it from the repository.",
    }
    /// A file that is committed and is not there.
    MISSING_FILE = "missing-file" {
        cause: "Git knows a file of the source repository that is not there: a sparse checkout left it out, or it was lost. It is never treated as deleted, because what is missing would be deleted.",
        example: "git sparse-checkout set platform",
        fix: "Bring it back with `git checkout -- PATH` or `git sparse-checkout disable`. If it is meant to go, say so with `git rm PATH`.",
    }
    /// A symbolic link where a file or folder should be.
    SYMLINK = "symlink" {
        cause: "A file or folder under `platform/` or `tenants/` is a symbolic link. Links are never followed: one could lead out of the tenant's folder.",
        example: "ln -s ../../platform/plans.json tenants/acme/plans.json",
        fix: "Put the file itself there, or remove the link.",
    }
    /// A socket, pipe or device where a file should be.
    SPECIAL_FILE = "special-file" {
        cause: "Something under `platform/` or `tenants/` is neither a file nor a folder, such as a pipe or a socket.",
        example: "mkfifo tenants/acme/bundle.json",
        fix: "Remove it.",
    }
    /// A file name that cannot stand in a path of the repository.
    FILE_NAME = "file-name" {
        cause: "The name of a file or folder is not UTF-8 or has a control character, so that it could not be shown or recorded faithfully.",
        example: "touch \"$(printf 'tenants/acme/a\\nb.json')\"",
        fix: "Rename it.",
    }
    /// A path that leads out of the folder it was given for.
    HOSTILE_PATH = "hostile-path" {
        cause: "A path is absolute, has `.`, `..`, an empty segment, a backslash or a control character, or lies outside the tenant's folder.",
        example: "tenants/acme/../other/bundle.json",
        fix: "Use plain paths inside the folder.",
    }
    /// A file that is no part of a bundle.
    UNEXPECTED_FILE = "unexpected-file" {
        cause: "A file under `tenants/` or `platform/` is not one that is read there. It is an error, because a file that is ignored in silence is missed only in production.",
        example: "tenants/acme/bundle.yaml",
        fix: "Rename the file to what it should be, or move it elsewhere.",
    }
    /// A file of a kind that is known but not read yet.
    UNSUPPORTED_FILE = "unsupported-file" {
        cause: "`.orz/cloud.yaml` describes a dev environment, and this version does not read those.",
        example: "tenants/acme/projects/shop/.orz/cloud.yaml",
        fix: "Move the file out of `tenants/` until a version reads it.",
    }
    /// The name of a tenant or project breaks the rule for names, or is reserved.
    INVALID_NAME = "invalid-name" {
        cause: "Names of tenants and projects become namespaces: lower-case letters, digits and single `-`, at most 30 characters, starting with a letter; some are kept by Kubernetes, Argo CD, orz and the platform.",
        example: "tenants/acme/projects/kube-system/bundle.json",
        fix: "Rename the folder.",
    }
}
