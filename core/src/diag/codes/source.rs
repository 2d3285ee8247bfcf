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
}
