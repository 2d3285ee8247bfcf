//! Codes of the structural checks: the objects that would be emitted break a rule.

use super::codes;

codes! {
    /// An object outside the tenant's namespaces.
    FOREIGN_NAMESPACE = "foreign-namespace" {
        cause: "An object would be written into a namespace that does not belong to the tenant.",
        example: "{ \"kind\": \"ConfigMap\", \"metadata\": { \"namespace\": \"other-tenant\" } }",
        fix: "Use the tenant's own namespaces: `<tenant>` and `<tenant>--<project>`.",
    }
}
