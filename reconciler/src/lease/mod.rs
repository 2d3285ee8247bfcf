//! Replicas that share the tenants of a cluster, by Leases in `orz-system`.
//!
//! - [`decide`]: pure: who is alive and who holds what in, what to take and what to give up out.
//! - [`store`]: the Leases on the API server.
//! - [`keep`]: the thread that renews, takes and gives up.
//! - [`term`]: how long what was begun may go on.
//!
//! A tenant belongs to one of sixteen shards. Leases divide the work; they do not fence, because a process can stand
//! still between looking at its lease and writing. What fences is the inventory: see [`crate::Observation::allows`].

mod decide;
mod keep;
mod store;
mod term;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use orz_core::id::TenantName;
use orz_core::paths;

pub use keep::Leases;
pub use term::Term;

/// How many shards there are. More replicas than that stand by.
pub const SHARDS: u8 = 16;

/// A share of the tenants: the first hex digit of the SHA-256 of their names, as in the paths of their pointers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u8);

impl Shard {
    /// All shards.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SHARDS).map(Self)
    }

    /// The shard of a tenant.
    pub fn of(tenant: &TenantName) -> Self {
        let folder = paths::shard(tenant);
        folder[..1]
            .parse()
            .expect("a folder is named by hex digits")
    }

    /// From 0 to 15: the number of its status reference.
    pub fn number(self) -> u32 {
        u32::from(self.0)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl FromStr for Shard {
    type Err = std::num::ParseIntError;

    fn from_str(digit: &str) -> Result<Self, Self::Err> {
        u8::from_str_radix(digit, 16).map(|number| Self(number % SHARDS))
    }
}

/// Who this process is among the replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Its name, unlike that of any other: the pod's. A process that takes the name of another one ends it.
    pub name: String,
    /// How long it may stand still before others take its tenants.
    pub lease: Duration,
}

/// What this replica follows now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The shards that it follows, and how often each had changed hands when it got it.
    pub shards: BTreeMap<Shard, u64>,
    /// Those it is about to give up: nothing new is begun there.
    pub leaving: BTreeSet<Shard>,
    /// Why it follows nothing any more and never will again.
    pub ended: Option<String>,
}

/// Where the loop learns what to follow.
pub trait Shares {
    /// The name of this replica.
    fn name(&self) -> &str;
    /// What it follows at this instant; nothing once its lease could have run out.
    fn held(&self) -> Held;
    /// How long this shard is held with this epoch. What is to be given up is held until it is.
    fn term(&self, shard: Shard, epoch: u64) -> Term;
    /// Nothing is under way in these shards any more, of those it is about to give up.
    fn drained(&self, shards: &BTreeSet<Shard>);
    /// An inventory of a tenant of this shard bears a higher epoch than ours, although we hold it. A lease that was
    /// deleted by hand begins to count anew.
    fn outdated(&self, shard: Shard, epoch: u64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_the_first_digit_of_the_folder() {
        for tenant in ["acme", "bob", "tenant-00001"] {
            let tenant: TenantName = tenant.parse().expect("valid");
            let shard = Shard::of(&tenant);
            assert!(paths::shard(&tenant).starts_with(&shard.to_string()));
            assert_eq!(shard.to_string().parse(), Ok(shard));
        }
        assert_eq!(Shard::all().count(), 16);
    }
}
