//! Emitting: checked objects become canonical YAML, one object a file.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::emit::yaml;
use orz_core::format::{ClaimKey, ObjectRef, Requirement};
use orz_core::id::{Part, TenantName};

use crate::check::Checked;

/// The manifests of a tenant, with what sealing needs to know of them.
pub(crate) struct Manifests {
    /// Part → file name → the object's reference and bytes. All parts of the tenant are here.
    pub(crate) parts: BTreeMap<Part, BTreeMap<String, (ObjectRef, Vec<u8>)>>,
    pub(crate) requires: BTreeSet<(Part, Requirement)>,
    pub(crate) claims: BTreeSet<(Part, ClaimKey)>,
}

/// Cannot fail: [`Checked`] has proved that file names differ.
pub(crate) fn emit(checked: Checked, tenant: &TenantName) -> Manifests {
    let mut parts: BTreeMap<Part, BTreeMap<_, _>> = tenant
        .parts()
        .iter()
        .map(|part| (*part, BTreeMap::new()))
        .collect();
    let objects = checked.into_objects();
    for draft in objects.drafts {
        let reference = draft.object.reference();
        let bytes = yaml(draft.object.value()).into_bytes();
        parts
            .entry(draft.part)
            .or_default()
            .insert(reference.file.clone(), (reference, bytes));
    }
    let claims = objects
        .claims
        .into_iter()
        .map(|(key, (part, _))| (part, key))
        .collect();
    Manifests {
        parts,
        requires: objects.requires,
        claims,
    }
}
