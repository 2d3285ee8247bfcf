//! Publishing: new releases on the index and, if asked, live at once.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::format::{self, Action, Hold, Pointer, State, StateKind, Trailers};
use orz_core::id::{BlobId, ClusterName, CommitId, Part, ReleaseId, TenantName};
use orz_core::paths;

use crate::error::{Error, Result};
use crate::moves::{self, Pending};
use crate::objects::Staging;
use crate::release::{Built, NewRelease};
use crate::transaction::{Draft, IndexCommit, transact};
use crate::view::{StoredPointer, View, object_id};
use crate::{Repo, Request, state, time, trees};

/// What a publish did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// One for each release handed over, sorted by tenant and part.
    pub items: Vec<PublishedItem>,
    /// The new head of `releases`; `None` when every release stood there already.
    pub index_commit: Option<CommitId>,
    /// The new head of `main`; `None` when no pointer or claim changed.
    pub main_commit: Option<CommitId>,
}

/// What became of one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedItem {
    /// The tenant.
    pub tenant: TenantName,
    /// The part.
    pub part: Part,
    /// The cluster.
    pub cluster: ClusterName,
    /// The release.
    pub release: ReleaseId,
    /// Whether the index had no such release before.
    pub new: bool,
    /// What became of the pointer.
    pub pointer: PointerMove,
    /// The state of the pointer now: in a frozen part, what it names waits for the thaw. `live` where there is
    /// no pointer.
    pub state: StateKind,
}

/// What a publish did to a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PointerMove {
    /// It names this release already.
    Unchanged,
    /// It named another release.
    Moved {
        /// The release it named.
        from: ReleaseId,
        /// The release it names now.
        to: ReleaseId,
    },
    /// There was none.
    Created,
    /// A hold kept it where it is.
    Held {
        /// The hold.
        hold: Hold,
        /// The release that stays live.
        live: ReleaseId,
    },
    /// The tenant is on its way out of the cluster, so nothing is activated there; `orzc activate` with
    /// `--override-leaving` calls it back.
    Leaving {
        /// Who retires it, and why.
        state: State,
        /// The release that the pointer names; `None` if this part's pointer is gone already.
        live: Option<ReleaseId>,
    },
    /// Nobody asked for it.
    NotRequested,
    /// The part has no objects and never had a pointer, so there is nothing to publish.
    EmptySkipped,
}

/// Pointers that must still be what they were when something was decided: by tenant, part and cluster,
/// the version that stood there, `None` where there was no pointer.
pub type Expected = BTreeMap<(TenantName, Part, ClusterName), Option<BlobId>>;

/// What a publish does beside publishing.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublishOptions<'a> {
    /// Whether the releases go live in the same step.
    pub activate: bool,
    /// Pointers that must still be what they were.
    pub expected: Option<&'a Expected>,
    /// The most tenants of which pointers may move in this step; `None`: any number.
    pub tenants_max: Option<usize>,
}

impl Repo {
    /// How many tenants may be activated at once without saying so: what so many people feel at the same moment
    /// is looked at tenant by tenant.
    pub const TENANTS_AT_ONCE: usize = 25;

    /// Publishes these releases in one step and, with `activate`, points at them in the same step.
    ///
    /// A release that the index has is not written again, and the first publisher's entry stays.
    /// A held pointer stays and is reported, and so does one of a tenant on its way out; a frozen one moves, and
    /// the cluster follows after the thaw. Input that changes nothing writes nothing.
    pub fn publish(
        &self,
        releases: Vec<NewRelease>,
        activate: bool,
        request: &Request,
    ) -> Result<Published> {
        self.publish_expecting(releases, activate, &Expected::new(), request)
    }

    /// Like [`Repo::publish`], but writes nothing if one of the expected pointers is another one by
    /// then, and says who moved it.
    pub fn publish_expecting(
        &self,
        releases: Vec<NewRelease>,
        activate: bool,
        expected: &Expected,
        request: &Request,
    ) -> Result<Published> {
        let options = PublishOptions {
            activate,
            expected: Some(expected),
            tenants_max: None,
        };
        self.publish_with(releases, options, request)
    }

    /// Like [`Repo::publish`], within these limits; nothing at all is written when one is exceeded.
    pub fn publish_with(
        &self,
        releases: Vec<NewRelease>,
        options: PublishOptions<'_>,
        request: &Request,
    ) -> Result<Published> {
        let activate = options.activate;
        let mut built: Vec<Built> = releases.into_iter().map(Built::new).collect();
        built.sort_by(|a, b| order(a).cmp(&order(b)));
        if let Some(pair) = built
            .windows(2)
            .find(|pair| order(&pair[0]) == order(&pair[1]))
        {
            let entry = &pair[0].entry;
            let message = format!("it was given twice for cluster `{}`", entry.cluster);
            return Err(Error::BadRelease {
                tenant: entry.tenant.clone(),
                part: entry.part,
                message,
            });
        }
        let now = time::parse(&request.now)?;
        let trailers =
            |action| Trailers::new(action, request.reason, request.actor, request.request_id);
        let (publish, activated) = (trailers(Action::Publish)?, trailers(Action::Activate)?);

        let mut valid = BTreeSet::new();
        let written = transact(self, request, |view, staging| {
            let mut items = Vec::new();
            // By id: one release may be published for several clusters, and is one all the same.
            let mut fresh = BTreeMap::new();
            let mut pending = Vec::new();
            for built in &built {
                let entry = &built.entry;
                let current = match view.pointer(&built.cluster, &entry.tenant, entry.part) {
                    // Nobody asked to touch it: the release can be published all the same.
                    Err(Error::MalformedPointer { .. }) if !activate => None,
                    current => current?,
                };
                if let Some(expected) = options.expected {
                    refuse_unexpected(view, built, current.as_ref(), expected)?;
                }
                let live = current.as_ref().map(|stored| &stored.pointer);
                let skip = entry.objects.is_empty() && live.is_none();
                let known = view.entry(&entry.tenant, entry.part, &built.id)?;
                let new = known.is_none() && !skip;
                if known.is_none() && valid.insert(&built.id) {
                    built.validate()?;
                }
                if new {
                    stage(view, staging, built, live)?;
                    fresh.entry(&built.id).or_insert(built);
                }
                let leaving = leaving(view, built, live)?;
                let state = live.map_or(StateKind::Live, |live| state::at(&live.state, now));
                let pointer = if skip {
                    PointerMove::EmptySkipped
                } else if !activate {
                    PointerMove::NotRequested
                } else if let Some(state) = leaving {
                    PointerMove::Leaving {
                        state,
                        live: live.map(|live| live.release.clone()),
                    }
                } else {
                    if known.is_some() && live.is_none_or(|live| live.release != built.id) {
                        moves::checked(view, &entry.tenant, entry.part, &built.id)?;
                    }
                    let entry = known.unwrap_or_else(|| entry.clone());
                    let (pointer, next) = decide(built, &entry, live, now);
                    if let Some(next) = next {
                        pending.push(Pending {
                            current,
                            next,
                            entry,
                        });
                    }
                    pointer
                };
                items.push(PublishedItem {
                    tenant: built.entry.tenant.clone(),
                    part: built.entry.part,
                    cluster: built.cluster.clone(),
                    release: built.id.clone(),
                    new,
                    pointer,
                    state,
                });
            }
            refuse_too_many(&items, options.tenants_max)?;
            let mut draft = Draft {
                index: index_commits(&ordered(fresh), self.parents_max, &publish),
                ..Draft::default()
            };
            moves::draft(view, &pending, &mut draft)?;
            draft.main_message = main_message(&items, &activated);
            Ok((items, draft))
        })?;
        Ok(Published {
            items: written.value,
            index_commit: written.index_commit,
            main_commit: written.main_commit,
        })
    }
}

fn refuse_unexpected(
    view: &View,
    built: &Built,
    current: Option<&StoredPointer>,
    expected: &Expected,
) -> Result<()> {
    let (tenant, part, cluster) = (&built.entry.tenant, built.entry.part, &built.cluster);
    match expected.get(&(tenant.clone(), part, cluster.clone())) {
        Some(base) if base.as_ref() != current.map(|stored| &stored.blob) => {
            let path = paths::pointer(cluster, tenant, part);
            Err(moves::moved_by(view, tenant, part, &path))
        }
        _ => Ok(()),
    }
}

fn refuse_too_many(items: &[PublishedItem], most: Option<usize>) -> Result<()> {
    let moving = |item: &&PublishedItem| {
        matches!(
            item.pointer,
            PointerMove::Moved { .. } | PointerMove::Created
        )
    };
    let tenants: BTreeSet<&TenantName> = items
        .iter()
        .filter(moving)
        .map(|item| &item.tenant)
        .collect();
    match most {
        Some(most) if tenants.len() > most => Err(Error::TooManyAtOnce {
            tenants: tenants.len(),
            most,
        }),
        _ => Ok(()),
    }
}

fn order(built: &Built) -> (&TenantName, Part, &ClusterName) {
    (&built.entry.tenant, built.entry.part, &built.cluster)
}

fn ordered<'b>(fresh: BTreeMap<&ReleaseId, &'b Built>) -> Vec<&'b Built> {
    let mut fresh: Vec<&Built> = fresh.into_values().collect();
    fresh.sort_by(|a, b| order(a).cmp(&order(b)));
    fresh
}

/// How the tenant of a release leaves the cluster, if it does. A part whose own pointer is gone already must not
/// come back while the rest of its tenant goes.
fn leaving(view: &View, built: &Built, live: Option<&Pointer>) -> Result<Option<State>> {
    if let Some(live) = live {
        return Ok(live.state.kind.is_leaving().then(|| live.state.clone()));
    }
    let mut others = state::leaving(view, &built.entry.tenant, &built.cluster)?;
    Ok(others.pop().map(|other| other.pointer.state))
}

/// What activation does to one pointer: what is reported, and the pointer to write if it is not held.
fn decide(
    built: &Built,
    entry: &format::Release,
    current: Option<&Pointer>,
    now: i64,
) -> (PointerMove, Option<Pointer>) {
    let Some(current) = current else {
        let pointer = Pointer {
            tenant: entry.tenant.clone(),
            part: entry.part,
            cluster: built.cluster.clone(),
            namespace: entry.namespace.clone(),
            release: built.id.clone(),
            digest: entry.digest.clone(),
            source: built.source.clone(),
            newest_source: built.source.commit.clone(),
            state: State::LIVE,
            hold: None,
        };
        return (PointerMove::Created, Some(pointer));
    };
    let mut next = current.clone();
    next.digest = entry.digest.clone();
    next.namespace.clone_from(&entry.namespace);
    if current.release == built.id {
        // Written all the same: claims that a plain `git revert` lost are taken again,
        // and equal files are no change.
        return (PointerMove::Unchanged, Some(next));
    }
    let hold = moves::standing(current.hold.as_ref(), now).cloned();
    if let Some(hold) = hold.as_ref().filter(|hold| hold.blocks(&built.id)) {
        return (
            PointerMove::Held {
                hold: hold.clone(),
                live: current.release.clone(),
            },
            None,
        );
    }
    next.state = state::standing(&next.state, now);
    next.release = built.id.clone();
    next.source = built.source.clone();
    next.newest_source = built.source.commit.clone().or(next.newest_source);
    next.hold = hold;
    (
        PointerMove::Moved {
            from: current.release.clone(),
            to: built.id.clone(),
        },
        Some(next),
    )
}

/// Stages the objects of a release, without the files it shares with the one that is live.
fn stage(view: &View, staging: &mut Staging, built: &Built, live: Option<&Pointer>) -> Result<()> {
    if let Some(live) = live {
        let indexed = paths::index_entry(&live.tenant, live.part, &live.release);
        // Only what the index keeps reachable may be left out.
        if trees::lookup(&view.objects, view.releases.tree, &indexed)?.is_some()
            && let Ok(commit) = view.objects.commit(object_id(live.release.as_str()))
            && let Ok(entries) = view.objects.tree(commit.tree)
        {
            for entry in entries.iter() {
                staging.reachable(entry.id);
            }
        }
    }
    built.stage(staging);
    Ok(())
}

fn index_commits(fresh: &[&Built], parents_max: usize, trailers: &Trailers) -> Vec<IndexCommit> {
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

fn main_message(items: &[PublishedItem], trailers: &Trailers) -> String {
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
        [] => trailers.message("activate: take lost claims again"),
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
