//! Tests against real Git repositories, with the `git` program and libgit2 as witnesses.

mod publish;
mod support;
