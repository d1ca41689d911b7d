//! A tracker: UDP and HTTP announces in, peers out.
//!
//! The layers, from the top: `tracker` is the whole; `serve` has sockets and threads; `answer` turns a
//! request into an answer in four steps; `gate`, `store` and `wire` are those steps. `store` is a `swarm`,
//! and another one where `nat` checks peers before they are given out.

mod answer;
mod config;
mod counters;
mod gate;
mod ledger;
pub mod limits;
mod memory;
pub mod model;
mod nat;
pub mod rng;
mod serve;
mod store;
pub mod swarm;
mod tracker;
mod wire;

pub use answer::log::{Announced, HttpLine, Logged};
pub use config::Config;
pub use gate::{Network, NetworkError, Notice, Ranges};
pub use ledger::Ledger;
pub use serve::BindError;
pub use tracker::Tracker;
