//! A tracker: UDP and HTTP announces in, peers out.

pub mod limits;
pub mod model;
pub mod rng;
pub mod swarm;
