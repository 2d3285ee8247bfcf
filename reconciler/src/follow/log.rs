//! Structured log lines on standard error: one line for each thing that happened, with what it is about.

use std::io::Write as _;

use orz_core::Value;
use orz_core::id::{Part, ReleaseId, TenantName};
use serde_json::Map;

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// `level=info tenant=acme part=work release=0123456789ab msg="…"`
    #[default]
    Text,
    /// One JSON object a line, with the same keys.
    Json,
}

/// Writes lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct Log {
    /// How.
    pub format: LogFormat,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What happened.
    Info,
    /// What did not work and is tried again.
    Error,
    /// What a person has to look at.
    Alert,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct About<'a> {
    /// The tenant.
    pub tenant: Option<&'a TenantName>,
    /// The part.
    pub part: Option<Part>,
    /// The release, of which the first twelve digits are written.
    pub release: Option<&'a ReleaseId>,
}

impl Log {
    /// Writes one line.
    pub fn line(&self, level: Level, about: About<'_>, message: &str) {
        // Nobody is left to be told when standard error is gone.
        drop(writeln!(
            std::io::stderr(),
            "{}",
            self.render(level, about, message)
        ));
    }

    fn render(self, level: Level, about: About<'_>, message: &str) -> String {
        let level = match level {
            Level::Info => "info",
            Level::Error => "error",
            Level::Alert => "alert",
        };
        let fields = [
            ("level", Some(level.to_owned())),
            ("tenant", about.tenant.map(ToString::to_string)),
            ("part", about.part.map(|part| part.to_string())),
            (
                "release",
                about
                    .release
                    .map(|release| release.as_str()[..12].to_owned()),
            ),
            ("msg", Some(message.to_owned())),
        ];
        let fields = fields
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        match self.format {
            LogFormat::Text => fields
                .map(|(key, value)| format!("{key}={}", quoted(&value)))
                .collect::<Vec<_>>()
                .join(" "),
            LogFormat::Json => {
                let map: Map<String, Value> = fields
                    .map(|(key, value)| (key.to_owned(), Value::from(value)))
                    .collect();
                Value::Object(map).to_string()
            }
        }
    }
}

/// As it is when it is one plain word, else as a JSON string, which keeps it on one line.
fn quoted(value: &str) -> String {
    let plain = !value.is_empty()
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._/:".contains(&b));
    if plain {
        value.to_owned()
    } else {
        Value::from(value).to_string()
    }
}

/// A message as one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        let (tenant, release) = (
            "acme".parse().expect("valid"),
            "0123456789abcdef0123456789abcdef01234567"
                .parse()
                .expect("valid"),
        );
        let about = About {
            tenant: Some(&tenant),
            part: Some(Part::Work),
            release: Some(&release),
        };
        let say = |format, about| Log { format }.render(Level::Alert, about, "a \"b\"\nc=d");
        assert_eq!(
            say(LogFormat::Text, about),
            r#"level=alert tenant=acme part=work release=0123456789ab msg="a \"b\"\nc=d""#
        );
        assert_eq!(
            say(LogFormat::Text, About::default()),
            r#"level=alert msg="a \"b\"\nc=d""#
        );
        let json: Value =
            serde_json::from_str(&say(LogFormat::Json, about)).expect("one JSON object");
        assert_eq!(json["release"], "0123456789ab");
        assert_eq!(json["msg"], "a \"b\"\nc=d");
    }
}
