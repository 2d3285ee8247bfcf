//! Judgement of activations: what an engine saw in, what to remember and what to do out.

mod seen;
mod timings;
mod workload;

pub(crate) use seen::progress;
pub use seen::{Seen, Sync};
pub use timings::Timings;
pub use workload::is_workload;
