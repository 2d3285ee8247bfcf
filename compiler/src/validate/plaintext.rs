//! Secrets that were pasted into a bundle: what is in Git stays in Git.

use orz_core::diag::{Diagnostic, Diagnostics, Severity, codes};
use orz_core::read::{Data, Node};

/// How tokens of well-known services begin, and how long they are at least.
const TOKENS: &[(&str, usize)] = &[
    ("AIza", 39),
    ("AKIA", 20),
    ("ASIA", 20),
    ("SG.", 40),
    ("dckr_pat_", 20),
    ("ghp_", 40),
    ("gho_", 40),
    ("ghs_", 40),
    ("ghu_", 40),
    ("ghr_", 40),
    ("github_pat_", 40),
    ("glpat-", 20),
    ("hvs.", 24),
    ("npm_", 40),
    ("rk_live_", 20),
    ("shpat_", 32),
    ("sk-ant-", 24),
    ("sk-proj-", 24),
    ("sk_live_", 20),
    ("whsec_", 24),
    ("xapp-", 24),
    ("xoxa-", 24),
    ("xoxb-", 24),
    ("xoxp-", 24),
    ("xoxr-", 24),
];

/// What variables and settings are called that hold a secret.
const NAMES: [&str; 7] = [
    "apikey",
    "api_key",
    "api-key",
    "passw",
    "privatekey",
    "private_key",
    "secret",
];

/// Reports every text that is a secret, as an error, and every one that is called like a secret, as a warning.
///
/// Whether there was an error: other messages about the document would quote the secret.
pub(super) fn find(root: &Node, problems: &mut Diagnostics) -> bool {
    let before = problems.len();
    walk(root, false, problems);
    problems
        .iter()
        .skip(before)
        .any(|found| found.severity == Severity::Error)
}

/// `is_value`: below `env` or `data`, where keys are the names of values.
fn walk(node: &Node, is_value: bool, problems: &mut Diagnostics) {
    match &node.data {
        Data::String(text) => {
            if let Some(what) = secret(text) {
                let message = format!("{what} stands here in plain text");
                let code = &codes::model::PLAINTEXT_SECRET;
                problems.push(unshown(Diagnostic::error(code, node.span, message)));
            }
        }
        Data::List(items) => items.iter().for_each(|item| walk(item, is_value, problems)),
        Data::Map(entries) => {
            for entry in entries {
                if let Some(what) = secret(&entry.key) {
                    let message = format!("{what} stands here in plain text, as a key");
                    let code = &codes::model::PLAINTEXT_SECRET;
                    problems.push(unshown(Diagnostic::error(code, entry.key_span, message)));
                }
                if is_value
                    && let Data::String(text) = &entry.value.data
                    && is_named_like_one(&entry.key, text)
                    && secret(text).is_none()
                {
                    let message = format!(
                        "`{}` is called like a secret, and stands here in plain text",
                        entry.key.escape_debug()
                    );
                    let code = &codes::model::PLAINTEXT_SECRET;
                    problems.push(unshown(Diagnostic::warning(
                        code,
                        entry.value.span,
                        message,
                    )));
                }
                let below = is_value || matches!(entry.key.as_str(), "env" | "data");
                walk(&entry.value, below, problems);
            }
        }
        _ => {}
    }
}

/// What every diagnostic about a secret says, without showing it.
fn unshown(diagnostic: Diagnostic) -> Diagnostic {
    diagnostic
        .label("hidden here, but not in the file")
        .help("keep it where the platform keeps secrets, and name it in `secret_refs`; revoke it if it was pushed")
        .mask()
}

/// What kind of secret a text is, if it surely is one.
fn secret(text: &str) -> Option<&'static str> {
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    if has_password(text) {
        return Some("an address with a password");
    }
    let is_token = |word: &str| {
        TOKENS
            .iter()
            .any(|(start, least)| word.starts_with(start) && word.len() >= *least)
    };
    let joins = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.split(|c| !joins(c)).any(is_token).then_some("a token")
}

/// Whether there is a `scheme://user:password@host` in a text. A password that begins with `$` is a variable.
fn has_password(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest
            .split(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\''))
            .next()
            .unwrap_or_default();
        authority
            .rsplit_once('@')
            .and_then(|(user, _)| user.split_once(':'))
            .is_some_and(|(_, password)| !password.is_empty() && !password.starts_with('$'))
    })
}

/// Whether a value has the name of a secret, and looks like a value: no path, number, switch or variable.
fn is_named_like_one(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_named = NAMES.iter().any(|part| name.contains(part)) || name.ends_with("token");
    let says_nothing = value.is_empty()
        || value.starts_with(['/', '$'])
        || value.parse::<f64>().is_ok()
        || matches!(value, "true" | "false");
    is_named && !says_nothing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_secret_for_sure() {
        for (text, expected) in [
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMII",
                Some("a private key"),
            ),
            ("-----BEGIN CERTIFICATE-----\nMII", None),
            (
                "postgres://web:hunter2@db/web",
                Some("an address with a password"),
            ),
            (
                "--dsn=mysql://root:x@db",
                Some("an address with a password"),
            ),
            ("postgres://web:$(PASSWORD)@db/web", None),
            ("postgres://web@db/web", None),
            ("https://example.com:8080/@someone", None),
            ("https://example.com/a:b@c", None),
            ("sk_live_51H8abcdefghijklmnop", Some("a token")),
            (
                "Bearer ghp_abcdefghijklmnopqrstuvwxyz0123456789AB",
                Some("a token"),
            ),
            ("sk_live_", None),
            ("task_live_51H8abcdefghijklmnop", None),
            ("AKIA", None),
            ("", None),
        ] {
            assert_eq!(secret(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_called_like_a_secret() {
        for (name, value, expected) in [
            ("DB_PASSWORD", "hunter2", true),
            ("stripeApiKey", "abc", true),
            ("GITHUB_TOKEN", "abc", true),
            ("DB_PASSWORD_FILE", "/run/secrets/db", false),
            ("PASSWORD_MIN_LENGTH", "8", false),
            ("TOKENIZER", "bpe", false),
            ("DB_PASSWORD", "", false),
            ("DB_PASSWORD", "$(OTHER)", false),
            ("LOG_LEVEL", "info", false),
        ] {
            assert_eq!(is_named_like_one(name, value), expected, "{name}={value}");
        }
    }
}
