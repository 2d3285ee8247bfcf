//! A source repository on disk: its files ([`load`]) and where they come from ([`identity`]).

mod identity;
mod load;

pub(crate) use identity::identity;
pub(crate) use load::{load, tenant_folders};
