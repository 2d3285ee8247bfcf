//! A rollout on its way: activates a batch, and waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use orz_core::exit::ExitCode;
use orz_core::format::{Brake, StateKind, Status};
use orz_core::id::{ClusterName, Part, ReleaseId, TenantName};
use orz_gitops::{Error, PointerMove, PublishOptions, Published, PublishedItem, Repo};

use super::verdict::{Verdict, is_under_way, verdict};
use super::{Fate, Order, Stopped, Watcher};
use crate::error::CommandError;

/// How often status is read.
const PERIOD: Duration = Duration::from_millis(500);

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
pub(super) struct Run<'a> {
    repo: &'a Repo,
    order: &'a Order<'a>,
    pub(super) published: Published,
    /// What status said before anything moved.
    statuses: BTreeMap<Place, Status>,
    moving: BTreeSet<TenantName>,
    /// Live already, and not verified yet: an earlier rollout was interrupted.
    under_way: Vec<Awaited>,
    pub(super) fates: BTreeMap<TenantName, Fate>,
}

impl<'a> Run<'a> {
    /// Finds out what is to move.
    pub(super) fn begin(
        repo: &'a Repo,
        order: &'a Order<'a>,
        mut published: Published,
    ) -> Result<Self, CommandError> {
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
        let mut run = Self {
            repo,
            order,
            published,
            statuses,
            moving,
            under_way,
            fates,
        };
        run.confirm()?;
        Ok(run)
    }

    /// Says of what is live already that it comes from this source too; nobody has to wait for that.
    fn confirm(&mut self) -> Result<(), Error> {
        let releases = self.order.releases.iter();
        let unmoved = releases.filter(|release| !self.moving.contains(&release.tenant));
        let options = PublishOptions {
            activate: true,
            tenants_max: Some(0),
            ..self.order.options()
        };
        let unmoved = unmoved.cloned().collect();
        match self
            .repo
            .publish_with(unmoved, options, &self.order.request)
        {
            Ok(done) => {
                self.take_over(done);
                Ok(())
            }
            // Somebody moved one this very moment; what is live then is for the next rollout to find out.
            Err(Error::TooManyAtOnce { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What became of pointers.
    fn take_over(&mut self, done: Published) {
        if done.main_commit.is_some() {
            self.published.main_commit = done.main_commit;
        }
        for item in done.items {
            let mut known = self.published.items.iter_mut();
            if let Some(known) = known.find(|known| place(known) == place(&item)) {
                known.pointer = item.pointer;
                known.state = item.state;
            }
        }
    }

    /// The tenants that something has to be done for, or waited for.
    pub(super) fn turns(&self) -> BTreeSet<TenantName> {
        let under_way = self.under_way.iter().map(|part| &part.place.0);
        self.moving.iter().chain(under_way).cloned().collect()
    }

    /// Activates a batch in one commit, and waits until all of it is verified; otherwise says why it stops.
    pub(super) fn batch(
        &mut self,
        batch: &[TenantName],
        title: &str,
        watcher: &mut dyn Watcher,
    ) -> Result<Option<Stopped>, CommandError> {
        // Nothing is judged while it stands, so nothing would be verified.
        if let Some(why) = self.brake(batch)? {
            return Ok(Some(Stopped {
                why: format!("{title}, which did not start: {why}"),
                exit: ExitCode::Input,
                help: "`orzc resume` lifts the brake; the same command again goes on then"
                    .to_owned(),
            }));
        }
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

    /// Why nothing is judged on a cluster of these tenants, if that is so.
    fn brake(&self, batch: &[TenantName]) -> Result<Option<String>, CommandError> {
        let releases = self.order.releases.iter();
        let clusters: BTreeSet<&ClusterName> = releases
            .filter(|release| batch.contains(&release.tenant))
            .map(|release| &release.cluster)
            .collect();
        let heads = self.repo.view()?;
        for cluster in clusters {
            if let Some(brake) = heads.brake(cluster)? {
                return Ok(Some(braked(&brake)));
            }
        }
        Ok(None)
    }

    fn activate(&mut self, batch: &[TenantName]) -> Result<Vec<Awaited>, Error> {
        let releases = self.order.releases.iter();
        let releases = releases.filter(|release| batch.contains(&release.tenant));
        let options = PublishOptions {
            activate: true,
            tenants_max: Some(self.order.size),
            ..self.order.options()
        };
        let done =
            self.repo
                .publish_with(releases.cloned().collect(), options, &self.order.request)?;
        for tenant in batch {
            self.fates.insert(tenant.clone(), Fate::Live);
        }
        let mut awaited = Vec::new();
        for item in &done.items {
            if let Some(why) = passed(item) {
                self.fates.insert(item.tenant.clone(), Fate::Passed(why));
            } else if is_moved(item) {
                awaited.push(Awaited {
                    place: place(item),
                    release: item.release.clone(),
                    before: self.statuses.get(&place(item)).cloned(),
                });
            }
        }
        self.take_over(done);
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
            let found = verdict(
                &part.release,
                stored.as_ref().map(|stored| &stored.pointer),
                statuses.get(&part.place),
                part.before.as_ref(),
            );
            Ok(match (found, heads.brake(cluster)?) {
                (Verdict::Pending(_), Some(brake)) => {
                    Verdict::Failed(format!("is not judged: {}", braked(&brake)))
                }
                (found, _) => found,
            })
        };
        awaited.iter().map(verdict_of).collect()
    }
}

fn braked(brake: &Brake) -> String {
    format!(
        "the brake of `{}` is set since {}: {}",
        brake.cluster, brake.at, brake.reason
    )
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
