//! Codes of validation: the document is well-formed but not a bundle.

use super::codes;

codes! {
    /// A key that the schema does not have.
    UNKNOWN_FIELD = "unknown-field" {
        cause: "The object has a key that its schema does not know. Unknown keys are errors, so that a typing error never deploys.",
        example: "{ \"tenant\": { \"nmae\": \"acme\" } }",
        fix: "Correct the spelling, or remove the key.",
    }
}
