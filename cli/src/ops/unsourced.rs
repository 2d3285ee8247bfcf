//! Tenants that are live and of which the source says nothing any more.

use std::collections::BTreeSet;

use orz_core::format::Source;
use orz_core::id::TenantName;
use orz_gitops::View as Heads;

use crate::error::CommandError;
use crate::view::count;

/// So many are named.
const SHOWN: usize = 3;

/// What a person should know when a whole source was published: who was made live from it before, is not on the way
/// out, and is not among `compiled`. They stay as they are; nothing deletes a tenant but to retire it.
pub(crate) fn note(
    heads: &Heads,
    compiled: &BTreeSet<TenantName>,
    source: &Source,
) -> Result<Option<String>, CommandError> {
    let mut unsourced = Vec::new();
    for tenant in heads.tenants()? {
        if compiled.contains(&tenant) || tenant.is_platform() {
            continue;
        }
        let files = heads.pointers_of(&tenant)?;
        let ours = files.iter().filter_map(|file| file.valid()).any(|stored| {
            let pointer = &stored.pointer;
            pointer.source.repository == source.repository && !pointer.state.kind.is_leaving()
        });
        if ours {
            unsourced.push(tenant);
        }
    }
    let [first, ..] = unsourced.as_slice() else {
        return Ok(None);
    };
    let named: Vec<String> = unsourced
        .iter()
        .take(SHOWN)
        .map(|tenant| format!("`{tenant}`"))
        .collect();
    let more = if unsourced.len() > SHOWN { ", …" } else { "" };
    let stay = if unsourced.len() == 1 {
        "stays"
    } else {
        "stay"
    };
    Ok(Some(format!(
        "{} without a folder under `tenants/` {stay} live: {}{more}; `orzc retire {first} --reason TEXT` takes it out",
        count(unsourced.len(), "tenant"),
        named.join(", ")
    )))
}
