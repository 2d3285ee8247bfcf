//! The program on a real API server with the real deployment controller: a stand-in for the kubelet says which
//! images run.

mod drift;
mod judgement;
mod world;
