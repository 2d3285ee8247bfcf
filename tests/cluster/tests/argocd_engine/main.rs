//! The engine `argocd` with a real Argo CD, as a user with exactly the rights that the installation grants.

mod follow;
mod kinds;
mod leave;
mod platform;
mod sets;
mod world;
