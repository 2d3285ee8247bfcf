//! The structural checks: what objects can be wrong about, whatever section made them.
//!
//! One file a check. Each looks at one object and reports all that it finds, with the path in the manifest
//! and the place in the bundle that caused it. Only what passed all of them can be emitted.

mod names;
mod placement;
mod pods;
mod secrets;
mod size;
mod total;

use std::collections::BTreeMap;

use orz_core::diag::{Code, Diagnostic, Diagnostics, codes};
use orz_core::id::{Part, TenantName};
use orz_core::object::ObjectKey;

use crate::lower::{Draft, Objects};
use crate::report::Report;
use crate::resolve::Resolved;

/// Objects that passed every check. Only this module makes one, so nothing else can be emitted.
pub(crate) struct Checked(Objects);

impl Checked {
    pub(crate) fn into_objects(self) -> Objects {
        self.0
    }
}

/// One object under check, and where its problems go.
struct Check<'a> {
    draft: &'a Draft,
    tenant: &'a TenantName,
    problems: &'a mut Diagnostics,
}

impl Check<'_> {
    /// Reports a problem with the field at `pointer`.
    fn report(&mut self, code: &'static Code, pointer: &str, message: impl Into<String>) {
        self.problems.push(
            Diagnostic::error(code, self.draft.cause_of(pointer), message)
                .label("caused by this")
                .object(self.draft.place(pointer)),
        );
    }
}

pub(crate) fn check(objects: Objects, resolved: &Resolved, report: &mut Report) -> Option<Checked> {
    let problems = &mut report.diagnostics;
    check_objects(&objects, resolved.tenant(), problems);
    let (plan_name, plan) = resolved.plan();
    total::check(&objects.drafts, plan_name, &plan.max, problems);
    report.pass(Checked(objects))
}

/// The same for the platform's own objects, of which no plan says how many there may be.
pub(crate) fn check_platform(
    objects: Objects,
    tenant: &TenantName,
    report: &mut Report,
) -> Option<Checked> {
    check_objects(&objects, tenant, &mut report.diagnostics);
    report.pass(Checked(objects))
}

fn check_objects(objects: &Objects, tenant: &TenantName, problems: &mut Diagnostics) {
    for draft in &objects.drafts {
        let mut check = Check {
            draft,
            tenant,
            problems,
        };
        placement::check(&mut check);
        names::check(&mut check);
        secrets::check(&mut check);
        pods::check(&mut check);
        size::check(&mut check);
    }
    duplicates(&objects.drafts, problems);
}

/// No object twice, in one part or in two: one would overwrite the other.
fn duplicates(drafts: &[Draft], problems: &mut Diagnostics) {
    let mut seen: BTreeMap<ObjectKey, &Draft> = BTreeMap::new();
    for draft in drafts {
        let key = draft.object.key();
        if let Some(first) = seen.get(&key) {
            let (blamed, other) = blame(first, draft);
            let mut diagnostic = Diagnostic::error(
                &codes::object::DUPLICATE_OBJECT,
                blamed.cause,
                format!("two entries make {key}"),
            )
            .label("makes it again")
            .object(blamed.place(""))
            .help("rename one of the entries");
            if let Some(span) = other.cause {
                diagnostic = diagnostic.related(span, "makes it too");
            }
            problems.push(diagnostic);
        } else {
            seen.insert(key, draft);
        }
    }
}

/// Which of two drafts of one object is to blame: what a tenant has without asking for it cannot be renamed.
fn blame<'a>(first: &'a Draft, second: &'a Draft) -> (&'a Draft, &'a Draft) {
    let given = |draft: &Draft| draft.part == Part::Tenancy || draft.cause.is_none();
    if given(second) && !given(first) {
        (first, second)
    } else {
        (second, first)
    }
}

#[cfg(test)]
mod tests;
