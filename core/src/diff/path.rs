//! Where in an object a field stands.

use std::fmt::Write as _;

/// One step from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Into a map.
    Key(String),
    /// To the item of a keyed list that has these fields.
    Item(Vec<(&'static str, String)>),
    /// To the item at this position of a list.
    Index(usize),
    /// To an item of a set.
    Element,
}

/// The path as people read it. Keys that are no plain names are quoted.
pub(super) fn display(steps: &[Step]) -> String {
    let mut out = String::new();
    for step in steps {
        match step {
            Step::Key(key) if is_plain(key) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
            Step::Key(key) => {
                write!(out, "[{key:?}]").expect("writing to a String cannot fail");
            }
            Step::Item(keys) => {
                let keys: Vec<_> = keys
                    .iter()
                    .map(|(field, value)| format!("{field}={value}"))
                    .collect();
                write!(out, "[{}]", keys.join(",")).expect("writing to a String cannot fail");
            }
            Step::Index(index) => {
                write!(out, "[{index}]").expect("writing to a String cannot fail");
            }
            Step::Element => out.push_str("[]"),
        }
    }
    out
}

/// Whether `steps` are what `pattern` (dotted names, `*` for any step) spells.
pub(super) fn matches(pattern: &str, steps: &[Step]) -> bool {
    let mut names = pattern.split('.');
    steps
        .iter()
        .all(|step| names.next().is_some_and(|name| matches_one(name, step)))
        && names.next().is_none()
}

/// Whether `steps` and `pattern` lie on one line: one of them is the other or contains it.
pub(super) fn touches(pattern: &str, steps: &[Step]) -> bool {
    pattern
        .split('.')
        .zip(steps)
        .all(|(name, step)| matches_one(name, step))
}

/// Whether what `steps` spell is at or below `pattern`.
pub(super) fn is_within(pattern: &str, steps: &[Step]) -> bool {
    steps.len() >= pattern.split('.').count() && touches(pattern, steps)
}

fn matches_one(name: &str, step: &Step) -> bool {
    name == "*" || matches!(step, Step::Key(key) if key == name)
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> Vec<Step> {
        let key = |text: &str| Step::Key(text.to_owned());
        vec![
            key("spec"),
            key("ports"),
            Step::Item(vec![
                ("port", "80".to_owned()),
                ("protocol", "TCP".to_owned()),
            ]),
            key("a.b/c"),
            Step::Index(2),
            Step::Element,
            key("x"),
        ]
    }

    #[test]
    fn paths_are_unambiguous() {
        assert_eq!(
            display(&steps()),
            r#"spec.ports[port=80,protocol=TCP]["a.b/c"][2][].x"#
        );
    }

    #[test]
    fn patterns() {
        let steps = steps();
        assert!(matches("spec.ports.*", &steps[..3]));
        assert!(!matches("spec.ports", &steps[..3]) && !matches("spec.ports.*.*", &steps[..3]));
        assert!(is_within("spec.ports", &steps) && is_within("spec.ports", &steps[..2]));
        assert!(!is_within("spec.ports", &steps[..1]) && touches("spec.ports", &steps[..1]));
        assert!(!touches("spec.selector", &steps) && touches("spec.selector", &steps[..1]));
    }
}
