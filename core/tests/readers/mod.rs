//! The readers of other languages, as far as they are installed.

use orz_core::Value;
use orz_test_tools::yaml::Reader;
use orz_test_tools::{ToolError, say};

/// The reader of kubectl and the API server: the one that must be there when `CI` is `true`.
pub(crate) const GO: &str = "Go's sigs.k8s.io/yaml";

/// One of the readers of `readback.py`.
pub(crate) fn python(argument: &'static str) -> Result<Reader, ToolError> {
    Reader::python(include_str!("../readback.py"), argument)
}

/// The reader, or `None` after having said on standard error that it is absent.
#[expect(clippy::disallowed_methods, reason = "a test may ask where it runs")]
pub(crate) fn present(name: &str, reader: Result<Reader, ToolError>) -> Option<Reader> {
    let error = match reader {
        Ok(reader) => return Some(reader),
        Err(error) => error,
    };
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!in_ci || name != GO, "{name} must be there in CI: {error}");
    say(&format!(
        "NOT TESTED: {name} is absent, so nothing is known about it: {error}"
    ));
    None
}

/// Whether two values are the same to JSON, which does not tell `1` from `1.0`.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || (a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64()
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && same(a, b))
        }
        _ => a == b,
    }
}
