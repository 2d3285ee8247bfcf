//! The engine `apply` on a real API server, as a user with exactly the rights that the installation grants.

mod examples;
mod follow;
mod foreign;
mod install;
mod limits;
mod release_jobs;
mod wall;
mod world;
mod writers;
