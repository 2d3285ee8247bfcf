//! Tests against real Git repositories, with the `git` program and libgit2 as witnesses.

mod activate;
mod auto_rollback;
mod brake;
mod claims;
mod concurrent;
mod expect;
mod history;
mod hold;
mod open;
mod packs;
mod properties;
mod publish;
mod recent;
mod remote;
mod rollback;
mod signed;
mod source;
mod states;
mod status;
mod support;
mod trusted;
mod verify;
mod watch;
mod worktree;
