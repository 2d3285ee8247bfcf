//! Diagnostics: what is wrong, where, why, and what to do about it.
//!
//! A diagnostic has a stable code ([`codes`]), a fixed short message, the place in the source
//! that caused it, and help that can be acted on. All problems of a stage are reported at once:
//! a stage collects into [`Diagnostics`] and the pipeline stops only between stages.

pub mod codes;
mod excerpt;
mod render;
mod source;

use serde::Serialize;

pub use codes::Code;
pub use render::{RenderOptions, render, to_json};
pub use source::{FileId, Position, SourceFile, Sources, Span};

/// How grave a diagnostic is. Only [`Severity::Error`] stops a compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is emitted while one of these stands.
    Error,
    /// Probably not what was meant; the compile goes on.
    Warning,
    /// Worth knowing: for example what Kubernetes cannot express (`lossy`).
    Note,
}

/// A second place that explains the first one ("first declared here").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub span: Span,
    /// What stands there, in a few words.
    pub label: String,
}

/// One thing that is wrong with the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable, self-explaining code; `orzc explain <code>` tells more.
    pub code: &'static Code,
    /// How grave it is.
    pub severity: Severity,
    /// Lower case, no final period, user's text in backticks.
    pub message: String,
    /// The place that caused it; `None` only when no file is to blame (a missing folder).
    pub span: Option<Span>,
    /// What was expected at the place, shown at the caret.
    pub label: String,
    /// Other places that matter.
    pub related: Vec<Related>,
    /// The manifest and path inside it, for an error found in an object:
    /// `deployment.apps_acme_web.yaml#/spec/replicas`.
    pub object: Option<String>,
    /// What to do, ready to be pasted where possible.
    pub help: Vec<String>,
    /// Whether the text at `span` may be a secret, and so is not shown.
    pub masked: bool,
}

impl Diagnostic {
    /// An error with this code at this place.
    pub fn error(
        code: &'static Code,
        span: impl Into<Option<Span>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span: span.into(),
            label: String::new(),
            related: Vec::new(),
            object: None,
            help: Vec::new(),
            masked: false,
        }
    }

    /// A warning with this code at this place.
    pub fn warning(
        code: &'static Code,
        span: impl Into<Option<Span>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, span, message)
        }
    }

    /// A note with this code at this place.
    pub fn note(
        code: &'static Code,
        span: impl Into<Option<Span>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Note,
            ..Self::error(code, span, message)
        }
    }

    /// Says at the caret what was expected.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds a line of help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Hides the text at the place: it may be a secret, and diagnostics end in logs.
    #[must_use]
    pub fn mask(mut self) -> Self {
        self.masked = true;
        self
    }

    /// Points at a second place.
    #[must_use]
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push(Related {
            span,
            label: label.into(),
        });
        self
    }

    /// Names the manifest and the path inside it.
    #[must_use]
    pub fn object(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }
}

/// A collection of diagnostics in the order in which they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether anything stops the compile.
    pub fn has_errors(&self) -> bool {
        self.iter().any(|d| d.severity == Severity::Error)
    }

    /// Whether there are none at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The diagnostics in their present order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    /// Orders by file, position, severity and code, and drops exact duplicates,
    /// so that the output depends on the input alone.
    pub fn sort(&mut self) {
        self.0.sort_by(|a, b| {
            let key = |d: &Diagnostic| d.span.map(|s| (s.file, s.start, s.end));
            (key(a), a.severity, a.code.name, &a.message).cmp(&(
                key(b),
                b.severity,
                b.code.name,
                &b.message,
            ))
        });
        self.0.dedup();
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(iter: I) -> Self {
        Self(iter.into_iter().collect())
    }
}
