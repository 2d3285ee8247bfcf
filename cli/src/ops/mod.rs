//! What several commands do: joins of the libraries, without printing results.

pub(crate) mod compare;
pub(crate) mod compile;
pub(crate) mod expect;
pub(crate) mod fleet;
pub(crate) mod leave;
pub(crate) mod names;
pub(crate) mod publish;
pub(crate) mod target;
pub(crate) mod unsourced;
