//! What a plan's id and the digest of inputs are made of.

use sha2::{Digest as _, Sha256};

use super::PartPlan;
use crate::format::Inputs;
use crate::id::{Digest, hex};

/// SHA-256 over everything that was read to compile a part.
///
/// The texts are: the supplied time (empty without one), then for each file, in the order of the
/// record, its path and its SHA-256 in lower-case hex. Each text is written as its length in bytes,
/// an unsigned 64-bit big-endian number, and its bytes.
pub fn inputs_digest(inputs: &Inputs) -> Digest {
    let at = inputs.at.as_deref().unwrap_or_default();
    let files = inputs
        .files
        .iter()
        .flat_map(|file| [file.path.as_str(), file.sha256.as_str()]);
    of_texts(std::iter::once(at).chain(files))
}

/// The id of a plan, see [`super::Plan::id`].
pub(super) fn plan_id(parts: &[PartPlan]) -> Digest {
    let mut parts: Vec<[&str; 7]> = parts
        .iter()
        .map(|p| {
            [
                p.tenant.as_str(),
                p.part.as_str(),
                p.inputs.as_str(),
                p.compiler.as_str(),
                p.policies.as_str(),
                p.base.as_ref().map_or("", |base| base.pointer.as_str()),
                p.result.as_str(),
            ]
        })
        .collect();
    parts.sort_unstable();
    of_texts(parts.into_iter().flatten())
}

fn of_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Digest {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    hex(&hasher.finalize())
        .parse()
        .expect("SHA-256 is 64 hex digits")
}
