use orz_core::emit;

use super::reading::{MAX_INPUT, read, value_of};

/// What is accepted is written in the canonical form and read back as the same value, once and for all.
///
/// libFuzzer's own time limit finds inputs that take too long.
pub fn read_yaml(data: &[u8]) {
    if data.len() > MAX_INPUT {
        return;
    }
    let short = orz_core::read::canonical(data);
    let Some(node) = read("a.yaml", data).node else {
        assert_eq!(
            short, None,
            "the short cut understands what the reader refuses"
        );
        return;
    };
    let value = node.to_value();
    assert!(
        short.is_none_or(|short| short == value),
        "the short cut understands something else"
    );
    let canonical = emit::yaml(&value);
    // Deep documents grow by their indentation, and so can pass the limit of the reader.
    if canonical.len() > orz_core::read::MAX_BYTES {
        return;
    }
    let back = value_of("a.yaml", &canonical);
    assert_eq!(back, value, "read back from\n{canonical}");
    assert_eq!(
        emit::yaml(&back),
        canonical,
        "the canonical form is not canonical"
    );
}
