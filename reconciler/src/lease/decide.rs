//! Who takes and who gives up.

use std::collections::BTreeSet;

use super::{SHARDS, Shard};

/// The lease of one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) shard: Shard,
    /// The process that holds it.
    pub(super) holder: Option<String>,
    /// How often it has changed hands.
    pub(super) epoch: u64,
    /// Its version on the server; `None` where there is no lease yet.
    pub(super) version: Option<String>,
}

/// What a replica does next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    /// Shards that nobody follows and that are its to take.
    pub(super) take: Vec<Shard>,
    /// Shards that others have a right to.
    pub(super) leave: BTreeSet<Shard>,
    /// How many more it will take once others have given them up.
    pub(super) lacks: usize,
}

/// `alive` are the processes that renew, `own` among them. Each gets its share, the first of them by name one more
/// where it does not come out even: all of them come to the same result.
pub(super) fn decide(own: &str, alive: &BTreeSet<String>, leases: &[Lease]) -> Steps {
    let everybody = alive.len().max(1);
    let rank = alive.iter().take_while(|name| *name != own).count();
    let all = usize::from(SHARDS);
    let share = all / everybody + usize::from(rank < all % everybody);
    let held = |lease: &&Lease| lease.holder.as_deref() == Some(own);
    let mine: Vec<Shard> = leases.iter().filter(held).map(|l| l.shard).collect();
    let is_free = |lease: &&Lease| match &lease.holder {
        Some(holder) => !alive.contains(holder),
        None => true,
    };
    let mut free: Vec<Shard> = leases.iter().filter(is_free).map(|l| l.shard).collect();
    // Replicas that start together begin at different places, so that they do not all want the same ones.
    let begin = rank * all / everybody;
    let begin = begin.min(free.len());
    free.rotate_left(begin);
    let wants = share.saturating_sub(mine.len());
    free.truncate(wants);
    Steps {
        lacks: wants - free.len(),
        leave: mine.into_iter().skip(share).collect(),
        take: free,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn free() -> Vec<Lease> {
        let free = |shard| Lease {
            shard,
            holder: None,
            epoch: 0,
            version: None,
        };
        Shard::all().map(free).collect()
    }

    /// All replicas act in turns until nobody has anything to do; how many shards each holds.
    fn settle(alive: &BTreeSet<String>, leases: &mut [Lease]) -> BTreeMap<String, usize> {
        for _ in 0..10 {
            for own in alive {
                let steps = decide(own, alive, leases);
                for lease in leases.iter_mut() {
                    if steps.take.contains(&lease.shard) {
                        lease.holder = Some(own.clone());
                        lease.epoch += 1;
                    }
                    if steps.leave.contains(&lease.shard) {
                        assert_eq!(lease.holder.as_ref(), Some(own));
                        lease.holder = None;
                    }
                }
            }
        }
        let mut counts = BTreeMap::new();
        for lease in leases.iter() {
            let holder = lease.holder.clone().expect("somebody follows it");
            *counts.entry(holder).or_default() += 1;
        }
        for own in alive {
            let rest = decide(own, alive, leases);
            assert_eq!(rest, Steps::default(), "{own} is done");
        }
        counts
    }

    #[test]
    fn shares_are_fair_whoever_comes_and_goes() {
        let mut leases = free();
        for (alive, expected) in [
            (&["a"][..], &[16][..]),
            (&["a", "b"], &[8, 8]),
            (&["a", "b", "c"], &[6, 5, 5]),
            (&["b", "c"], &[8, 8]),
            (&["a", "b", "c", "d", "e"], &[4, 3, 3, 3, 3]),
            (&["e"], &[16]),
        ] {
            let counts = settle(&names(alive), &mut leases);
            let counts: Vec<usize> = counts.into_values().collect();
            assert_eq!(counts, expected, "{alive:?}");
        }
    }

    #[test]
    fn more_replicas_than_shards_stand_by() {
        let many: Vec<String> = (0..20).map(|n| format!("r{n:02}")).collect();
        let alive: BTreeSet<String> = many.iter().cloned().collect();
        let counts = settle(&alive, &mut free());
        assert!(counts.len() == 16 && counts.values().all(|count| *count == 1));
    }

    #[test]
    fn what_somebody_living_holds_is_waited_for() {
        let mut leases = free();
        for lease in &mut leases {
            lease.holder = Some("a".to_owned());
        }
        let steps = decide("b", &names(&["a", "b"]), &leases);
        assert_eq!((steps.take, steps.lacks), (vec![], 8));
        let steps = decide("b", &names(&["b"]), &leases);
        assert_eq!(
            (steps.take.len(), steps.lacks),
            (16, 0),
            "its holder is dead"
        );
    }

    #[test]
    fn replicas_that_start_together_begin_at_different_places() {
        let alive = names(&["a", "b"]);
        let first = |own| decide(own, &alive, &free()).take;
        assert!(first("a").iter().all(|shard| !first("b").contains(shard)));
    }
}
