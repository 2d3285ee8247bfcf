//! Activating many tenants, a few at a time: a batch goes live once the one before it is verified.

mod order;
mod run;
mod verdict;

use std::time::Duration;

use orz_core::exit::ExitCode;
use orz_core::id::TenantName;
use orz_gitops::{
    Error, Expected, NewRelease, PublishOptions, Published, Repo, Request, SourceCheck,
};

use crate::error::CommandError;
use run::Run;

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
    /// Which sources may go live.
    pub(crate) source: Option<SourceCheck<'a>>,
    /// Whether tenants whose source may not are left out.
    pub(crate) keep_going: bool,
    /// Who asks for it.
    pub(crate) request: Request<'a>,
}

impl Order<'_> {
    /// Publishes everything in one step and activates nothing of it. What may not go live is refused at this point,
    /// or left out of the order.
    pub(crate) fn publish(&mut self, repo: &Repo) -> Result<Published, Error> {
        let options = PublishOptions {
            keep_going: self.keep_going,
            ..self.options()
        };
        let published = repo.publish_with(self.releases.clone(), options, &self.request)?;
        let refused = &published.refused;
        self.releases
            .retain(|release| refused.iter().all(|stale| stale.tenant != release.tenant));
        Ok(published)
    }

    /// What every step heeds.
    fn options(&self) -> PublishOptions<'_> {
        PublishOptions {
            expected: Some(self.expected),
            source: self.source,
            ..PublishOptions::default()
        }
    }
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

/// Activates batch by batch what was [`Order::publish`]ed.
///
/// What went live stays live, however it ends. The same again goes on where it stopped: what is live is not
/// activated again, and only waited for while it is on its way.
pub(crate) fn roll_out(
    repo: &Repo,
    order: &Order<'_>,
    published: Published,
    watcher: &mut dyn Watcher,
) -> Result<Rollout, CommandError> {
    let mut run = Run::begin(repo, order, published)?;
    let turns = run.turns();
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
