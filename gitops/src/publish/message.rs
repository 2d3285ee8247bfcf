//! The commits of a publish, and what they say.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::format::{self, Trailers};
use orz_core::id::TenantName;
use orz_core::paths;

use super::{PointerMove, PublishedItem};
use crate::moves;
use crate::release::Built;
use crate::transaction::IndexCommit;

/// The commits on `releases` that add these releases, each with as many as one may carry.
pub(super) fn index_commits(
    fresh: &[&Built],
    parents_max: usize,
    trailers: &Trailers,
) -> Vec<IndexCommit> {
    fresh
        .chunks(parents_max)
        .map(|chunk| {
            let mut files = BTreeMap::new();
            for built in chunk {
                let path = paths::index_entry(&built.entry.tenant, built.entry.part, &built.id);
                files.insert(path, format::to_bytes(&built.entry));
                for (digest, bytes) in built.inputs() {
                    files.insert(paths::input(digest), bytes.to_vec());
                }
            }
            let releases = chunk.iter().map(|built| built.commit).collect();
            let lines: Vec<String> = chunk
                .iter()
                .map(|built| {
                    format!(
                        "{}/{} {}",
                        built.entry.tenant,
                        built.entry.part,
                        moves::short(&built.id)
                    )
                })
                .collect();
            let message = match lines.as_slice() {
                [line] => trailers.message(&format!("publish {line}")),
                lines => trailers.message(&format!(
                    "publish {} releases\n\n{}",
                    lines.len(),
                    moves::body(lines)
                )),
            };
            IndexCommit {
                releases,
                files,
                message,
            }
        })
        .collect()
}

/// What the commit on `main` says.
pub(super) fn main_message(items: &[PublishedItem], trailers: &Trailers) -> String {
    let lines: Vec<String> = items
        .iter()
        .filter_map(|item| {
            let from = match &item.pointer {
                PointerMove::Created => None,
                PointerMove::Moved { from, .. } => Some(from),
                _ => return None,
            };
            Some(format!(
                "{}/{}: {}",
                item.tenant,
                item.part,
                moves::arrow(from, &item.release)
            ))
        })
        .collect();
    match lines.as_slice() {
        [] => trailers.message(&of_unmoved(items)),
        [line] => trailers.message(&format!("activate {line}")),
        lines => {
            let tenants: BTreeSet<&TenantName> = items.iter().map(|item| &item.tenant).collect();
            let of = match tenants.first() {
                Some(tenant) if tenants.len() == 1 => format!("{} parts of {tenant}", lines.len()),
                _ => format!("{} pointers of {} tenants", lines.len(), tenants.len()),
            };
            trailers.message(&format!("activate {of}\n\n{}", moves::body(lines)))
        }
    }
}

/// What is said where no pointer names another release.
fn of_unmoved(items: &[PublishedItem]) -> String {
    let confirmed: Vec<String> = items
        .iter()
        .filter_map(|item| match &item.pointer {
            PointerMove::Confirmed { to, .. } => Some(format!(
                "{}/{}: {} as of source {}",
                item.tenant,
                item.part,
                moves::short(&item.release),
                &to.as_str()[..12]
            )),
            _ => None,
        })
        .collect();
    match confirmed.as_slice() {
        [] => "activate: take lost claims again".to_owned(),
        [line] => format!("activate {line}"),
        lines => format!(
            "activate: {} pointers unchanged as of a newer source\n\n{}",
            lines.len(),
            moves::body(lines)
        ),
    }
}
