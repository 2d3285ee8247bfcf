//! Codes of validation: the document is well-formed but not a bundle.

use super::codes;

codes! {
    /// A secret that stands in a bundle itself.
    PLAINTEXT_SECRET = "plaintext-secret" {
        cause: "The value is a secret, or has the name of one. What is in a bundle is in Git for ever, and everyone who reads the repository or the release reads it.",
        example: "{ \"apps\": [{ \"name\": \"web\", \"env\": { \"DATABASE_URL\": \"postgres://web:hunter2@db/web\" } }] }",
        fix: "Revoke the secret if it was pushed. Keep it where the platform keeps secrets, name it in `secret_refs`, and use that name: in `secrets` of an app, or as `secret_ref` of a connector.",
    }
    /// A key that the schema does not have.
    UNKNOWN_FIELD = "unknown-field" {
        cause: "The object has a key that its schema does not know. Unknown keys are errors, so that a typing error never deploys.",
        example: "{ \"tenant\": { \"nmae\": \"acme\" } }",
        fix: "Correct the spelling, or remove the key.",
    }
    /// A required key is not there.
    MISSING_FIELD = "missing-field" {
        cause: "The object lacks a key that its schema requires.",
        example: "{ \"apps\": [{ \"name\": \"web\" }] }",
        fix: "Add the key.",
    }
    /// A value of another JSON type.
    WRONG_TYPE = "wrong-type" {
        cause: "The value has another type than its schema asks for. Numbers and strings are never converted into each other, and an optional field is left out instead of being `null`.",
        example: "{ \"apps\": [{ \"name\": \"web\", \"replicas\": \"2\" }] }",
        fix: "Write the value in the type that the message names.",
    }
    /// A value of the right type that is not allowed.
    INVALID_VALUE = "invalid-value" {
        cause: "The value breaks a rule of its field: a pattern, a list of possible values, or what Kubernetes accepts there.",
        example: "{ \"apps\": [{ \"name\": \"Web\" }] }",
        fix: "Follow the rule in the help.",
    }
    /// A number that is too small or too large.
    OUT_OF_RANGE = "out-of-range" {
        cause: "The number is outside the range of its field.",
        example: "{ \"apps\": [{ \"name\": \"web\", \"port\": 70000 }] }",
        fix: "Choose a number within the range.",
    }
    /// A text, list or map that is too long.
    TOO_LONG = "too-long" {
        cause: "The value has more characters, entries or keys than its field may have. Names are limited so that every name derived from them fits what Kubernetes allows.",
        example: "{ \"apps\": [{ \"name\": \"a-name-of-more-than-forty-characters-is-too-long\" }] }",
        fix: "Shorten it.",
    }
    /// A text, list or map that is too short.
    TOO_SHORT = "too-short" {
        cause: "The value has fewer characters, entries or keys than its field must have.",
        example: "{ \"apps\": [{ \"name\": \"web\", \"image\": \"\" }] }",
        fix: "Write what is missing, or leave the field out if it is optional.",
    }
    /// Two entries of one name.
    DUPLICATE_NAME = "duplicate-name" {
        cause: "Two entries of a list have the same name, in one file or in two, or an object that may stand in one file only stands in two. Which of them would win is never decided by the order of files.",
        example: "{ \"policies\": [{ \"name\": \"default\" }, { \"name\": \"default\" }] }",
        fix: "Remove or rename one of them.",
    }
    /// A bundle that names another tenant than its folder.
    TENANT_MISMATCH = "tenant-mismatch" {
        cause: "The folder decides which tenant a bundle belongs to; `tenant.name` may repeat it, but not contradict it.",
        example: "tenants/acme/bundle.json: { \"tenant\": { \"name\": \"other\" } }",
        fix: "Write the folder's name, or leave `tenant.name` out.",
    }
    /// A tenant that sets what only the operator may set.
    OPERATOR_FIELD = "operator-field" {
        cause: "Plan, cluster, quota, organisation and suspension of a tenant are the operator's word, in a file that the tenant cannot write: tenants do not upgrade themselves.",
        example: "{ \"tenant\": { \"name\": \"acme\", \"plan\": \"enterprise\" } }",
        fix: "Remove the field, and ask the operator to set it in `platform/tenants/<tenant>.json`.",
    }
    /// A fault of the compiler.
    INTERNAL = "internal" {
        cause: "The compiler contradicts itself. Your input is not to blame.",
        example: "none is known",
        fix: "Report the input that caused it.",
    }
}
