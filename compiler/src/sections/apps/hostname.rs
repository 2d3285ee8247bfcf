//! Hostnames in the one form in which they are claimed.

/// Why a text is no hostname that can be claimed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invalid {
    /// The rule it breaks.
    pub(super) rule: &'static str,
    /// The form to write instead, where there is one.
    pub(super) instead: Option<String>,
}

/// Whether `text` is a hostname in canonical form: ASCII in lower case, at least two labels, no final dot.
///
/// A hostname has one spelling, because two spellings would be two claims of one name.
pub(super) fn check(text: &str) -> Result<(), Invalid> {
    let invalid = |rule| {
        Err(Invalid {
            rule,
            instead: None,
        })
    };
    if !text.is_ascii() {
        return invalid("write names with other letters in their ASCII form (`xn--…`)");
    }
    let canonical = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if canonical.starts_with("*.") || canonical == "*" {
        return invalid("a wildcard would claim names of others; name each hostname");
    }
    let labels: Vec<&str> = canonical.split('.').collect();
    let is_label = |label: &&str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if canonical.len() > 253 || !labels.iter().all(is_label) {
        return invalid(
            "a hostname is labels of at most 63 letters, digits and `-`, joined by dots, 253 characters in all",
        );
    }
    if labels.len() < 2 {
        return invalid("a hostname has at least two labels");
    }
    if labels
        .last()
        .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()))
    {
        return invalid("an IP address is no hostname");
    }
    if canonical != text {
        return Err(Invalid {
            rule: "a hostname is written in lower case and without a final dot",
            instead: Some(canonical),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_has_one_spelling() {
        let long = format!("{}.example.com", "a".repeat(64));
        for good in [
            "shop.example.com",
            "a.b",
            "xn--bcher-kva.example",
            "1.example",
            "a--b.example.com",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "localhost",
            ".",
            "a..b",
            "-a.b",
            "a-.b",
            "a_b.c",
            "*.example.com",
            "*",
            "1.2.3.4",
            "::1",
            "b\u{fc}cher.example",
            "a.b:80",
            "a.b/c",
            "a b.c",
            "a.b\n",
            &long,
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        for (other, canonical) in [
            ("Shop.Example.com", "shop.example.com"),
            ("shop.example.com.", "shop.example.com"),
        ] {
            assert_eq!(
                check(other).map_err(|e| e.instead),
                Err(Some(canonical.to_owned()))
            );
        }
    }
}
