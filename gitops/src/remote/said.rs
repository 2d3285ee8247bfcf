//! What `git` says about a remote, told apart: the only place that reads its words.

use super::url::RemoteUrl;
use crate::error::Error;

/// What a remote has to do with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It could not be reached, or went away.
    Unreachable,
    /// It does not let us.
    Denied,
    /// There is no repository at this address.
    Missing,
    /// It speaks another object format, or keeps its references in a way this Git does not know.
    Format(&'static str),
    /// It has no such branch.
    NoBranch,
    /// Anything else: a fault of the remote, of the cache, or of Git.
    Other,
}

/// In this order: a host that denies says that nothing could be read as well.
const WORDS: &[(Trouble, &[&str])] = &[
    (
        Trouble::Format("names its objects by SHA-256"),
        &[
            "mismatched algorithms",
            "unknown object format",
            "objectformat",
        ],
    ),
    (
        Trouble::Format("keeps its references in a format that this Git does not know"),
        &["unknown repository extension", "reftable", "refstorage"],
    ),
    (Trouble::NoBranch, &["couldn't find remote ref"]),
    (
        Trouble::Denied,
        &[
            "permission denied",
            "authentication failed",
            "could not read username",
            "could not read password",
            "terminal prompts disabled",
            "invalid username or password",
            "access denied",
            "denied to",
            "not allowed",
            "not authorized",
            "unauthorized",
            "forbidden",
            "error: 401",
            "error: 403",
            "write access",
            "read-only",
            "host key verification failed",
        ],
    ),
    (
        Trouble::Missing,
        &[
            "does not appear to be a git repository",
            "not a git repository",
            "repository not found",
            "error: 404",
            "' not found",
            "no such repository",
        ],
    ),
    (
        Trouble::Unreachable,
        &[
            "could not resolve",
            "unable to access",
            "unable to connect",
            "connection refused",
            "connection reset",
            "connection closed",
            "connection timed out",
            "operation timed out",
            "network is unreachable",
            "no route to host",
            "could not read from remote repository",
            "the remote end hung up",
            "unexpected disconnect",
            "early eof",
            "unable to fork",
            "cannot run ssh",
            "died of signal",
            "did not answer for",
        ],
    ),
];

/// Told apart by its words.
pub(crate) fn trouble(lines: &[String]) -> Trouble {
    let said = lines.join("\n").to_ascii_lowercase();
    WORDS
        .iter()
        .find(|(_, words)| words.iter().any(|word| said.contains(word)))
        .map_or(Trouble::Other, |(trouble, _)| *trouble)
}

/// The error of an exchange with a remote that ended without a result.
pub(crate) fn error(url: &RemoteUrl, lines: &[String]) -> Error {
    let remote = url.to_string();
    let message = message(lines);
    match trouble(lines) {
        Trouble::Unreachable => Error::Unreachable { remote, message },
        Trouble::Denied => Error::RemoteDenied { remote, message },
        Trouble::Missing => Error::NoRemoteRepository { remote, message },
        Trouble::Format(format) => Error::UnsupportedFormat {
            path: remote.into(),
            format,
        },
        Trouble::NoBranch | Trouble::Other => Error::RemoteFailed { remote, message },
    }
}

/// What a person has to see of it: the remote's own words first.
pub(crate) fn message(lines: &[String]) -> String {
    let own: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("remote:"))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let rest = lines
        .iter()
        .filter(|line| !line.starts_with("remote:"))
        .map(|line| {
            line.trim_start_matches("fatal: ")
                .trim_start_matches("error: ")
        })
        .filter(|line| !ADVICE.iter().any(|advice| line.starts_with(advice)));
    let mut said: Vec<&str> = own
        .into_iter()
        .chain(rest)
        .map(|line| line.trim_end_matches('.'))
        .take(LINES_MAX)
        .collect();
    if said.len() > 1 {
        // What came before it says why.
        said.retain(|line| *line != "Could not read from remote repository");
    }
    if said.is_empty() {
        "Git gave no reason".to_owned()
    } else {
        said.join("; ")
    }
}

/// More is not read by anybody.
const LINES_MAX: usize = 12;

/// What Git says to people at its own prompt.
const ADVICE: &[&str] = &[
    "Please make sure you have the correct access rights",
    "and the repository exists",
    "failed to push some refs to",
    "hint: ",
];

/// How a line of progress starts, from us or from the remote.
const PROGRESS: &[&str] = &[
    "Enumerating objects",
    "Counting objects",
    "Compressing objects",
    "Writing objects",
    "Receiving objects",
    "Resolving deltas",
    "Unpacking objects",
    "Checking objects",
    "Checking connectivity",
    "Delta compression using",
    "Total ",
    "Updating references",
    "From ",
    "To ",
    "POST git-",
    "Everything up-to-date",
];

/// The lines on standard error that say something, without progress, control characters and what lets in.
pub(crate) fn lines(url: &RemoteUrl, stderr: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(stderr)
        .split(['\n', '\r'])
        .map(|line| {
            // A server must not steer the terminal of whoever reads this.
            let line: String = line
                .chars()
                .map(|c| if c == '\t' { ' ' } else { c })
                .filter(|c| !c.is_control())
                .collect();
            url.mask(line.trim_end())
        })
        .filter(|line| {
            let said = line.strip_prefix("remote:").unwrap_or(line).trim();
            !matches!(said, "" | "error:" | "fatal:")
                && !PROGRESS.iter().any(|start| said.starts_with(start))
                && !line.contains(" -> ")
        })
        .collect()
}

/// Whether a push came as far as sending: what the remote did with it is only known from its answer.
pub(crate) fn was_sent(stderr: &[u8]) -> bool {
    let said = String::from_utf8_lossy(stderr);
    [
        "Enumerating objects",
        "Counting objects",
        "Writing objects",
        "Total ",
    ]
    .iter()
    .any(|word| said.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_are_told_apart() {
        for (said, expected) in [
            (
                "fatal: mismatched algorithms: client sha1; server sha256",
                Trouble::Format("names its objects by SHA-256"),
            ),
            (
                "ssh: Could not resolve hostname git.example.com: Name or service not known\nfatal: Could not read from remote repository.",
                Trouble::Unreachable,
            ),
            (
                "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
                Trouble::Denied,
            ),
            (
                "fatal: Authentication failed for 'https://h/a'",
                Trouble::Denied,
            ),
            (
                "fatal: could not read Username for 'https://h': terminal prompts disabled",
                Trouble::Denied,
            ),
            (
                "fatal: unable to access 'https://h/': The requested URL returned error: 403",
                Trouble::Denied,
            ),
            (
                "fatal: unable to access 'https://h/': The requested URL returned error: 503",
                Trouble::Unreachable,
            ),
            (
                "remote: Repository not found.\nfatal: repository 'https://h/a/' not found",
                Trouble::Missing,
            ),
            (
                "fatal: '/x' does not appear to be a git repository\nfatal: Could not read from remote repository.",
                Trouble::Missing,
            ),
            (
                "fatal: couldn't find remote ref refs/heads/main",
                Trouble::NoBranch,
            ),
            (
                "error: /usr/bin/ssh died of signal 9\nerror:\n",
                Trouble::Unreachable,
            ),
            ("fatal: pack has bad object at offset 12", Trouble::Other),
        ] {
            let lines: Vec<String> = said.lines().map(str::to_owned).collect();
            assert_eq!(trouble(&lines), expected, "{said}");
        }
    }

    #[test]
    fn what_only_follows_from_the_reason_is_left_out() {
        for (said, expected) in [
            (
                &[
                    "ssh: connect to host h port 22: Connection refused",
                    "fatal: Could not read from remote repository.",
                ][..],
                "ssh: connect to host h port 22: Connection refused",
            ),
            (
                &["fatal: Could not read from remote repository."],
                "Could not read from remote repository",
            ),
        ] {
            let lines: Vec<String> = said.iter().map(|&line| line.to_owned()).collect();
            assert_eq!(message(&lines), expected);
        }
    }

    #[test]
    fn the_remotes_own_words_come_first_and_steer_nothing() {
        let url = RemoteUrl::parse("https://ann:hunter22@h/a").expect("valid");
        let stderr = b"remote: Counting objects: 3, done.\nWriting objects: 100% (3/3)\rWriting objects: done\n\
            remote: \x1b[31mno releases on hunter22 Fridays\x1b[0m\nTo https://h/a\n ! [remote rejected] a -> main (x)\n\
            error: failed to push some refs to 'https://h/a'\n";
        let said = message(&lines(&url, stderr));
        assert_eq!(said, "[31mno releases on *** Fridays[0m");
        assert!(was_sent(stderr));
        assert!(!was_sent(
            b"ssh: connect to host h port 22: Connection refused\n"
        ));
    }
}
