//! Codes of the source repository: files and folders that are not what they should be.

use super::codes;

codes! {
    /// A tenant that the source repository does not have.
    UNKNOWN_TENANT = "unknown-tenant" {
        cause: "The selected tenant has no folder under `tenants/`.",
        example: "orzc check --tenant acm",
        fix: "Name a tenant that has a folder under `tenants/`, or create `tenants/<tenant>/bundle.json`.",
    }
}
