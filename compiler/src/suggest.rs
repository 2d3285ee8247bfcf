//! Did-you-mean: the known name closest to a misspelt one.

use orz_core::diag::Diagnostic;

/// How many known names a help line lists.
const LISTED: usize = 8;
/// Names longer than this are no typing error of anything; comparing them costs time.
const LONGEST: usize = 64;
/// With more names than this nothing is suggested: hostile input must not buy hours of comparing.
const MOST: usize = 500;

/// Help for whoever needs more than the plan has.
pub(crate) const ASK_FOR_PLAN: &str = "remove some, or ask the operator for another plan";

/// Adds help: the closest of `known` if one is close, else what there is.
pub(crate) fn help(diagnostic: Diagnostic, name: &str, what: &str, known: &[&str]) -> Diagnostic {
    match closest(name, known) {
        Some(close) => diagnostic.help(format!("did you mean `{close}`?")),
        None if known.is_empty() => {
            diagnostic.help(format!("there is no {what} here; declare one first"))
        }
        None => {
            let more = if known.len() > LISTED { ", …" } else { "" };
            let listed: Vec<_> = known
                .iter()
                .take(LISTED)
                .map(|k| format!("`{k}`"))
                .collect();
            diagnostic.help(format!("known here: {}{more}", listed.join(", ")))
        }
    }
}

/// The name in `known` that a typing error most likely meant: at most a third of its letters are wrong,
/// neighbours swapped count as one. The first one wins between equals.
pub(crate) fn closest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    if name.len() > LONGEST || known.len() > MOST {
        return None;
    }
    let limit = (name.chars().count().max(3) / 3).max(1);
    known
        .iter()
        .map(|candidate| (distance(name, candidate), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap of neighbours) between two texts.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let width = b.len() + 1;
    let mut table = vec![0; (a.len() + 1) * width];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i * width + j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replace = table[(i - 1) * width + j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut best = replace
                    .min(table[(i - 1) * width + j] + 1)
                    .min(table[i * width + j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(table[(i - 2) * width + j - 2] + 1);
                }
                best
            };
        }
    }
    table[a.len() * width + b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_recognised_and_strangers_are_not() {
        let known = ["image", "images", "replicas", "env"];
        for (name, expected) in [
            ("imgae", Some("image")),
            ("imag", Some("image")),
            ("replica", Some("replicas")),
            ("evn", Some("env")),
            ("", None),
            ("databases", None),
            ("x", None),
        ] {
            assert_eq!(closest(name, &known), expected, "{name}");
        }
    }
}
