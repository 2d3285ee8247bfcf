//! Emitting: checked objects become canonical YAML, one object a file.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::emit::yaml;
use orz_core::format::{ClaimKey, ObjectRef, Requirement};
use orz_core::id::Part;

use crate::check::Checked;

/// The manifests of a tenant, with what sealing needs to know of them.
pub(crate) struct Manifests {
    /// Part → file name → the object's reference and bytes. All three parts are here.
    pub(crate) parts: BTreeMap<Part, BTreeMap<String, (ObjectRef, Vec<u8>)>>,
    pub(crate) requires: BTreeSet<(Part, Requirement)>,
    pub(crate) claims: BTreeSet<(Part, ClaimKey)>,
}

/// Cannot fail: [`Checked`] has proved that file names differ.
pub(crate) fn emit(checked: Checked) -> Manifests {
    let mut parts: BTreeMap<Part, BTreeMap<_, _>> = Part::OF_TENANT
        .into_iter()
        .map(|part| (part, BTreeMap::new()))
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
