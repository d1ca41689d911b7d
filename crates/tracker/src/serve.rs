//! Sockets and threads: brings bytes to the answers and the answers out again.

mod affinity;
mod clock;
mod connections;

mod epoll;
mod full_scrape;
mod handoff;
mod http;
mod http_answers;
mod limits;
mod mmsg;
mod nat;
mod ports;
mod sockets;
mod threads;
mod timed;
mod udp;
mod worker;

pub(crate) use clock::Clock;
pub(crate) use full_scrape::FullScrapes;
pub(crate) use handoff::HandOff;
pub(crate) use nat::NatChecker;
pub use ports::BindError;
pub(crate) use ports::{WorkerSockets, claim};
pub(crate) use sockets::{descriptors_max, eventfd};
pub(crate) use threads::Threads;
pub(crate) use worker::{Shared, Worker};
