use orz_core::{Value, emit};

use super::reading::{same, value_of};
use super::tree::tree;

/// Any tree is read back as it was written, and what is read back is written in the same bytes.
pub fn emit_roundtrip(data: &[u8]) {
    let value = tree(data);
    let first = emit::yaml(&value);
    assert!(first.ends_with('\n'), "a file ends with a newline");
    if first.len() > orz_core::read::MAX_BYTES {
        return;
    }
    let read = value_of("a.yaml", &first);
    assert!(same(&read, &value), "{value} is read back as {read}");
    let second = emit::yaml(&read);
    assert_eq!(
        value_of("a.yaml", &second),
        read,
        "read back from\n{second}"
    );
    // The reader takes `1.0` for the integer 1, so only other trees have the same bytes at once.
    if !has_whole_float(&value) {
        assert_eq!(first, second, "one value, two spellings");
    }
}

fn has_whole_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.is_f64() && number.as_f64().is_some_and(|f| f.fract() == 0.0)
        }
        Value::Array(items) => items.iter().any(has_whole_float),
        Value::Object(map) => map.values().any(has_whole_float),
        _ => false,
    }
}
