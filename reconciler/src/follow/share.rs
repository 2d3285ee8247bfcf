//! The tenants of this replica.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use orz_core::format::{HoldKind, Phase, Writer};
use orz_core::id::{CommitId, TenantName};
use orz_gitops::StoredPointer;

use super::clock::Clock;
use super::log::{About, Level};
use super::{Follower, Key, RECALL};
use crate::judge::Brake;
use crate::lease::{Shard, Shares, Term};

/// What one process follows: everything, or what its leases say.
#[derive(Default)]
pub(super) struct Share {
    shares: Option<Box<dyn Shares>>,
    /// What was held at the last look, and how often each shard had changed hands.
    held: BTreeMap<Shard, u64>,
    /// Whether anything was ever held.
    began: bool,
}

impl Share {
    pub(super) fn with(shares: Box<dyn Shares>) -> Self {
        Self {
            shares: Some(shares),
            ..Self::default()
        }
    }

    /// Whether this process follows a tenant.
    pub(super) fn has(&self, tenant: &TenantName) -> bool {
        self.shares.is_none() || self.held.contains_key(&Shard::of(tenant))
    }

    /// Whether what a pass found is still ours to act on: that it was begun under the lease of this instant. The last
    /// look may be long ago, after a pause of the machine.
    pub(super) fn is_current(&self, tenant: &TenantName, writer: Option<&Writer>) -> bool {
        let Some(shares) = &self.shares else {
            return true;
        };
        let now = shares.held();
        let epoch = now.shards.get(&Shard::of(tenant));
        now.ended.is_none() && epoch.is_some() && epoch == writer.map(|writer| &writer.epoch)
    }

    /// Who writes the inventories of a tenant.
    pub(super) fn writer(
        &self,
        tenant: &TenantName,
        heads: Option<&(CommitId, CommitId)>,
    ) -> Option<Writer> {
        Some(Writer {
            holder: self.shares.as_ref()?.name().to_owned(),
            epoch: *self.held.get(&Shard::of(tenant))?,
            head: heads?.0.clone(),
        })
    }

    /// How long a pass over a tenant that is begun now may write; `None`: without end.
    pub(super) fn term(&self, tenant: &TenantName) -> Option<Term> {
        let shard = Shard::of(tenant);
        let shares = self.shares.as_ref()?;
        Some(shares.term(shard, *self.held.get(&shard)?))
    }

    /// The number of the status reference with a tenant's status.
    pub(super) fn number(&self, tenant: &TenantName) -> u32 {
        match self.shares {
            Some(_) => Shard::of(tenant).number(),
            None => 0,
        }
    }

    /// The status references that this process writes.
    pub(super) fn numbers(&self) -> Vec<u32> {
        match self.shares {
            Some(_) => self.held.keys().map(|shard| shard.number()).collect(),
            None => vec![0],
        }
    }

    /// Whether a status reference is still this process's to write, at this instant.
    pub(super) fn writes(&self, number: u32) -> bool {
        let Some(shares) = &self.shares else {
            return true;
        };
        let now = shares.held();
        let mut held = self.held.iter();
        let held = held.find(|(shard, _)| shard.number() == number);
        now.ended.is_none() && held.is_some_and(|(shard, e)| now.shards.get(shard) == Some(e))
    }

    /// An inventory bears a higher epoch than ours.
    pub(super) fn outdated(&self, tenant: &TenantName, epoch: u64) {
        if let Some(shares) = &self.shares {
            shares.outdated(Shard::of(tenant), epoch);
        }
    }
}

impl<C: Clock> Follower<'_, C> {
    /// Takes over what became ours and lets go of what no longer is; why nothing will ever be ours again, if so.
    pub(super) fn look_at_share(&mut self) -> Option<String> {
        let shares = self.share.shares.as_ref()?;
        let now = shares.held();
        if now.ended.is_some() {
            return now.ended;
        }
        if !now.leaving.is_empty() {
            let running = self.parts.iter().filter(|(_, part)| part.running);
            let busy: BTreeSet<Shard> = running.map(|(key, _)| Shard::of(&key.0)).collect();
            let drained = now.leaving.difference(&busy).copied().collect();
            shares.drained(&drained);
        }
        let before = std::mem::replace(&mut self.share.held, now.shards);
        // One that was lost and came back between two looks has another epoch.
        let is_new = |(shard, epoch): &(&Shard, &u64)| before.get(shard) != Some(epoch);
        let gained = self.share.held.iter().filter(is_new);
        let gained: BTreeSet<Shard> = gained.map(|(shard, _)| *shard).collect();
        if !gained.is_empty() {
            self.take_over(&gained);
        }
        None
    }

    /// Somebody else may have followed these tenants until now: what is known of them is the inventories', the
    /// branches' and what was published.
    fn take_over(&mut self, gained: &BTreeSet<Shard>) {
        let now = self.clock.elapsed();
        let mut known = match self.repo.statuses() {
            Ok(statuses) => statuses,
            Err(error) => {
                self.say(Level::Error, About::default(), &error.to_string());
                Vec::new()
            }
        };
        known.retain(|status| status.cluster == self.settings.cluster);
        let mut known: BTreeMap<Key, _> = known
            .into_iter()
            .map(|status| ((status.tenant.clone(), status.part), status))
            .collect();
        // At first nobody who lives may have counted what failed: it may have been this replica, before a kill.
        let counted = std::mem::replace(&mut self.share.began, true);
        if !counted {
            self.recalls_until = now + RECALL;
        }
        for (key, part) in &mut self.parts {
            if !gained.contains(&Shard::of(&key.0)) {
                continue;
            }
            let status = known.remove(key);
            if !counted && status.as_ref().is_some_and(|s| s.phase == Phase::Failed) {
                self.unread.insert(key.clone());
            }
            // One that is under way is told from those of now when it comes to its end.
            if !part.running {
                part.start_anew(status, counted, now);
            }
        }
        // A part that is gone, and whose end the replica before us did not publish any more.
        self.unpublished = true;
    }
}

/// Counts for the brake what other replicas see: an outage is one, however the tenants are shared.
pub(super) fn count(
    brake: &mut Brake,
    now: Duration,
    before: Option<&StoredPointer>,
    after: &StoredPointer,
) {
    let Some(before) = before.filter(|b| b.pointer.release != after.pointer.release) else {
        return;
    };
    brake.begun(now);
    let hold = after.pointer.hold.as_ref();
    let is_automatic = hold.is_some_and(|hold| hold.kind == HoldKind::Auto);
    if is_automatic && hold != before.pointer.hold.as_ref() {
        brake.failed_before(now, Duration::ZERO);
    }
}
