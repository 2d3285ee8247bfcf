//! Activating many tenants, a few at a time: a batch goes live once the one before it is verified.

mod order;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use orz_core::exit::ExitCode;
use orz_core::format::{StateKind, Status};
use orz_core::id::{ClusterName, Part, ReleaseId, TenantName};
use orz_gitops::{
    Error, Expected, NewRelease, PointerMove, PublishOptions, Published, PublishedItem, Repo,
    Request,
};

use crate::error::CommandError;
use verdict::{Verdict, is_under_way, verdict};

/// How often status is read.
const PERIOD: Duration = Duration::from_millis(500);

/// What is to be activated, and how.
pub(crate) struct Order<'a> {
    /// Everything that is published.
    pub(crate) releases: Vec<NewRelease>,
    /// How many tenants at a time.
    pub(crate) size: usize,
    /// How long a batch may take until it is verified.
    pub(crate) timeout: Duration,
    /// Pointers that must still be what they were.
    pub(crate) expected: &'a Expected,
    /// Who asks for it.
    pub(crate) request: Request<'a>,
}

/// How it ended.
#[derive(Clone, Debug)]
pub(crate) struct Rollout {
    /// What became of every release.
    pub(crate) published: Published,
    /// Every tenant in the order of the batches, those that nothing changes for last.
    pub(crate) tenants: Vec<Turn>,
    /// How many batches there were to be.
    pub(crate) batches: usize,
    /// Why it stopped; `None` when every batch is verified.
    pub(crate) stopped: Option<Stopped>,
}

/// One tenant.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) tenant: TenantName,
    /// Its batch, counted from 1.
    pub(crate) batch: Option<usize>,
    pub(crate) fate: Fate,
}

/// Why a rollout stopped.
#[derive(Clone, Debug)]
pub(crate) struct Stopped {
    /// Why, in one line.
    pub(crate) why: String,
    /// What the command exits with.
    pub(crate) exit: ExitCode,
    /// What to do about it.
    pub(crate) help: String,
}

/// What became of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Everything of it is verified.
    Verified,
    /// Nothing had to move.
    Unchanged,
    /// Live, and not verified when the rollout stopped.
    Live,
    /// A hold, a freeze or its retirement keeps it from being verified; nobody waits for it.
    Passed(String),
    /// It failed, or was not verified in time.
    Failed(String),
    /// Its turn did not come.
    NotStarted,
}

/// Tells whoever watches; lines that are not kept are drawn over.
pub(crate) trait Watcher {
    /// A line to keep.
    fn begins(&mut self, line: &str);
    /// Where it stands.
    fn stands(&mut self, line: &str);
}

/// Publishes everything in one step, then activates batch by batch.
///
/// What went live stays live, however it ends. The same again goes on where it stopped: what is live is not
/// activated again, and only waited for while it is on its way.
pub(crate) fn roll_out(
    repo: &Repo,
    order: &Order<'_>,
    watcher: &mut dyn Watcher,
) -> Result<Rollout, CommandError> {
    let mut run = Run::begin(repo, order)?;
    let turns: BTreeSet<TenantName> = run
        .moving
        .iter()
        .chain(run.under_way.iter().map(|part| &part.place.0))
        .cloned()
        .collect();
    let batches = order::batches(turns, order.size);
    for tenant in batches.iter().flatten() {
        run.fates.insert(tenant.clone(), Fate::NotStarted);
    }
    let mut stopped = None;
    for (position, batch) in batches.iter().enumerate() {
        let title = format!("batch {} of {}", position + 1, batches.len());
        let names: Vec<&str> = batch.iter().map(TenantName::as_str).collect();
        watcher.begins(&format!("{title}: {}", names.join(", ")));
        stopped = run.batch(batch, &title, watcher)?;
        if stopped.is_some() {
            break;
        }
    }
    let batch_of = |tenant: &TenantName| batches.iter().position(|batch| batch.contains(tenant));
    let mut tenants: Vec<Turn> = run
        .fates
        .into_iter()
        .map(|(tenant, fate)| Turn {
            batch: batch_of(&tenant).map(|position| position + 1),
            tenant,
            fate,
        })
        .collect();
    tenants.sort_by_key(|turn| turn.batch.unwrap_or(usize::MAX));
    Ok(Rollout {
        published: run.published,
        tenants,
        batches: batches.len(),
        stopped,
    })
}

type Place = (TenantName, Part, ClusterName);

/// A part that is to be verified.
#[derive(Clone, Debug)]
struct Awaited {
    place: Place,
    release: ReleaseId,
    /// What status said before the pointer moved.
    before: Option<Status>,
}

/// A rollout on its way.
struct Run<'a> {
    repo: &'a Repo,
    order: &'a Order<'a>,
    published: Published,
    /// What status said before anything moved.
    statuses: BTreeMap<Place, Status>,
    moving: BTreeSet<TenantName>,
    /// Live already, and not verified yet: an earlier rollout was interrupted.
    under_way: Vec<Awaited>,
    fates: BTreeMap<TenantName, Fate>,
}

impl<'a> Run<'a> {
    /// Publishes, and finds out what is to move.
    fn begin(repo: &'a Repo, order: &'a Order<'a>) -> Result<Self, CommandError> {
        let options = PublishOptions {
            activate: false,
            expected: Some(order.expected),
            tenants_max: None,
        };
        let mut published = repo.publish_with(order.releases.clone(), options, &order.request)?;
        let statuses = by_place(repo.statuses()?);
        let (mut moving, mut under_way) = (BTreeSet::new(), Vec::new());
        let mut fates = BTreeMap::new();
        let heads = repo.view()?;
        for item in &mut published.items {
            fates.insert(item.tenant.clone(), Fate::Unchanged);
            if item.pointer == PointerMove::EmptySkipped {
                continue;
            }
            let stored = heads.pointer(&item.cluster, &item.tenant, item.part)?;
            if stored.is_none_or(|stored| stored.pointer.release != item.release) {
                moving.insert(item.tenant.clone());
                continue;
            }
            item.pointer = PointerMove::Unchanged;
            let status = statuses.get(&place(item));
            if status.is_some_and(|status| is_under_way(status, &item.release)) {
                under_way.push(Awaited {
                    place: place(item),
                    release: item.release.clone(),
                    before: None,
                });
            }
        }
        Ok(Self {
            repo,
            order,
            published,
            statuses,
            moving,
            under_way,
            fates,
        })
    }

    /// Activates a batch in one commit, and waits until all of it is verified; otherwise says why it stops.
    fn batch(
        &mut self,
        batch: &[TenantName],
        title: &str,
        watcher: &mut dyn Watcher,
    ) -> Result<Option<Stopped>, CommandError> {
        let mut awaited = match self.activate(batch) {
            Ok(awaited) => awaited,
            Err(error) => {
                let why = error.to_string();
                for tenant in batch {
                    self.fates.insert(tenant.clone(), Fate::Failed(why.clone()));
                }
                return Ok(Some(Stopped {
                    why: format!("{title}: {why}"),
                    exit: error.exit_code(),
                    help: error.help().unwrap_or_else(|| AGAIN.to_owned()),
                }));
            }
        };
        let resumed = self.under_way.iter();
        awaited.extend(
            resumed
                .filter(|part| batch.contains(&part.place.0))
                .cloned(),
        );
        let failed = self.wait(&awaited, title, watcher)?;
        let unverified: BTreeSet<&TenantName> = failed.open.iter().map(|p| &p.0).collect();
        for tenant in batch {
            if self.fates.get(tenant) == Some(&Fate::Live) && !unverified.contains(tenant) {
                self.fates.insert(tenant.clone(), Fate::Verified);
            }
        }
        let mut said = Vec::new();
        for ((tenant, part, _), why) in failed.failed {
            said.push(format!("`{tenant}/{part}` {why}"));
            self.fates
                .insert(tenant, Fate::Failed(format!("{part} {why}")));
        }
        Ok((!said.is_empty()).then(|| Stopped {
            why: format!("{title}: {}", said.join("; ")),
            exit: ExitCode::Input,
            help: AGAIN.to_owned(),
        }))
    }

    fn activate(&mut self, batch: &[TenantName]) -> Result<Vec<Awaited>, Error> {
        let releases = self.order.releases.iter();
        let releases = releases.filter(|release| batch.contains(&release.tenant));
        let options = PublishOptions {
            activate: true,
            expected: Some(self.order.expected),
            tenants_max: Some(self.order.size),
        };
        let done =
            self.repo
                .publish_with(releases.cloned().collect(), options, &self.order.request)?;
        for tenant in batch {
            self.fates.insert(tenant.clone(), Fate::Live);
        }
        if done.main_commit.is_some() {
            self.published.main_commit = done.main_commit;
        }
        let mut awaited = Vec::new();
        for item in done.items {
            if let Some(why) = passed(&item) {
                self.fates.insert(item.tenant.clone(), Fate::Passed(why));
            } else if is_moved(&item) {
                awaited.push(Awaited {
                    place: place(&item),
                    release: item.release.clone(),
                    before: self.statuses.get(&place(&item)).cloned(),
                });
            }
            let mut known = self.published.items.iter_mut();
            if let Some(known) = known.find(|known| place(known) == place(&item)) {
                known.pointer = item.pointer;
                known.state = item.state;
            }
        }
        Ok(awaited)
    }

    /// Waits until all parts are verified, the first one fails, or the time is up.
    fn wait(
        &self,
        awaited: &[Awaited],
        title: &str,
        watcher: &mut dyn Watcher,
    ) -> Result<Waited, CommandError> {
        let started = Instant::now();
        loop {
            let (mut open, mut failed) = (Vec::new(), Vec::new());
            for (part, verdict) in awaited.iter().zip(self.look(awaited)?) {
                match verdict {
                    Verdict::Verified => {}
                    Verdict::Pending(stands) => open.push((part.place.clone(), stands)),
                    Verdict::Failed(why) => failed.push((part.place.clone(), why)),
                }
            }
            let late = started.elapsed() >= self.order.timeout;
            if late && failed.is_empty() {
                let seconds = self.order.timeout.as_secs();
                failed = open
                    .iter()
                    .map(|(place, stands)| {
                        let why = format!("was not verified within {seconds} s: {stands}");
                        (place.clone(), why)
                    })
                    .collect();
            }
            if open.is_empty() || !failed.is_empty() {
                watcher.stands("");
                let open = open.into_iter().map(|(place, _)| place).collect();
                return Ok(Waited { open, failed });
            }
            let ((tenant, part, _), stands) = &open[0];
            let verified = awaited.len() - open.len();
            watcher.stands(&format!(
                "{title}: {verified} of {} parts verified; {tenant}/{part} {stands}",
                awaited.len()
            ));
            thread::sleep(PERIOD);
        }
    }

    /// What pointers and status say at this moment.
    fn look(&self, awaited: &[Awaited]) -> Result<Vec<Verdict>, CommandError> {
        let heads = self.repo.view()?;
        let tenants: BTreeSet<&TenantName> = awaited.iter().map(|part| &part.place.0).collect();
        let mut statuses = BTreeMap::new();
        for tenant in tenants {
            statuses.extend(by_place(self.repo.statuses_of(tenant)?));
        }
        let verdict_of = |part: &Awaited| {
            let (tenant, name, cluster) = &part.place;
            let stored = heads.pointer(cluster, tenant, *name)?;
            Ok(verdict(
                &part.release,
                stored.as_ref().map(|stored| &stored.pointer),
                statuses.get(&part.place),
                part.before.as_ref(),
            ))
        };
        awaited.iter().map(verdict_of).collect()
    }
}

fn by_place(statuses: Vec<Status>) -> BTreeMap<Place, Status> {
    statuses
        .into_iter()
        .map(|status| {
            let place = (status.tenant.clone(), status.part, status.cluster.clone());
            (place, status)
        })
        .collect()
}

const AGAIN: &str =
    "look at `orzc status TENANT`; the same command again goes on with what is not live yet";

/// How waiting ended: parts that are not verified, and those of them that failed, with the reason.
struct Waited {
    open: Vec<Place>,
    failed: Vec<(Place, String)>,
}

fn place(item: &PublishedItem) -> Place {
    (item.tenant.clone(), item.part, item.cluster.clone())
}

fn is_moved(item: &PublishedItem) -> bool {
    matches!(
        item.pointer,
        PointerMove::Moved { .. } | PointerMove::Created
    )
}

/// Why nobody waits for this part.
fn passed(item: &PublishedItem) -> Option<String> {
    match &item.pointer {
        PointerMove::Held { hold, .. } => Some(format!("held by {}: {}", hold.by, hold.reason)),
        PointerMove::Leaving { state, .. } => Some(format!("{}", state.kind)),
        PointerMove::Moved { .. } if item.state == StateKind::Frozen => {
            Some("frozen; waits for the thaw".to_owned())
        }
        _ => None,
    }
}
