//! Codes of the reader: the text is not a document.

use super::codes;

codes! {
    /// Not JSON or YAML.
    SYNTAX = "syntax" {
        cause: "The text is not valid JSON or YAML: something is missing, too much, or cut off.",
        example: "{ \"tenant\": { \"name\": \"acme\" ",
        fix: "Repair the text at the place that the caret shows; a missing bracket is often one line earlier.",
    }
}
