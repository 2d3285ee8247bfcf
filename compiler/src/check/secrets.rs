//! No value of a secret in a release: what is in Git stays in Git.

use orz_core::diag::codes;

use super::Check;

pub(super) fn check(check: &mut Check) {
    let object = &check.draft.object;
    if object.kind() != "Secret" || !object.group().is_empty() {
        return;
    }
    for field in ["data", "stringData"] {
        let filled = object
            .value()
            .get(field)
            .and_then(|data| data.as_object())
            .is_some_and(|data| !data.is_empty());
        if filled {
            let message = format!(
                "Secret `{}` has values in `{field}`",
                object.name().escape_debug()
            );
            check.report(
                &codes::object::SECRET_WITH_DATA,
                &format!("/{field}"),
                message,
            );
        }
    }
}
