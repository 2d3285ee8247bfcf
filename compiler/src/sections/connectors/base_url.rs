//! The address of an outside system, and which addresses nobody may name.

use orz_core::diag::{Code, Diagnostic, Span, codes};

use crate::platform::Platform;

/// Ports of mail servers: what leaves them is spam sooner or later.
const MAIL_PORTS: &[u16] = &[25, 465, 587, 2525];

/// `https://host[:port][/path]`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BaseUrl {
    /// Lower case, without a final dot.
    pub(super) host: String,
    pub(super) port: u16,
    /// Empty, or `/…` without a final `/`.
    pub(super) path: String,
}

/// Why an address is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    code: &'static Code,
    message: String,
    help: String,
    /// Whether the address may hold a password.
    secret: bool,
}

impl Refused {
    fn invalid(message: &str, help: &str) -> Self {
        Self {
            code: &codes::section::BASE_URL_INVALID,
            message: message.to_owned(),
            help: help.to_owned(),
            secret: false,
        }
    }

    fn forbidden(message: String) -> Self {
        let help = "use the public name of the host; apps of one tenant call each other without a connector";
        Self {
            code: &codes::section::HOSTNAME_FORBIDDEN,
            message,
            help: help.to_owned(),
            secret: false,
        }
    }

    pub(super) fn into_diagnostic(self, span: Span) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.code, span, self.message)
            .label("refused")
            .help(self.help);
        if self.secret {
            diagnostic.mask()
        } else {
            diagnostic
        }
    }
}

impl BaseUrl {
    /// Takes an address apart. What the messages quote is never a part that could hold a password.
    pub(super) fn parse(text: &str) -> Result<Self, Refused> {
        // What stands behind a colon and is no port may be a password whose `@` was forgotten.
        let tail = text.rsplit(':').next().unwrap_or_default();
        let port = tail.split('/').next().unwrap_or_default();
        let secret = text.contains(['@', '?', '#'])
            || !(tail.starts_with("//") || port.bytes().all(|b| b.is_ascii_digit()));
        Self::take_apart(text).map_err(|refused| Refused { secret, ..refused })
    }

    fn take_apart(text: &str) -> Result<Self, Refused> {
        let help = "write `https://`, the host, and optionally a port and a path: `https://api.example.com/v1`";
        let invalid = |message| Refused::invalid(message, help);
        let rest = text
            .strip_prefix("https://")
            .ok_or_else(|| invalid("a base URL begins with `https://`"))?;
        if rest.contains(['?', '#']) {
            return Err(invalid("a base URL has no query and no fragment"));
        }
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(Refused::invalid(
                "a base URL holds no user and no password",
                "keep the password where the platform keeps secrets, and name it as `secret_ref`",
            ));
        }
        if authority.starts_with('[') {
            return Err(Refused::forbidden(
                "an address is not a public host name".to_owned(),
            ));
        }
        let (host, port) = match authority.split_once(':') {
            None => (authority, 443),
            Some((host, port)) => {
                let number = port
                    .parse::<u16>()
                    .ok()
                    .filter(|n| *n > 0 && n.to_string() == port);
                (
                    host,
                    number.ok_or_else(|| invalid("the port is not a number from 1 to 65535"))?,
                )
            }
        };
        if MAIL_PORTS.contains(&port) {
            return Err(Refused::invalid(
                "ports of mail servers are closed to connectors",
                "send mail through a service with an HTTPS interface",
            ));
        }
        if host.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(invalid("a host name is written in lower case"));
        }
        if !host.is_ascii() {
            return Err(invalid(
                "a host name with other letters than a to z is written in its `xn--` form",
            ));
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            path: path_of(path).ok_or_else(|| Refused::invalid(
                "the path is not a plain path",
                "a path is letters, digits, `.`, `_`, `~` and `-` between `/`, without `.` and `..`: `/v1`",
            ))?,
        })
    }

    /// Refuses hosts that are not public names.
    pub(super) fn check(self, platform: &Platform) -> Result<Self, Refused> {
        let host = self.host.as_str();
        let labels: Vec<&str> = host.split('.').collect();
        // The forms in which programs read an IPv4 address: `127.1`, `0x7f000001`, `2130706433`.
        let last = labels.last().copied().unwrap_or_default();
        let hex = last
            .strip_prefix("0x")
            .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        if !last.is_empty() && (hex || last.bytes().all(|b| b.is_ascii_digit())) {
            return Err(Refused::forbidden(format!(
                "`{host}` is an address, not a public host name"
            )));
        }
        if let Some(reason) = platform.egress_forbidden(host) {
            return Err(Refused::forbidden(format!(
                "`{host}` cannot be reached by a connector: {reason}"
            )));
        }
        let label = |label: &&str| {
            let legal = label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            !label.is_empty()
                && label.len() <= 63
                && legal
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if host.len() > 253 || !labels.iter().all(label) {
            return Err(Refused::invalid(
                &format!("`{}` is not a host name", host.escape_debug()),
                "a host name is labels of letters, digits and `-`, joined by `.`, without a final `.`",
            ));
        }
        // `<service>.<namespace>` is a Service, and many namespaces have such names.
        if !last.starts_with("xn--") && !last.bytes().all(|b| b.is_ascii_lowercase()) {
            return Err(Refused::forbidden(format!(
                "`{host}` ends in no top-level domain, so it is a name inside a network"
            )));
        }
        if labels.len() < 2 {
            return Err(Refused::forbidden(format!(
                "`{host}` is a name inside a network, not a public host name"
            )));
        }
        Ok(self)
    }
}

/// The path without a final `/`, or `None` if it could mean another one to its reader.
fn path_of(path: &str) -> Option<String> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let legal = path
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"/._~-".contains(&b));
    let plain = path
        .split('/')
        .skip(1)
        .all(|segment| !matches!(segment, "" | "." | ".."));
    (legal && plain && path.len() <= 500).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn addresses_are_public_names_over_https() {
        let platform = Platform::load(&BTreeMap::new())
            .value
            .expect("what ships is valid");
        let read = |text: &str| BaseUrl::parse(text).and_then(|url| url.check(&platform));
        for (text, host, port, path) in [
            ("https://api.stripe.com", "api.stripe.com", 443, ""),
            ("https://api.stripe.com/", "api.stripe.com", 443, ""),
            (
                "https://api.example.com:8443/v1/",
                "api.example.com",
                8443,
                "/v1",
            ),
            (
                "https://xn--bcher-kva.example",
                "xn--bcher-kva.example",
                443,
                "",
            ),
            (
                "https://1.example.com/a.b/~c",
                "1.example.com",
                443,
                "/a.b/~c",
            ),
        ] {
            let expected = BaseUrl {
                host: host.to_owned(),
                port,
                path: path.to_owned(),
            };
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        for bad in [
            "",
            "http://api.example.com",
            "HTTPS://api.example.com",
            "https://",
            "https:///path",
            "//api.example.com",
            "https://user:pass@api.example.com",
            "https://api.example.com@evil.org",
            "https://api.example.com?x=1",
            "https://api.example.com#f",
            "https://api.example.com:0",
            "https://api.example.com:99999",
            "https://api.example.com:25",
            "https://api.example.com:+443",
            "https://API.example.com",
            "https://bücher.example",
            "https://api..example.com",
            "https://api.example.com.",
            "https://-a.example.com",
            "https://a_b.example.com",
            "https://api.example.com/a/../b",
            "https://api.example.com//a",
            "https://api.example.com/%2e%2e",
            "https://api.example.com/a b",
            "https://api.example.com\\@evil.org",
            "https://127.0.0.1",
            "https://127.1",
            "https://2130706433",
            "https://0x7f000001",
            "https://0x7f.1",
            "https://[::1]",
            "https://169.254.169.254/latest",
            "https://localhost",
            "https://a.localhost",
            "https://kubernetes.default.svc",
            "https://db.acme.svc.cluster.local",
            "https://printer.local",
            "https://metadata.google.internal",
            "https://10.0.0.1.nip.io",
            "https://intranet",
            "https://x.home.arpa",
            "https://kubernetes.default",
            "https://server.argocd",
            "https://grafana.monitoring",
            "https://web.acme--shop",
            "https://web.acme-dev",
            "https://web.acme2",
        ] {
            assert!(read(bad).is_err(), "{bad:?} must be refused");
        }
    }
}
