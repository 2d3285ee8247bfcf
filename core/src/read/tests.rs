use crate::diag::{Diagnostics, RenderOptions, Sources, render};

/// Everything the reader says about `input`, as people see it.
fn problems(path: &str, input: &str) -> String {
    let mut sources = Sources::new();
    let mut diagnostics = Diagnostics::new();
    let node = super::parse(input.as_bytes(), path, &mut sources, &mut diagnostics);
    assert_eq!(node.is_none(), diagnostics.has_errors());
    diagnostics.sort();
    render(&diagnostics, &sources, RenderOptions::default())
}

#[test]
fn everything_wrong_with_a_file_is_shown_at_once() {
    let expected = "\
error[ambiguous-scalar]: readers of YAML disagree about `no`
 --> a.yaml:1:4
  |
1 | a: no
  |    ^^ a boolean in YAML 1.1, a string in YAML 1.2
  |
  = help: quote it: `\"no\"`
  = help: or write `false` if it is not a string

error[duplicate-key]: the key `a` occurs twice in one map
 --> a.yaml:2:1
  |
1 | a: no
  | - first here
2 | a: 1
  | ^ again here
  |
  = help: remove or rename one of the two
";
    assert_eq!(problems("a.yaml", "a: no\na: 1\n"), expected);
}
