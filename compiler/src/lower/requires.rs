//! What every object needs of other parts, whatever section made it.

use orz_core::Value;
use orz_core::format::Requirement;
use orz_core::id::Part;

use super::{Draft, Objects};

/// Adds to what sections required themselves: an object needs its Namespace, a pod its volumes.
pub(super) fn derive(objects: &mut Objects) {
    for draft in &objects.drafts {
        let needed = namespace(draft).into_iter().chain(volumes(draft));
        let needed = needed.filter(|requirement| requirement.part != draft.part);
        objects
            .requires
            .extend(needed.map(|requirement| (draft.part, requirement)));
    }
}

fn namespace(draft: &Draft) -> Option<Requirement> {
    let name = draft.object.namespace()?.to_owned();
    Some(Requirement {
        part: Part::Tenancy,
        group: String::new(),
        kind: "Namespace".to_owned(),
        namespace: None,
        name,
    })
}

fn volumes(draft: &Draft) -> impl Iterator<Item = Requirement> {
    let volumes = draft
        .object
        .at(&["spec", "template", "spec", "volumes"])
        .and_then(Value::as_array);
    volumes.into_iter().flatten().filter_map(|volume| {
        let name = volume
            .pointer("/persistentVolumeClaim/claimName")?
            .as_str()?
            .to_owned();
        Some(Requirement {
            part: Part::Data,
            group: String::new(),
            kind: "PersistentVolumeClaim".to_owned(),
            namespace: draft.object.namespace().map(str::to_owned),
            name,
        })
    })
}
