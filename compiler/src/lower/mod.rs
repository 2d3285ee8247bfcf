//! Lowering: the model becomes objects, one file a section.
//!
//! Each [`crate::sections`] file lowers itself; this module collects what they make.

pub(crate) mod meta;
mod platform;
mod requires;
mod waves;

use std::collections::{BTreeMap, BTreeSet};

use orz_core::Value;
use orz_core::diag::{Diagnostic, Diagnostics, Span};
use orz_core::format::{ClaimKey, Requirement};
use orz_core::id::Part;
use orz_core::object::Object;
use serde::Serialize;

pub(crate) use platform::lower as platform;

use crate::report::Report;
use crate::resolve::Resolved;
use crate::sections;

/// Objects as the sections make them, not yet checked.
#[derive(Debug, Default)]
pub struct Objects {
    pub(crate) drafts: Vec<Draft>,
    pub(crate) requires: BTreeSet<(Part, Requirement)>,
    pub(crate) claims: BTreeMap<ClaimKey, (Part, Span)>,
    diagnostics: Diagnostics,
}

/// An object, the part it belongs to and what in the bundle caused it.
#[derive(Debug)]
pub struct Draft {
    /// The part of the tenant whose release holds it.
    pub part: Part,
    /// The object.
    pub object: Object,
    /// The entry of the bundle that caused the object; `None` for what a tenant has without asking for it.
    pub cause: Option<Span>,
    /// Narrower causes of single fields: JSON pointer inside the object → place in the bundle.
    causes: BTreeMap<String, Span>,
}

impl Objects {
    /// Adds an object: a type of `k8s_openapi`, a struct of the section, or a [`Value`].
    ///
    /// Panics when it does not serialise to a map with `apiVersion`, `kind` and `metadata.name`:
    /// no input can cause that, only a section that forgets one of them.
    pub fn add(
        &mut self,
        part: Part,
        cause: impl Into<Option<Span>>,
        object: &impl Serialize,
    ) -> &mut Draft {
        let value =
            serde_json::to_value(object).expect("objects hold only string keys and finite numbers");
        let object =
            Object::new(value).expect("a section makes objects with apiVersion, kind and name");
        self.drafts.push(Draft {
            part,
            object,
            cause: cause.into(),
            causes: BTreeMap::new(),
        });
        self.drafts.last_mut().expect("one was just pushed")
    }

    /// Says that `part` needs an object of another part to exist first. Within one part it says nothing.
    pub fn require(&mut self, part: Part, requirement: Requirement) {
        if part != requirement.part {
            self.requires.insert((part, requirement));
        }
    }

    /// Claims something for this tenant alone. A second claim of the same thing within the tenant is not
    /// an error here: the section that makes claims decides what may share one.
    pub fn claim(&mut self, part: Part, key: ClaimKey, cause: Span) {
        self.claims.entry(key).or_insert((part, cause));
    }

    /// Reports a warning or a note, for what Kubernetes cannot express (`lossy`).
    pub fn note(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }
}

impl Draft {
    /// Says which place in the bundle caused the field at `pointer`, and all below it.
    pub fn because(&mut self, pointer: impl Into<String>, cause: Span) -> &mut Self {
        self.causes.insert(pointer.into(), cause);
        self
    }

    /// What caused the field at `pointer`: the narrowest known place.
    pub(crate) fn cause_of(&self, pointer: &str) -> Option<Span> {
        let mut prefix = pointer;
        loop {
            if let Some(span) = self.causes.get(prefix) {
                return Some(*span);
            }
            match prefix.rsplit_once('/') {
                Some((parent, _)) => prefix = parent,
                None => return self.cause,
            }
        }
    }

    /// `<manifest>#<pointer>`, as diagnostics name a place in an object.
    pub(crate) fn place(&self, pointer: &str) -> String {
        format!("{}#{pointer}", self.object.file_name())
    }

    /// The tree.
    pub fn value(&self) -> &Value {
        self.object.value()
    }
}

/// Lowers every section of every unit.
pub(crate) fn lower(resolved: &Resolved, report: &mut Report) -> Option<Objects> {
    let mut objects = Objects::default();
    for scope in resolved.scopes() {
        sections::lower_all(&scope, &mut objects);
    }
    requires::derive(&mut objects);
    waves::derive(&mut objects);
    report
        .diagnostics
        .extend(std::mem::take(&mut objects.diagnostics));
    report.pass(objects)
}
