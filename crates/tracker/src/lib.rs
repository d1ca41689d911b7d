//! A tracker: UDP and HTTP announces in, peers out.
//!
//! The layers, from the top: `tracker` is the whole, and `together` what makes one of several; `serve` has sockets and threads; `answer` turns a
//! request into an answer in four steps; `gate`, `store` and `wire` are those steps. `store` is a `swarm`,
//! and another one where `nat` checks peers before they are given out.
//!
//! | what is spoken                                        | where                                 |
//! | ----------------------------------------------------- | ------------------------------------- |
//! | BEP 3: announces over HTTP, peers as dictionaries     | `wire/http/request`, `response`       |
//! | BEP 7: `peers6`, and 18 bytes a peer over UDP on IPv6 | `wire/http/response`, `answer/udp`    |
//! | BEP 12: tiers of trackers                             | nothing: clients choose               |
//! | BEP 15: UDP, its connection ids                       | `wire/udp`, `gate/connection_id`      |
//! | BEP 20: clients by their peer ids                     | `gate`                                |
//! | BEP 21: partial seeds                                 | `model`, `swarm/peer`, `swarm/shard`  |
//! | BEP 23: compact peers                                 | `wire/http/response`                  |
//! | BEP 24: `external ip`                                 | `wire/http/response`                  |
//! | BEP 27: private torrents                              | nothing: clients keep to the tracker  |
//! | BEP 31: `retry in`                                    | `wire`, `wire/http/response`          |
//! | BEP 41: the URL of an announce over UDP               | `wire/udp/request`, `answer/udp`      |
//! | BEP 48: scrapes, and of all torrents                  | `wire/http`, `serve/full_scrape`      |
//! | BEP 52: truncated infohashes of v2                    | `model`                               |

mod answer;
mod cluster;
mod config;
pub mod count_page;
mod counters;
mod folded;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod ledger;
pub mod limits;
mod memory;
pub mod model;
mod nat;
pub mod rng;
mod serve;
#[cfg(test)]
mod simulation;
mod store;
pub mod swarm;
mod together;
mod tracker;
mod usage;
mod wire;

pub use answer::log::{HttpLine, Logged};
pub use cluster::{BlobError, ClusterConfig};
pub use config::Config;
pub use counters::{Latency, RequestCount};
pub use gate::{Network, NetworkError, Notice, Ranges};
pub use ledger::Ledger;
pub use model::Announced;
pub use serve::BindError;
pub use tracker::Tracker;
pub use usage::Usage;
