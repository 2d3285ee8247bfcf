//! The file of those who are trusted, in the format `allowed_signers` of `ssh-keygen`, which Git takes as
//! `gpg.ssh.allowedSignersFile`: a line each, `<names> [options] <kind> <key> [comment]`.

use super::sshsig::{KINDS, fingerprint};
use super::wire::{self, Reader};
use crate::time;

/// Those who are trusted.
#[derive(Clone, Debug, Default)]
pub(super) struct Signers {
    pub(super) lines: Vec<Signer>,
    pub(super) skipped: Vec<SkippedLine>,
}

/// One key of one or several names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signer {
    pub(super) names: String,
    pub(super) key: Vec<u8>,
    /// In seconds since 1970; the key counts from then on.
    after: Option<i64>,
    /// The key counts until then.
    before: Option<i64>,
    /// Whether it may sign for Git.
    for_git: bool,
}

/// A line that `ssh-keygen` would use and that is not used here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedLine {
    /// Counted from one.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// Why a key of the file does not count for a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    Expired,
    NotYetValid,
    NotForGit,
}

impl Signer {
    /// Whether it counts for what was signed at this time, in seconds since 1970.
    pub(super) fn at(&self, seconds: i64) -> Result<(), Unfit> {
        if !self.for_git {
            Err(Unfit::NotForGit)
        } else if self.before.is_some_and(|before| seconds > before) {
            Err(Unfit::Expired)
        } else if self.after.is_some_and(|after| seconds < after) {
            Err(Unfit::NotYetValid)
        } else {
            Ok(())
        }
    }
}

impl Signers {
    /// Reads the file; an error is the line, counted from one, and what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut signers = Self::default();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            match signer(text).map_err(|message| (line, message))? {
                Ok(signer) => signers.lines.push(signer),
                Err(why) => signers.skipped.push(SkippedLine { line, why }),
            }
        }
        Ok(signers)
    }

    /// The names and fingerprints of all keys.
    pub(super) fn shown(&self) -> Vec<String> {
        let shown = |signer: &Signer| format!("{} {}", signer.names, fingerprint(&signer.key));
        self.lines.iter().map(shown).collect()
    }
}

/// A line: a signer, or why it is passed over. The outer error is a line that makes no sense.
fn signer(text: &str) -> Result<Result<Signer, String>, String> {
    let (names, rest) = word(text).ok_or("a quotation mark is not closed")?;
    let (first, mut after_first) = word(rest).ok_or("a quotation mark is not closed")?;
    let (options, kind) = if is_kind(first) {
        ("", first)
    } else {
        let (kind, rest) = word(after_first).ok_or("a quotation mark is not closed")?;
        after_first = rest;
        (first, kind)
    };
    let key = after_first.split_whitespace().next().unwrap_or_default();
    if !is_kind(kind) || key.is_empty() {
        return Err("expected `<name> <kind of key> <key>`".to_owned());
    }
    let key = wire::decode(key.as_bytes()).ok_or("the key is not base64")?;
    if Reader(&key).string() != Some(kind.as_bytes()) {
        return Err(format!("the key is not of the kind `{kind}`"));
    }
    let mut signer = Signer {
        names: names.trim_matches('"').to_owned(),
        key,
        after: None,
        before: None,
        for_git: true,
    };
    for option in split(options) {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, value.trim_matches('"')),
            None => (option, ""),
        };
        match name.to_ascii_lowercase().as_str() {
            "cert-authority" => {
                return Ok(Err("certificates are not checked, only keys".to_owned()));
            }
            "namespaces" => signer.for_git = allows(value, "git"),
            "valid-after" => signer.after = Some(timestamp(value)?),
            "valid-before" => signer.before = Some(timestamp(value)?),
            _ => return Err(format!("the option `{}` is unknown", name.escape_debug())),
        }
    }
    if !KINDS.contains(&kind) {
        return Ok(Err(format!("keys of the kind `{kind}` are not checked")));
    }
    Ok(Ok(signer))
}

fn is_kind(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"]
        .iter()
        .any(|prefix| word.starts_with(prefix))
}

/// The first word, in which blanks may stand between quotation marks, and what follows it.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => return Some((&text[..at], &text[at..])),
            _ => {}
        }
    }
    (!quoted).then_some((text, ""))
}

/// Options, of which a value may hold commas between quotation marks.
fn split(options: &str) -> Vec<&str> {
    let mut quoted = false;
    let parts = options.split(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    parts.filter(|part| !part.is_empty()).collect()
}

/// Whether a list of patterns, in which `!` takes away, has this name.
fn allows(patterns: &str, name: &str) -> bool {
    let mut allowed = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if is_like(pattern.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => allowed |= is_like(pattern.as_bytes(), name.as_bytes()),
        }
    }
    allowed
}

fn is_like(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=name.len()).any(|skip| is_like(rest, &name[skip..])),
        (Some((b'?', rest)), Some((_, name))) => is_like(rest, name),
        (Some((expected, rest)), Some((found, name))) => expected == found && is_like(rest, name),
        _ => false,
    }
}

/// `YYYYMMDD[HHMM[SS]][Z]`. Without `Z` it is UTC too: whoever verifies must agree, whatever the time zone.
fn timestamp(text: &str) -> Result<i64, String> {
    let wrong = || {
        format!(
            "`{}` is not a time such as `20270131Z`",
            text.escape_debug()
        )
    };
    let digits = text.strip_suffix('Z').unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let full = match digits.len() {
        8 => format!("{digits}000000"),
        12 => format!("{digits}00"),
        14 => digits.to_owned(),
        _ => return Err(wrong()),
    };
    let part = |from: usize, to: usize| &full[from..to];
    let time = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    );
    time::parse(&time).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g";

    fn one(line: &str) -> Signer {
        let signers = Signers::parse(line).unwrap_or_else(|e| panic!("{line}: {e:?}"));
        assert_eq!(signers.skipped, [], "{line}");
        signers.lines[0].clone()
    }

    #[test]
    fn lines_with_and_without_options() {
        let signers = format!("# who\n\nann@example.com,bob {KEY} of ann\n\"c d\" {KEY}\n");
        let signers = Signers::parse(&signers).expect("valid");
        let names: Vec<_> = signers
            .lines
            .iter()
            .map(|line| line.names.as_str())
            .collect();
        assert_eq!(names, ["ann@example.com,bob", "c d"]);
        assert_eq!(signers.lines[0].key.len(), 51);

        for (options, at_noon) in [
            ("namespaces=\"git\"", Ok(())),
            ("namespaces=\"file,g*\"", Ok(())),
            ("namespaces=\"file\"", Err(Unfit::NotForGit)),
            ("namespaces=\"*,!git\"", Err(Unfit::NotForGit)),
            ("valid-before=\"20270131Z\"", Err(Unfit::Expired)),
            ("valid-before=\"202701311200Z\"", Ok(())),
            ("valid-before=20270131115959", Err(Unfit::Expired)),
            (
                "valid-after=\"20270131Z\",valid-before=\"20270201\"",
                Ok(()),
            ),
            ("Valid-After=\"20270201Z\"", Err(Unfit::NotYetValid)),
        ] {
            let signer = one(&format!("ann {options} {KEY}"));
            let noon = time::parse("2027-01-31T12:00:00Z").expect("a time");
            assert_eq!(signer.at(noon), at_noon, "{options}");
        }
    }

    #[test]
    fn lines_that_are_not_used_and_lines_that_make_no_sense() {
        let rest = KEY.split_once(' ').expect("two words").1;
        for (line, why) in [
            (
                format!("ann cert-authority {KEY}"),
                "certificates are not checked, only keys",
            ),
            (
                "ann sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t"
                    .to_owned(),
                "keys of the kind `sk-ssh-ed25519@openssh.com` are not checked",
            ),
        ] {
            let signers = Signers::parse(&line).expect(&line);
            assert_eq!(
                (signers.lines.len(), signers.skipped[0].why.as_str()),
                (0, why),
                "{line}"
            );
        }
        for (line, message) in [
            ("ann".to_owned(), "expected `<name> <kind of key> <key>`"),
            (format!("\"ann {KEY}"), "a quotation mark is not closed"),
            (
                format!("ann {rest}"),
                "expected `<name> <kind of key> <key>`",
            ),
            (
                format!("ann ssh-rsa {rest}"),
                "the key is not of the kind `ssh-rsa`",
            ),
            (format!("ann ssh-ed25519 {rest}A"), "the key is not base64"),
            (
                format!("ann valid-before=now {KEY}"),
                "`now` is not a time such as `20270131Z`",
            ),
            (
                format!("ann no-such-thing {KEY}"),
                "the option `no-such-thing` is unknown",
            ),
        ] {
            let error = Signers::parse(&format!("# one\n{line}")).expect_err(&line);
            assert_eq!(error, (2, message.to_owned()));
        }
    }
}
