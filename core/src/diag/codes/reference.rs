//! Codes of resolution: names that do not fit together.

use super::codes;

codes! {
    /// A name that nothing declares.
    UNKNOWN_REFERENCE = "unknown-reference" {
        cause: "A field names something that the bundle or the platform data does not declare.",
        example: "{ \"connectors\": [{ \"type\": \"http\", \"name\": \"mail\", \"policy\": \"slow\" }] }",
        fix: "Declare what is named, or name something that is declared.",
    }
}
