//! Codes of the reader: the text is not a document.

use super::codes;

codes! {
    /// Not JSON or YAML.
    SYNTAX = "syntax" {
        cause: "The text is not valid JSON or YAML: something is missing, or something stands where it may not. Files named `*.json` follow strict JSON: no comments, no trailing commas, double quotes only.",
        example: "{ \"tenant\": { \"name\": \"acme\", } }",
        fix: "Repair the text at the place that the caret shows; a missing bracket or quote is often one line earlier.",
    }
    /// The end of the file comes too early.
    TRUNCATED_DOCUMENT = "truncated-document" {
        cause: "The file ends inside a string, a list or a map. Often a copy or an editor was interrupted.",
        example: "{ \"tenant\": { \"name\": \"acme\" ",
        fix: "Restore the rest of the file, or close what is open: the related place shows where it began.",
    }
    /// Bytes that are not UTF-8.
    INVALID_UTF8 = "invalid-utf8" {
        cause: "The file holds bytes that are not UTF-8, for example because it was saved as Latin-1 or UTF-16.",
        example: "name: caf\\xe9",
        fix: "Save the file as UTF-8, for example by `iconv -f latin1 -t utf-8`.",
    }
    /// The file begins with U+FEFF.
    BYTE_ORDER_MARK = "byte-order-mark" {
        cause: "The file begins with a byte-order mark, an invisible character that some readers take for a part of the first key.",
        example: "\\ufefftenant: {}",
        fix: "Save the file as UTF-8 without a byte-order mark.",
    }
    /// Too many bytes or values.
    DOCUMENT_TOO_LARGE = "document-too-large" {
        cause: "The file has more than 1 MiB or more than 100,000 values. A tenant's documents are small; a file of this size is something else, or made to exhaust the machine.",
        example: "a bundle with a binary file pasted into a string",
        fix: "Move large content out of the document.",
    }
    /// More than 64 collections inside each other.
    NESTING_TOO_DEEP = "nesting-too-deep" {
        cause: "Lists and maps are nested more than 64 deep, which no document needs.",
        example: "[[[[[[[[ … 65 times",
        fix: "Remove the surplus levels.",
    }
    /// A key twice in one map.
    DUPLICATE_KEY = "duplicate-key" {
        cause: "A key occurs twice in one map. Readers disagree about which of the two counts, so neither does.",
        example: "{ \"name\": \"web\", \"name\": \"api\" }",
        fix: "Remove or rename one of the two; both places are shown.",
    }
    /// An unquoted YAML value that readers read in different ways.
    AMBIGUOUS_SCALAR = "ambiguous-scalar" {
        cause: "An unquoted YAML value means one thing in YAML 1.1, another in YAML 1.2 or in Kubernetes: `no` is a boolean or a string, `012` is 10 or 12, `1:30` is 90 or a string.",
        example: "country: no",
        fix: "Quote it if it is a string (`\"no\"`); write booleans as `true` or `false` and numbers in plain decimal digits.",
    }
    /// `&name` or `*name`.
    ANCHOR_NOT_ALLOWED = "anchor-not-allowed" {
        cause: "YAML anchors and aliases (`&name`, `*name`) make one line change many places and can expand without bounds.",
        example: "a: &limits { cpu: 1 }\nb: *limits",
        fix: "Write the value out where it is used.",
    }
    /// `!tag`.
    TAG_NOT_ALLOWED = "tag-not-allowed" {
        cause: "YAML tags (`!!str`, `!custom`) change how a value is read, and readers support different ones.",
        example: "port: !!str 8080",
        fix: "Remove the tag; quote the value if it is a string.",
    }
    /// The key `<<`.
    MERGE_KEY = "merge-key" {
        cause: "The unquoted key `<<` merges another map in YAML 1.1 and is an ordinary key in YAML 1.2.",
        example: "<<: { cpu: 1 }",
        fix: "Write the entries out, or quote the key if it is meant as such: `\"<<\"`.",
    }
    /// `%YAML` or `%TAG`.
    DIRECTIVE_NOT_ALLOWED = "directive-not-allowed" {
        cause: "YAML directives (`%YAML 1.1`, `%TAG`) change how the rest of the file is read.",
        example: "%YAML 1.1\n---\ntenant: {}",
        fix: "Remove the line that begins with `%`.",
    }
    /// A second document in one file.
    MULTIPLE_DOCUMENTS = "multiple-documents" {
        cause: "The file holds more than one document. Each file is one document, so that its path names it.",
        example: "a: 1\n---\nb: 2",
        fix: "Move each document into a file of its own.",
    }
    /// A number that 64 bits cannot keep.
    NUMBER_OUT_OF_RANGE = "number-out-of-range" {
        cause: "A number does not fit: an integer beyond 64 bits, a float beyond the range of 64-bit floats, or one with more digits than they keep. It would silently become another number.",
        example: "id: 123456789012345678901234567890",
        fix: "Write it as a string, or with fewer digits.",
    }
    /// A character of the control ranges.
    CONTROL_CHARACTER = "control-character" {
        cause: "The file holds a control character, which editors do not show and terminals obey. Lines end in LF or CR LF; a lone CR counts as a control character.",
        example: "name: \"a\\x07b\"",
        fix: "Remove it, or write it as an escape inside a double-quoted string: `\"\\u0007\"`.",
    }
    /// A character that cannot be seen.
    HIDDEN_CHARACTER = "hidden-character" {
        cause: "The file holds a character that cannot be seen: one that reorders the text around it or breaks lines in some readers only, so that a reviewer sees another text than the one that is read (an error), or one that takes no room (a warning).",
        example: "name: \"user\\u202e\"",
        fix: "Remove it, or write it as an escape inside a double-quoted string: `\"\\u202e\"`.",
    }
    /// Nothing but white space and comments.
    EMPTY_DOCUMENT = "empty-document" {
        cause: "The file holds no document: it is empty, or has nothing but white space and comments.",
        example: "# to do",
        fix: "Write the document, or remove the file. The smallest map is `{}`.",
    }
    /// A YAML key that is not a string.
    NON_STRING_KEY = "non-string-key" {
        cause: "A key is a number, a boolean, null, a list or a map. Keys are strings; readers turn others into strings in different ways.",
        example: "8080: http",
        fix: "Quote the key: `\"8080\": http`.",
    }
}
