//! What becomes of the objects of a tenant on its way out, told from the GitOps repository alone.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::format::{Phase, Pointer, Release, Status};
use orz_core::id::{ClusterName, Part, ReleaseId, TenantName};
use orz_core::object::ObjectKey;
use orz_gitops::{HistoryItem, Repo, StoredPointer, View};
use orz_reconciler::follow::{LEAVING_ORDER, Stays, stays};

use crate::error::CommandError;

/// One part on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Parting {
    /// Its pointer.
    pub(crate) pointer: Pointer,
    /// What retiring removes, in the order of the release.
    pub(crate) goes: Vec<ObjectKey>,
    /// What retiring leaves; sorted, what is durable first.
    pub(crate) stays: Vec<Staying>,
    /// Whether the reconciler says that nothing else is left.
    pub(crate) gone: bool,
}

/// Whether what a reconciler published says that nothing of a part is left but what stays when it is retired.
pub(crate) fn is_gone(pointer: &Pointer, status: &Status) -> bool {
    let said = status.reason.as_deref().unwrap_or_default();
    status.release.as_ref() == Some(&pointer.release)
        && status.phase == Phase::Retiring
        && said.starts_with("nothing is left")
}

/// An object that only `orzc destroy` removes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Staying {
    /// Why it stays.
    pub(crate) why: Stays,
    /// Whether only an earlier release has it: it was kept when that release was left, and may be gone by now.
    pub(crate) earlier: bool,
    /// The object.
    pub(crate) key: ObjectKey,
}

/// The parts of a tenant on one cluster, in the order in which they go.
///
/// Durable objects of releases that were live before are still there.
pub(crate) fn partings(
    repo: &Repo,
    tenant: &TenantName,
    cluster: Option<&ClusterName>,
) -> Result<Vec<Parting>, CommandError> {
    let history = repo.history(tenant, None)?;
    let statuses = repo.published_status_of(tenant)?.statuses;
    let heads = repo.view()?;
    let mut pointers = heads.pointers_on(tenant, cluster)?;
    let place = |part: Part| LEAVING_ORDER.iter().position(|other| *other == part);
    pointers.sort_by_key(|stored| place(stored.pointer.part));
    pointers
        .into_iter()
        .map(|stored| {
            let pointer = &stored.pointer;
            let gone = statuses.iter().any(|status| {
                status.part == pointer.part
                    && status.cluster == pointer.cluster
                    && is_gone(pointer, status)
            });
            let parting = parting(&heads, stored, &history)?;
            Ok(Parting { gone, ..parting })
        })
        .collect()
}

fn parting(
    heads: &View,
    stored: StoredPointer,
    history: &[HistoryItem],
) -> Result<Parting, CommandError> {
    let pointer = stored.pointer;
    let entries: BTreeMap<ReleaseId, Release> = heads
        .entries(&pointer.tenant, pointer.part)?
        .into_iter()
        .map(|entry| (entry.release.clone(), entry))
        .collect();
    let Some(live) = entries.get(&pointer.release) else {
        return Err(CommandError::input(format!(
            "nobody can say what `{}/{}` consists of: its release `{}` is not on the index",
            pointer.tenant, pointer.part, pointer.release
        ))
        .help("`orzc verify` lists everything that is wrong"));
    };
    let (mut goes, mut staying) = (Vec::new(), BTreeSet::new());
    for key in live.objects.iter().map(ObjectKey::from) {
        match stays(&key) {
            Some(why) => drop(staying.insert(Staying {
                why,
                earlier: false,
                key,
            })),
            None => goes.push(key),
        }
    }
    let was_live = |release: &ReleaseId| {
        let of_pointer =
            |item: &&HistoryItem| item.part == pointer.part && item.cluster == pointer.cluster;
        history
            .iter()
            .filter(of_pointer)
            .any(|item| item.from.as_ref() == Some(release) || item.to.as_ref() == Some(release))
    };
    for (_, entry) in entries.iter().filter(|(release, _)| was_live(release)) {
        for key in entry.objects.iter().map(ObjectKey::from) {
            let known = staying.iter().any(|known| known.key == key);
            if stays(&key) == Some(Stays::Durable) && !known {
                staying.insert(Staying {
                    why: Stays::Durable,
                    earlier: true,
                    key,
                });
            }
        }
    }
    Ok(Parting {
        pointer,
        goes,
        stays: staying.into_iter().collect(),
        gone: false,
    })
}

impl Staying {
    /// Why it stays, in a few words.
    pub(crate) const fn words(&self) -> &'static str {
        match (self.why, self.earlier) {
            (Stays::Durable, false) => "durable",
            (Stays::Durable, true) => "durable, kept from an earlier release",
            (Stays::Guard, _) => "guards its namespace",
        }
    }

    /// The same for programs.
    pub(crate) const fn word(&self) -> &'static str {
        match self.why {
            Stays::Durable => "durable",
            Stays::Guard => "guard",
        }
    }
}
