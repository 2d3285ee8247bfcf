//! A source repository on disk: its files ([`load`]), where they come from ([`identity`]) and what came before
//! them ([`History`]).

mod changes;
mod history;
mod identity;
mod load;
mod missing;

pub(crate) use changes::{Difference, Hint, Known, is_compiled};
pub(crate) use history::History;
pub(crate) use identity::identity;
pub(crate) use load::{load, tenant_folders};
pub(crate) use missing::missing;

/// What compiles depend on, relative to the root; other files neither make a source dirty nor a tenant change.
const COMPILED: [&str; 2] = ["platform", "tenants"];
