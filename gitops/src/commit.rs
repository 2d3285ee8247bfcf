//! The bytes of the commits we write.
//!
//! Made by hand rather than by a builder: a release's id is the hash of these bytes on every machine,
//! so nothing here may depend on a library's idea of formatting.

use gix::ObjectId;
use orz_core::id::{Part, TenantName};

use crate::Request;
use crate::error::Result;
use crate::time;

/// Who wrote a commit, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ident {
    pub(crate) name: String,
    pub(crate) email: String,
    /// Since 1970, in UTC.
    pub(crate) seconds: i64,
}

impl Ident {
    /// Author and committer of every release: the same on every machine, whoever publishes.
    pub(crate) fn of_releases() -> Self {
        Self {
            name: "orz".to_owned(),
            email: "orz@localhost".to_owned(),
            seconds: time::RELEASE_DATE,
        }
    }

    /// The actor of a request, `Name <email>` or a name alone, at the time of the request.
    pub(crate) fn of(request: &Request) -> Result<Self> {
        let seconds = time::parse(&request.now)?;
        let actor = request.actor.trim();
        let (name, email) = match actor.strip_suffix('>').and_then(|a| a.rsplit_once('<')) {
            Some((name, email)) => (name, email),
            None => (actor, ""),
        };
        let (name, email) = (clean(name), clean(email).replace(' ', "-"));
        Ok(Self {
            name: if name.is_empty() {
                "unknown".to_owned()
            } else {
                name
            },
            email: if email.is_empty() {
                "orz@localhost".to_owned()
            } else {
                email
            },
            seconds,
        })
    }

    fn line(&self) -> String {
        format!("{} <{}> {} +0000", self.name, self.email, self.seconds)
    }
}

/// A commit of `tree` with these parents.
pub(crate) fn bytes(tree: ObjectId, parents: &[ObjectId], ident: &Ident, message: &str) -> Vec<u8> {
    use std::fmt::Write as _;
    let mut out = format!("tree {tree}\n");
    for parent in parents {
        writeln!(out, "parent {parent}").expect("writing to a String cannot fail");
    }
    let line = ident.line();
    write!(out, "author {line}\ncommitter {line}\n\n{message}")
        .expect("writing to a String cannot fail");
    out.into_bytes()
}

/// The one commit that is the release of `tree` for this part of this tenant.
pub(crate) fn release_bytes(tree: ObjectId, tenant: &TenantName, part: Part) -> Vec<u8> {
    bytes(
        tree,
        &[],
        &Ident::of_releases(),
        &release_message(tenant, part),
    )
}

/// `release <tenant>/<part>` and a line feed.
pub(crate) fn release_message(tenant: &TenantName, part: Part) -> String {
    format!("release {tenant}/{part}\n")
}

/// The tenant and part that a release's message names, if it is one.
pub(crate) fn parse_release_message(message: &str) -> Option<(TenantName, Part)> {
    let (tenant, part) = message
        .strip_prefix("release ")?
        .strip_suffix('\n')?
        .split_once('/')?;
    Some((tenant.parse().ok()?, part.parse().ok()?))
}

/// Without what Git itself drops from a name, or what would end the field.
fn clean(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|c| !matches!(c, '<' | '>') && !c.is_control())
        .collect();
    text.trim_matches(|c: char| c.is_whitespace() || ".,:;\"\\'".contains(c))
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_become_names_that_git_accepts() {
        for (actor, name, email) in [
            ("Ann Lee <ann@example.com>", "Ann Lee", "ann@example.com"),
            ("ann", "ann", "orz@localhost"),
            ("<ann@example.com>", "unknown", "ann@example.com"),
            ("a <b> <c@d>", "a b", "c@d"),
            ("x <>", "x", "orz@localhost"),
            ("\"'.", "unknown", "orz@localhost"),
            ("n <a b@c>", "n", "a-b@c"),
        ] {
            let request = Request {
                reason: None,
                actor,
                request_id: None,
                now: "2000-01-01T00:00:00Z".to_owned(),
            };
            let ident = Ident::of(&request).expect("valid time");
            assert_eq!(
                (ident.name.as_str(), ident.email.as_str()),
                (name, email),
                "{actor}"
            );
        }
    }

    #[test]
    fn release_messages_are_read_back() {
        let tenant: TenantName = "acme".parse().expect("valid");
        let message = release_message(&tenant, Part::Work);
        assert_eq!(parse_release_message(&message), Some((tenant, Part::Work)));
        for foreign in [
            "release acme/work",
            "release acme/x\n",
            "release a/b/work\n",
            "fix acme/work\n",
        ] {
            assert_eq!(parse_release_message(foreign), None, "{foreign:?}");
        }
    }
}
