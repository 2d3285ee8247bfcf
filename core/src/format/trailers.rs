//! Commit messages on `main` and `releases`: a subject and trailers that tell who did what, and why.

use std::fmt;

/// What a commit did, as its `Orz-Action` trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The first commit of a repository.
    Init,
    /// Releases were added to the index.
    Publish,
    /// A pointer moved to a release.
    Activate,
    /// A pointer moved to an older release.
    Rollback,
    /// A pointer was held.
    Hold,
    /// A hold was released.
    ReleaseHold,
    /// The reconciler moved a pointer back because the release did not become healthy.
    AutoRollback,
    /// A part no longer follows its pointer automatically.
    Freeze,
    /// A part follows its pointer again.
    Thaw,
    /// A tenant is on its way out.
    Retire,
    /// Durable objects of a tenant may be deleted.
    Destroy,
    /// The reconciler took a pointer away because nothing of the part is left.
    Remove,
    /// The reconciler gave back claims whose objects are gone.
    ReleaseClaims,
    /// The reconciler ended an automatic hold because a release that came after it was verified.
    EndHold,
    /// The brake of a cluster was set.
    Brake,
    /// The brake of a cluster was lifted.
    Resume,
}

impl Action {
    const ALL: [Self; 16] = [
        Self::Init,
        Self::Publish,
        Self::Activate,
        Self::Rollback,
        Self::Hold,
        Self::ReleaseHold,
        Self::AutoRollback,
        Self::Freeze,
        Self::Thaw,
        Self::Retire,
        Self::Destroy,
        Self::Remove,
        Self::ReleaseClaims,
        Self::EndHold,
        Self::Brake,
        Self::Resume,
    ];

    /// The action as it stands in the trailer.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Publish => "publish",
            Self::Activate => "activate",
            Self::Rollback => "rollback",
            Self::Hold => "hold",
            Self::ReleaseHold => "release-hold",
            Self::AutoRollback => "auto-rollback",
            Self::Freeze => "freeze",
            Self::Thaw => "thaw",
            Self::Retire => "retire",
            Self::Destroy => "destroy",
            Self::Remove => "remove",
            Self::ReleaseClaims => "release-claims",
            Self::EndHold => "end-hold",
            Self::Brake => "brake",
            Self::Resume => "resume",
        }
    }

    /// Whether the reconciler does this by itself; everything else was asked for by somebody.
    pub const fn is_automatic(self) -> bool {
        matches!(
            self,
            Self::AutoRollback | Self::Remove | Self::ReleaseClaims | Self::EndHold | Self::Brake
        )
    }
}

/// The trailers of a commit that we wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trailers {
    /// `Orz-Action`; absent on a commit that orz did not write, such as a plain `git revert`.
    pub action: Option<Action>,
    /// `Orz-Reason`.
    pub reason: Option<String>,
    /// `Orz-Actor`: who asked for it.
    pub actor: Option<String>,
    /// `Orz-Request-Id`: the caller's own id of the request.
    pub request_id: Option<String>,
    /// `Orz-Object`, `Orz-Message`, `Orz-Detail`: what made the reconciler move a pointer.
    pub cause: Option<Cause>,
}

/// Why the reconciler moved a pointer, in Kubernetes' own words; never a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The failing object: `Deployment acme/web`.
    pub object: String,
    /// What is wrong with it.
    pub message: String,
    /// The last lines that Kubernetes gives about it: a pod's waiting reason, an event.
    pub details: Vec<String>,
}

/// A value that cannot be a trailer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrailerError {
    /// A trailer is one line; a line break or another control character would forge others.
    #[error("the {field} holds a control character; it must be one line of text")]
    Control {
        /// `reason`, `actor` or `request id`.
        field: &'static str,
    },
    /// Nothing to say.
    #[error("the {field} is empty")]
    Empty {
        /// `reason`, `actor` or `request id`.
        field: &'static str,
    },
    /// Longer than anyone reads.
    #[error("the {field} is longer than {MAX} bytes")]
    TooLong {
        /// `reason`, `actor` or `request id`.
        field: &'static str,
    },
}

const MAX: usize = 1_000;
/// How many lines of what Kubernetes said are kept.
const DETAILS_MAX: usize = 5;

impl Trailers {
    /// Trailers of an action, each value checked to be one non-empty line without control characters.
    pub fn new(
        action: Action,
        reason: Option<&str>,
        actor: &str,
        request_id: Option<&str>,
    ) -> Result<Self, TrailerError> {
        Ok(Self {
            action: Some(action),
            reason: reason.map(|r| line("reason", r)).transpose()?,
            actor: Some(line("actor", actor)?),
            request_id: request_id.map(|r| line("request id", r)).transpose()?,
            cause: None,
        })
    }

    /// Adds why the reconciler acts. What a cluster says is not ours to choose, so it is made one line of
    /// harmless characters and cut, rather than refused.
    #[must_use]
    pub fn because(mut self, cause: &Cause) -> Self {
        self.cause = Some(Cause {
            object: tame(&cause.object),
            message: tame(&cause.message),
            details: cause
                .details
                .iter()
                .take(DETAILS_MAX)
                .map(|d| tame(d))
                .collect(),
        });
        self
    }

    /// The whole commit message: subject, blank line, trailers.
    pub fn message(&self, subject: &str) -> String {
        format!("{subject}\n\n{self}")
    }

    /// Reads the trailers from the last paragraph of a commit message; unknown ones are ignored.
    pub fn parse(message: &str) -> Self {
        let last = message.trim_end().rsplit("\n\n").next().unwrap_or_default();
        let find = |key: &str| {
            last.lines().find_map(|l| {
                l.strip_prefix(key)?
                    .strip_prefix(": ")
                    .map(|v| v.trim().to_owned())
            })
        };
        let details = last.lines().filter_map(|l| l.strip_prefix("Orz-Detail: "));
        let details: Vec<String> = details.map(|d| d.trim().to_owned()).collect();
        let cause = find("Orz-Object").map(|object| Cause {
            object,
            message: find("Orz-Message").unwrap_or_default(),
            details,
        });
        Self {
            cause,
            action: find("Orz-Action")
                .and_then(|a| Action::ALL.into_iter().find(|x| x.as_str() == a)),
            reason: find("Orz-Reason"),
            actor: find("Orz-Actor"),
            request_id: find("Orz-Request-Id"),
        }
    }
}

impl fmt::Display for Trailers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("Orz-Action", self.action.map(Action::as_str)),
            ("Orz-Reason", self.reason.as_deref()),
            ("Orz-Actor", self.actor.as_deref()),
            ("Orz-Request-Id", self.request_id.as_deref()),
        ];
        for (key, value) in rows {
            if let Some(value) = value {
                writeln!(f, "{key}: {value}")?;
            }
        }
        if let Some(cause) = &self.cause {
            writeln!(f, "Orz-Object: {}", cause.object)?;
            writeln!(f, "Orz-Message: {}", cause.message)?;
            for detail in &cause.details {
                writeln!(f, "Orz-Detail: {detail}")?;
            }
        }
        Ok(())
    }
}

/// One line of what somebody else said.
fn tame(text: &str) -> String {
    let one_line = text.chars().map(|c| match c {
        c if c.is_control() || c == '\u{2028}' || c == '\u{2029}' => ' ',
        c => c,
    });
    let text: String = one_line.collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(MAX / 2).collect()
}

fn line(field: &'static str, text: &str) -> Result<String, TrailerError> {
    // Surrounding blanks are trimmed, so that what is read back equals what was written.
    let text = text.trim();
    if text.is_empty() {
        return Err(TrailerError::Empty { field });
    }
    if text.len() > MAX {
        return Err(TrailerError::TooLong { field });
    }
    // U+2028 and U+2029 are no control characters, but some readers break lines at them.
    if text
        .chars()
        .any(|c| c.is_control() || c == '\u{2028}' || c == '\u{2029}')
    {
        return Err(TrailerError::Control { field });
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let trailers = Trailers::new(
            Action::Rollback,
            Some("checkout is broken"),
            "Ann <ann@example.com>",
            Some("42"),
        )
        .expect("valid");
        let message = trailers.message("rollback acme/work: 0123 -> 4567");
        assert_eq!(
            message,
            "rollback acme/work: 0123 -> 4567\n\nOrz-Action: rollback\nOrz-Reason: checkout is broken\n\
             Orz-Actor: Ann <ann@example.com>\nOrz-Request-Id: 42\n"
        );
        assert_eq!(Trailers::parse(&message), trailers);
    }

    #[test]
    fn a_reason_cannot_forge_another_trailer() {
        for forged in [
            "x\nOrz-Actor: root",
            "x\r\ny",
            "x\u{2028}y",
            "\u{1b}[31mred",
            "x\0",
        ] {
            assert_eq!(
                Trailers::new(Action::Activate, Some(forged), "a", None),
                Err(TrailerError::Control { field: "reason" })
            );
        }
        assert_eq!(
            Trailers::new(Action::Activate, None, " ", None),
            Err(TrailerError::Empty { field: "actor" })
        );
    }

    #[test]
    fn a_commit_of_somebody_else_has_no_action() {
        let parsed =
            Trailers::parse("Revert \"activate acme/work\"\n\nThis reverts commit 0123.\n");
        assert_eq!(
            parsed,
            Trailers {
                action: None,
                reason: None,
                actor: None,
                request_id: None,
                cause: None
            }
        );
    }

    #[test]
    fn a_cause_is_kept_and_tamed() {
        let cause = Cause {
            object: "Deployment acme/web".to_owned(),
            message: "exceeded its deadline\nOrz-Actor: root".to_owned(),
            details: vec![
                "pod web-1: ImagePullBackOff".to_owned(),
                "\u{1b}[31mred".to_owned(),
            ],
        };
        let trailers = Trailers::new(
            Action::AutoRollback,
            Some("not healthy"),
            "orz-reconciler",
            None,
        )
        .expect("valid")
        .because(&cause);
        let parsed = Trailers::parse(&trailers.message("rollback acme/work"));
        assert_eq!(parsed, trailers);
        assert_eq!(parsed.actor.as_deref(), Some("orz-reconciler"));
        let kept = parsed.cause.expect("a cause");
        assert_eq!(kept.message, "exceeded its deadline Orz-Actor: root");
        assert_eq!(kept.details, ["pod web-1: ImagePullBackOff", "[31mred"]);
    }
}
