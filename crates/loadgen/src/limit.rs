//! Servers with canned answers: the socket calls of the tracker with no tracker behind them.
//! What they reach is what the kernel charges for the same packets, and thus the limit.

pub(crate) mod http;
pub(crate) mod udp;
