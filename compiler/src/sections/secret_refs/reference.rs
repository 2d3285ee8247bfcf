//! The four forms of a secret reference.

use std::str::FromStr;

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// `env://KEY`
    Env { key: String },
    /// `vault://mount/path#property`
    Vault {
        mount: String,
        path: String,
        property: String,
    },
    /// `aws-sm://name#key`
    AwsSm { name: String, key: String },
    /// `k8s://namespace/name#key`
    K8s {
        namespace: String,
        name: String,
        key: String,
    },
}

/// Why a text is no secret reference, and how it would be one. Neither quotes the text: a secret that was
/// pasted in its place must not reach a log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    pub(super) what: &'static str,
    pub(super) help: &'static str,
}

const FORMS: &str = "write `env://KEY`, `vault://mount/path#property`, `aws-sm://name#key` or `k8s://namespace/name#key`";

impl FromStr for Reference {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (scheme, rest) = text.split_once("://").ok_or(Invalid {
            what: "it does not begin with a scheme",
            help: FORMS,
        })?;
        match scheme {
            "env" => {
                let form = "write `env://KEY`; a key is letters, digits, `_`, `-` and `.`";
                Ok(Self::Env {
                    key: key(rest, form)?,
                })
            }
            "vault" => {
                let form = "write `vault://mount/path#property`";
                let (whole, property) = split(rest, '#', "there is no `#property`", form)?;
                segments(whole, form)?;
                let (mount, path) = split(whole, '/', "there is no path behind the mount", form)?;
                Ok(Self::Vault {
                    mount: mount.to_owned(),
                    path: path.to_owned(),
                    property: key(property, form)?,
                })
            }
            "aws-sm" => {
                let form = "write `aws-sm://name#key`";
                let (name, property) = split(rest, '#', "there is no `#key`", form)?;
                segments(name, form)?;
                Ok(Self::AwsSm {
                    name: name.to_owned(),
                    key: key(property, form)?,
                })
            }
            "k8s" => {
                let form = "write `k8s://namespace/name#key`";
                let (object, property) = split(rest, '#', "there is no `#key`", form)?;
                let (namespace, name) =
                    split(object, '/', "there is no name behind the namespace", form)?;
                if !subdomain(namespace) || namespace.contains('.') {
                    return Err(Invalid {
                        what: "the namespace is not a name of Kubernetes",
                        help: form,
                    });
                }
                if !subdomain(name) {
                    return Err(Invalid {
                        what: "the name is not a name of Kubernetes",
                        help: form,
                    });
                }
                Ok(Self::K8s {
                    namespace: namespace.to_owned(),
                    name: name.to_owned(),
                    key: key(property, form)?,
                })
            }
            _ => Err(Invalid {
                what: "its scheme is not known",
                help: FORMS,
            }),
        }
    }
}

fn split<'a>(
    text: &'a str,
    at: char,
    missing: &'static str,
    help: &'static str,
) -> Result<(&'a str, &'a str), Invalid> {
    text.split_once(at).ok_or(Invalid {
        what: missing,
        help,
    })
}

/// Refuses a path that could mean another one to its reader than it does here.
fn segments(path: &str, help: &'static str) -> Result<(), Invalid> {
    let refuse = |what| Err(Invalid { what, help });
    if path.starts_with('/') {
        return refuse("an absolute path is not allowed");
    }
    for segment in path.split('/') {
        match segment {
            "" => return refuse("an empty segment is not allowed"),
            "." | ".." => return refuse("`.` and `..` are not allowed"),
            _ => {}
        }
    }
    if path.contains('\\') {
        return refuse("a backslash is not allowed");
    }
    if path.contains('%') {
        return refuse("`%` escapes are not allowed");
    }
    if path.chars().any(char::is_control) {
        return refuse("control characters are not allowed");
    }
    if path
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"/_-.+@=".contains(&b))
    {
        Ok(())
    } else {
        refuse("a path is letters, digits, `/`, `_`, `-`, `.`, `+`, `@` and `=`")
    }
}

fn key(text: &str, help: &'static str) -> Result<String, Invalid> {
    if text.is_empty() {
        return Err(Invalid {
            what: "the key is empty",
            help,
        });
    }
    let legal = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    if legal && text.len() <= 253 && text != "." && !text.starts_with("..") {
        Ok(text.to_owned())
    } else {
        Err(Invalid {
            what: "a key is letters, digits, `_`, `-` and `.`",
            help,
        })
    }
}

/// Whether Kubernetes takes `text` as the name of an object: a DNS subdomain.
fn subdomain(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_forms() {
        let text = |s: &str| s.to_owned();
        for (written, expected) in [
            (
                "env://STRIPE_KEY",
                Reference::Env {
                    key: text("STRIPE_KEY"),
                },
            ),
            (
                "vault://kv/stripe/live#signing_secret",
                Reference::Vault {
                    mount: text("kv"),
                    path: text("stripe/live"),
                    property: text("signing_secret"),
                },
            ),
            (
                "aws-sm://mail/smtp#password",
                Reference::AwsSm {
                    name: text("mail/smtp"),
                    key: text("password"),
                },
            ),
            (
                "k8s://acme--shop/db-main#uri",
                Reference::K8s {
                    namespace: text("acme--shop"),
                    name: text("db-main"),
                    key: text("uri"),
                },
            ),
        ] {
            assert_eq!(written.parse(), Ok(expected), "{written}");
        }
    }

    #[test]
    fn hostile_references_are_refused() {
        for bad in [
            "",
            "STRIPE_KEY",
            "env:STRIPE_KEY",
            "ENV://KEY",
            "env://",
            "env://A/B",
            "env://A#b",
            "env://A B",
            "env://..",
            "env://A\n",
            "file:///etc/passwd",
            "vault://kv",
            "vault://kv/path",
            "vault://kv/path#",
            "vault://kv#property",
            "vault://kv//path#p",
            "vault:///kv/path#p",
            "vault://kv/#p",
            "vault://kv/a/../b#p",
            "vault://kv/./b#p",
            "vault://../b#p",
            "vault://kv/a/%2e%2e/b#p",
            "vault://kv/a\\..\\b#p",
            "vault://kv/a\u{0}b#p",
            "vault://kv/a?version=2#p",
            "vault://kv/a#p#q",
            "vault://kv/ümlaut#p",
            "aws-sm://#key",
            "aws-sm:///abs#key",
            "aws-sm://a/#key",
            "aws-sm://a/../b#key",
            "aws-sm://arn:aws:secretsmanager:eu:1:secret:x#key",
            "k8s://ns#key",
            "k8s://ns/name",
            "k8s:///name#key",
            "k8s://ns/#key",
            "k8s://ns/../other/name#key",
            "k8s://ns/a/b#key",
            "k8s://NS/name#key",
            "k8s://n.s/name#key",
        ] {
            assert!(bad.parse::<Reference>().is_err(), "{bad:?} must be refused");
        }
    }
}
