//! Inputs that are no documents, and what people see.

use crate::diag::Code;
use crate::diag::codes::syntax::*;

pub(super) struct Case {
    pub code: &'static Code,
    pub path: &'static str,
    pub input: &'static [u8],
    pub told: &'static str,
}

pub(super) const CASES: &[Case] = &[
    Case {
        code: &SYNTAX,
        path: "a.json",
        input: b"{ \"tenant\": { \"name\": \"acme\", } }",
        told: "\
error[syntax]: a comma after the last item
 --> a.json:1:29
  |
1 | { \"tenant\": { \"name\": \"acme\", } }
  |                             ^ `}` follows
  |
  = help: remove the comma
",
    },
    Case {
        code: &SYNTAX,
        path: "a.json",
        input: b"{\n  // who\n  \"a\": 1 \n  \"b\": [True, 012, 'x']\n}",
        told: "\
error[syntax]: JSON has no comments
 --> a.json:2:3
  |
2 |   // who
  |   ^^^^^^ a comment
  |
  = help: remove it, or write the file as YAML

error[syntax]: a comma is missing
 --> a.json:3:9
  |
3 |   \"a\": 1 
  |         ^ expected `,` here
  |
  = help: separate the items of a list or map by `,`

error[syntax]: `True` is not a value of JSON
 --> a.json:4:9
  |
4 |   \"b\": [True, 012, 'x']
  |         ^^^^ only in lower case
  |
  = help: write `true`

error[syntax]: `012` is not a number of JSON
 --> a.json:4:15
  |
4 |   \"b\": [True, 012, 'x']
  |               ^^^ expected decimal digits, such as `12`, `-0.5` or `1e3`
  |
  = help: write a plain decimal number, or a string: `\"012\"`

error[syntax]: a single quote does not begin a string
 --> a.json:4:20
  |
4 |   \"b\": [True, 012, 'x']
  |                    ^ expected `\"`
  |
  = help: write strings and keys in double quotes
",
    },
    Case {
        code: &SYNTAX,
        path: "a.json",
        input: b"{ \"a\": [1, 2, \"b\": 3 }",
        told: "\
error[syntax]: unexpected `:`
 --> a.json:1:18
  |
1 | { \"a\": [1, 2, \"b\": 3 }
  |        -         ^ expected `,` or `]`
  |        |
  |        opened here
  |
  = help: write `,` or `]` here, or remove `:`
",
    },
    Case {
        code: &SYNTAX,
        path: "a.json",
        input: b"{ a: 1 }",
        told: "\
error[syntax]: the key `a` has no quotes
 --> a.json:1:3
  |
1 | { a: 1 }
  |   ^ keys are strings
  |
  = help: write `\"a\"`
",
    },
    Case {
        code: &SYNTAX,
        path: "a.json",
        input: b"{ \"a\": \"one\n two\" }",
        told: "\
error[syntax]: the string does not end on its line
 --> a.json:1:8
  |
1 | { \"a\": \"one
  |        ^^^^ expected `\"` before the end of the line
  |
  = help: close the string, or write line breaks in it as `\\n`
",
    },
    Case {
        code: &SYNTAX,
        path: "a.json",
        input: b"{ \"a\": \"\\ud83d\", \"b\": \"\\x\" }",
        told: "\
error[syntax]: the escape `\\ud83d` is not valid
 --> a.json:1:9
  |
1 | { \"a\": \"\\ud83d\", \"b\": \"\\x\" }
  |         ^^^^^^ not a character
  |
  = help: write `\\u` and four hexadecimal digits; above U+FFFF two of them, a surrogate pair

error[syntax]: the escape `\\x` is not valid
 --> a.json:1:24
  |
1 | { \"a\": \"\\ud83d\", \"b\": \"\\x\" }
  |                        ^^ not an escape of JSON
  |
  = help: write a backslash as `\\\\`
",
    },
    Case {
        code: &SYNTAX,
        path: "a.yaml",
        input: b"a: b: c\n",
        told: "\
error[syntax]: a `:` where no key can stand
 --> a.yaml:1:5
  |
1 | a: b: c
  |     ^ not expected here
  |
  = help: quote a value that holds `: `, indent the keys of a map alike, and close brackets that are open above
",
    },
    Case {
        code: &SYNTAX,
        path: "a.yaml",
        input: b"a:\n  b: 1\n c: 2\n",
        told: "\
error[syntax]: this line does not fit the map above it
 --> a.yaml:3:2
  |
3 |  c: 2
  |  ^ expected a key, indented like the others
  |
  = help: indent all keys of a map by the same number of spaces
",
    },
    Case {
        code: &SYNTAX,
        path: "a.yaml",
        input: b"a:\n- one\n  - two\n",
        told: "\
error[syntax]: a list item is read as part of the text above it
 --> a.yaml:3:3
  |
2 | - one
  |   --- the text begins here
3 |   - two
  |   ^ this `-` continues the text
  |
  = help: indent it like the item above, or quote the text
",
    },
    Case {
        code: &SYNTAX,
        path: "a.yaml",
        input: b"a: { port:80 }\n",
        told: "\
error[syntax]: the key `port:80` has no value
 --> a.yaml:1:10
  |
1 | a: { port:80 }
  |          ^ expected a space and a value behind `:`
  |
  = help: put a space behind `:`, write `null` for no value, or quote the key
",
    },
    Case {
        code: &SYNTAX,
        path: "a.yaml",
        input: b"a:\n\tb: 1\n",
        told: "\
error[syntax]: a tab where only spaces can stand
 --> a.yaml:2:2
  |
2 |     b: 1
  |     ^ a tab
  |
  = help: indent by spaces
",
    },
    Case {
        code: &SYNTAX,
        path: "a.yaml",
        input: b"a: \"x\nb: 1\n",
        told: "\
error[syntax]: a string that was opened above does not end
 --> a.yaml:2:1
  |
2 | b: 1
  | ^ inside of a string, but indented less than it
  |
  = help: close the string on its line
",
    },
    Case {
        code: &TRUNCATED_DOCUMENT,
        path: "a.json",
        input: b"{\n  \"tenant\": {\n    \"name\": \"acme\"\n",
        told: "\
error[truncated-document]: the document ends too early
 --> a.json:3:19
  |
2 |   \"tenant\": {
  |             - opened here
3 |     \"name\": \"acme\"
  |                   ^ expected `,` or `}`
  |
  = help: restore the rest of the file, or close what is open
",
    },
    Case {
        code: &TRUNCATED_DOCUMENT,
        path: "a.json",
        input: b"{ \"a\": \"b",
        told: "\
error[truncated-document]: the document ends too early
 --> a.json:1:10
  |
1 | { \"a\": \"b
  |        - ^ expected `\"`
  |        |
  |        the string begins here
  |
  = help: restore the rest of the file, or close what is open
",
    },
    Case {
        code: &TRUNCATED_DOCUMENT,
        path: "a.yaml",
        input: b"a: [1,\n  2\n",
        told: "\
error[truncated-document]: the document ends too early
 --> a.yaml:2:4
  |
1 | a: [1,
  |    - opened here
2 |   2
  |    ^ expected `]`
  |
  = help: restore the rest of the file, or close what is open
",
    },
    Case {
        code: &TRUNCATED_DOCUMENT,
        path: "a.yaml",
        input: b"a: 'b\n",
        told: "\
error[truncated-document]: the document ends inside of a string
 --> a.yaml:1:6
  |
1 | a: 'b
  |      ^ expected the closing quote
  |
  = help: restore the rest of the file, or close what is open
",
    },
    Case {
        code: &INVALID_UTF8,
        path: "a.json",
        input: b"{ \"name\": \"caf\xe9\" }",
        told: "\
error[invalid-utf8]: byte 14 (`0xe9`) is not UTF-8
 --> a.json:1:15
  |
1 | { \"name\": \"caf�\" }
  |               ^ not UTF-8
  |
  = help: save the file as UTF-8
",
    },
    Case {
        code: &INVALID_UTF8,
        path: "a.yaml",
        input: b"\xff\xfea\x00",
        told: "\
error[invalid-utf8]: the file is UTF-16
 --> a.yaml:1:1
  |
1 | ��a␀
  | ^ byte-order mark of UTF-16
  |
  = help: save the file as UTF-8
",
    },
    Case {
        code: &BYTE_ORDER_MARK,
        path: "a.json",
        input: b"\xef\xbb\xbf{ \"\xc3\xa9\": 1, }",
        told: "\
error[byte-order-mark]: the file begins with a byte-order mark
 --> a.json:1:1
  |
1 | �{ \"é\": 1, }
  | ^ invisible character U+FEFF
  |
  = help: save the file as UTF-8 without a byte-order mark

error[syntax]: a comma after the last item
 --> a.json:1:10
  |
1 | �{ \"é\": 1, }
  |          ^ `}` follows
  |
  = help: remove the comma
",
    },
    Case {
        code: &DUPLICATE_KEY,
        path: "a.json",
        input: b"{\r\n  \"a\": 1,\r\n  \"\\u0061\": 2\r\n}",
        told: "\
error[duplicate-key]: the key `a` occurs twice in one map
 --> a.json:3:3
  |
2 |   \"a\": 1,
  |   --- first here
3 |   \"\\u0061\": 2
  |   ^^^^^^^^ again here
  |
  = help: remove or rename one of the two
",
    },
    Case {
        code: &DUPLICATE_KEY,
        path: "a.yaml",
        input: b"a: 1\n# \xf0\x9f\x98\x80\n\"a\": 2\n",
        told: "\
error[duplicate-key]: the key `a` occurs twice in one map
 --> a.yaml:3:1
  |
1 | a: 1
  | - first here
2 | # 😀
3 | \"a\": 2
  | ^^^ again here
  |
  = help: remove or rename one of the two
",
    },
    Case {
        code: &AMBIGUOUS_SCALAR,
        path: "a.yaml",
        input: b"a: no\nb: 012\nc: 12:30\nd: 2001-01-01\ne: 1e3\n",
        told: "\
error[ambiguous-scalar]: readers of YAML disagree about `no`
 --> a.yaml:1:4
  |
1 | a: no
  |    ^^ a boolean in YAML 1.1, a string in YAML 1.2
  |
  = help: quote it: `\"no\"`
  = help: or write `false` if it is not a string

error[ambiguous-scalar]: readers of YAML disagree about `012`
 --> a.yaml:2:4
  |
2 | b: 012
  |    ^^^ octal in YAML 1.1 and Kubernetes, decimal in YAML 1.2
  |
  = help: quote it: `\"012\"`

error[ambiguous-scalar]: readers of YAML disagree about `12:30`
 --> a.yaml:3:4
  |
3 | c: 12:30
  |    ^^^^^ a number to the base of 60 in YAML 1.1, a string in YAML 1.2
  |
  = help: quote it: `\"12:30\"`

error[ambiguous-scalar]: readers of YAML disagree about `2001-01-01`
 --> a.yaml:4:4
  |
4 | d: 2001-01-01
  |    ^^^^^^^^^^ a date in YAML 1.1, a string in YAML 1.2
  |
  = help: quote it: `\"2001-01-01\"`

error[ambiguous-scalar]: readers of YAML disagree about `1e3`
 --> a.yaml:5:4
  |
5 | e: 1e3
  |    ^^^ a number in YAML 1.2 and Kubernetes, a string in YAML 1.1
  |
  = help: quote it: `\"1e3\"`
  = help: or write `1000` if it is not a string
",
    },
    Case {
        code: &AMBIGUOUS_SCALAR,
        path: "a.yaml",
        input: b"on: 1\n",
        told: "\
error[ambiguous-scalar]: readers of YAML disagree about `on`
 --> a.yaml:1:1
  |
1 | on: 1
  | ^^ a boolean in YAML 1.1, a string in YAML 1.2
  |
  = help: quote it: `\"on\"`
",
    },
    Case {
        code: &ANCHOR_NOT_ALLOWED,
        path: "a.yaml",
        input: b"a: &x { cpu: 1 }\nb: *x\nc: *y\n",
        told: "\
error[anchor-not-allowed]: the anchor `&x` is not allowed
 --> a.yaml:1:4
  |
1 | a: &x { cpu: 1 }
  |    ^^ anchors and aliases are not read
  |
  = help: write the value out where it is used

error[anchor-not-allowed]: the alias `*x` is not allowed
 --> a.yaml:2:4
  |
2 | b: *x
  |    ^^ anchors and aliases are not read
  |
  = help: write the value out where it is used

error[anchor-not-allowed]: the alias `*y` is not allowed
 --> a.yaml:3:4
  |
3 | c: *y
  |    ^^ anchors and aliases are not read
  |
  = help: write the value out where it is used
",
    },
    Case {
        code: &TAG_NOT_ALLOWED,
        path: "a.yaml",
        input: b"a: !!str 8080\nb: !x [1]\n",
        told: "\
error[tag-not-allowed]: the tag `!!str` is not allowed
 --> a.yaml:1:4
  |
1 | a: !!str 8080
  |    ^^^^^ tags are not read
  |
  = help: remove the tag; quote the value if it is a string

error[tag-not-allowed]: the tag `!x` is not allowed
 --> a.yaml:2:4
  |
2 | b: !x [1]
  |    ^^ tags are not read
  |
  = help: remove the tag; quote the value if it is a string
",
    },
    Case {
        code: &MERGE_KEY,
        path: "a.yaml",
        input: b"a:\n  <<: { cpu: 1 }\n",
        told: "\
error[merge-key]: merge keys are not allowed
 --> a.yaml:2:3
  |
2 |   <<: { cpu: 1 }
  |   ^^ merges another map in YAML 1.1, an ordinary key in YAML 1.2
  |
  = help: write the entries out
",
    },
    Case {
        code: &DIRECTIVE_NOT_ALLOWED,
        path: "a.yaml",
        input: b"%YAML 1.1\n---\na: 1\n",
        told: "\
error[directive-not-allowed]: YAML directives are not allowed
 --> a.yaml:1:1
  |
1 | %YAML 1.1
  | ^ begins here
  |
  = help: remove this line
",
    },
    Case {
        code: &MULTIPLE_DOCUMENTS,
        path: "a.yaml",
        input: b"a: 1\n---\nb: 2\n",
        told: "\
error[multiple-documents]: a second document in one file
 --> a.yaml:2:1
  |
2 | ---
  | ^^^ begins here
  |
  = help: move each document into a file of its own
",
    },
    Case {
        code: &MULTIPLE_DOCUMENTS,
        path: "a.json",
        input: b"{ \"a\": 1 }\n{ \"a\": 2 }\n",
        told: "\
error[multiple-documents]: a second document in one file
 --> a.json:2:1
  |
1 | { \"a\": 1 }
  | ---------- the first document
2 | { \"a\": 2 }
  | ^ begins here
  |
  = help: move each document into a file of its own
",
    },
    Case {
        code: &NUMBER_OUT_OF_RANGE,
        path: "a.json",
        input: b"[18446744073709551616, 1e400, 0.12345678901234567890]",
        told: "\
error[number-out-of-range]: the number `18446744073709551616` cannot be kept
 --> a.json:1:2
  |
1 | [18446744073709551616, 1e400, 0.12345678901234567890]
  |  ^^^^^^^^^^^^^^^^^^^^ does not fit into 64 bits
  |
  = help: write it as a string: `\"18446744073709551616\"`

error[number-out-of-range]: the number `1e400` cannot be kept
 --> a.json:1:24
  |
1 | [18446744073709551616, 1e400, 0.12345678901234567890]
  |                        ^^^^^ larger than any 64-bit float
  |
  = help: write it as a string: `\"1e400\"`

error[number-out-of-range]: the number `0.12345678901234567890` cannot be kept
 --> a.json:1:31
  |
1 | [18446744073709551616, 1e400, 0.12345678901234567890]
  |                               ^^^^^^^^^^^^^^^^^^^^^^ has more digits than a 64-bit float keeps
  |
  = help: write `0.12345678901234568`, or a string: `\"0.12345678901234567890\"`
",
    },
    Case {
        code: &NUMBER_OUT_OF_RANGE,
        path: "a.yaml",
        input: b"id: 123456789012345678901234567890\n",
        told: "\
error[number-out-of-range]: the number `123456789012345678901234567890` cannot be kept
 --> a.yaml:1:5
  |
1 | id: 123456789012345678901234567890
  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ does not fit into 64 bits
  |
  = help: write it as a string: `\"123456789012345678901234567890\"`
",
    },
    Case {
        code: &CONTROL_CHARACTER,
        path: "a.json",
        input: b"{ \"a\": \"\x1b[31m\t\xc2\x9b\" }",
        told: "\
error[control-character]: control character U+001B
 --> a.json:1:9
  |
1 | { \"a\": \"␛[31m    �\" }
  |         ^ not shown by editors, obeyed by terminals
  |
  = help: remove it, or write `\\u001b` in a double-quoted string

error[control-character]: a tab inside of a string
 --> a.json:1:14
  |
1 | { \"a\": \"␛[31m    �\" }
  |              ^^^^ JSON does not allow it
  |
  = help: write `\\t`

error[control-character]: control character U+009B
 --> a.json:1:15
  |
1 | { \"a\": \"␛[31m    �\" }
  |                  ^ not shown by editors, obeyed by terminals
  |
  = help: remove it, or write `\\u009b` in a double-quoted string
",
    },
    Case {
        code: &CONTROL_CHARACTER,
        path: "a.yaml",
        input: b"a: 1\rb: 2\n",
        told: "\
error[control-character]: a carriage return without a line feed
 --> a.yaml:1:5
  |
1 | a: 1␍b: 2
  |     ^ some readers end the line here, others do not
  |
  = help: end lines with LF, or CR LF
",
    },
    Case {
        code: &HIDDEN_CHARACTER,
        path: "a.json",
        input: b"{ \"a\xe2\x80\xae\": \"b\xe2\x80\x8b\" }",
        told: "\
error[hidden-character]: hidden character U+202E
 --> a.json:1:5
  |
1 | { \"a�\": \"b�\" }
  |     ^ changes how the text around it is shown
  |
  = help: remove it, or write `\\u202e` in a double-quoted string

warning[hidden-character]: hidden character U+200B
 --> a.json:1:11
  |
1 | { \"a�\": \"b�\" }
  |           ^ takes no room
  |
  = help: remove it, or write `\\u200b` in a double-quoted string
",
    },
    Case {
        code: &HIDDEN_CHARACTER,
        path: "a.json",
        input: b"[1,\xe2\x80\x8b 2]",
        told: "\
error[hidden-character]: U+200B between values
 --> a.json:1:4
  |
1 | [1,� 2]
  |    ^ takes no room, and is no white space
  |
  = help: remove it

warning[hidden-character]: hidden character U+200B
 --> a.json:1:4
  |
1 | [1,� 2]
  |    ^ takes no room
  |
  = help: remove it, or write `\\u200b` in a double-quoted string
",
    },
    Case {
        code: &EMPTY_DOCUMENT,
        path: "a.json",
        input: b"",
        told: "\
error[empty-document]: the file holds no document
--> a.json
 = help: write a document; the smallest map is `{}`
",
    },
    Case {
        code: &EMPTY_DOCUMENT,
        path: "a.yaml",
        input: b"# to do\n",
        told: "\
error[empty-document]: the file holds no document
 --> a.yaml:1:1
  |
1 | # to do
  | ^
  |
  = help: write a document; the smallest map is `{}`
",
    },
    Case {
        code: &NON_STRING_KEY,
        path: "a.yaml",
        input: b"8080: http\ntrue: 1\n~: 2\n[a]: 3\n: 4\n",
        told: "\
error[non-string-key]: the key `8080` is a number, not a string
 --> a.yaml:1:1
  |
1 | 8080: http
  | ^^^^ keys are strings
  |
  = help: quote it: `\"8080\"`

error[non-string-key]: the key `true` is a boolean, not a string
 --> a.yaml:2:1
  |
2 | true: 1
  | ^^^^ keys are strings
  |
  = help: quote it: `\"true\"`

error[non-string-key]: the key `~` is null, not a string
 --> a.yaml:3:1
  |
3 | ~: 2
  | ^ keys are strings
  |
  = help: quote it: `\"~\"`

error[non-string-key]: a key is a list or a map
 --> a.yaml:4:1
  |
4 | [a]: 3
  | ^^^ expected a string
  |
  = help: use strings as keys

error[non-string-key]: the key is missing
 --> a.yaml:5:1
  |
5 | : 4
  | ^ expected a string before `:`
  |
  = help: write the key, or quote it if it is empty: `\"\"`
",
    },
];
