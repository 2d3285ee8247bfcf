//! The address of a GitOps repository on a remote, and how much of it may be shown.

use std::fmt;

use orz_core::id::Digest;

use crate::error::{Error, Result};

/// The address of a repository that only Git reaches: a URL, or `host:path` as `ssh` takes it.
///
/// What a person may have put into it to be let in (name and password of `https`, a query) is kept apart: it is
/// never shown, names no file, and stands in no argument of a process.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteUrl {
    /// For Git, without what lets in.
    address: String,
    /// For people.
    shown: String,
    user: Option<String>,
    password: Option<String>,
    /// What must not appear in anything that is printed, as given and as meant.
    secrets: Vec<String>,
}

/// What a URL may start with. Others, such as `ext::`, make Git run a program.
const SCHEMES: &[&str] = &["https", "http", "ssh", "git+ssh", "ssh+git", "git", "file"];
/// What stands where something is not shown.
const MASK: &str = "***";

impl RemoteUrl {
    /// Whether a text that names a GitOps repository names one on a remote, and no folder: Git's own rule, by which
    /// `host:path` is a remote and `./host:path` a folder.
    pub fn names_remote(text: &str) -> bool {
        if text.contains("://") {
            return true;
        }
        match text.split_once(':') {
            Some((host, _)) => !host.is_empty() && !host.contains(['/', '\\']) && !is_drive(host),
            None => false,
        }
    }

    /// Reads an address. An error never shows it, because it may hold a password.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |message: &str| Error::RemoteUrl {
            message: message.to_owned(),
        };
        if text.chars().any(|c| c.is_control() || c == ' ') {
            return Err(bad("it has spaces or control characters"));
        }
        if text.starts_with('-') {
            return Err(bad("it starts with `-`"));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Self::of_ssh(text);
        };
        let scheme = scheme.to_ascii_lowercase();
        if !SCHEMES.contains(&scheme.as_str()) {
            return Err(bad(
                "it starts with none of `https://`, `http://`, `ssh://`, `git://` and `file://`",
            ));
        }
        if scheme == "file" {
            if !rest.starts_with('/') {
                return Err(bad("`file://` is followed by a path that starts with `/`"));
            }
            return Ok(Self::plain(format!("file://{rest}")));
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (info, host) = match authority.rsplit_once('@') {
            Some((info, host)) => (Some(info), host),
            None => (None, authority),
        };
        if host.is_empty() || host.starts_with('-') {
            return Err(bad("it names no host"));
        }
        let (user, password) = match info.map(|info| info.split_once(':').unwrap_or((info, ""))) {
            Some((user, password)) => (filled(user), filled(password)),
            None => (None, None),
        };
        let (path, query) = match path.find(['?', '#']) {
            Some(at) => path.split_at(at),
            None => (path, ""),
        };
        let web = scheme.starts_with("http");
        let shown_query = if query.is_empty() { "" } else { "?***" };
        // Behind `ssh` a name lets nobody in, and says which account is meant. A token of a web host may be the name.
        let (address, shown) = match user {
            Some(user) if !web => (
                format!("{scheme}://{user}@{host}{path}{query}"),
                format!("{scheme}://{user}@{host}{path}{shown_query}"),
            ),
            user => {
                let mask = if user.is_some() || password.is_some() {
                    "***@"
                } else {
                    ""
                };
                (
                    format!("{scheme}://{host}{path}{query}"),
                    format!("{scheme}://{mask}{host}{path}{shown_query}"),
                )
            }
        };
        let mut secrets: Vec<String> = Vec::new();
        for secret in [
            password,
            user.filter(|_| web),
            filled(query.trim_start_matches(['?', '#'])),
        ]
        .into_iter()
        .flatten()
        {
            secrets.push(secret.to_owned());
            secrets.push(decoded(secret));
        }
        // A name as short as `git` is no secret, and would be masked out of every other word.
        secrets.retain(|secret| secret.len() > 3);
        // The longest first, so that no part of it stays.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Ok(Self {
            address,
            shown,
            user: user.filter(|_| web).map(decoded),
            password: password.filter(|_| web).map(decoded),
            secrets,
        })
    }

    /// `[user@]host:path`.
    fn of_ssh(text: &str) -> Result<Self> {
        let bad = |message: &str| Error::RemoteUrl {
            message: message.to_owned(),
        };
        if !Self::names_remote(text) {
            return Err(bad("it is neither a URL nor `host:path`"));
        }
        let (host, path) = text.split_once(':').unwrap_or((text, ""));
        if path.starts_with(':') {
            return Err(bad("`helper::address` would make Git run a program"));
        }
        if path.contains('@') {
            return Err(bad("`user@host:path` has no place for a password"));
        }
        if path.is_empty() || host.ends_with('@') {
            return Err(bad("it is neither a URL nor `host:path`"));
        }
        Ok(Self::plain(text.to_owned()))
    }

    fn plain(address: String) -> Self {
        Self {
            shown: address.clone(),
            address,
            user: None,
            password: None,
            secrets: Vec::new(),
        }
    }

    /// For Git, and for files: without name and password.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Scheme, host and port of the address.
    pub(crate) fn host_url(&self) -> &str {
        let start = self.address.find("://").map_or(0, |at| at + 3);
        let end = self.address[start..].find(['/', '?', '#']);
        end.map_or(&self.address, |end| &self.address[..start + end])
    }

    /// The name that an `http` server is told.
    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password that an `http` server is told.
    pub(crate) fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The name of its folder in the cache.
    pub(crate) fn key(&self) -> Digest {
        Digest::of(self.address.trim_end_matches('/').as_bytes())
    }

    /// `text` without anything of the address that lets somebody in.
    pub(crate) fn mask(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret, MASK);
        }
        text
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RemoteUrl").field(&self.shown).finish()
    }
}

impl std::str::FromStr for RemoteUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

fn filled(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// `C:` is a drive, not a host.
fn is_drive(host: &str) -> bool {
    cfg!(windows) && host.len() == 1
}

/// `text` with `%41` as `A`.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = (*byte == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        if let Some(meant) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            out.push(meant);
            at += 3;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_is_what_git_takes_for_one() {
        for (text, remote) in [
            ("https://git.example.com/a.git", true),
            ("file:///srv/a.git", true),
            ("git@git.example.com:a/b.git", true),
            ("host:a.git", true),
            ("../a.git", false),
            ("/srv/a.git", false),
            ("./host:a.git", false),
            ("a/b:c", false),
            ("gitops.git", false),
            (":a", false),
        ] {
            assert_eq!(RemoteUrl::names_remote(text), remote, "{text}");
        }
    }

    #[test]
    fn what_lets_in_is_kept_apart() {
        for (text, address, shown, user, password) in [
            (
                "https://ann:s3cr%40t@h.example/a.git",
                "https://h.example/a.git",
                "https://***@h.example/a.git",
                Some("ann"),
                Some("s3cr@t"),
            ),
            (
                "HTTPS://token1234@h:8443/a",
                "https://h:8443/a",
                "https://***@h:8443/a",
                Some("token1234"),
                None,
            ),
            (
                "https://h/a?private_token=abcdef",
                "https://h/a?private_token=abcdef",
                "https://h/a?***",
                None,
                None,
            ),
            (
                "ssh://git:hunter22@h:22/a",
                "ssh://git@h:22/a",
                "ssh://git@h:22/a",
                None,
                None,
            ),
            (
                "git@h:a/b.git",
                "git@h:a/b.git",
                "git@h:a/b.git",
                None,
                None,
            ),
            ("file:///srv/a b", "", "", None, None),
        ] {
            let Ok(url) = RemoteUrl::parse(text) else {
                assert_eq!(address, "", "{text}");
                continue;
            };
            assert_eq!(url.address(), address, "{text}");
            assert_eq!(url.to_string(), shown, "{text}");
            assert_eq!((url.user(), url.password()), (user, password), "{text}");
            let said = url.mask(&format!("cannot reach {text}: s3cr@t"));
            for secret in ["s3cr", "token1234", "abcdef", "hunter22"] {
                assert!(!text.contains(secret) || !said.contains(secret), "{said}");
            }
        }
    }

    #[test]
    fn what_is_refused_is_not_shown() {
        for text in [
            "ext::sh -c hunter22",
            "ext::sh",
            "ext::x://hunter22",
            "fd://hunter22",
            "ann:hunter22@host:path",
            "https://ann:hunter22@",
            "file://hunter22",
            "-oProxyCommand=hunter22:x",
            "ssh://-oProxyCommand=hunter22/x",
            "host:",
        ] {
            let error = RemoteUrl::parse(text).expect_err(text);
            assert_eq!(error.exit_code().code(), 64, "{text}");
            assert!(!error.to_string().contains("hunter22"), "{error}");
        }
    }

    #[test]
    fn a_cache_is_named_by_the_address_alone() {
        let key = |text: &str| RemoteUrl::parse(text).expect("valid").key();
        assert_eq!(key("https://a:b@h/x/"), key("https://h/x"));
        assert_ne!(key("https://h/x"), key("https://h/y"));
    }
}
