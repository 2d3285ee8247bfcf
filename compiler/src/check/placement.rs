//! Kind, part and namespace: the one table that everything which acts on a release checks again.

use orz_core::diag::codes;
use orz_core::kinds::{NotAllowed, allowed_object};

use super::Check;

pub(super) fn check(check: &mut Check) {
    let draft = check.draft;
    let Err(error) = allowed_object(draft.part, check.tenant, &draft.object) else {
        return;
    };
    let (code, pointer) = match error {
        NotAllowed::ForeignNamespace { .. }
        | NotAllowed::NoNamespace { .. }
        | NotAllowed::ClusterScoped { .. } => {
            (&codes::object::FOREIGN_NAMESPACE, "/metadata/namespace")
        }
        NotAllowed::SecretsName { .. } => (&codes::object::FOREIGN_NAMESPACE, "/metadata/name"),
        _ => (&codes::object::KIND_NOT_ALLOWED, ""),
    };
    check.report(code, pointer, error.to_string());
}
