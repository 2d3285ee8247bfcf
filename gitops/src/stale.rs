//! The check of a publish's source against the newest one that was live, at every attempt on the new heads.

use std::collections::{BTreeMap, BTreeSet};

use orz_core::format::Pointer;
use orz_core::id::{CommitId, TenantName};

use crate::error::{Error, Result};
use crate::history;
use crate::release::Built;
use crate::source::{Relation, SourceCheck, SourceRule, StaleReason, StaleSource};
use crate::view::{StoredPointer, View};

/// What became of `newestSource`, where a release goes live or is live already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Newest {
    /// The newest source once this is written.
    pub(crate) commit: Option<CommitId>,
    /// Whether a release that did not change says that it comes from a newer source all the same.
    pub(crate) confirms: bool,
}

/// What was learned of the source repository, over all attempts.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    relations: BTreeMap<(CommitId, CommitId), Relation>,
    touched: BTreeMap<(CommitId, TenantName, CommitId), bool>,
}

impl Sources {
    /// Everything that must not go live over what the pointers say, tenant by tenant.
    pub(crate) fn refused(
        &mut self,
        view: &View,
        check: &SourceCheck<'_>,
        places: &[(&Built, Option<StoredPointer>)],
    ) -> Result<Vec<StaleSource>> {
        self.learn(check, places)?;
        let mut refused: Vec<StaleSource> = Vec::new();
        for (built, stored) in places {
            let Some(stored) = stored else { continue };
            let ours = built.source.commit.as_ref();
            let Some((newest, why)) = self.older_than(ours, &stored.pointer, check.rule) else {
                continue;
            };
            let pointer = &stored.pointer;
            let same = |other: &&mut StaleSource| {
                (&other.tenant, &other.cluster, &other.newest)
                    == (&pointer.tenant, &pointer.cluster, newest)
            };
            if let Some(known) = refused.iter_mut().find(same) {
                known.parts.push(pointer.part);
                continue;
            }
            refused.push(StaleSource {
                tenant: pointer.tenant.clone(),
                cluster: pointer.cluster.clone(),
                parts: vec![pointer.part],
                why,
                ours: ours.cloned(),
                newest: newest.clone(),
                by: history::made_newest(view, &stored.path, newest)?,
            });
        }
        Ok(refused)
    }

    /// The newest source of a pointer once this release is live there. To be asked of what is not refused.
    pub(crate) fn newest(
        &self,
        check: Option<&SourceCheck<'_>>,
        built: &Built,
        live: &Pointer,
    ) -> Newest {
        let ours = &built.source.commit;
        let stays = |confirms| Newest {
            commit: live.newest_source.clone(),
            confirms,
        };
        let moves = |confirms| Newest {
            commit: ours.clone().or_else(|| live.newest_source.clone()),
            confirms: confirms && ours.is_some(),
        };
        let (Some(_), Some(newest)) = (check, &live.newest_source) else {
            // Without a check the caller answers for the order.
            return moves(check.is_some());
        };
        match self.relation(ours.as_ref(), newest) {
            Some(Relation::Newer) => moves(self.is_touched(built, live)),
            Some(Relation::Unrelated | Relation::Missing) => moves(true),
            Some(Relation::Same | Relation::Older | Relation::Shallow) | None => stays(false),
        }
    }

    /// What of a pointer's source speaks against ours going live, and why.
    fn older_than<'p>(
        &self,
        ours: Option<&CommitId>,
        live: &'p Pointer,
        rule: SourceRule,
    ) -> Option<(&'p CommitId, StaleReason)> {
        let newest = live.newest_source.as_ref();
        let why = newest.and_then(|newest| why_not(self.relation(ours, newest), rule));
        if let (Some(newest), Some(why)) = (newest, why) {
            return Some((newest, why));
        }
        // Activated by hand, a release can be newer than the newest that was published and activated at once.
        let source = live.source.commit.as_ref()?;
        let older = self.relation(ours, source) == Some(Relation::Older);
        let why = older.then(|| why_not(Some(Relation::Older), rule));
        Some((source, why.flatten()?))
    }

    fn relation(&self, ours: Option<&CommitId>, newest: &CommitId) -> Option<Relation> {
        let ours = ours?;
        if ours == newest {
            return Some(Relation::Same);
        }
        self.relations.get(&(ours.clone(), newest.clone())).copied()
    }

    fn is_touched(&self, built: &Built, live: &Pointer) -> bool {
        question(built, live).is_some_and(|question| self.touched.get(&question) == Some(&true))
    }

    /// Asks what is not known yet.
    fn learn(
        &mut self,
        check: &SourceCheck<'_>,
        places: &[(&Built, Option<StoredPointer>)],
    ) -> Result<()> {
        let live = || {
            places
                .iter()
                .filter_map(|(built, stored)| Some((*built, &stored.as_ref()?.pointer)))
        };
        let mut theirs: BTreeMap<CommitId, BTreeSet<CommitId>> = BTreeMap::new();
        for (built, pointer) in live() {
            let Some(ours) = &built.source.commit else {
                continue;
            };
            for named in pointer.newest_source.iter().chain(&pointer.source.commit) {
                if self.relation(Some(ours), named).is_none() {
                    let theirs = theirs.entry(ours.clone()).or_default();
                    theirs.insert(named.clone());
                }
            }
        }
        let unreadable = |message| Error::SourceHistory { message };
        for (ours, theirs) in theirs {
            let found = check
                .history
                .relations(&ours, &theirs)
                .map_err(unreadable)?;
            for newest in theirs {
                // What nobody answers for cannot be told.
                let relation = found.get(&newest).copied().unwrap_or(Relation::Shallow);
                self.relations.insert((ours.clone(), newest), relation);
            }
        }

        let mut since: BTreeMap<CommitId, BTreeSet<(TenantName, CommitId)>> = BTreeMap::new();
        for (built, pointer) in live().filter(|(built, live)| live.release == built.id) {
            if let Some(question) = question(built, pointer)
                && self.relation(Some(&question.0), &question.2) == Some(Relation::Newer)
                && !self.touched.contains_key(&question)
            {
                let (ours, tenant, newest) = question;
                since.entry(ours).or_default().insert((tenant, newest));
            }
        }
        for (ours, since) in since {
            let touched = check.history.touched(&ours, &since).map_err(unreadable)?;
            for pair in since {
                let answer = touched.contains(&pair);
                self.touched.insert((ours.clone(), pair.0, pair.1), answer);
            }
        }
        Ok(())
    }
}

fn question(built: &Built, live: &Pointer) -> Option<(CommitId, TenantName, CommitId)> {
    let ours = built.source.commit.clone()?;
    Some((ours, live.tenant.clone(), live.newest_source.clone()?))
}

/// Why a source must not go live, if it must not; without a relation it has no commit.
const fn why_not(relation: Option<Relation>, rule: SourceRule) -> Option<StaleReason> {
    let why = match relation {
        Some(Relation::Same | Relation::Newer) => return None,
        Some(Relation::Older) => StaleReason::Older,
        Some(Relation::Unrelated) => StaleReason::Unrelated,
        Some(Relation::Missing) => StaleReason::Missing,
        Some(Relation::Shallow) => StaleReason::Shallow,
        None => StaleReason::NoCommit,
    };
    match (rule, why) {
        (SourceRule::Any, _)
        | (
            SourceRule::Unrelated,
            StaleReason::Unrelated | StaleReason::Missing | StaleReason::NoCommit,
        ) => None,
        (SourceRule::Descendants | SourceRule::Unrelated, why) => Some(why),
    }
}
