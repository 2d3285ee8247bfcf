//! How long what was begun may go on.

use std::fmt;
use std::sync::Arc;

/// The time for which this process holds a shard without a break. Asked before each write, because a process can
/// stand still between any two of them.
#[derive(Clone)]
pub struct Term(Arc<dyn Fn() -> bool + Send + Sync>);

impl Term {
    /// A term that lasts as long as `lasts` says so.
    pub fn new(lasts: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(lasts))
    }

    /// Whether it lasts at this instant.
    pub fn lasts(&self) -> bool {
        (self.0)()
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Term").field(&self.lasts()).finish()
    }
}
