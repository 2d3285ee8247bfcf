//! Publishing: new releases on the index and, if asked, live at once.

mod decide;
mod message;

use std::collections::{BTreeMap, BTreeSet};

use orz_core::format::{Action, Hold, Pointer, State, StateKind, Trailers};
use orz_core::id::{BlobId, ClusterName, CommitId, Part, ReleaseId, TenantName};
use orz_core::paths;

use crate::error::{Error, Result};
use crate::moves::{self, Pending};
use crate::objects::Staging;
use crate::release::{Built, NewRelease};
use crate::source::{SourceCheck, StaleSource};
use crate::stale::Sources;
use crate::transaction::{Draft, transact};
use crate::view::{StoredPointer, View, object_id};
use crate::{Repo, Request, state, time, trees};

/// What a publish did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// One for each release handed over, sorted by tenant and part; without those of tenants that were refused.
    pub items: Vec<PublishedItem>,
    /// The tenants that were left out because of their source, see [`PublishOptions::keep_going`].
    pub refused: Vec<StaleSource>,
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
    /// It names this release already, and says now that the release comes from a newer source too.
    Confirmed {
        /// The newest source before; `None` if the pointer knew none.
        from: Option<CommitId>,
        /// The newest source now.
        to: CommitId,
    },
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
    /// What may go live where another commit was live before; it is checked also if nothing goes live in this
    /// step. `None`: the caller answers for the order of commits.
    pub source: Option<SourceCheck<'a>>,
    /// Whether tenants that are refused because of their source are left out, instead of refusing everything.
    pub keep_going: bool,
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
            ..PublishOptions::default()
        };
        self.publish_with(releases, options, request)
    }

    /// Like [`Repo::publish`], within these limits; nothing at all is written when one is exceeded.
    ///
    /// The limits hold at the heads that are written on, so they are looked at again after every lost race.
    pub fn publish_with(
        &self,
        releases: Vec<NewRelease>,
        options: PublishOptions<'_>,
        request: &Request,
    ) -> Result<Published> {
        let activate = options.activate;
        let mut built: Vec<Built> = Built::all(releases);
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

        let mut valid = Built::validate_many(self, &built)?;
        let mut sources = Sources::default();
        let written = transact(self, request, |view, staging| {
            let mut items = Vec::new();
            // By id: one release may be published for several clusters, and is one all the same.
            let mut fresh = BTreeMap::new();
            let mut pending = Vec::new();
            let places = places(view, &built, &options)?;
            let refused = match &options.source {
                Some(check) => sources.refused(view, check, &places)?,
                None => Vec::new(),
            };
            if !refused.is_empty() && !options.keep_going {
                return Err(Error::Source { refused });
            }
            let left_out: BTreeSet<TenantName> =
                refused.iter().map(|stale| stale.tenant.clone()).collect();
            for (built, current) in places {
                let entry = &built.entry;
                if left_out.contains(&entry.tenant) {
                    continue;
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
                    let newest = |live| sources.newest(options.source.as_ref(), built, live);
                    let live = live.map(|live| (live, newest(live)));
                    let (pointer, next) = decide::decide(built, &entry, live, now);
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
                index: message::index_commits(&ordered(fresh), self.parents_max, &publish),
                ..Draft::default()
            };
            moves::draft(view, &pending, &mut draft)?;
            draft.main_message = message::main_message(&items, &activated);
            Ok(((items, refused), draft))
        })?;
        let (items, refused) = written.value;
        Ok(Published {
            items,
            refused,
            index_commit: written.index_commit,
            main_commit: written.main_commit,
        })
    }
}

/// The pointer of every release as it stands, if it is one of those that are expected.
fn places<'b>(
    view: &View,
    built: &'b [Built],
    options: &PublishOptions<'_>,
) -> Result<Vec<(&'b Built, Option<StoredPointer>)>> {
    let mut places = Vec::with_capacity(built.len());
    for built in built {
        let entry = &built.entry;
        let current = match view.pointer(&built.cluster, &entry.tenant, entry.part) {
            // Nobody asked to touch it: the release can be published all the same.
            Err(Error::MalformedPointer { .. }) if !options.activate => None,
            current => current?,
        };
        if let Some(expected) = options.expected {
            refuse_unexpected(view, built, current.as_ref(), expected)?;
        }
        places.push((built, current));
    }
    Ok(places)
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

/// Stages the objects of a release, without the files it shares with the one that is live.
fn stage<'b>(
    view: &View,
    staging: &mut Staging<'b>,
    built: &'b Built,
    live: Option<&Pointer>,
) -> Result<()> {
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
