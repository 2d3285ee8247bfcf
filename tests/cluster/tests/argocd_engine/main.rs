//! The engine `argocd` with a real Argo CD, as a user with exactly the rights that the installation grants.

mod follow;
mod kinds;
mod leave;
mod platform;
mod release_jobs;
mod sets;
mod world;
