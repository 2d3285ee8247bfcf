//! A real Argo CD follows release commits: what the engine that drives it takes for granted.

mod application_sets;
mod follow;
mod world;
